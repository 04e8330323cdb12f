"""The state of the labels, their history, and human decisions: from tables that the product's own functions made."""

from __future__ import annotations

import datetime
import json
import os
import shutil
import subprocess
import sys
from dataclasses import asdict, replace
from itertools import pairwise
from pathlib import Path

import pytest
import typer
from hypothesis import given, settings
from hypothesis import strategies as st

from observatudo import paths
from observatudo.classify import overrides
from observatudo.classify.taxonomy import load_taxonomy
from observatudo.cli import labels as cli
from observatudo.errors import ConfigError, ObservatudoError
from observatudo.labels import decide, state, timeline
from tests import fixtures_warehouse as fixtures
from tests.conftest import ROOT, once
from tests.labelled import DEATHS, FROM_SOURCE, HEADER, LEITO, RENDA, UNKNOWN_AXIS, classify, make
from tests.past import Past, label, past

DAY = datetime.date(2026, 11, 23)


@pytest.fixture(scope="module")
def _small_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return once(tmp_path_factory, "labels", lambda folder: make(folder / "small")) / "small"


@pytest.fixture
def small(_small_once: Path, tmp_path: Path) -> Path:
    """A repository with five labelled indicators, and no Git."""
    return Path(shutil.copytree(_small_once, tmp_path / "small"))


