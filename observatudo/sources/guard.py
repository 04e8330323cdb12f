"""What came, held against what stands, by the dataset's own readers: what shrank or broke is not taken in silence."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from observatudo.errors import DataError, SnapshotError
from observatudo.figures import count, percent
from observatudo.i18n import _
from observatudo.sources import sniff

if TYPE_CHECKING:
    from observatudo.config import Dataset
    from observatudo.resource import Resource

_UNNAMED = re.compile(r"coluna_\d+")
_SHOWN = 5


@dataclass(frozen=True)
class Finding:
    """One reason to refuse a snapshot: the file, what it had, and what came instead."""

    file: str
    had: str
    came: str

    def __str__(self) -> str:
        """Return it in one line."""
        return _("{file}: had {had}; came {came}").format(file=self.file, had=self.had, came=self.came)


class Refused(SnapshotError):
    """A snapshot that is not taken; ``findings`` say why."""

    def __init__(self, key: str, findings: list[Finding], kept: str) -> None:
        lines = "".join(f"\n  {finding}" for finding in findings)
        super().__init__(
            _("what came for “{key}” is refused, and the snapshot is as it was:").format(key=key) + lines,
            where=kept,
            next_step=_("look at the files there; if the source means it: observatudo fetch {key} --accept").format(
                key=key
            ),
        )
        self.findings = findings


@dataclass(frozen=True)
class _Table:
    columns: frozenset[str]
    rows: int


def check(
    dataset: Dataset, old: Mapping[str, Path], new: Mapping[str, Path], gone: list[str], min_rows_share: float
) -> list[Finding]:
    """Return why what came cannot be taken; ``old`` and ``new`` are the files that differ, by name.

    ``gone`` names the files that stood there and did not come. A file that the readers cannot read is only held
    against one that they could: a declaration that is not right yet must not keep its first file away.
    """
    findings = [Finding(name, _("a file"), _("none")) for name in gone]
    sound = {}
    for name, path in sorted(new.items()):
        problem = sniff.problem(path, name)
        if problem:
            findings.append(Finding(name, _size(old.get(name)), problem))
        else:
            sound[name] = path
    for resource in dataset.resources:
        findings += _of_resource(dataset, resource, old, sound, min_rows_share)
    return findings


def _size(path: Path | None) -> str:
    return _("nothing yet") if path is None else _("{size} bytes").format(size=count(path.stat().st_size))


def _of_resource(
    dataset: Dataset, resource: Resource, old: Mapping[str, Path], new: Mapping[str, Path], share: float
) -> Iterator[Finding]:
    before = {name: _measured(old[name], resource) for name in fnmatch.filter(old, resource.path)}
    could_read = any(isinstance(table, _Table) for table in before.values())
    for name in sorted(fnmatch.filter(new, resource.path)):
        had, came = before.get(name), _measured(new[name], resource)
        if isinstance(had, str) or not could_read:
            continue
        if isinstance(came, str):
            yield Finding(name, _said(had), _("what cannot be read: {why}").format(why=came))
        elif had is not None:
            yield from _smaller(dataset, name, had, came, share)
        elif came.rows == 0:
            yield Finding(name, _said(None), _said(came))


def _said(table: _Table | None) -> str:
    return _("nothing yet") if table is None else _("{n} rows").format(n=count(table.rows))


def _smaller(dataset: Dataset, name: str, had: _Table, came: _Table, share: float) -> Iterator[Finding]:
    lost = [column for column in sorted(had.columns - came.columns) if not _is_excused(dataset, column, came.columns)]
    if lost:
        more = ", …" if len(lost) > _SHOWN else ""
        shown = ", ".join(f"“{column}”" for column in lost[:_SHOWN]) + more
        yield Finding(
            name,
            _("the columns {names}").format(names=shown),
            _("{n} columns without them").format(n=len(came.columns)),
        )
    if came.rows < share * had.rows or (had.rows and not came.rows):
        of = percent(100 * came.rows / had.rows)
        yield Finding(name, _said(had), _("{rows}, {share} of them").format(rows=_said(came), share=of))


def _is_excused(dataset: Dataset, column: str, present: frozenset[str]) -> bool:
    """Say whether nobody misses the column: it had no name, or each field that read it has another one to read."""
    readers = [field.sources() for field in dataset.fields if field.derive is None and column in field.sources()]
    renamed = bool(readers) and all(any(name in present for name in names) for names in readers)
    return renamed or _UNNAMED.fullmatch(column) is not None


def _measured(path: Path, resource: Resource) -> _Table | str:
    """Return columns and rows as the reader finds them, or why it cannot read the file."""
    from observatudo.ingest.readers import open_source

    try:
        source = open_source(path, resource)
        rows = sum(batch.num_rows for batch in source.batches)
    except DataError as error:
        return error.message
    return _Table(frozenset(source.columns), rows)
