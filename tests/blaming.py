"""Histories of one cell, and the questions that blame is asked of them."""

from __future__ import annotations

import copy
import shutil
from pathlib import Path

from observatudo.audit.timeline import Blame, Question
from observatudo.audit.timeline.cells import Condition
from tests.past import DATASET, Past, Row, label, observation, past

TABLE = f"{DATASET}/observacao"
CONFIG = f"configs/datasets/{DATASET}.yaml"
OUT = f"data/ingested/{DATASET}"
SP, RJ = "3550308", "3304557"


def asked(
    place: str | None = SP, indicator: str | None = "pib", year: int | None = 2019, table: str = TABLE, **others: str
) -> Question:
    """Return the question that the command's options make."""
    conditions = [Condition(("id_indicador",), indicator)] if indicator else []
    conditions += [Condition(("id_municipio", "id_localidade"), place, "place")] if place else []
    conditions += [Condition(("data_referencia", "ano"), str(year), "year")] if year else []
    conditions += [Condition((column,), value) for column, value in others.items()]
    return Question(table, tuple(conditions))


def values(found: Blame, column: str = "valor") -> list[tuple[str, object, object]]:
    """Return (subject, old, new) of one column, oldest first."""
    return [
        (entry.subject, change.a, change.b)
        for entry in reversed(found.entries)
        for cell in entry.cells
        for change in cell.columns
        if change.column == column
    ]


def put(repo: Past, value: float | None, *, other: float = 2.0) -> None:
    rows: list[Row] = [observation(RJ, 2019, other)]
    repo.observations(rows if value is None else [*rows, observation(SP, 2019, value)])


def commit(repo: Past, message: str, value: float | None, *, config: str = "") -> str:
    """Commit a version in which the cell has this value, with the declaration that made it."""
    if config:
        repo.write(CONFIG, config)
    put(repo, value)
    return repo.commit(message)


def history(root: Path) -> Past:
    """Return a cell that is added, changed, left alone while its neighbour changes, removed, and added again."""
    made = past(root)
    made.labels([label("pib", "Economia")])
    commit(made, "first", 1.0)
    commit(made, "second", 1.5, config="title: Outro\n")
    put(made, 1.5, other=9.0)
    made.commit("neighbour")
    commit(made, "gone", None, config="title: Sem\n")
    commit(made, "back", 1.7, config="title: Com\n")
    return made


def copied(repo: Past, root: Path) -> Past:
    """Return a copy of a repository."""
    shutil.copytree(repo.root, root, symlinks=True)
    return Past(root, copy.deepcopy(repo.lock))
