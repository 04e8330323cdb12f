"""A look into the warehouse file, read-only: how many rows a model has, which rows a test found."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from observatudo.i18n import _
from observatudo.warehouse import presence

if TYPE_CHECKING:
    import duckdb

    from observatudo.warehouse.artifacts import Node

SAMPLE = 5

Cell: TypeAlias = str | int | float | bool | None


@dataclass(frozen=True)
class Sample:
    """Some rows under their header; ``problem`` says why there are none where there should be."""

    header: tuple[str, ...] = ()
    rows: tuple[tuple[Cell, ...], ...] = ()
    problem: str = ""


class Reader:
    """The warehouse file, open for reading; where it cannot be, ``problem`` says why and nothing is found."""

    def __init__(self, root: Path, adapter: str) -> None:
        self.problem = ""
        self._root = root
        self._adapter = adapter
        self._connection: duckdb.DuckDBPyConnection | None = None

    def __enter__(self) -> Reader:
        import duckdb

        path = self._root / presence.WAREHOUSE
        if self._adapter != "duckdb":
            return self
        if not path.is_file():
            self.problem = _("the warehouse is not there; type: dvc repro -f -s transform")
            return self
        try:
            self._connection = duckdb.connect(path, read_only=True)
            self._connection.execute("set file_search_path = ?", [str(self._root)])
        except duckdb.Error as error:
            self.problem = _("the warehouse cannot be read: {why}").format(why=_one_line(error))
        return self

    def __exit__(self, *_error: object) -> None:
        if self._connection is not None:
            self._connection.close()

    def count(self, node: Node) -> int | None:
        """Return how many rows a model has; None where the warehouse does not have it."""
        import duckdb

        if self._connection is None:
            return None
        try:
            query = f"select count(*) from {_quoted(node.schema)}.{_quoted(node.alias)}"
            return int(self._connection.execute(query).fetchall()[0][0])
        except duckdb.Error:
            return None

    def sample(self, sql: str) -> Sample:
        """Return the first rows that a test's SQL finds, or why there are none."""
        import duckdb

        if self._connection is None:
            return Sample(problem=self.problem)
        try:
            found = self._connection.execute(f"select * from ({sql.strip()}\n) limit {SAMPLE}")
            header = tuple(str(column[0]) for column in found.description)
            return Sample(header, tuple(tuple(map(_plain, row)) for row in found.fetchall()))
        except duckdb.Error as error:
            return Sample(problem=_one_line(error))


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]


def _plain(value: object) -> Cell:
    """Return a value as JSON has it."""
    if value is None or isinstance(value, bool | int | str):
        return value
    return value if isinstance(value, float) and math.isfinite(value) else str(value)
