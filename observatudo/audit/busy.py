"""Whether anything is at work in a repository: DVC's locks of files, and runs that have not ended."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

_LOCKS = (".dvc/tmp/rwlock", ".dvc/tmp/exps/*/.dvc/tmp/rwlock", ".dvc/tmp/exps/*/*/.dvc/tmp/rwlock")


def at_work(root: Path) -> str:
    """Return what is at work, for a person, or an empty text. What was killed does not count."""
    import psutil

    for pid, command in _holders(root):
        if psutil.pid_exists(pid):
            return f"{command} (PID {pid})"
    return _run(root)


def _holders(root: Path) -> Iterator[tuple[int, str]]:
    for pattern in _LOCKS:
        for file in root.glob(pattern):
            try:
                content = json.loads(file.read_text(encoding="utf-8"))
            except (OSError, ValueError):  # it is rewritten in place: the next line of defence is DVC's own lock
                continue
            yield from _in(content)


def _in(content: object) -> Iterator[tuple[int, str]]:
    """Give the processes of a lock file: path → process under ``write``, path → processes under ``read``."""
    if isinstance(content, dict):
        if isinstance(content.get("pid"), int):
            yield content["pid"], str(content.get("cmd", ""))
        else:
            for value in content.values():
                yield from _in(value)
    elif isinstance(content, list):
        for value in content:
            yield from _in(value)


def _run(root: Path) -> str:
    from observatudo import history
    from observatudo.runs.log import RUNNING

    for run in history.runs(root, 50):
        if run.status == RUNNING:
            logged = history.logged(root, run)
            if logged is not None and logged.is_alive():
                return run.run_id
    return ""