def _overrides(root: Path, *lines: str) -> Path:
    path = root / paths.OVERRIDES
    path.write_text(HEADER + "".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def _kinds(found: state.LabelState) -> set[tuple[str, str]]:
    return {(problem.kind, problem.id) for problem in found.problems}


def test_totals_are_those_the_stage_wrote(small: Path) -> None:
    found = state.state(small)
    figures = json.loads((small / "data/metrics/classify.json").read_bytes())["classify"]
    assert (found.total, found.by_axis, found.by_origin) == (
        figures["indicators"],
        figures["by_axis"],
        figures["by_origin"],
    )
    assert found.undefined == figures["by_axis"]["Indefinido"]
    assert [own.id for own in found.indicators] == sorted([DEATHS, LEITO, RENDA, FROM_SOURCE, UNKNOWN_AXIS])
    assert {own.dataset for own in found.indicators} == {fixtures.VARIABLES, fixtures.DEATHS}
    assert _kinds(found) == {("source_axis", UNKNOWN_AXIS)}
    assert (found.versions, "Git" in found.history_problem or "DVC" in found.history_problem) == (0, True)


def test_source_and_rule_are_compared_where_both_speak(small: Path) -> None:
    pairs = {own.pair: (own.compared, own.agree) for own in state.state(small).agreement}
    assert pairs["fonte/regra"] == (1, 0)  # its words say Saude, its source Economia
    assert "humano/regra" not in pairs
    decide.record(small, LEITO, "economia", "teste", "Ana", DAY)
    pairs = {own.pair: (own.compared, own.agree) for own in state.state(small).agreement}
    assert (pairs["humano/regra"], pairs["humano/maquina"]) == ((1, 0), (1, 0))


def test_decisions_without_effect_are_named_until_a_run_applies_them(small: Path) -> None:
    _overrides(small, f"{FROM_SOURCE},Saude,Ana,2026-01-31,x", f"{LEITO},Economia,Ana,2026-01-31,x",
               "nada,Saude,Ana,2026-01-31,x")  # fmt: skip
    own = {("source_axis", UNKNOWN_AXIS), ("override_unused", FROM_SOURCE), ("override_unknown", "nada")}
    assert _kinds(state.state(small)) == own | {("override_pending", LEITO)}
    classify(small)
    found = state.state(small)
    assert _kinds(found) == own
    assert found.by_origin["humano"] == 1
    _overrides(small)
    assert _kinds(state.state(small)) == {("source_axis", UNKNOWN_AXIS), ("override_pending", LEITO)}


def test_labels_of_other_days_are_told_from_todays_catalogue(small: Path) -> None:
    table = parquet_rows(small)
    table[0]["eixo"], table[1]["id_indicador"] = "Turismo", "gone"
    rewrite(small, sorted(table, key=lambda row: str(row["id_indicador"])))
    assert _kinds(state.state(small)) == {
        ("axis", FROM_SOURCE),
        ("no_indicator", "gone"),
        ("unlabelled", LEITO),
        ("source_axis", UNKNOWN_AXIS),
    }
    assert state.state(small).by_axis["Turismo"] == 1
    (small / paths.INGESTED / fixtures.VARIABLES / "indicador.parquet").unlink()
    assert ("not_ingested", fixtures.VARIABLES) in _kinds(state.state(small))
    assert ("no_indicator", "gone") not in _kinds(state.state(small))


def rewrite(root: Path, rows: list[dict[str, object]]) -> None:
    import pyarrow as pa

    from observatudo import parquet

    parquet.write(pa.Table.from_pylist(rows), root / paths.LABELS)


def parquet_rows(root: Path) -> list[dict[str, object]]:
    import pyarrow.parquet as pq

    rows: list[dict[str, object]] = pq.read_table(root / paths.LABELS).to_pylist()
    return rows


def test_labels_of_a_run_before_models_are_read_and_their_evidence_is_asked_for(small: Path) -> None:
    older = ("id_indicador", "eixo", "confianca", "origem", "versao_classificador", "versao_taxonomia")
    rewrite(small, [{name: row[name] for name in older} for row in parquet_rows(small)])
    before = state.state(small)
    (small / paths.EVIDENCE).unlink()
    found = state.state(small)
    assert _kinds(found) == _kinds(before) | {("no_evidence", str(paths.EVIDENCE))}
    assert found.by_axis == before.by_axis
    assert before.indicators[0].votes
    assert found.indicators[0].votes == ()
    (small / paths.EVIDENCE).write_bytes(b"half")
    with pytest.raises(ObservatudoError, match="evidence cannot be read"):
        state.state(small)


def test_a_damaged_file_of_decisions_is_one_problem_and_damaged_labels_an_error(small: Path) -> None:
    path = _overrides(small, f"{LEITO},Nada,Ana,2026-01-31,x")
    assert ("overrides_damaged", f"{paths.OVERRIDES}:2") in _kinds(state.state(small))
    path.unlink()
    assert ("overrides_damaged", str(paths.OVERRIDES)) in _kinds(state.state(small))
    (small / paths.METRICS / "classify.json").write_text("{")
    assert state.state(small).held_back == {}
    (small / paths.LABELS).write_bytes(b"PAR1 half")
    with pytest.raises(ObservatudoError, match="cannot be read"):
        state.state(small)
    (small / paths.LABELS).unlink()
    with pytest.raises(ObservatudoError, match="no labels yet"):
        state.state(small)


def test_what_is_asked_for_narrows_the_list_and_not_the_totals(small: Path) -> None:
    found = state.state(small)
    assert [own.id for own in found.select(["OBITOS", "registro"])] == [DEATHS]
    assert [own.id for own in found.select(origin="fonte")] == [FROM_SOURCE]
    assert {own.axis for own in found.select(axis="Saude")} == {"Saude"}
    low = found.select(below=0.99)
    assert [own.id for own in low] == [own.id for own in found.indicators if own.confidence < 0.99]
    told = found.as_dict(low)
    assert (told["total"], json.loads(json.dumps(told))["indicators"]) == (
        5,
        json.loads(json.dumps([asdict(own) for own in low])),
    )
    assert [own.key for own in found.axes] == list(found.by_axis)
    assert found.axes[0].definition == "Saúde, hospitais, doenças, leitos, óbitos"


def test_a_history_says_what_the_indicator_is(
    small: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(small)
    cli.labels(history=LEITO, as_json=True)
    told = json.loads(capsys.readouterr().out)["indicator"]
    assert (told["name"], told["description"], told["source_axis"]) == ("Leitos hospitalares", "Leitos do SUS", None)
    assert (told["dataset"], told["override"]) == (fixtures.VARIABLES, None)
    (small / paths.OVERRIDES).write_text(HEADER + f"{LEITO},Economia,m,2026-01-31,por quê\n", encoding="utf-8")
    cli.labels(history=LEITO, as_json=True)
    assert json.loads(capsys.readouterr().out)["indicator"]["override"] == "Economia"
    (small / paths.OVERRIDES).write_text("half", encoding="utf-8")
    cli.labels(history=LEITO, as_json=True)
    assert json.loads(capsys.readouterr().out)["indicator"]["override"] is None


# --- over versions


def _versions(root: Path, *axes: dict[str, str]) -> Past:
    made = past(root)
    for number, own in enumerate(axes):
        made.labels([label(name, axis) for name, axis in own.items()])
        made.commit(f"v{number}", when=f"2026-01-{number + 1:02d}T00:00:00+00:00")
    return made


def test_flips_and_returns_are_counted_over_versions(tmp_path: Path) -> None:
    made = _versions(
        tmp_path, {"a": "S", "b": "S"}, {"a": "E", "b": "S"}, {"a": "S", "b": "S", "c": "E"}, {"a": "S", "b": "F"}
    )
    found = timeline.swings(tmp_path)
    assert (found.versions, found.skipped, found.problem) == (4, 0, "")
    assert {key: (own.flips, own.returns) for key, own in found.by_id.items()} == {
        "a": (2, 1),
        "b": (1, 0),
        "c": (0, 0),
    }
    assert timeline.swings(tmp_path) == found
    shutil.rmtree(tmp_path / ".dvc/cache")
    assert timeline.swings(tmp_path) == found, "what was read once is kept"
    assert [step.answer.axis for step in timeline.history(tmp_path, "a").steps if step.answer] == ["S", "E", "S"]
    made.git("checkout", "-q", "-b", "side", "HEAD~2")
    assert timeline.swings(tmp_path).versions == 2


def test_a_table_that_is_not_here_is_left_out_and_counted(tmp_path: Path) -> None:
    made = _versions(tmp_path, {"a": "S"}, {"a": "E"}, {"a": "G"}, {"a": "F"})
    gone, damaged = (made.git("show", f"HEAD~{back}:dvc.lock").split("md5: ")[1].split()[0] for back in (2, 1))
    made.object(gone).unlink()
    made.object(damaged).chmod(0o644)
    made.object(damaged).write_bytes(b"half")
    found = timeline.swings(tmp_path)
    assert (found.versions, found.skipped, found.by_id["a"].flips, found.by_id["a"].returns) == (4, 2, 1, 0)
    history = timeline.history(tmp_path, "a")
    assert (history.versions, history.skipped, [step.subject for step in history.steps]) == (4, 2, ["v3", "v0"])


def test_the_work_tree_is_the_newest_version_and_side_branches_are_none(tmp_path: Path) -> None:
    made = _versions(tmp_path, {"a": "S"}, {"a": "S", "b": "S"})
    made.git("checkout", "-q", "-b", "side", "HEAD~1")
    made.labels([label("a", "E")])
    made.commit("side")
    made.git("checkout", "-q", "main")
    made.git("merge", "-q", "-s", "ours", "--no-edit", "side")
    assert timeline.swings(tmp_path).by_id["a"].flips == 0
    made.labels([label("a", "F", origem="humano", confianca=1.0)])
    lock = tmp_path / "dvc.lock"
    import yaml

    lock.write_text(yaml.safe_dump({"schema": "2.0", "stages": made.lock}))
    steps = timeline.history(tmp_path, "a").steps
    assert [(step.commit == "", step.answer and step.answer.axis) for step in steps] == [(True, "F"), (False, "S")]
    assert (steps[1].author, steps[1].subject, steps[1].date[:10]) == ("Maria Teste", "v0", "2026-01-01")
    assert timeline.swings(tmp_path).by_id["a"].machine == "S"
    assert timeline.history(tmp_path, "b").steps[0].answer is None, "the work tree has no label for it"


def test_without_git_or_versions_there_is_a_reason_and_no_error(tmp_path: Path) -> None:
    assert timeline.swings(tmp_path).problem
    made = past(tmp_path)
    assert "no version yet" in timeline.swings(tmp_path).problem
    made.commit("empty")
    assert (timeline.swings(tmp_path).versions, timeline.history(tmp_path, "a").steps) == (0, ())


def _plainly(axes: list[str | None]) -> tuple[int, int]:
    """Count as the words have it: changes, and changes to an axis that was left before."""
    seen = [axis for axis in axes if axis is not None]
    changes = [(number, b) for number, (a, b) in enumerate(pairwise(seen)) if a != b]
    return len(changes), sum(b in seen[:number] for number, b in changes)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(["A", "B", "C", None]), max_size=8))
