"""Columns that came, went, changed their type or only their name; a new name is found by the values below it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from observatudo.compare import model
from observatudo.compare.rows.options import Options, Source
from observatudo.ingest.sql import ident

if TYPE_CHECKING:
    import pyarrow as pa

    from observatudo.compare.rows.files import File
    from observatudo.compare.rows.types import Column
    from observatudo.compare.rows.work import Work

SAMPLE = 20_000  # keys whose rows are looked at
SHARE = 0.9  # of rows on which the two columns must have the same value, and of the agreement beyond chance
_FEW = 2  # values a column must have among those rows: a constant tells nothing


def schema_changes(
    table: str, a: Source, b: Source, key: tuple[str, ...], options: Options | None = None
) -> list[model.ColumnChange]:
    """Return the columns of a table that were added, removed, retyped or renamed from *a* to *b*.

    A removed and an added column are one that was renamed when they have the same values on rows of the same key:
    on at least nine tenths of a sample, beyond what chance would give, each the other's only best.
    ``options`` gives memory and the folder to spill into. A side without files has no columns that changed; of
    columns that share a name the first stands for all. Raises ObservatudoError when a file cannot be read.
    """
    from observatudo.compare.rows.files import footers
    from observatudo.compare.rows.work import working

    options = options or Options(key)
    with working(options) as work:
        here, there = footers(a, work.folder / "a"), footers(b, work.folder / "b")
        work.files = [*here, *there]
        if not here or not there:
            return []
        renamed = _renamed(work, here, there, key)
    old, new = here[0].schema, there[0].schema
    found = []
    for name in dict.fromkeys([*old.names, *new.names]):
        if name in renamed:
            to, share = renamed[name]
            found.append(_renaming(table, name, to, share, here, there))
        elif name not in new.names:
            found.append(_column(table, name, "removed", a=here))
        elif name not in old.names and name not in {to for to, _share in renamed.values()}:
            found.append(_column(table, name, "added", b=there))
        elif name in old.names and _retyped(name, name, here, there):
            found.append(_column(table, name, "retyped", a=here, b=there))
    return found


def _type(files: Sequence[File], name: str) -> str:
    from observatudo.compare.rows.types import shown

    return shown(_kind(files, name))


def _kind(files: Sequence[File], name: str) -> pa.DataType:
    schema = files[0].schema
    return schema.field(schema.names.index(name)).type


def _retyped(old: str, new: str, a: Sequence[File], b: Sequence[File]) -> bool:
    return _type(a, old) != _type(b, new)


def _column(
    table: str,
    name: str,
    change: str,
    a: Sequence[File] | None = None,
    b: Sequence[File] | None = None,
) -> model.ColumnChange:
    return model.ColumnChange.model_validate(
        {
            "table": table,
            "column": name,
            "change": change,
            "a": _type(a, name) if a else None,
            "b": _type(b, name) if b else None,
            "lossy": bool(a and b and _lossy(name, name, a, b)),
        }
    )


def _renaming(table: str, old: str, new: str, share: float, a: Sequence[File], b: Sequence[File]) -> model.ColumnChange:
    return model.ColumnChange(
        table=table,
        column=old,
        change="renamed",
        a=_type(a, old),
        b=_type(b, new),
        renamed_to=new,
        share=share,
        lossy=_retyped(old, new, a, b) and _lossy(old, new, a, b),
    )


def _lossy(old: str, new: str, a: Sequence[File], b: Sequence[File]) -> bool:
    """Say whether the new type may not hold every value of the old column."""
    from observatudo.compare.rows import losses
    from observatudo.compare.rows.files import span

    bounds = [span(file, old, nulls=True) for file in a if file.rows]
    return losses.lossy(_kind(a, old), _kind(b, new), bounds)


def _renamed(work: Work, a: Sequence[File], b: Sequence[File], key: tuple[str, ...]) -> dict[str, tuple[str, float]]:
    """Return old name → new name and the share of equal values."""
    from observatudo.compare.rows.columns import ambiguous
    from observatudo.compare.rows.types import column

    if ambiguous(a) or ambiguous(b):
        return {}
    old, new = a[0].schema, b[0].schema
    gone = [name for name in old.names if name not in new.names and name not in key]
    came = [name for name in new.names if name not in old.names and name not in key]
    if not gone or not came or not key or not set(key) <= set(old.names) & set(new.names):
        return {}
    keys = [column(name, (name, name), (old.field(name).type, new.field(name).type), key=True) for name in key]
    pairs = [
        column(f"{one} {other}", (one, other), (old.field(one).type, new.field(other).type), key=False)
        for one in gone
        for other in came
    ]
    shares = _agreement(work, a, b, keys, pairs)
    return {one: found for one in gone if (found := _mutual(one, shares)) is not None}


def _mutual(one: str, shares: dict[tuple[str, str], float]) -> tuple[str, float] | None:
    """Return the column that is the only best of ``one`` and of which ``one`` is the only best."""
    mine = sorted((share, other) for (name, other), share in shares.items() if name == one)
    if not mine or (len(mine) > 1 and mine[-1][0] == mine[-2][0]):
        return None
    share, other = mine[-1]
    theirs = [rival for (name, found), rival in shares.items() if found == other and name != one]
    return (other, share) if share > max(theirs, default=0.0) else None


def _agreement(
    work: Work, a: Sequence[File], b: Sequence[File], keys: Sequence[Column], pairs: Sequence[Column]
) -> dict[tuple[str, str], float]:
    """Return the share of equal values of each pair of columns that agree enough, over a sample of common keys."""
    names = ", ".join(ident(key.name) for key in keys)
    rows = max(sum(file.rows for file in files) for files in (a, b))
    every = max(1, rows // SAMPLE)
    for side, files in (("a", a), ("b", b)):
        work.connection.execute(f"CREATE OR REPLACE TEMP TABLE {side} AS {_sampled(files, keys, pairs, side, every)}")
    found = {}
    for pair in pairs:
        name = ident(pair.name)
        work.connection.execute(
            f"CREATE OR REPLACE TEMP TABLE pair AS SELECT a.{name} AS x, b.{name} AS y FROM a JOIN b USING ({names}) "
            f"WHERE a.{name} IS NOT NULL OR b.{name} IS NOT NULL"
        )
        share = _share(work)
        if share is not None:
            found[pair.a, pair.b] = share
    return found


def _sampled(files: Sequence[File], keys: Sequence[Column], pairs: Sequence[Column], side: str, every: int) -> str:
    from observatudo.compare.rows.hashing import hashed
    from observatudo.compare.rows.types import is_text
    from observatudo.compare.rows.work import scan

    shown = [f"{key.sql_a if side == 'a' else key.sql_b} AS {ident(key.name)}" for key in keys]
    for pair in pairs:
        expression = pair.sql_a if side == "a" else pair.sql_b
        if pair.mixed() and is_text(pair.type_a if side == "a" else pair.type_b):
            expression = f"TRY_CAST({expression} AS DOUBLE)"
        elif pair.mixed():
            expression = f"CAST({expression} AS DOUBLE)"
        shown.append(f"{expression} AS {ident(pair.name)}")
    return f"SELECT {', '.join(shown)} FROM {scan(files)} WHERE {hashed(keys, side)} % {every} = 0"


def _share(work: Work) -> float | None:
    """Return the share of rows on which x and y are equal, None when that is too little or chance would do it.

    Chance: how often they would be equal if rows were paired anew (Cohen's kappa); a flag that is nearly always
    false agrees with every other such flag.
    """
    fetch = work.connection.execute(
        "SELECT count(*), count(*) FILTER (x IS NOT DISTINCT FROM y), count(DISTINCT x), count(DISTINCT y) FROM pair"
    ).fetchall()
    rows, equal, values_x, values_y = fetch[0]
    if not rows or min(values_x, values_y) < _FEW or equal / rows < SHARE:
        return None
    by_chance = work.connection.execute(
        "WITH xs AS (SELECT x AS v, count(*) AS n FROM pair GROUP BY 1), "
        "ys AS (SELECT y AS v, count(*) AS n FROM pair GROUP BY 1) "
        "SELECT coalesce(sum(CAST(xs.n AS DOUBLE) * ys.n), 0) FROM xs JOIN ys ON xs.v IS NOT DISTINCT FROM ys.v"
    ).fetchall()[0][0] / (rows * rows)
    beyond = (equal / rows - by_chance) / (1 - by_chance) if by_chance < 1 else 0.0
    return equal / rows if beyond >= SHARE else None
