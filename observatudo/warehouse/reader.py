"""A look into the warehouse, read-only: how many rows a model has, which rows a test found."""

from __future__ import annotations

import math
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from observatudo.errors import ObservatudoError
from observatudo.warehouse import engine

if TYPE_CHECKING:
    from observatudo.warehouse.artifacts import Node
    from observatudo.warehouse.engine import Engine

SAMPLE = 5

Cell: TypeAlias = str | int | float | bool | None


@dataclass(frozen=True)
class Sample:
    """Some rows under their header; ``problem`` says why there are none where there should be."""

    header: tuple[str, ...] = ()
    rows: tuple[tuple[Cell, ...], ...] = ()
    problem: str = ""


class Reader:
    """The warehouse, open for reading; where it cannot be, ``problem`` says why and nothing is found."""

    def __init__(self, root: Path, adapter: str) -> None:
        self.problem = ""
        self._root = root
        self._adapter = adapter
        self._engine: Engine | None = None
        self._open = ExitStack()

    def __enter__(self) -> Reader:
        try:
            self._engine = self._open.enter_context(engine.opened(self._root, self._adapter))
        except ObservatudoError as error:
            self.problem = str(error)
        return self

    def __exit__(self, *_error: object) -> None:
        self._open.close()

    def count(self, node: Node) -> int | None:
        """Return how many rows a model has; None where the warehouse does not have it."""
        if self._engine is None:
            return None
        try:
            return self._engine.count(node.alias, node.schema)
        except ObservatudoError:
            return None

    def sample(self, sql: str) -> Sample:
        """Return the first rows that a test's SQL finds, or why there are none."""
        if self._engine is None:
            return Sample(problem=self.problem)
        try:
            found = self._engine.sample(sql, SAMPLE)
        except ObservatudoError as error:
            return Sample(problem=str(error))
        return Sample(found.header, tuple(tuple(map(_plain, row)) for row in found.rows))


def _plain(value: object) -> Cell:
    """Return a value as JSON has it."""
    if value is None or isinstance(value, bool | int | str):
        return value
    return value if isinstance(value, float) and math.isfinite(value) else str(value)
