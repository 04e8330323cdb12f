"""The bytes of DVC's objects: does each hold what its name says.

DVC takes a read-only object in its cache for whole whatever its bytes, and restores it; so nothing that restores
may do so before ``damaged`` has found nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter, ValidationError

from observatudo.audit.verify.memory import Memory
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


def damaged(store: Store, md5s: Iterable[str]) -> list[Problem]:
    """Return the objects of the cache whose bytes are not those their names promise, or that are not there.

    Of a folder (``….dir``) its listing is meant, not the files it names. An object that was found right before and
    has not been touched since is not read again.
    """
    memory = Memory(store.root)
    paths = {md5: store.path(md5) for md5 in md5s}
    hashes = memory.files(paths.values())
    memory.save()
    problems = []
    for md5, path in paths.items():
        found = hashes[path]
        if found is None:
            problems.append(Problem(md5, "missing", path))
        elif found.md5 != md5.removesuffix(FOLDER):
            problems.append(Problem(md5, "tampered", path, found.md5))
    return problems


def entries(listing: bytes) -> list[Entry] | None:
    """Return the files that the text of a folder's object names, or None for a text that is no listing."""
    try:
        return _ENTRIES.validate_python(json.loads(listing))
    except (ValueError, ValidationError):
        return None
