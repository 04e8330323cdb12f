"""Which run made an output: by the records in ``audit/runs``, each read once, ever."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from pydantic import BaseModel, ConfigDict, ValidationError

from observatudo import paths
from observatudo.audit.timeline.past import Past

_READ = "record"
_MADE = "made:"


class _Output(BaseModel):
    model_config = ConfigDict(extra="ignore")

    md5: str


class _Record(BaseModel):
    model_config = ConfigDict(extra="ignore")

    run_id: str
    outputs: dict[str, _Output] = {}


def makers(past: Past, out: str) -> dict[str, list[str]]:
    """Return the runs that made each version of an output, by its MD5, oldest first.

    Known from the records on disk and in the newest commit; a damaged one is passed over (``verify`` names it).
    """
    known = past.cache.all(_READ)
    fresh = dict(_records(past, known))
    made: dict[str, dict[str, str]] = {}
    for record in fresh.values():
        for path, output in record.outputs.items():
            made.setdefault(path, {})[f"{output.md5} {record.run_id}"] = "1"
    for path, runs in made.items():
        past.cache.put(_MADE + path, runs)
    past.cache.put(_READ, dict.fromkeys(fresh, "1"))
    found: dict[str, list[str]] = {}
    for name in sorted({**past.cache.all(_MADE + out), **made.get(out, {})}):
        md5, run = name.split(" ", 1)
        found.setdefault(md5, []).append(run)
    return found


def _records(past: Past, known: Iterable[str]) -> Iterator[tuple[str, _Record]]:
    """Yield the records that are not known yet, by run id."""
    seen = set(known)
    on_disk = {path.stem: path for path in (past.root / paths.AUDIT_RUNS).glob("[0-9]*/[0-9]*/*.json")}
    newest = next((commit.sha for commit in past.commits if commit.sha), None)
    listed = past.git.names(newest, paths.AUDIT_RUNS.as_posix()) if newest else []
    in_git = {PurePosixPath(name).stem: name for name in listed if name.endswith(".json")}
    for run, path in on_disk.items():
        if run not in seen:
            yield from _one(run, _bytes(path))
    for run, name in in_git.items():
        if run not in seen and run not in on_disk:
            yield from _one(run, past.git.text(newest or "", name))


def _bytes(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


def _one(run: str, text: bytes | None) -> Iterator[tuple[str, _Record]]:
    try:
        record = _Record.model_validate_json(text or b"")
    except ValidationError:
        return
    if record.run_id == run:
        yield run, record


def choose(runs: list[str], brought: Iterable[str], date: str) -> str | None:
    """Return the run behind a version: of those that made its output, one whose record came with it.

    Without any, the newest before ``date`` (ISO 8601; empty: now), else the oldest.
    """
    own = [run for run in runs if run in set(brought)]
    if own:
        return own[-1]
    earlier = [run for run in runs if not date or run <= _stamp(date)]
    return earlier[-1] if earlier else (runs[0] if runs else None)


def _stamp(date: str) -> str:
    """Return the time as run ids begin with it, and a sign that sorts behind them."""
    return datetime.fromisoformat(date).astimezone(UTC).strftime("%Y%m%dT%H%M%SZ~")
