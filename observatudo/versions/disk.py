"""MD5 hashes of files in the work tree, remembered until a file's time or size changes."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from observatudo import wholefile
from observatudo.dvccache import md5

_MEMORY = Path(".observatudo/md5.json")


def md5s(root: Path, files: Iterable[Path]) -> dict[Path, str]:
    """Return the MD5 of each file under ``root``; one whose inode, time and size are as before is not read again."""
    known = _remembered(root)
    found, now = {}, {}
    for path in files:
        name, stat = path.relative_to(root).as_posix(), path.stat()
        mark = [stat.st_ino, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_size]
        old = known.get(name)
        value = str(old[-1]) if old and old[:-1] == mark else md5(path)
        found[path] = value
        now[name] = [*mark, value]
    if known != known | now:
        _remember(root, known | now)
    return found


def _remembered(root: Path) -> dict[str, list[object]]:
    with suppress(OSError, ValueError):  # it is only a cache
        content = json.loads((root / _MEMORY).read_bytes())
        if isinstance(content, dict) and all(isinstance(value, list) for value in content.values()):
            return content
    return {}


def _remember(root: Path, known: dict[str, list[object]]) -> None:
    path = root / _MEMORY
    with suppress(OSError):  # a read-only disk has no cache
        path.parent.mkdir(exist_ok=True)
        wholefile.write(path, json.dumps(known))
