"""What ``observatudo blame`` and ``observatudo log`` find; their JSON is this model, in this order of fields."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, JsonValue, PlainSerializer

SCHEMA_VERSION = 1
Change = Literal["added", "removed", "changed"]
Kind = Literal[
    "snapshot",
    "correction",
    "config",
    "params",
    "override",
    "answers",
    "prompt",
    "taxonomy",
    "examples",
    "code",
    "stage",
    "libraries",
    "unexplained",
]


def _plain(value: JsonValue) -> JsonValue:
    """JSON has no infinity and no NaN."""
    return str(value) if isinstance(value, float) and value - value != 0 else value


Value = Annotated[JsonValue, PlainSerializer(_plain, when_used="json")]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FileChange(_Part):
    """One file: ``status`` is Git's letter (A, M, D, T); ``commit`` is empty in the work tree."""

    path: str
    status: str
    commit: str


class Cause(_Part):
    """One input of the output that changed with it.

    ``path`` is the dependency as dvc.yaml names it, the dotted key for ``params``, the stage itself for ``stage``
    (added or removed) and ``unexplained`` (its inputs are the same and its output is not). ``stage`` is the stage
    that reads it. ``a`` and ``b`` are the values of a parameter, or the lines of an override. ``files`` are the
    files changed at that path since the version before, the newest change first, as far as Git holds them.
    """

    kind: Kind
    path: str
    stage: str
    change: Change
    a: Value = None
    b: Value = None
    files: list[FileChange] = []


class ColumnChange(_Part):
    """One column: null stands for no value, and for no row."""

    column: str
    a: Value
    b: Value


class Cell(_Part):
    """One row: its key, and the columns that differ from every version before."""

    change: Change
    key: dict[str, str]
    columns: list[ColumnChange]


class LabelChange(_Part):
    """The axis of the indicator, before and after."""

    a: str | None
    b: str | None


class Made(_Part):
    """In which version: ``commit`` is null for what is not committed yet. Times are ISO 8601, with offset.

    ``before`` is the version that it is compared with, null for the first. ``run`` is the one whose record says
    that it made this output. ``cut`` says that what came before this version is not in this (shallow) clone.
    """

    commit: str | None
    before: str | None
    author: str
    email: str
    date: str
    subject: str
    run: str | None = None
    cut: bool = False


class Entry(Made):
    """One version in which the cell changed.

    ``unreadable`` says why its data cannot be read, ``label_unreadable`` the same of its label: then nothing else is
    known of it. ``or_in`` and ``label_or_in`` name versions that cannot be read right before it: the change may be
    theirs. ``causes`` are those of the row's change, ``label_causes`` those of the label's.
    """

    cells: list[Cell] = []
    label: LabelChange | None = None
    causes: list[Cause] = []
    label_causes: list[Cause] = []
    unreadable: str = ""
    label_unreadable: str = ""
    or_in: list[str] = []
    label_or_in: list[str] = []


class Blame(_Part):
    """The history of one cell or a few, newest first.

    ``asked`` is the question as it was understood. ``versions`` counts the versions looked at, ``cut`` says that
    the history of this clone is not whole, ``next_step`` how to read what could not be read.
    """

    schema_version: Literal[1] = 1
    table: str
    key: list[str]
    asked: dict[str, str]
    versions: int
    cut: bool
    next_step: str = ""
    entries: list[Entry]


class Step(Made):
    """One version in which the table changed; counts are null where one side cannot be read or compared (``why``)."""

    status: Literal["added", "removed", "changed", "same", "not_comparable", "missing"]
    rows: int | None = None
    added: int | None = None
    removed: int | None = None
    changed: int | None = None
    why: str = ""
    causes: list[Cause] = []


class Log(_Part):
    """The history of one table, newest first; ``more`` counts the older changes that were not asked for."""

    schema_version: Literal[1] = 1
    table: str
    key: list[str]
    versions: int
    cut: bool
    more: int
    next_step: str = ""
    entries: list[Step]
