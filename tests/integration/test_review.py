"""``observatudo review`` in a real terminal, over labels that a model of the test endpoint had a say in."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import typer

from observatudo import paths
from observatudo.cli import review as cli
from observatudo.labels import decide, queue, state
from tests import asking
from tests.asking import Asking
from tests.conftest import ROOT, once
from tests.endpoint import Endpoint
from tests.labelled import HEADER, classify
from tests.terminal import Terminal, in_a_terminal

COMMAND = [sys.executable, "-m", "observatudo.cli.app", "review"]
SAYS = {"Leitos hospitalares": "Economia", "Óbitos infantis": "Economia", "Código da praça": "Indefinido"}
PROMPT, WHY = "axis: ", "why? "
ANA = ("--author", "Ana")


@contextmanager
def reviewing(
    root: Path, *words: str, by: tuple[str, ...] = ANA, columns: int = 80, **extra: str
) -> Iterator[Terminal]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **extra}
    with in_a_terminal(root, [*COMMAND, *words, *by], environment, columns) as made:
        yield made


@pytest.fixture(scope="module")
def _asked_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    def asked(folder: Path) -> None:
        with Endpoint() as server:
            server.label = lambda name, _times, _body: SAYS.get(name, "Saude")
            made = asking.make(folder / "repo", server.url)
            made.ask()
        classify(made.root)

    return once(tmp_path_factory, "review", asked) / "repo"


@pytest.fixture
def asked(_asked_once: Path, tmp_path: Path) -> Path:
    """Six indicators, labelled with a say of a model that answered once to each."""
    return Path(shutil.copytree(_asked_once, tmp_path / "repo"))


def _queue(root: Path) -> list[str]:
    return [own.id for own in queue.waiting(root, state.state(root))]


def _lines(root: Path) -> list[str]:
    return (root / paths.OVERRIDES).read_text(encoding="utf-8").removeprefix(HEADER).splitlines()


def test_a_person_decides_takes_back_and_decides_again(asked: Path) -> None:
    first, second, *rest = _queue(asked)
    with reviewing(asked) as terminal:
        shown = terminal.wait(PROMPT)
        assert first in shown
        assert " 1 Saúde" in shown
        for wrong in ("99", "0", "Aeronatura", "saudé x"):
            assert "is not an axis" in terminal.type(wrong, PROMPT)
        assert "nothing was decided yet" in terminal.type("u", PROMPT)
        terminal.type("1", WHY)
        assert "needs its reason" in terminal.type("  ", PROMPT)
        assert _lines(asked) == []
        terminal.type("economia", WHY)
        shown = terminal.type("custa, “dinheiro”", PROMPT)
        assert second in shown
        assert _lines(asked)[0].startswith(f"{first},Economia,Ana,")
        assert _lines(asked)[0].endswith(',"custa, “dinheiro”"')
        assert first in terminal.type("u", PROMPT)
        assert _lines(asked) == []
        terminal.type("Saúde", WHY)
        terminal.type("é saúde", PROMPT)
        for _skipped in rest:
            terminal.type("s", PROMPT)
        terminal.type("", "left")
        assert terminal.end() == 0
    assert f"1 decided, {1 + len(rest)} left" in terminal.seen
    assert "git diff data/classified/overrides.csv" in terminal.seen
    assert [line.split(",")[:2] for line in _lines(asked)] == [[first, "Saude"]]
    assert first not in _queue(asked)
    assert "\x1b" not in terminal.seen, "it works without colours"


def test_what_is_shown_is_what_a_person_needs(asked: Path) -> None:
    with reviewing(asked, "leitos") as terminal:
        shown = terminal.wait(PROMPT)
        assert "[1/1] Leitos hospitalares" in shown
        assert "“leito” (name) → Saude +3" in shown
        assert "like “Leitos” → Saude" in shown
        assert "teste: Economia 0.8 EM_OBSERVACAO" in shown
        assert '{"eixo": "Economia"' in shown, "what the model answered, word by word"
        explained = terminal.type("e", PROMPT)
        assert "Answers of models, newest first (1)" in explained
        assert "The label over versions" in explained or "no history" in explained
        terminal.type("q", "left")
        assert terminal.end() == 0
    assert _lines(asked) == []


@pytest.mark.parametrize(
    ("key", "ended", "at"),
    [("\x03", 130, "reason"), ("\x03", 130, "axis"), ("\x04", 0, "reason")],
    ids=["C", "C at axis", "D"],
)
def test_an_end_in_the_middle_keeps_what_was_decided(asked: Path, key: str, ended: int, at: str) -> None:
    with reviewing(asked) as terminal:
        terminal.wait(PROMPT)
        terminal.type("2", WHY)
        terminal.type("porque sim", PROMPT)
        if at == "reason":
            terminal.type("1", WHY)
        assert terminal.key_until_it_ends(key) == ended
    assert "1 decided" in terminal.seen
    assert "Traceback" not in terminal.seen
    assert len(_lines(asked)) == 1


def test_a_kill_loses_no_decision(asked: Path) -> None:
    with reviewing(asked) as terminal:
        terminal.wait(PROMPT)
        terminal.type("2", WHY)
        terminal.type("porque sim", PROMPT)
        os.kill(terminal.pid, signal.SIGKILL)
        assert terminal.end() == -signal.SIGKILL
    assert len(_lines(asked)) == 1


def test_in_portuguese_on_a_narrow_terminal(asked: Path) -> None:
    with reviewing(asked, columns=40, OBSERVATUDO_LANG="pt_BR", TERM="dumb") as terminal:
        terminal.wait(" 3 Indefinido")
        terminal.key("\x04")
        assert terminal.end() == 0
    shown = terminal.seen
    assert "[1/" in shown
    assert "0," in shown, "numbers as they are written there"
    assert max(len(line) for line in shown.splitlines() if " " in line.strip()) <= 40


def test_a_decision_that_changed_meanwhile_is_not_taken_back(asked: Path) -> None:
    import datetime

    first = _queue(asked)[0]
    with reviewing(asked) as terminal:
        terminal.wait(PROMPT)
        terminal.type("2", WHY)
        terminal.type("porque sim", PROMPT)
        decide.record(asked, first, "Saude", "outra pessoa", "Rui", datetime.date(2026, 11, 23))
        assert "is another by now" in terminal.type("u", PROMPT)
        terminal.type("q", "left")
    assert [line.split(",")[2] for line in _lines(asked)] == ["Rui"]


def test_a_decision_wins_over_the_model_and_survives_its_next_answers(asked: Path) -> None:
    with reviewing(asked, "leitos") as terminal:
        terminal.wait(PROMPT)
        terminal.type("saude", WHY)
        terminal.type("leito é saúde", "left")
        assert terminal.end() == 0
    classify(asked)
    told = json.loads(Asking(asked, "").run("explain", "brmunipanel_i000", "--json").stdout)
    assert (told["axis"], told["origin"], told["confidence"]) == ("Saude", "humano", 1.0)
    votes = {vote["classifier"]: vote for vote in told["votes"]}
    assert votes["humano"]["detail"]["justificativa"] == "leito é saúde"
    assert (votes["teste"]["axis"], votes["teste"]["state"]) == ("Economia", "FIXADO")
    assert told["answers"][0]["raw"].startswith('{"eixo": "Economia"')


def test_without_a_terminal_the_queue_is_printed_or_refused(
    asked: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "there is no terminal" in Asking(asked, "").run("review", code=os.EX_USAGE).stderr
    monkeypatch.chdir(asked)
    with pytest.raises(typer.BadParameter, match="exclude each other"):
        cli.review(listed=True, as_json=True)
    cli.review(as_json=True)
    told = json.loads(capsys.readouterr().out)["queue"]
    assert [entry["id"] for entry in told] == _queue(asked)
    assert set(told[0]) == {
        "id", "name", "dataset", "axis", "confidence", "origin", "disagreement", "rows", "value", "why", "votes",
    }  # fmt: skip
    cli.review(listed=True)
    listed = capsys.readouterr().out
    assert all(entry["id"] in listed for entry in told)
    assert f"{len(told)} of {len(told)} label(s)" in listed
    cli.review(as_json=True, limit=2)
    assert json.loads(capsys.readouterr().out)["queue"] == told[:2]
    cli.review(["OBITOS"], as_json=True)
    assert [entry["name"] for entry in json.loads(capsys.readouterr().out)["queue"]] == ["Óbitos infantis"]


def test_where_everything_is_read_only_nothing_is_asked(asked: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with reviewing(asked, OBSERVATUDO_READ_ONLY="1") as terminal:
        assert terminal.end() == 1
    assert "read-only" in terminal.seen
    monkeypatch.chdir(asked)
    monkeypatch.setenv("OBSERVATUDO_READ_ONLY", "1")
    cli.review(listed=True)


def test_git_says_who_decides_before_the_first_question(asked: Path) -> None:
    with reviewing(asked, by=()) as terminal:
        assert terminal.end() == 1
    assert "Git does not know who decides" in terminal.seen
    subprocess.run(["git", "init", "-q"], cwd=asked, check=True)
    subprocess.run(["git", "config", "user.name", "Rui"], cwd=asked, check=True)
    with reviewing(asked, "--limit", "1", by=()) as terminal:
        terminal.wait(PROMPT)
        terminal.type("1", WHY)
        terminal.type("x", "left")
        assert terminal.end() == 0
    assert _lines(asked)[0].split(",")[2] == "Rui"
