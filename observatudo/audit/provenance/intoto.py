"""An in-toto Statement (v1) with SLSA provenance (v1): what was published, and what it was built from.

Formats: https://in-toto.io/Statement/v1, https://slsa.dev/spec/v1.0/provenance.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TypeAlias

from pydantic import JsonValue

from observatudo.audit.provenance.facts import Facts, zulu
from observatudo.runs.inputs import EVIDENCE
from observatudo.runs.model import Record

BUILD_TYPE = "urn:observatudo:build:dvc-repro:1"
BUILDER = "urn:observatudo:builder:dvc:1"

Thing: TypeAlias = dict[str, JsonValue]


def statement(facts: Facts) -> str:
    """Return the statement as JSON text, one line, with a newline at the end.

    Raises Missing for published files that are nowhere, ObservatudoError for ones that are not the recorded bytes.
    """
    subjects: list[JsonValue] = [
        {"name": file.path, "digest": {"sha256": file.sha256, "md5": file.md5}}
        for path in facts.published
        for file in facts.files(path)
    ]
    content = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": subjects,
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {"buildDefinition": _definition(facts), "runDetails": _details(facts)},
    }
    return json.dumps(content, ensure_ascii=False, sort_keys=True) + "\n"


def _definition(facts: Facts) -> Thing:
    record = facts.record
    external: Thing = {"revision": facts.commit, "params": facts.params}
    if record is not None:
        external["command"] = record.command
    return {
        "buildType": BUILD_TYPE,
        "externalParameters": external,
        "internalParameters": _internal(record),
        "resolvedDependencies": [*_dependencies(facts)],
    }


def _internal(record: Record | None) -> Thing:
    if record is None:
        return {"record": "no run record of this version: who ran it, when and with what code is not known"}
    changed: list[JsonValue] = [*record.changed]
    versions: Thing = {name: [*values] for name, values in sorted(record.versions.items())}
    return {"dirty": record.dirty, "changed": changed, "versions": versions}


def _dependencies(facts: Facts) -> Iterator[Thing]:
    """Give the commit the run began from, the environment, snapshots, configurations and human decisions."""
    record = facts.record
    began = record.commit if record is not None else None
    if began is not None:
        yield {"name": "repository", "digest": {"gitCommit": began}}
    if record is not None and record.where.lock_sha256:
        yield {"name": "requirements.lock", "digest": {"sha256": record.where.lock_sha256}}
    for key, sidecar in facts.snapshots.items():
        for name, file in sorted(sidecar.files.items()):
            notes: Thing = {"dataset": key, "fetched_at": sidecar.fetched_at, "publisher": sidecar.publisher}
            notes |= {"license": sidecar.license, "member": file.member or ""}
            found: Thing = {"name": f"data/raw/{key}/{name}", "digest": {"sha256": file.sha256}}
            known: Thing = {note: value for note, value in notes.items() if value}
            yield found | ({"uri": file.uri} if file.uri else {}) | ({"annotations": known} if known else {})
    evidence = record.evidence if record is not None else facts.version.tree.paths(EVIDENCE[0])
    for path, blob in sorted((facts.configs | dict(evidence)).items()):
        yield {"name": path, "digest": {"gitBlob": blob}}


def _details(facts: Facts) -> Thing:
    record = facts.record
    builder: Thing = {"id": BUILDER}
    found: Thing = {"builder": builder, "byproducts": [*_byproducts(facts)]}
    if record is not None:
        builder["version"] = {"python": record.where.python, **dict(sorted(record.writers.items()))}
        found["metadata"] = {
            "invocationId": record.run_id,
            "startedOn": zulu(record.started),
            "finishedOn": zulu(record.ended),
        }
    return found


def _byproducts(facts: Facts) -> Iterator[Thing]:
    """Give the outputs that are not published; a folder's hashes are those of its listing, so they are notes."""
    for path, out in facts.outs.items():
        if path in facts.published:
            continue
        known = facts.record.outputs.get(path) if facts.record is not None else None
        if out.is_folder:
            notes: Thing = {"md5": out.md5, "files": out.nfiles, "bytes": out.size}
            if known is not None:
                notes |= {"sha256": known.sha256, "rows": known.rows}
            yield {"name": path, "annotations": {name: value for name, value in notes.items() if value is not None}}
        else:
            digest: Thing = {"md5": out.md5}
            yield {"name": path, "digest": digest | ({"sha256": known.sha256} if known is not None else {})}
