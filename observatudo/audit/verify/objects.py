"""The bytes of DVC's objects: does each hold what its name says.

DVC takes a read-only object in its cache for whole whatever its bytes, and restores it; so nothing that restores
may do so before ``check_bytes`` has passed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter, ValidationError

from observatudo.audit.verify.memory import Memory
from observatudo.errors import ObservatudoError
from observatudo.i18n import _
from observatudo.versions.lock import FOLDER
from observatudo.versions.store import Entry, Store

_ENTRIES = TypeAdapter(list[Entry])


@dataclass(frozen=True)
class Problem:
    """An object that cannot be restored: ``tampered`` (``found`` is its bytes' real MD5) or ``missing``."""

    md5: str
    kind: Literal["tampered", "missing"]
    path: Path
    found: str = ""


class DamagedError(ObservatudoError):
    """Objects whose bytes are not what their names say; ``problems`` lists them."""

    def __init__(self, problems: list[Problem], message: str, *, where: str, next_step: str) -> None:
        super().__init__(message, where=where, next_step=next_step)
        self.problems = problems


def check_bytes(
    store: Store, md5s: Iterable[str], *, fresh: bool = False, progress: Callable[[int], None] | None = None
) -> list[Problem]:
    """Return the objects of the cache whose bytes are not those their names promise, or that are not there.

    Of a folder (``….dir``) its listing is checked and then every file it names. An object that was found right
    before and has not been touched since is not read again, unless ``fresh``. ``progress`` is told the bytes read.
    """
    memory = Memory(store.root, fresh=fresh, progress=progress)
    wanted = dict.fromkeys(md5s)
    problems = _check(store, memory, wanted)
    bad = {problem.md5 for problem in problems}
    inside: dict[str, None] = {}
    for md5 in wanted:
        if md5.endswith(FOLDER) and md5 not in bad:
            inside |= dict.fromkeys(entry.md5 for entry in entries(store.path(md5).read_bytes()) or [])
    problems += _check(store, memory, {md5: None for md5 in inside if md5 not in wanted})
    memory.save()
    return problems


def refuse_damaged(store: Store, md5s: Iterable[str]) -> None:
    """Raise DamagedError when an object that is about to be restored is in the cache with other bytes.

    What is missing is no concern here: DVC pulls it.
    """
    tampered = [problem for problem in check_bytes(store, md5s) if problem.kind == "tampered"]
    if tampered:
        names = ", ".join(problem.md5 for problem in tampered[:3])
        raise DamagedError(
            tampered,
            _("{count} object(s) in DVC's cache are not the bytes that were put there: {names}").format(
                count=len(tampered), names=names
            ),
            where=str(tampered[0].path),
            next_step="observatudo verify --deep",
        )


def entries(listing: bytes) -> list[Entry] | None:
    """Return the files that the text of a folder's object names, or None for a text that is no listing."""
    try:
        return _ENTRIES.validate_python(json.loads(listing))
    except (ValueError, ValidationError):
        return None


def _check(store: Store, memory: Memory, md5s: Iterable[str]) -> list[Problem]:
    paths = {md5: store.path(md5) for md5 in md5s}
    hashes = memory.files(paths.values())
    problems = []
    for md5, path in paths.items():
        found = hashes[path]
        if found is None:
            problems.append(Problem(md5, "missing", path))
        elif found.md5 != md5.removesuffix(FOLDER):
            problems.append(Problem(md5, "tampered", path, found.md5))
    return problems
