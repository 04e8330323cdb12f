"""What the newest versions did to the rows of each dataset: added, removed and changed, compared by key.

Which datasets a version changed is told by the hashes in its ``dvc.lock``; what is not in DVC's cache here is not
pulled, and its rows stay unknown.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from observatudo import gitread, paths
from observatudo.errors import ObservatudoError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from observatudo.compare.model import Table
    from observatudo.versions import Out, Version

VERSIONS = 10
_LOCKS = 60  # that are read to find so many versions
_MOST_BYTES = 300_000_000  # of outputs that are compared for one page: the newest versions come first
_START = f"{paths.INGESTED.as_posix()}/"
_CATALOGUE = "indicador"  # names of what the rows are about, no rows of their own


@dataclass(frozen=True)
class Moved:
    """One dataset at one version; counts are None where nobody knows. ``before`` and ``after`` are rows kept."""

    dataset: str
    before: int | None
    after: int | None
    added: int | None = None
    removed: int | None = None
    changed: int | None = None


def versions(root: Path, kept: Mapping[str, Mapping[str, int | None]]) -> Iterator[tuple[str, tuple[Moved, ...]]]:
    """Yield the newest commits that changed what datasets hold, newest first, each with those datasets.

    ``kept`` has per dataset the rows kept by commit, for those that changed them. A lock that cannot be read ends it.
    """
    from observatudo.versions import Versions

    line = gitread.ask(root, "rev-list", "--first-parent", "HEAD").stdout.decode().split()
    asked = gitread.ask(root, "rev-list", "--first-parent", f"--max-count={_LOCKS}", "HEAD", "--", "dvc.lock")
    place = {commit: number for number, commit in enumerate(line)}
    own, left, found = Versions(root), _MOST_BYTES, 0
    commits = asked.stdout.decode().split()
    for commit, older in zip(commits, [*commits[1:], None], strict=True):
        if found == VERSIONS or (older is None and len(commits) == _LOCKS):
            return
        try:
            b = own.commit(commit)
            a = own.commit(older) if older else None
            outs = _changed(a, b)
        except ObservatudoError:
            return
        if outs:
            found += 1
            tables, left = _compared(a, b, outs, left)
            keys = sorted(path.removeprefix(_START) for path in outs)
            yield commit, tuple(_moved(key, place, kept.get(key, {}), commit, older, tables) for key in keys)


def _changed(a: Version | None, b: Version) -> list[str]:
    before = a.lock.outs if a else {}
    named = {path for path in (*before, *b.lock.outs) if path.startswith(_START)}
    return [path for path in named if _md5(before.get(path)) != _md5(b.lock.outs.get(path))]


def _md5(out: Out | None) -> str:
    return out.md5 if out else ""


def _compared(a: Version | None, b: Version, outs: Iterable[str], left: int) -> tuple[dict[str, Table], int]:
    """Return the tables of the outputs that are here, compared, and how many bytes may still be read after them."""
    if a is None:
        return {}, left
    from observatudo.compare.compare import Options, compare

    chosen = []
    for path in sorted(outs):
        size = sum(out.size or 0 for side in (a, b) if (out := side.lock.outs.get(path)))
        if size <= left and _is_here(a, path) and _is_here(b, path):
            chosen.append(path)
            left -= size
    if not chosen:
        return {}, left
    sides = _only(a, chosen), _only(b, chosen)
    if not (sides[0].given and sides[1].given):  # a version without outputs would be read whole
        return {}, left
    return compare(*sides, Options(report="counts")).rows, left


def _only(version: Version, chosen: Iterable[str]) -> Version:
    outs = version.lock.outs
    return replace(version, given={path: outs[path] for path in chosen if path in outs})


def _is_here(version: Version, path: str) -> bool:
    out, store = version.lock.outs.get(path), version.store
    if out is None:
        return True
    return store.has(out.md5) and all(store.has(entry.md5) for entry in version.files(path))


def _moved(
    key: str,
    place: Mapping[str, int],
    kept: Mapping[str, int | None],
    commit: str,
    older: str | None,
    tables: Mapping[str, Table],
) -> Moved:
    own = [
        table for name, table in tables.items() if name.startswith(f"{key}/") and not name.endswith(f"/{_CATALOGUE}")
    ]
    before = _kept(kept, place, older) if older else None
    return Moved(
        key,
        before,
        _kept(kept, place, commit),
        _sum(table.added for table in own),
        _sum(table.removed for table in own),
        _sum(table.changed for table in own),
    )


def _kept(kept: Mapping[str, int | None], place: Mapping[str, int], commit: str) -> int | None:
    """Return the rows that were kept as of a commit: those of the newest that changed them up to it."""
    at = place.get(commit, 0)
    known = [(place[other], rows) for other, rows in kept.items() if place.get(other, -1) >= at]
    return min(known)[1] if known else None


def _sum(counts: Iterable[int | None]) -> int | None:
    found = list(counts)
    known = [count for count in found if count is not None]
    return sum(known) if found and len(known) == len(found) else None
