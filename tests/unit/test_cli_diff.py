"""``observatudo diff`` as it is typed: what it prints, what it ends with, what it leaves behind."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import jsonschema
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import typer
from typer.testing import CliRunner, Result

from observatudo.cli.diff import diff
from observatudo.cli.progress import progress
from tests.conftest import ROOT
from tests.past import DATASET, Past, Row, observation, past

TABLE = f"{DATASET}/observacao"
ROWS: list[Row] = [observation(place, year, 10.0 * year) for place in ("3304557", "3550308") for year in (2018, 2019)]
SCHEMA = ROOT / "configs/schema/comparison.json"
WAIT_S = 300


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Past:
    """Two commits: one value of four differs."""
    made = past(tmp_path / "repo")
    made.observations(ROWS)
    made.commit("first")
    made.observations([*ROWS[:-1], {**ROWS[-1], "valor": 1.0}])
    made.commit("second")
    monkeypatch.chdir(made.root)
    return made


def typed(*words: str) -> Result:
    app = typer.Typer()
    app.command()(diff)
    return CliRunner().invoke(app, list(words))


def process(words: Sequence[str], code: str = "", **more: str) -> subprocess.Popen[str]:
    """Start the command as a process of its own; ``code`` runs in it before."""
    program = f"import sys; sys.argv[1:] = {['diff', *words]!r}\n{code}\nfrom observatudo.cli.app import main; main()"
    return subprocess.Popen(
        [sys.executable, "-P", "-c", program],
        env={**os.environ, "PYTHONPATH": str(ROOT), **more},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_the_verdict_comes_first(repo: Past) -> None:
    done = typed("HEAD~1", "HEAD")
    assert done.exit_code == 0, done.output
    assert done.output.startswith("changed: 1 row in x/y/observacao")
    assert typed("HEAD", "HEAD").output.startswith("same")


def test_the_json_is_what_its_schema_says(repo: Past) -> None:
    content = json.loads(typed("HEAD~1", "HEAD", "--json").output)
    jsonschema.validate(content, json.loads(SCHEMA.read_text(encoding="utf-8")))
    assert {"a", "b", "verdict", "config", "params", "metrics", "schema", "rows", "labels", "dbt"} <= content.keys()
    assert {"added", "removed", "changed", "same", "columns"} <= content["rows"][TABLE].keys()
    assert content["rows"][TABLE]["changed"] == 1


@pytest.mark.parametrize(
    ("rules", "code"), [("changed>1%", 1), ("changed>30%", 0), ("removed>0,schema,labels>2%", 0), ("changed>0", 1)]
)
def test_a_rule_that_is_broken_ends_with_1(repo: Past, rules: str, code: int) -> None:
    done = typed("HEAD~1", "HEAD", "--fail-on", rules)
    assert done.exit_code == code, done.output


def test_the_policy_file_holds_without_an_option(repo: Past) -> None:
    repo.write("configs/diff.yaml", f"rules:\n- rule: changed[{TABLE}]>0\n  reason: Someone reads these.\n")
    done = typed("HEAD~1", "HEAD")
    assert done.exit_code == 1
    assert "Someone reads these." in done.output


def test_a_change_cannot_take_away_the_rules_it_is_held_against(repo: Past) -> None:
    repo.write("configs/diff.yaml", "rules:\n- rule: removed>0\n  reason: Ask first.\n")
    repo.commit("a rule")
    repo.observations(ROWS[:-1])
    repo.write("configs/diff.yaml", "rules: []\n")
    repo.commit("one row less, and no rule")
    done = typed("HEAD~1", "HEAD", "--fail-on", "schema")
    assert done.exit_code == 1, done.output
    assert "Ask first." in done.output
    assert json.loads(typed("HEAD~1", "HEAD", "--fail-on", "schema", "--json").output)["verdict"]["policy"] == (
        "removed>0, schema"
    )
    assert typed("HEAD~2", "HEAD").exit_code == 0


def test_rules_of_the_older_version_that_cannot_be_read_end_with_64(repo: Past) -> None:
    repo.write("configs/diff.yaml", "rule: []\n")
    repo.commit("broken")
    repo.write("configs/diff.yaml", "rules: []\n")
    done = typed("HEAD", "workspace")
    assert done.exit_code == 64
    assert "HEAD:configs/diff.yaml" in done.output


@pytest.mark.parametrize(
    "words",
    [
        ["HEAD~1", "HEAD", "--fail-on", "chnged>1"],
        ["nowhere"],
        ["HEAD", "HEAD", "HEAD"],
        ["--key", "livre"],
        ["--json", "--md"],
        ["--nope"],
        ["HEAD...nowhere"],
        ["./no/such/file"],
        ["-o", ""],
        ["-o", "."],
    ],
)
def test_wrong_usage_ends_with_64(repo: Past, words: list[str]) -> None:
    child = process(words)
    out, err = child.communicate(timeout=WAIT_S)
    assert (child.returncode, out) == (64, ""), err
    assert "Traceback" not in err


def test_not_comparable_ends_with_2_and_says_why(repo: Past) -> None:
    repo.observations([*ROWS, {**ROWS[0], "valor": 1.0}])
    repo.commit("twice")
    done = typed("HEAD~1", "HEAD", "--fail-on", "changed>50%")
    assert done.exit_code == 2
    assert "3304557" in done.output


def test_what_was_never_made_ends_with_2(repo: Past) -> None:
    done = typed("--table", "nothing/*")
    assert done.exit_code == 2
    assert "observatudo" not in done.output.partition("→")[0]


def test_a_damaged_object_ends_with_2_and_names_it(repo: Past) -> None:
    listing = json.loads(repo.object(str(_out(repo)["md5"])).read_text())
    damaged = repo.object(next(entry["md5"] for entry in listing if entry["relpath"].startswith("observacao/")))
    damaged.chmod(0o644)
    damaged.write_bytes(b"PAR1 no more")
    done = typed("HEAD~1", "HEAD")
    assert done.exit_code == 2, done.output
    assert "observacao/pib.parquet" in done.output


def _out(repo: Past) -> dict[str, object]:
    outs = repo.lock[f"ingest@{DATASET}"]["outs"]
    assert isinstance(outs, list)
    found: dict[str, object] = outs[0]
    return found


def test_an_error_of_the_program_ends_with_3(repo: Past) -> None:
    code = "import observatudo.compare.compare as c\ndef broken(*_): raise ZeroDivisionError('why')\nc.compare = broken"
    child = process(["HEAD~1", "HEAD"], code)
    _out, err = child.communicate(timeout=WAIT_S)
    assert child.returncode == 3
    assert "ZeroDivisionError" in err
    assert "Traceback" not in err


@pytest.mark.parametrize(("form", "begins"), [("--md", "<!--"), ("--html", "<!DOCTYPE html>"), ("--json", "{")])
def test_a_report_is_written_whole_or_not_at_all(repo: Past, form: str, begins: str) -> None:
    done = typed("HEAD~1", "HEAD", form, "-o", "report")
    assert (done.exit_code, done.output.splitlines()[0][:7]) == (0, "changed")
    assert Path("report").read_text(encoding="utf-8").lower().startswith(begins.lower())
    assert typed("HEAD~1", "HEAD", form, "-o", "no/such/folder/report").exit_code == 3
    assert [path.name for path in Path().glob(".*.part")] == []


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGHUP, 129), (signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_stopped_midway_it_leaves_nothing_behind(repo: Past, sent: signal.Signals, code: int) -> None:
    Path(".observatudo").mkdir()
    hold = (
        "import observatudo.compare.rows as r, signal, time\n"
        "signal.signal(signal.SIGHUP, signal.SIG_DFL)\n"  # whatever the tests run under
        "def slow(*_):\n"
        "    print('reading', flush=True)\n"
        "    while True: time.sleep(0.1)\n"  # a signal that comes just before a sleep is heeded only behind it
        "r.compare = slow"
    )
    child = process(["HEAD~1", "HEAD"], hold)
    assert child.stdout is not None and child.stdout.readline() == "reading\n"
    assert [path.name for path in Path(".observatudo").glob("diff-*")] != []
    child.send_signal(sent)
    _out, err = child.communicate(timeout=WAIT_S)
    assert (child.returncode, "Traceback" in err) == (code, False)
    assert [path.name for path in Path(".observatudo").glob("diff-*")] == []


def test_an_error_that_quotes_a_file_steers_no_terminal(repo: Past) -> None:
    repo.write("configs/diff.yaml", 'rules: [{rule: "\\e[2J\\e]0;pwn\\a", reason: x}]\n')
    child = process(["HEAD~1", "HEAD"])
    _out, err = child.communicate(timeout=WAIT_S)
    assert child.returncode == 64, err
    assert r"\x1b[2J\x1b]0;pwn\x07" in err
    assert not {"\x1b", "\x07"} & {*err}


def test_a_name_that_is_no_text_stands_in_the_report(repo: Past) -> None:
    name = os.fsdecode(b"\xff")
    for side in ("a", name):
        Path(side).mkdir()
        pq.write_table(pa.table({"id": [1]}), "made.parquet")
        Path("made.parquet").rename(Path(side) / "t.parquet")
    for form in ("--json", "--md", "--html"):
        done = typed("./a", f"./{name}", "--key", "t=id", form, "-o", "report")
        assert done.exit_code == 0, (done.output, done.exception)
        assert r"udcff" in Path("report").read_text(encoding="utf-8")
    done = typed("./a", f"./{name}", "--key", "t=id", "--json")
    assert json.loads(done.output)["b"]["name"] == f"./{name}"


class Terminal(io.StringIO):
    """What is written to a terminal."""

    def isatty(self) -> bool:
        return True


def test_the_bar_shows_a_name_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = Terminal()
    monkeypatch.setattr(sys, "stderr", shown)
    monkeypatch.setenv("TERM", "xterm")
    with progress() as tell:
        tell("a[/b]/c[red]\x1b]0;x\x07", 1, 2)
    assert "a[/b]/c[red]\\x1b]0;x\\x07" in shown.getvalue()


def _places(done: Result) -> set[tuple[object, object]]:
    samples = json.loads(done.output)["rows"][TABLE]["samples"]
    return {(sample["key"]["id_municipio"], sample["key"]["data_referencia"][:4]) for sample in samples}


def test_examples_are_taken_from_where_they_are_asked_of(repo: Past) -> None:
    repo.write("configs/tabelas/uf.csv", "id_uf,sigla_uf\n33,RJ\n35,SP\n")
    repo.observations([{**row, "valor": -1.0, "justificativa": "x" if n == 2 else None} for n, row in enumerate(ROWS)])
    repo.commit("third")
    rio, sampa = "3304557", "3550308"

    def of(*words: str) -> set[tuple[object, object]]:
        asked = [word for name in words for word in ("--samples-of", name)]
        return _places(typed("HEAD~2", "HEAD", "--json", "--samples", "9", *asked))

    assert len(of()) == 4
    assert of("state=RJ") == {(rio, "2018"), (rio, "2019")}
    assert of("state=SP", "year=2019") == {(sampa, "2019")}
    assert of("year=2018", "indicator=pib", f"dataset={DATASET}") == {(rio, "2018"), (sampa, "2018")}
    assert of("column=justificativa") == {(sampa, "2018")}
    assert of("state=AC") == of("indicator=idh") == of("column=periodicidade") == of("dataset=a/b") == set()
    assert len(_places(typed("HEAD~2", "HEAD", "--json", "--samples", "1"))) == 1


def test_rows_that_came_belong_to_segments_and_to_no_column(repo: Past) -> None:
    repo.observations([*ROWS, observation("5300108", 2020, 1.0), observation("5300108", 2021, 1.0)])
    repo.commit("third")
    asked = ("HEAD~2", "HEAD", "--json", "--samples-of")
    assert _places(typed(*asked, "year=2021")) == {("5300108", "2021")}
    assert _places(typed(*asked, "column=valor")) == set()


@pytest.mark.parametrize("wrong", ["place=SP", "state", "state=SP state=RJ"])
def test_what_examples_cannot_be_taken_from_ends_with_64(repo: Past, wrong: str) -> None:
    done = process(["HEAD~1", "HEAD", *(word for name in wrong.split() for word in ("--samples-of", name))])
    _out, err = done.communicate(timeout=WAIT_S)
    assert done.returncode == 64 and "→ observatudo diff" in err


def test_progress_is_told_to_who_asks_behind_carriage_returns(repo: Past) -> None:
    repo.observations([observation(f"{n:07}", 2018, 1.0) for n in range(1_000_000, 1_100_000)])
    repo.commit("many")
    words = ["HEAD~1", "HEAD", "--json"]
    quiet, asked = process(words), process(words, OBSERVATUDO_PROGRESS="1")
    assert quiet.communicate(timeout=WAIT_S)[1] == ""
    assert asked.stderr is not None
    raw = asked.stderr.buffer.read()  # type: ignore[attr-defined]
    asked.communicate(timeout=WAIT_S)
    assert raw.startswith(f"\r{TABLE} ".encode()) and raw.endswith(b"%\r") and b"\n" not in raw