def test_counting_is_what_the_words_say(axes: list[str | None]) -> None:
    answer = timeline.Answer("A", "regra", 1.0, "1", "1")
    tables = [{} if axis is None else {"x": replace(answer, axis=axis)} for axis in axes]
    own = timeline.counted(tables).get("x", timeline.Swing())
    assert (own.flips, own.returns) == _plainly(axes)


# --- decisions

LINES = (
    "brmunipanel_aaa,Saude,Ana,2026-01-31,velha",
    f'{LEITO},Saúde,"Souza, Rui",2026-01-31,"é saúde,\nsem ""dúvida"""',
    "zzz,Indefinido,Ana,2026-01-31,vaga",
)


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("last", [True, False], ids=["ended", "open end"])
@pytest.mark.parametrize("mark", ["", "\ufeff"], ids=["plain", "mark"])
def test_the_other_lines_stay_byte_for_byte(small: Path, ending: str, last: bool, mark: str) -> None:
    path = small / paths.OVERRIDES
    text = mark + HEADER.replace("\n", ending) + ending.join(LINES) + (ending if last else "")
    path.write_bytes(text.encode())
    made = decide.record(small, RENDA, "economia", " renda\n é economia ", "Ana", DAY)
    line = f"{RENDA},Economia,Ana,2026-11-23,renda é economia"
    assert (made.removed, made.added) == ("", line)
    before = text[: text.index("zzz")]
    assert path.read_bytes().decode() == before + line + ending + text[len(before) :]
    assert overrides.read(path, load_taxonomy(small))[RENDA] == "Economia"
    assert decide.remove(small, RENDA).removed == line
    assert path.read_bytes().decode() == text


