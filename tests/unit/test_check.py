"""``observatudo check``: what a run would do, said before it, with nothing written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from observatudo import corrections, trial
from observatudo.cli.check import check as command
from observatudo.errors import ObservatudoError
from observatudo.ingest import blocks, casts, collect, places, rows
from tests.builder import LONG, Repository, changed, repository

KEY = "x/y"
HEADER = "ano,uf,cidade,quantidade\n"
BODY = HEADER + "2020,SP,São Paulo,10\n2020,RJ,Rio de Janeiro,7\n"


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    made = repository(tmp_path / "repository")
    made.ingest(KEY, LONG, BODY)
    monkeypatch.chdir(made.root)
    return made


def files(root: Path) -> dict[str, int]:
    return {path.relative_to(root).as_posix(): path.stat().st_mtime_ns for path in root.rglob("*")}


def run(words: str) -> tuple[int, str]:
    app = typer.Typer()
    app.command()(command)
    done = CliRunner().invoke(app, words.split())
    return done.exit_code, done.output


def test_a_clean_dataset_passes_and_nothing_is_written(repo: Repository) -> None:
    before = files(repo.root)
    assert run(KEY) == (
        0,
        "read                 2  as in the last output\nkept                 2  as in the last output\n"
        "rejected             0  as in the last output\nresult               2  as in the last output\n"
        "x/y: a run would succeed\n",
    )
    assert files(repo.root) == before


def test_rejects_are_told_by_reason_with_place_text_and_advice(repo: Repository, tmp_path: Path) -> None:
    new = tmp_path / "novo.csv"
    new.write_text(
        BODY + "2020,MG,Belo Orizonte,1\n2020,PR,Curitiba,doze\n2021,PR,Curitiba,\u202e31\n", encoding="utf-8"
    )
    before = files(repo.root)
    code, shown = run(f"{KEY} --file {new} --limit 1")
    assert (code, "a run would succeed" in shown) == (0, True), shown
    assert "rejected, nao_inteiro: 2 rows" in shown
    assert "a.csv:6" not in shown  # of two, one is shown; the file's name is that of the snapshot's own
    assert "a.csv:5  quantidade  doze" in shown
    assert "rejected, municipio_nao_encontrado: 1 rows" in shown
    assert "a.csv:4  cidade  Belo Orizonte" in shown
    assert "+3 against the last output" in shown
    assert "\\u202e31" not in shown
    assert "\u202e" not in run(f"{KEY} --file {new}")[1]
    assert files(repo.root) == before


def test_a_check_that_is_fatal_a_stale_correction_and_a_wrong_file_fail(repo: Repository, tmp_path: Path) -> None:
    new = tmp_path / "a.csv"
    new.write_text(BODY + "2020,SP,Sao Paulo,2\n", encoding="utf-8")
    found = trial.check(repo.root, KEY, new)
    assert not found.would_run
    assert [(check.check, check.level, check.failed) for check in found.checks] == [("unique_key", "fatal", 2)]
    new.write_text("cidade,uf\nSão Paulo,SP\n", encoding="utf-8")
    found = trial.check(repo.root, KEY, new)
    assert found.stopped is not None
    assert (found.would_run, found.now, found.stopped.where) == (False, None, "a.csv")
    assert found.before == trial.Counts(2, 2, 0, 2)
    path = repo.root / corrections.path(KEY)
    path.parent.mkdir(parents=True)
    key = "{id_indicador: teste_valor, id_municipio: 3550308, data_referencia: 2020-01-01}"
    said = "reason: r, source: s, who: w, when: 2026-01-01"
    path.write_text(f'corrections:\n  - {{key: {key}, from: "9", to: "8", {said}}}\n', encoding="utf-8")
    found = trial.check(repo.root, KEY)
    assert found.stopped is not None
    assert "published now: “10” (a.csv:2)" in found.stopped.message
    assert run(KEY)[0] == 1


def test_json_is_the_whole_result(repo: Repository) -> None:
    code, shown = run(f"{KEY} --json")
    told = json.loads(shown)
    assert (code, told["schema"], told["would_run"], told["now"]["rows"]) == (0, 1, True, 2)


def test_a_damaged_snapshot_is_a_result_and_a_wrong_name_an_error(repo: Repository, tmp_path: Path) -> None:
    with pytest.raises(ObservatudoError, match="no dataset"):
        trial.check(repo.root, "x/z")
    with pytest.raises(ObservatudoError, match="there is no file"):
        trial.check(repo.root, KEY, tmp_path / "nowhere.csv")
    new = tmp_path / "a.csv"
    new.write_text(BODY, encoding="utf-8")
    for name in ("../a.csv", ".a.csv"):
        with pytest.raises(ObservatudoError, match="no name of a file"):
            trial.check(repo.root, KEY, new, name)
    (repo.root / "data/raw" / KEY / "a.csv").write_text(BODY + "x", encoding="utf-8")
    found = trial.check(repo.root, KEY)
    assert found.stopped is not None
    assert str(repo.root) not in found.stopped.message + found.stopped.where


def test_a_file_that_no_resource_reads_asks_for_its_name(repo: Repository, tmp_path: Path) -> None:
    repo.declare("x/z", changed(LONG, resources=[{"path": "um.csv", "format": "csv"}]))
    new = tmp_path / "outro.csv"
    new.write_text(BODY, encoding="utf-8")
    with pytest.raises(ObservatudoError) as refused:
        trial.check(repo.root, "x/z", new)
    assert "--as" in refused.value.next_step
    assert trial.check(repo.root, "x/z", new, "um.csv").would_run


def test_every_reason_has_its_advice() -> None:
    of_rows = {collect.BLANK, collect.OUTSIDE, collect.MALFORMED, blocks.REASON, rows.DUPLICATE}
    assert not [
        reason
        for reason in (*of_rows, *casts.REASONS, *places.REASONS)
        if trial.advice(reason) == trial.advice("another")
    ]
