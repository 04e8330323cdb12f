"""Declarations that name what is not there: file, line, key and the nearest valid name."""

from __future__ import annotations

from pathlib import Path

from tests.builder import LONG, changed
from tests.faults.record import STOPPED, Recorder, said
from tests.faults.repository import KEY, Small


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def declaration(repo: Small) -> Path:
    return repo.root / f"configs/datasets/{KEY}.yaml"


def test_unknown_dataset(repo: Small, fault: Recorder) -> None:
    (declaration(repo)).rename(declaration(repo).with_name("yy.yaml"))
    fault.stops("A listed dataset without a declaration", says="did you mean")


def test_unknown_dataset_in_params(repo: Small, fault: Recorder) -> None:
    """The list names a dataset nobody declared: DVC finds no declaration to depend on."""
    before = repo.outputs()
    edit(repo.root / "params.yaml", "  x/y:\n", "  x/z:\n")
    shown = said(repo.run("dvc", "repro"), 255)
    assert repo.outputs() == before
    fault.row("An unknown dataset in params.yaml", shown, STOPPED)


def test_unknown_dataset_on_the_command_line(repo: Small, fault: Recorder) -> None:
    shown = said(repo.run("python", "-m", "observatudo.cli.app", "fetch", "x/yy"), 1)
    assert f"did you mean “{KEY}”?" in shown
    fault.row("An unknown dataset on the command line", shown, "Nothing changes.")


def test_unknown_column(repo: Small, fault: Recorder) -> None:
    repo.declare(KEY, changed(LONG, locality={"name": "cidad", "state": "uf"}))
    fault.stops("A declaration that names an unknown column", says="did you mean “cidade”?")


def test_unknown_key(repo: Small, fault: Recorder) -> None:
    edit(declaration(repo), "publisher:", "publishr:")
    fault.stops("An unknown key in a declaration", says="did you mean “publisher”?")


def test_invalid_yaml(repo: Small, fault: Recorder) -> None:
    edit(declaration(repo), "kind: observacao", "kind: [observacao")
    fault.stops("Invalid YAML", says="this is not valid YAML")


def test_no_section(repo: Small, fault: Recorder) -> None:
    edit(repo.root / "params.yaml", "params: x.y", "params: x.z")
    fault.stops("A dataset without its section", says="has no section ds.x.z")


def test_unused_param(repo: Small, fault: Recorder) -> None:
    edit(repo.root / "params.yaml", "    y: {}", "    y: {min_rows: 3}")
    fault.stops("A number in params.yaml that nothing uses", says="min_rows")


def test_taken_off_the_list(repo: Small, fault: Recorder) -> None:
    """Its outputs stay until they are removed on purpose; only its own go then."""
    before = repo.outputs()
    edit(repo.root / "params.yaml", "  x/y:\n    params: x.y\n    lista: data/ingested/ibge/municipio\n", "")
    said(repo.run("dvc", "repro"), 0)
    assert repo.outputs() == before
    shown = said(repo.run("python", "-m", "observatudo.cli.app", "remove"), 0)
    assert repo.outputs() == before
    said(repo.run("python", "-m", "observatudo.cli.app", "remove", "--yes"), 0)
    mine = {name for name in before if name.startswith(("data/ingested/x/", "data/metrics/ingest/x/"))}
    assert repo.outputs() == {name: content for name, content in before.items() if name not in mine}
    assert mine
    assert "up to date" in said(repo.run("dvc", "status"), 0)
    data = "Its outputs stay until `observatudo remove --yes`; the other datasets' never change."
    fault.row("A dataset taken off the list", shown, data)
