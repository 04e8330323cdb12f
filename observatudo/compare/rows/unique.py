"""Why a key does not name one row: which of its columns are null, which keys stand more than once."""

from __future__ import annotations

from pydantic import JsonValue

from observatudo.compare.rows.hashing import Sides, signless, sql
from observatudo.compare.rows.options import NAMED
from observatudo.compare.rows.tally import json_value
from observatudo.compare.rows.work import Work, scan, select
from observatudo.i18n import _
from observatudo.ingest.sql import ident

Duplicates = list[dict[str, JsonValue]]


def why_not(work: Work, sides: Sides) -> tuple[str, Duplicates]:
    """Return what is wrong with the keys, and up to NAMED duplicated ones; ``("", [])`` when nothing is."""
    reasons = []
    duplicates: Duplicates = []
    for side in ("a", "b"):
        if not any(file.rows for file in sides.files(side)):
            continue
        for name, rows in _nulls(work, sides, side):
            text = _("{side}: {column} of the key is null in {rows} rows")
            reasons.append(text.format(side=side, column=name, rows=rows))
        count, named = _duplicates(work, sides, side)
        if count:
            reasons.append(_("{side}: {keys} keys stand more than once").format(side=side, keys=count))
            duplicates += [key for key in named if key not in duplicates]
    return "; ".join(reasons), duplicates[:NAMED]


def _nulls(work: Work, sides: Sides, side: str) -> list[tuple[str, int]]:
    counts = ", ".join(f"count(*) FILTER ({sql(column, side)} IS NULL)" for column in sides.keys)
    found = work.connection.execute(f"SELECT {counts} FROM {scan(sides.files(side))}").fetchall()[0]
    return [(column.name, rows) for column, rows in zip(sides.keys, found, strict=True) if rows]


def _duplicates(work: Work, sides: Sides, side: str) -> tuple[int, Duplicates]:
    """Return how many keys stand more than once, and the first of them in the order of the key."""
    names = ", ".join(ident(column.name) for column in sides.keys)
    filled = " AND ".join(f"{ident(column.name)} IS NOT NULL" for column in sides.keys)
    shown = [f"{signless(ident(column.name), column.type_a)} AS {ident(column.name)}" for column in sides.keys]
    rows = f"SELECT {', '.join(shown)} FROM ({select(sides.files(side), sides.keys, side)}) WHERE {filled}"
    groups = f"SELECT {names} FROM ({rows}) GROUP BY {names} HAVING count(*) > 1"
    count = work.connection.execute(f"SELECT count(*) FROM ({groups})").fetchall()[0][0]
    if not count:
        return 0, []
    first = work.connection.sql(f"{groups} ORDER BY {names} LIMIT {NAMED}").to_arrow_table()
    keys = [{name: json_value(first.column(name)[row]) for name in first.column_names} for row in range(first.num_rows)]
    return int(count), keys
