"""Run records as the product writes them, made without a run."""

from __future__ import annotations

from collections.abc import Mapping

from observatudo import journal
from observatudo.runs.model import Output, Record, to_text
from observatudo.runs.outputs import LockedFile, describe
from tests.past import Past


def outputs(repo: Past) -> dict[str, Output]:
    """Return what the next dvc.lock names, as a record has it; the files are those that stand in the work tree."""
    found = {}
    for stage, entry in repo.lock.items():
        outs = entry["outs"]
        assert isinstance(outs, list)
        for out in outs:
            described = describe(repo.root, stage, LockedFile(path=out["path"], md5=out["md5"]), None)
            assert described is not None
            found[out["path"]] = described
    return found


def record(repo: Past, run: str, commit: str | None, **changes: object) -> Record:
    """Write the record of a run that began from a commit and made what the next dvc.lock names."""
    names = ("writers", "versions", "configs", "evidence", "code", "datasets", "stages", "dbt")
    content: Mapping[str, object] = {
        "run_id": run,
        "status": "success",
        "started": "2026-01-05T10:00:00+00:00",
        "ended": "2026-01-05T10:01:00+00:00",
        "duration_s": 60.0,
        "command": "dvc repro",
        "experiment": None,
        "commit": commit,
        "dirty": False,
        "changed": [],
        "who": {"name": "Ana", "email": "ana@example.org", "login": "ana"},
        "where": {"host": "h", "system": "Linux", "python": "3.11.7", "lock_sha256": "cd" * 32},
        "outputs": outputs(repo),
        "error": None,
        **{name: {} for name in names},
        **changes,
    }
    made = Record.model_validate(content)
    path = journal.record_file(repo.root, run)
    repo.write(path.relative_to(repo.root).as_posix(), to_text(made))
    return made
