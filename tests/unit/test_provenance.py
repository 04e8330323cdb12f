"""Provenance of a version: accepted by third parties, true to the bytes, the same anywhere, nothing invented."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import cast

import pyarrow as pa
import pytest
from rocrate.rocrate import ROCrate

from observatudo import remote
from observatudo.audit.provenance import intoto, openlineage, rocrate
from observatudo.audit.provenance.facts import Facts, SnapshotFile, gather
from observatudo.errors import ObservatudoError
from observatudo.versions import Versions
from observatudo.versions.store import Missing
from tests import accepting
from tests.past import Past, observation, past
from tests.recorded import record

RUN = "20260105T100000Z-7"
TIMES = {"started": "2026-01-05T10:00:05+00:00", "ended": "2026-01-05T10:00:09+00:00", "wall_s": 4.0, "cpu_s": 2.0}
SIDECAR = {
    "dataset": "x/y",
    "connector": "package",
    "source": {},
    "publisher": "Órgão",
    "license": "MIT",
    "citation": "c",
    "fetched_at": "2026-01-01T00:00:00Z",
    "files": {"a.csv": {"sha256": "0f" * 32, "bytes": 9, "origin": "npm:@um/dois@1.0", "member": "m"}},
}
DECLARED = """\
title: Um título
description: Uma descrição.
publisher: Órgão
licenses: [{name: CC-BY-4.0, title: CC}]
kind: observacao
"""


def stage_run(dataset: str | None = None) -> dict[str, object]:
    return {"dataset": dataset, "status": "success", "peak_mb": None, "warnings": 0, "rows": {}, **TIMES}


def begin(root: Path) -> Past:
    made = past(root)
    made.write("configs/datasets/x/y.yaml", DECLARED)
    made.write("configs/colunas.yaml", "valor: {type: number, description: O valor.}\n")
    made.write("data/raw/x/y/snapshot.json", json.dumps(SIDECAR))
    made.write("requirements.lock", "a==1\n")
    made.write("dvc.yaml", "stages: {ingest: {cmd: x}}\n")
    made.observations([observation("3550308", 2019, 1.5), observation("3304557", 2019, 2.5, "outro")])
    made.table("fact um", pa.table({"id_municipio": ["1", "2", "3"], "valor": [1.0, 2.0, None]}), ["id_municipio"])
    made.lock["transform"]["deps"] = [{"path": "data/ingested", "md5": "0" * 32 + ".dir"}]
    made.git("config", "user.name", "Ana")
    return made


@pytest.fixture
def repo(tmp_path: Path) -> Past:
    """A version whose inputs were committed, then run, then committed with the record."""
    made = begin(tmp_path / "obra")
    inputs = made.commit("inputs", when="2026-01-05T09:00:00-03:00")
    stages = {"ingest@x/y": stage_run("x/y"), "transform": stage_run()}
    blobs = {path: made.git("hash-object", path) for path in ("params.yaml", "configs/datasets/x/y.yaml")}
    record(made, RUN, inputs, stages=stages, configs=blobs, writers={"pyarrow": "25"})
    made.commit("Versão de teste", when="2026-01-05T11:00:00-03:00")
    return made


def facts(repo: Past, revision: str = "HEAD") -> Facts:
    return gather(Versions(repo.root), revision)


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def part(content: object, *names: str) -> dict[str, object]:
    for name in names:
        content = cast(dict[str, object], content)[name]
    return cast(dict[str, object], content)


def test_in_toto_accepts_the_statement_and_it_is_true_to_the_bytes(repo: Past) -> None:
    text = intoto.statement(facts(repo))
    found = accepting.in_toto(text)
    marts = sorted((repo.root / "data/marts").iterdir())
    assert found["subject"] == [
        {
            "name": path.relative_to(repo.root).as_posix(),
            "digest": {"sha256": sha256(path), "md5": hashlib.md5(path.read_bytes()).hexdigest()},
        }
        for path in marts
    ]
    definition, details = part(found, "predicate", "buildDefinition"), part(found, "predicate", "runDetails")
    assert part(definition, "externalParameters")["revision"] == repo.git("rev-parse", "HEAD")
    assert part(details, "metadata") == {
        "invocationId": RUN,
        "startedOn": "2026-01-05T10:00:00Z",
        "finishedOn": "2026-01-05T10:01:00Z",
    }
    needed = {cast(str, one["name"]): one for one in cast(list[dict[str, object]], definition["resolvedDependencies"])}
    assert part(needed["repository"], "digest") == {"gitCommit": repo.git("rev-parse", "HEAD~1")}
    assert part(needed["params.yaml"], "digest") == {"gitBlob": repo.git("hash-object", "params.yaml")}
    assert part(needed["data/raw/x/y/a.csv"], "digest") == {"sha256": "0f" * 32}
    assert needed["data/raw/x/y/a.csv"]["uri"] == "pkg:npm/%40um/dois@1.0"
    (byproduct,) = cast(list[dict[str, object]], details["byproducts"])
    assert byproduct["name"] == "data/ingested/x/y" and part(byproduct, "annotations")["rows"] == 4


def test_in_toto_would_refuse_a_statement_that_is_none(repo: Past) -> None:
    content = json.loads(intoto.statement(facts(repo)))
    for broken in (
        content | {"subject": []},
        content | {"predicateType": ""},
        content | {"subject": [{"name": "x"}]},
        content | {"predicate": {"buildDefinition": {"unheard": 1}}},
        content | {"predicate": {"runDetails": {"metadata": {"startedOn": "yesterday"}}}},
    ):
        text = json.dumps(broken)
        assert accepting.refuses(lambda text=text: accepting.in_toto(text))  # type: ignore[misc]


def test_openlineage_accepts_the_events_of_every_stage(repo: Past) -> None:
    events = accepting.open_lineage(openlineage.events(facts(repo)))
    seen = [(event["eventTime"], event["eventType"], part(event, "job")["name"]) for event in events]
    assert seen == [
        ("2026-01-05T10:00:00Z", "START", "dvc repro"),
        ("2026-01-05T10:00:05Z", "START", "ingest@x/y"),
        ("2026-01-05T10:00:05Z", "START", "transform"),
        ("2026-01-05T10:00:09Z", "COMPLETE", "ingest@x/y"),
        ("2026-01-05T10:00:09Z", "COMPLETE", "transform"),
        ("2026-01-05T10:01:00Z", "COMPLETE", "dvc repro"),
    ]
    ingest, transform = events[3], events[4]
    tables = {str(one["name"]): one for one in cast(list[dict[str, object]], ingest["outputs"])}
    observed = tables["data/ingested/x/y/observacao"]
    assert part(observed, "facets", "dataQualityMetrics")["rowCount"] == 2
    assert part(observed, "facets", "dataQualityMetrics")["fileCount"] == 2
    fields = cast(list[dict[str, object]], part(observed, "facets", "schema")["fields"])
    assert {"name": "valor", "type": "double", "ordinal_position": 5, "description": "O valor."} in fields
    assert part(observed, "facets", "documentation")["description"] == "Um título. Uma descrição"
    assert part(observed, "facets", "ownership")["owners"] == [{"name": "Órgão", "type": "PUBLISHER"}]
    read = [one["name"] for one in cast(list[dict[str, object]], transform["inputs"])]
    assert read == sorted(tables), "what one stage made and the other read has one name"
    runs = {part(event, "job")["name"]: part(event, "run")["runId"] for event in events}
    assert part(transform, "run", "facets", "parent", "run")["runId"] == runs["dvc repro"]
    assert len(set(runs.values())) == 3


def test_openlineage_would_refuse_events_that_are_none(repo: Past) -> None:
    event = json.loads(openlineage.events(facts(repo)).splitlines()[3])
    for broken in (
        event | {"eventTime": "2026-01-05"},
        event | {"eventType": "MIDDLE"},
        event | {"unheard": 1},
        event | {"run": {"runId": "no uuid"}},
        event | {"outputs": [event["outputs"][0] | {"facets": {"ownership": {"_producer": "x", "_schemaURL": "y"}}}]},
    ):
        text = json.dumps(broken)
        assert accepting.refuses(lambda text=text: accepting.open_lineage(text))  # type: ignore[misc]


def test_the_validator_of_workflow_run_crates_accepts_the_folder(repo: Past, tmp_path: Path) -> None:
    folder = rocrate.write(facts(repo), tmp_path / "crate")
    assert accepting.ro_crate(folder, tmp_path / "http") == []
    crate = ROCrate(folder)
    names = {entity.id: entity for entity in crate.get_entities()}
    for path in sorted((repo.root / "data/marts").iterdir()):
        copy = folder / path.relative_to(repo.root)
        assert copy.read_bytes() == path.read_bytes()
        iri = path.relative_to(repo.root).as_posix().replace(" ", "%20")
        assert names[iri]["sha256"] == sha256(path)
    (run,) = (entity for entity in names.values() if entity.type == "CreateAction")
    assert (run["startTime"], run["agent"]["name"]) == ("2026-01-05T10:00:00+00:00", "Ana")
    assert run["instrument"].id == crate.mainEntity.id == "dvc.yaml"
    assert {"data/raw/x/y/snapshot.json", f"urn:sha256:{'0f' * 32}"} <= {one.id for one in run["object"]}
    metadata = folder / "ro-crate-metadata.json"
    content = json.loads(metadata.read_text())
    for entity in content["@graph"]:
        entity.pop("programmingLanguage", None)
    metadata.write_text(json.dumps(content))
    assert any("language" in issue for issue in accepting.ro_crate(folder, tmp_path / "http"))


def test_the_same_version_gives_the_same_bytes_in_another_clone(repo: Past, tmp_path: Path) -> None:
    remote.set_up(repo.root, tmp_path / "dados")
    remote.push(repo.root)
    repo.git("clone", "-q", ".", str(tmp_path / "clone"))
    remote.set_up(tmp_path / "clone", tmp_path / "dados")
    here, there = facts(repo), gather(Versions(tmp_path / "clone"), "HEAD")
    assert intoto.statement(here) == intoto.statement(there)
    assert openlineage.events(here) == openlineage.events(there)
    rocrate.write(here, tmp_path / "a")
    rocrate.write(there, tmp_path / "b")
    different = subprocess.run(["diff", "-r", str(tmp_path / "a"), str(tmp_path / "b")], capture_output=True, text=True)
    assert different.returncode == 0, different.stdout


def test_without_a_record_nothing_is_invented(repo: Past, tmp_path: Path) -> None:
    repo.git("rm", "-q", "-r", "audit")
    repo.commit("no record", when="2026-01-06T12:00:00+00:00")
    known = facts(repo)
    statement = accepting.in_toto(intoto.statement(known))
    details = part(statement, "predicate", "runDetails")
    assert "metadata" not in details and "version" not in part(details, "builder")
    assert "no run record" in str(part(statement, "predicate", "buildDefinition", "internalParameters")["record"])
    events = accepting.open_lineage(openlineage.events(known))
    assert ["run" in event for event in events] == [False, False], "a job event of each stage"
    assert {event["eventTime"] for event in events} == {"2026-01-06T12:00:00Z"}
    folder = rocrate.write(known, tmp_path / "crate")
    assert accepting.ro_crate(folder, tmp_path / "http") == []
    assert "startTime" not in (folder / "ro-crate-metadata.json").read_text()


def test_a_record_of_other_outputs_is_not_this_versions(repo: Past) -> None:
    repo.observations([observation("3550308", 2019, 9.0)])
    repo.commit("run without a record")
    assert facts(repo).record is None and facts(repo).run_of("ingest@x/y") is None
    older = facts(repo).run_of("transform")
    assert older is not None and older.run_id == RUN, "what did not change is still from that run"


def test_a_snapshot_that_the_run_did_not_read_is_left_out(repo: Past) -> None:
    counts = {"rows_read": 1, "rows_kept": 1, "rows_rejected": 0, "match_rate": 1.0, "status": "success"}
    record(repo, "20260107T100000Z-7", None, datasets={"x/y": counts | {"snapshot_sha256": "ee" * 32}})
    repo.commit("other snapshot")
    assert facts(repo).record is not None and facts(repo).snapshots == {}


def test_bytes_that_are_not_the_recorded_ones_get_no_provenance(repo: Past) -> None:
    (entry, *_rest) = facts(repo).version.files("data/marts")
    victim = repo.object(entry.md5)
    victim.chmod(0o644)
    content = victim.read_bytes()
    victim.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    for write in (intoto.statement, openlineage.events):
        with pytest.raises(ObservatudoError, match="not the recorded ones") as refused:
            write(facts(repo))
        assert refused.value.next_step == "observatudo verify --deep"
    victim.unlink()
    with pytest.raises(Missing):
        intoto.statement(facts(repo))


def test_a_record_whose_sha256_was_changed_is_noticed(repo: Past) -> None:
    path = next((repo.root / "audit/runs").rglob("*.json"))
    text = path.read_text()
    (known,) = (one.sha256 for name, one in facts(repo).records[0].outputs.items() if name == "data/marts")
    path.write_text(text.replace(known, "ab" * 32))
    repo.commit("changed record")
    with pytest.raises(ObservatudoError, match="not the recorded ones"):
        intoto.statement(facts(repo))


def test_what_is_no_version_with_outputs_is_refused(repo: Past, tmp_path: Path) -> None:
    empty = past(tmp_path / "empty")
    empty.commit("nothing run")
    for root, name, why in (
        (repo.root, "nope", "nope"),
        (repo.root, "workspace", "committed"),
        (repo.root, RUN, "committed"),
        (empty.root, "HEAD", "no outputs"),
    ):
        with pytest.raises(ObservatudoError, match=why):
            gather(Versions(root), name)


def test_a_place_that_is_taken_is_left_alone(repo: Past, tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken/mine.txt").write_text("x")
    with pytest.raises(ObservatudoError, match="something at that place"):
        rocrate.write(facts(repo), tmp_path / "taken")
    assert [path.name for path in (tmp_path / "taken").iterdir()] == ["mine.txt"]
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith(".")) == []


@pytest.mark.parametrize(
    ("origin", "uri"),
    [
        ("pypi:brmunipanel@0.3.0", "pkg:pypi/brmunipanel@0.3.0"),
        ("npm:@brazilian-utils/brazilian-utils@2.4.0", "pkg:npm/%40brazilian-utils/brazilian-utils@2.4.0"),
        ("https://example.org/a.csv", "https://example.org/a.csv"),
        ("file", ""),
    ],
)
def test_where_bytes_came_from_as_a_uri(origin: str, uri: str) -> None:
    assert SnapshotFile(sha256="0" * 64, origin=origin).uri == uri


def test_the_command_writes_files_and_says_what_is_not_known(repo: Past, tmp_path: Path) -> None:
    def type_in(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-P", "-m", "observatudo.cli.app", "provenance", *words]
        zone = {**os.environ, "TZ": "Asia/Tokyo"}
        return subprocess.run(command, cwd=repo.root, env=zone, capture_output=True, text=True, check=True)

    assert type_in().stdout == intoto.statement(facts(repo)), "whatever the time zone"
    done = type_in("HEAD", "--format", "openlineage", "-o", str(tmp_path / "events.ndjson"))
    assert done.stdout == "" and (tmp_path / "events.ndjson").read_text() == openlineage.events(facts(repo))
    repo.git("rm", "-q", "-r", "audit")
    repo.commit("no record")
    done = type_in("--format", "ro-crate", "-o", str(tmp_path / "crate"))
    assert "no run record in" in done.stderr and (tmp_path / "crate/ro-crate-metadata.json").is_file()
