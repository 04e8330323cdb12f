"""What a rollback would do, as plain values: files in Git, files DVC holds, what follows of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from observatudo.compare.model import Table

Scope = Literal["all", "config", "data"]
Change = Literal["added", "removed", "changed"]


@dataclass(frozen=True)
class Request:
    """What is asked for: a revision, all of it or one half, of everything or of one dataset."""

    revision: str
    scope: Scope = "all"
    dataset: str = ""

    @property
    def config(self) -> bool:
        return self.scope != "data"

    @property
    def data(self) -> bool:
        return self.scope != "config"

    @property
    def whole(self) -> bool:
        """Say whether everything goes back: configuration and data of every dataset."""
        return self.scope == "all" and not self.dataset


@dataclass(frozen=True)
class Blob:
    """A file as Git keeps it: mode (``100644``) and blob hash."""

    mode: str
    sha: str


def _change(old: object, new: object) -> Change:
    return "added" if old is None else "removed" if new is None else "changed"


@dataclass(frozen=True)
class FileChange:
    """A file in Git that changes; None on the side that lacks it. Paths are relative to the repository."""

    path: str
    old: Blob | None
    new: Blob | None

    @property
    def change(self) -> Change:
        return _change(self.old, self.new)


@dataclass(frozen=True)
class OutChange:
    """An output (or snapshot) that DVC holds, by its hash in the version now and in the one to come."""

    path: str
    old: str | None
    new: str | None

    @property
    def change(self) -> Change:
        return _change(self.old, self.new)


@dataclass(frozen=True)
class HeldFile:
    """One file of an output on disk: its MD5 now and after; None where it is not there."""

    path: str
    old: str | None
    new: str | None


@dataclass(frozen=True)
class Moved:
    """A stage whose results will not count as up to date, and the dependencies and parameters because of which."""

    stage: str
    why: tuple[str, ...]


@dataclass(frozen=True)
class Warehouse:
    """What becomes of the warehouse: a file, or tables in BigQuery, which are merged back in both latter cases.

    ``untouched``: its version does not change. ``rebuilt``: from the restored data, by dbt. ``dropped``: removed,
    because dbt's models moved on since that version. ``rows`` of all marts in the version to come, where it says.
    """

    effect: Literal["untouched", "rebuilt", "dropped"]
    rows: int | None = None


@dataclass(frozen=True)
class MergedTable:
    """What the load of a table will do in BigQuery: rows, and the most bytes it sends. ``mode`` as in the ledger."""

    name: str
    mode: Literal["completa", "diferenca"]
    inserted: int
    updated: int
    removed: int
    bytes_to_send: int


@dataclass(frozen=True)
class Merge:
    """What will happen to BigQuery's tables of loads; ``problem`` says why that is not known."""

    place: str
    tables: tuple[MergedTable, ...]
    problem: str = ""


@dataclass(frozen=True)
class Plan:
    """The whole effect, but for rows. ``texts`` are contents by blob hash that Git does not have yet.

    ``branch`` and ``start`` are where the new commit goes, ``records`` run records that are committed along,
    ``pulled`` how many objects came from the remote for this.
    """

    request: Request
    branch: str
    start: str
    target: str
    files: tuple[FileChange, ...]
    outs: tuple[OutChange, ...]
    held: tuple[HeldFile, ...]
    moved: tuple[Moved, ...]
    warehouse: Warehouse
    records: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    texts: Mapping[str, bytes] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.files or self.outs or self.held)


@dataclass(frozen=True)
class Effect:
    """A plan with what it does to rows: table → comparison from now to then, of the tables that differ.

    ``merge`` is what that means for a warehouse in BigQuery, None for another.
    """

    plan: Plan
    subject: str
    date: str
    tables: Mapping[str, Table]
    pulled: int = 0
    merge: Merge | None = None
