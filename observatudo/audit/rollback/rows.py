"""What a rollback does to rows: each table as it is now against the table as it will be."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from observatudo.compare.model import Table
from observatudo.versions import TableAt, TableFile, Version, disk, tables
from observatudo.versions.store import Missing


def count(
    now: Version, then: Version, have: Collection[str], want: Collection[str], told: Callable[[str], None]
) -> dict[str, Table]:
    """Return the comparison, in counts, of every table whose bytes change; in order of name, marts last.

    ``have`` and ``want`` are the outputs that are looked at, now and then; ``told`` hears of each table before.

    A table that is not there now has status ``added``, one that will be gone ``removed``. What neither disk nor cache
    nor remote has of the present version has status ``missing``. Raises ObservatudoError for a damaged file.
    """
    new, old = _Side(then, set(want)), _Side(now, set(have))
    found = {}
    for name in dict.fromkeys([*new.tables, *old.tables]):
        if old.md5s(name) != new.md5s(name):
            told(name)
            found[name] = _compared(old, new, name)
    return found


@dataclass(frozen=True)
class _Side:
    """The tables of a version that lie in certain outputs."""

    version: Version
    outs: set[str]

    @cached_property
    def known(self) -> bool:
        """Say whether the listings of its outputs are to be had."""
        try:
            tables(self.version)
        except Missing:
            return False
        return True

    @cached_property
    def tables(self) -> Mapping[str, TableAt]:
        found = tables(self.version) if self.known else {}
        return {name: table for name, table in found.items() if {file.out for file in table.files} <= self.outs}

    def md5s(self, name: str) -> list[tuple[str, str]]:
        return [(file.name, file.entry.md5) for file in self._files(name)]

    def places(self, name: str) -> list[tuple[str, str, Path]]:
        """Return name, MD5 and place of a table's files: in the work tree when it has them. Raises Missing."""
        return [(file.name, file.entry.md5, self._place(file)) for file in self._files(name)]

    def rows(self, name: str) -> int:
        import pyarrow.parquet as pq

        return sum(pq.read_metadata(path).num_rows for _name, _md5, path in self.places(name))

    def _files(self, name: str) -> Iterable[TableFile]:
        return self.tables[name].files if name in self.tables else ()

    def _place(self, file: TableFile) -> Path:
        here = self._in_tree(file)
        return here if self._on_disk.get(here) == file.entry.md5 else file.local(self.version)

    def _in_tree(self, file: TableFile) -> Path:
        start = self.version.root / file.out
        return start / file.entry.relpath if file.entry.relpath else start

    @cached_property
    def _on_disk(self) -> dict[Path, str]:
        found = [self._in_tree(file) for table in self.tables.values() for file in table.files]
        return disk.md5s(self.version.root, [path for path in found if path.is_file()])


def _compared(old: _Side, new: _Side, name: str) -> Table:
    from observatudo.compare.rows import Options, Source, compare

    if not old.known:
        return Table(status="missing", rows_b=new.rows(name))
    if name not in old.tables:
        rows = new.rows(name)
        return Table(status="added", rows_a=0, rows_b=rows, added=rows, removed=0, changed=0, same=0)
    try:
        if name not in new.tables:
            rows = old.rows(name)
            return Table(status="removed", rows_a=rows, rows_b=0, added=0, removed=rows, changed=0, same=0)
        a = Source(tuple(old.places(name)))
    except Missing as error:
        return Table(status="missing", why=error.message)
    return compare(a, Source(tuple(new.places(name))), Options(key=new.tables[name].key, report="counts"))
