"""Says whether what ``dvc checkout`` is about to restore is whole; run by the post-checkout Git hook before DVC.

DVC takes a read-only object in its cache for whole whatever its bytes. This file is copied beside the hook, because
the version being checked out may not have it: the standard library is all it uses. Exits 1 and names what is not whole.
"""

from __future__ import annotations

import configparser
import hashlib
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

_NAMED = re.compile(r"path: (?P<path>.+)|md5: (?P<md5>[0-9a-f]{32}(?:\.dir)?)")


def cache() -> Path:
    """Return the folder of the cache: what is set in .dvc/config.local, else in .dvc/config, else .dvc/cache."""
    chosen = "cache"
    for name in ("config", "config.local"):
        settings = configparser.ConfigParser(interpolation=None, strict=False)
        try:
            settings.read(Path(".dvc", name), encoding="utf-8")
        except configparser.Error:
            continue
        chosen = settings.get("cache", "dir", fallback=chosen).strip("\"'")
    return Path(".dvc", chosen, "files", "md5")


def named(text: str) -> Iterator[tuple[str, str]]:
    """Give (MD5, path) of everything that a dvc.lock or .dvc file names; the path stands before or behind the hash."""
    path = md5 = ""
    for found in _NAMED.finditer(text):
        path, md5 = found["path"] or path, found["md5"] or md5
        if path and md5:
            yield md5, path
            path = md5 = ""


def wrong(objects: Path, md5: str) -> bool:
    """Say whether an object is in the cache with bytes other than its name promises."""
    file = objects / md5[:2] / md5[2:]
    if not file.is_file():
        return False  # a dependency, or for DVC to pull
    digest = hashlib.md5(usedforsecurity=False)
    with file.open("rb") as content:
        for block in iter(lambda: content.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest() != md5.partition(".")[0]


def damaged() -> Iterator[tuple[Path, str]]:
    """Give the file and the output of every object of this version that is not whole."""
    objects, seen = cache(), set()
    large = Path("data").rglob("*.dvc") if Path("data").is_dir() else []
    for lock in [Path("dvc.lock"), *Path().glob("*.dvc"), *large]:
        text = lock.read_text(encoding="utf-8", errors="replace") if lock.is_file() else ""
        for md5, path in named(text):
            if md5 in seen:
                continue
            seen.add(md5)
            if wrong(objects, md5):
                yield objects / md5[:2] / md5[2:], path
            elif md5.endswith(".dir"):
                yield from _inside(objects, md5, path, seen)


def _inside(objects: Path, md5: str, path: str, seen: set[str]) -> Iterator[tuple[Path, str]]:
    listing = objects / md5[:2] / md5[2:]
    for entry in json.loads(listing.read_bytes()) if listing.is_file() else []:
        if entry["md5"] not in seen:
            seen.add(entry["md5"])
            if wrong(objects, entry["md5"]):
                yield objects / entry["md5"][:2] / entry["md5"][2:], f"{path}/{entry['relpath']}"


def main() -> None:
    """Name what is not whole and exit with 1; say nothing when all is."""
    found = list(damaged())
    if not found:
        return
    lines = ["observatudo: the data was not restored: DVC's cache holds other bytes than were put there"]
    lines += [f"  {output}\n    @ {file}" for file, output in found]
    lines += ["  → observatudo verify   (says which versions need them, and how to mend them)"]
    sys.exit("\n".join(lines))


if __name__ == "__main__":
    main()