def test_a_decision_replaces_the_one_before_and_says_so(small: Path) -> None:
    path = _overrides(small, *LINES)
    made = decide.record(small, LEITO, "Indefinido", "outra", "Zé", DAY)
    assert (made.removed, made.added) == (LINES[1], f"{LEITO},Indefinido,Zé,2026-11-23,outra")
    assert path.read_text() == HEADER + "\n".join([LINES[0], made.added, LINES[2]]) + "\n"
    assert not decide.record(small, LEITO, "Indefinido", "outra", "Zé", DAY).is_change
    assert decide.record(small, FROM_SOURCE, "Saude", "x", "Zé", DAY).source_axis == "Economia"


@pytest.mark.parametrize("last", [True, False], ids=["ended", "open end"])
@pytest.mark.parametrize("indicator", [LEITO, RENDA, FROM_SOURCE])
def test_a_decision_that_is_undone_leaves_the_file_as_it_was(small: Path, indicator: str, last: bool) -> None:
    path = _overrides(small, *LINES)
    if not last:
        path.write_text(path.read_text().rstrip())
    before = path.read_bytes()
    made = decide.record(small, indicator, "Indefinido", "outra", "Zé", DAY)
    assert path.read_bytes() != before
    decide.undo(small, made)
    assert path.read_bytes() == before
    with pytest.raises(ObservatudoError, match="another by now"):
        decide.undo(small, made)


def test_the_last_line_gets_an_end_before_one_comes_behind_it(small: Path) -> None:
    path = small / paths.OVERRIDES
    path.write_text(HEADER.rstrip())
    decide.record(small, LEITO, "Saude", "x", "Ana", DAY)
    decide.record(small, RENDA, "Economia", "x", "Ana", DAY)
    assert [line.split(",")[0] for line in path.read_text().splitlines()[1:]] == [LEITO, RENDA]
    path.write_text(path.read_text().rstrip())
    decide.record(small, DEATHS, "Saude", "x", "Ana", DAY)
    assert [line.split(",")[0] for line in path.read_text().splitlines()[1:]] == [LEITO, RENDA, DEATHS]


@pytest.mark.parametrize(
    ("indicator", "axis", "reason", "author", "message"),
    [
        (LEITO, "Saudi", "x", "Ana", "did you mean Saude"),
        ("brmunipanel_leitos", "Saude", "x", "Ana", f"did you mean {LEITO}"),
        (LEITO, "Saude", " \n", "Ana", "the reason is empty"),
        (LEITO, "Saude", "x", "", "the author is empty"),
        (LEITO, "Saude", "a\x1b[2Jb", "Ana", "cannot be printed"),
        (LEITO, "Saude", "a\udcff", "Ana", "cannot be printed"),
    ],
)
def test_what_cannot_be_recorded_writes_nothing(
    small: Path, indicator: str, axis: str, reason: str, author: str, message: str
) -> None:
    path = _overrides(small, *LINES)
    before = path.read_bytes()
    with pytest.raises(ObservatudoError, match=message):
        decide.record(small, indicator, axis, reason, author, DAY)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        (f"<<<<<<< HEAD\n{LINES[0]}\n=======\n{LINES[2]}\n>>>>>>> b\n", ObservatudoError, "conflict"),
        ("a,Nada,Ana,2026-01-31,x\n", ConfigError, "not an axis"),
        ('a,Saude,Ana,2026-01-31,"x\n', ConfigError, "CSV"),
    ],
)
def test_a_file_in_conflict_or_damaged_is_refused(small: Path, text: str, error: type[Exception], message: str) -> None:
    path = small / paths.OVERRIDES
    path.write_text(HEADER + text)
    with pytest.raises(error, match=message):
        decide.record(small, LEITO, "Saude", "x", "Ana", DAY)
    with pytest.raises(error, match=message):
        decide.remove(small, "a")
    assert path.read_text() == HEADER + text


def test_only_what_was_decided_can_be_taken_back(small: Path) -> None:
    _overrides(small, *LINES)
    with pytest.raises(ObservatudoError, match="did you mean zzz"):
        decide.remove(small, "zzzz")
    assert decide.remove(small, "zzz").removed == LINES[2], "also of an indicator that no dataset has"


def test_where_a_catalogue_is_missing_the_message_says_which(small: Path) -> None:
    (small / paths.INGESTED / fixtures.VARIABLES / "indicador.parquet").unlink()
    with pytest.raises(ObservatudoError, match="catalogues that are here") as caught:
        decide.record(small, LEITO, "Saude", "x", "Ana", DAY)
    assert caught.value.where == fixtures.VARIABLES


# --- commands


def _run(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "observatudo.cli.app", *words]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)


def test_the_commands_print_80_columns_or_json(
    small: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    done = _run(small, "labels")
    assert (done.returncode, done.stderr) == (0, "")
    assert max(map(len, done.stdout.splitlines())) <= 80
    capsys.readouterr()
    monkeypatch.chdir(small)
    cli.labels(words=["leitos"], as_json=True)
    told = json.loads(capsys.readouterr().out)
    assert (told["total"], [own["id"] for own in told["indicators"]]) == (5, [FROM_SOURCE, LEITO])
    cli.label(FROM_SOURCE, "Saude", "x", "Ana")
    made = capsys.readouterr().out
    assert f"+ {FROM_SOURCE},Saude,Ana," in made
    assert "will not change" in made
    wrong = _run(small, "label", LEITO, "Saudi", "-m", "x", "--author", "Ana")
    assert (wrong.returncode, wrong.stdout) == (1, "")
    cli.labels(history=LEITO, as_json=True)
    assert json.loads(capsys.readouterr().out)["steps"] == []


def test_wrong_usage_ends_with_64(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert _run(small, "label", LEITO, "Saude").returncode == os.EX_USAGE
    monkeypatch.chdir(small)
    with pytest.raises(typer.BadParameter, match="did you mean Saude"):
        cli.labels(axis="Saudi")
    with pytest.raises(typer.BadParameter, match="fonte, humano, regra, modelo"):
        cli.labels(origin="x")
    with pytest.raises(typer.BadParameter, match="stands alone"):
        cli.labels(history="a", words=["b"])
    with pytest.raises(typer.BadParameter, match="which axis"):
        cli.label(LEITO)
    with pytest.raises(typer.BadParameter, match="an id alone"):
        cli.label(LEITO, "Saude", remove=True)


def test_the_author_is_gits_user(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    subprocess.run(["git", "init", "-q"], cwd=small, check=True)
    monkeypatch.chdir(small)
    with pytest.raises(ObservatudoError, match="who decides"):
        cli.label(LEITO, "Saude", "x")
    subprocess.run(["git", "config", "user.name", "Rui, o Revisor"], cwd=small, check=True)
    cli.label(LEITO, "Saude", "x")
    assert f'{LEITO},Saude,"Rui, o Revisor",' in (small / paths.OVERRIDES).read_text()
