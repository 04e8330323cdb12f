"""``localizado`` → one Parquet file per indicator, sorted by key, in one sorted pass whatever the number of rows.

Rows of one key stand together then: parts of a municipality are added up, any other second row of a key is
a duplicate and all of them are rejects.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypedDict, cast

from observatudo import parquet
from observatudo.config import IndicatorColumns
from observatudo.ingest.rows import DUPLICATE, value_failure
from observatudo.ingest.sql import failure, ident, literal, published, raw, reason

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date
    from pathlib import Path

    import duckdb
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    from observatudo.config import Dataset, Field, Indicator

    Flags = NDArray[np.bool_]

KEY = ("id_indicador", "id_municipio", "data_referencia")
NO_ROWS = "sem_linhas"  # the file that says that a dataset has no observation at all
_BATCH = parquet.ROW_GROUP
_NAMED = 10
_ORDER = ["_posicao", "_id_local", "_data", "_r"]


class Cell(TypedDict):
    """One value of one row, as the sorted pass gives it; places and files by their position in ``_Names``."""

    _posicao: int
    _id_local: int
    _data: date
    _r: int
    _arquivo: int
    _linha: int
    _relacao: str | None
    _nome: str | None
    _falhou: bool | None
    valor: float | None
    valor_texto: str | None
    valor_original: str | None
    justificativa: str | None


@dataclass(frozen=True)
class _Names:
    """What the numbers of a cell stand for: indicators in alphabetical order, places and files."""

    indicators: list[str]
    places: list[str]
    files: list[str]


@dataclass
class Outcome:
    """What was written: how many observations, which rows (by ``_r``) reached one, and the duplicated keys.

    ``named`` are up to ten of these keys, each with the places of its rows; ``duplicates`` wait to be rejected.
    """

    kept: Flags
    rows: int = 0
    duplicates: list[tuple[Cell, str]] = field(default_factory=list)
    named: list[str] = field(default_factory=list)


def write(
    con: duckdb.DuckDBPyConnection, dataset: Dataset, rows_read: int, folder: Path, corrected: Sequence[str] = ()
) -> Outcome:
    """Write every indicator's observations under ``folder``; values that fail and duplicates become rejects.

    ``corrected`` are the fields of which some texts were corrected.

    A value that could not be taken is a reject of its own; its row stands as long as one value of it does.
    """
    import numpy as np

    for measure in dataset.measures():
        _reject_failed(con, measure)
    names = _Names(_indicators(con, dataset), _enum(con, "local"), _enum(con, "arquivo"))
    outcome = Outcome(np.zeros(rows_read, dtype=np.bool_))
    reader = con.cursor().sql(_sorted(dataset, corrected)).to_arrow_reader(_BATCH)
    pieces = _pieces(_resolved(con, _whole_keys(reader), names, outcome), outcome)
    written = set()
    for position, tables in itertools.groupby(pieces, key=lambda piece: piece[0]):
        name = names.indicators[position]
        parquet.write_batches(_columns(tables, names, position, dataset), _schema(), folder / f"{name}.parquet")
        written.add(name)
    for name in [name for name in names.indicators if name not in written] or ([] if written else [NO_ROWS]):
        parquet.write_batches((), _schema(), folder / f"{name}.parquet")
    return outcome


def _reject_failed(con: duckdb.DuckDBPyConnection, measure: Indicator | IndicatorColumns) -> None:
    reason = value_failure(measure)
    column, text = literal(measure.value), raw(measure.value)
    if measure.text is not None:
        own = f"{failure(measure.value)} IS NOT NULL"
        column = f"CASE WHEN {own} THEN {column} ELSE {literal(measure.text)} END"
        text = f"CASE WHEN {own} THEN {text} ELSE {raw(measure.text)} END"
    con.execute(f"""
        INSERT INTO recusado SELECT _r, _arquivo, _linha, {column}, {text}, {reason}
        FROM localizado WHERE {reason} IS NOT NULL
    """)


def _indicators(con: duckdb.DuckDBPyConnection, dataset: Dataset) -> list[str]:
    """Return the ids in alphabetical order; ``posicao`` (_indicador, _posicao) leads there from the rows' numbers."""
    if dataset.indicator_columns is None:
        return sorted(indicator.id for indicator in dataset.indicators)
    con.execute("""
        CREATE TABLE posicao AS
        SELECT _n AS _indicador, CAST(row_number() OVER (ORDER BY id) - 1 AS INTEGER) AS _posicao
        FROM indicador_visto
    """)
    return [row[0] for row in con.execute("SELECT id FROM indicador_visto ORDER BY id").fetchall()]


def _enum(con: duckdb.DuckDBPyConnection, name: str) -> list[str]:
    found: list[str] = con.execute(f"SELECT enum_range(NULL::{name})").fetchall()[0][0]
    return found


def _sorted(dataset: Dataset, corrected: Sequence[str]) -> str:
    """Return the query of all values of ``localizado`` in the order of the key, then of their rows."""
    ordered = sorted(dataset.indicators, key=lambda indicator: indicator.id)
    if dataset.indicator_columns is not None:
        join = "JOIN posicao AS p USING (_indicador)"
        cells = _cells(dataset, dataset.indicator_columns, "p._posicao", join, corrected)
    else:
        cells = " UNION ALL ".join(
            _cells(dataset, each, str(position), "", corrected) for position, each in enumerate(ordered)
        )
    return f"{cells} ORDER BY {', '.join(_ORDER)}"


def _cells(
    dataset: Dataset, measure: Indicator | IndicatorColumns, position: str, join: str, corrected: Sequence[str]
) -> str:
    value = next(each for each in dataset.fields if each.name == measure.value)
    is_text = value.type == "string"
    number = "CAST(NULL AS DOUBLE)" if is_text else f"CAST({ident(value.name)} AS DOUBLE)"
    text = ident(value.name) if is_text else None
    if measure.text is not None:
        spoken = f"{failure(measure.text)} IS NULL AND {ident(value.name)} IS NULL"
        text = f"CASE WHEN {spoken} THEN {ident(measure.text)} END"
    by_name = dataset.locality is not None and dataset.locality.name is not None
    failed = f"{value_failure(measure)} IS NOT NULL"
    # a part whose value is rejected is passed on: the sum of the others would be wrong without a word
    kept = f"NOT ({failed})" + (" OR _relacao = 'parte'" if by_name else "")
    # a column that is null throughout one byte wide: sorting moves every byte
    optional = {
        "_relacao": "CAST(_relacao AS VARCHAR)" if by_name else None,
        "_nome": "_nome" if by_name else None,
        "_falhou": failed if by_name else None,
        "valor_texto": text,
        "justificativa": _corrected(_said(value, measure), measure, corrected),
    }
    original = raw(value.name)
    if value.name in corrected:
        original = f"coalesce({published(value.name)}, {original})"
    rest = ", ".join(f"{each or 'NULL::BOOLEAN'} AS {name}" for name, each in optional.items())
    return f"""
        SELECT CAST({position} AS INTEGER) AS _posicao, CAST(enum_code(_id_local) AS INTEGER) AS _id_local, _data, _r,
            CAST(enum_code(_arquivo) AS INTEGER) AS _arquivo, _linha, {number} AS valor,
            nullif({original}, '') AS valor_original, {rest}
        FROM localizado {join} WHERE {kept}
    """


def _said(value: Field, measure: Indicator | IndicatorColumns) -> str | None:
    """Return the expression for what is known of a value: why it is missing, or what the source notes."""
    note = ident(measure.note) if isinstance(measure, IndicatorColumns) and measure.note else None
    labels = "".join(
        f" WHEN {literal(text)} THEN {literal(label)}" for text, label in sorted(value.missing().items()) if label
    )
    missing = f"CASE {raw(value.name)}{labels} END" if labels else None
    return f"coalesce({missing}, {note})" if missing and note else missing or note


def _corrected(said: str | None, measure: Indicator | IndicatorColumns, corrected: Sequence[str]) -> str | None:
    """Return what is known of a value, after why its number or text was corrected."""
    names = [name for name in (measure.value, measure.text) if name is not None and name in corrected]
    if not names:
        return said
    parts = [f"'corrigido: ' || {reason(name)}" for name in dict.fromkeys(names)]
    return f"nullif(concat_ws('; ', {', '.join([*parts, said or 'NULL'])}), '')"


def _whole_keys(reader: pa.RecordBatchReader) -> Iterator[pa.Table]:
    """Yield the sorted cells in tables that never cut the rows of one key apart."""
    import numpy as np
    import pyarrow as pa

    held: pa.Table | None = None
    for batch in reader:
        table = pa.Table.from_batches([batch])
        held = table if held is None else pa.concat_tables([held, table])
        starts = np.flatnonzero(~_repeats(held))
        if len(starts) > 1:
            last = int(starts[-1])
            yield held.slice(0, last).combine_chunks()
            held = held.slice(last)
    if held is not None and held.num_rows:
        yield held.combine_chunks()


def _repeats(cells: pa.Table) -> Flags:
    """Return, row by row, whether it has the same key as the row before."""
    import numpy as np
    import pyarrow.compute as compute

    same = np.zeros(cells.num_rows, dtype=np.bool_)
    if cells.num_rows > 1:
        same[1:] = True
        for name in _ORDER[:3]:
            column = cells.column(name)
            equal = compute.equal(column.slice(1), column.slice(0, cells.num_rows - 1))
            same[1:] &= equal.to_numpy()
    return same


def _resolved(
    con: duckdb.DuckDBPyConnection, tables: Iterator[pa.Table], names: _Names, outcome: Outcome
) -> Iterator[pa.Table]:
    """Yield the cells with one row per key: parts added up, duplicates rejected."""
    import numpy as np
    import pyarrow as pa

    for table in tables:
        repeats = _repeats(table)
        if not repeats.any():
            yield _sound(table)
            continue
        several = repeats | np.append(repeats[1:], False)
        cells = cast("list[Cell]", table.filter(pa.array(several)).to_pylist())
        merged: list[Cell] = []
        for _key, same in itertools.groupby(cells, key=_key_of):
            merged += _one(list(same), names, outcome)
        _reject_duplicates(con, names, outcome)
        alone = _sound(table.filter(pa.array(~several)))
        justified = table.schema.set(
            table.schema.get_field_index("justificativa"), pa.field("justificativa", pa.string())
        )
        added = pa.Table.from_pylist([dict(cell) for cell in merged], schema=justified)
        yield pa.concat_tables([alone.cast(justified), added]).sort_by([(name, "ascending") for name in _ORDER])


def _sound(table: pa.Table) -> pa.Table:
    """Return the cells whose value was not rejected."""
    import pyarrow.compute as compute

    failed = table.column("_falhou")
    return table if failed.null_count == len(failed) else table.filter(compute.invert(failed))


def _key_of(cell: Cell) -> tuple[int, int, date]:
    return cell["_posicao"], cell["_id_local"], cell["_data"]


def _one(cells: list[Cell], names: _Names, outcome: Outcome) -> list[Cell]:
    """Return the one cell that several of a key make, or none when they are duplicates.

    Different parts of a municipality add up to it, beside at most one row of its own; any other second row
    of a key, and the same part once more, is a duplicate.
    """
    parts = [cell["_nome"] for cell in cells if cell["_relacao"] == "parte"]
    if len(cells) - len(parts) > 1 or len(parts) > len(set(parts)):
        first = cells[0]
        key = f"{names.indicators[first['_posicao']]}/{names.places[first['_id_local']]}/{first['_data']}"
        outcome.duplicates += [(cell, key) for cell in cells]
        if len(outcome.named) < _NAMED:
            where = (f"{names.files[cell['_arquivo']]}:{cell['_linha']}" for cell in cells)
            outcome.named.append(f"{key} ({', '.join(where)})")
        return []
    sound = [cell for cell in cells if not cell["_falhou"]]
    outcome.kept[[cell["_r"] for cell in sound]] = True
    return [_sum(sound, len(cells))] if sound else []


def _sum(cells: list[Cell], wanted: int) -> Cell:
    """Return the sum of a municipality's parts: no value where that of one is missing or was rejected."""
    values = [cell["valor"] for cell in cells if cell["valor"] is not None]
    texts = {cell["valor_texto"] for cell in cells if cell["valor_texto"] is not None}
    whole = len(values) == wanted or (not values and len(texts) == 1)
    said = [cell["justificativa"] for cell in cells if cell["justificativa"] is not None]
    summed = f"soma de {wanted} linhas" if whole else f"falta o valor de uma das {wanted} partes"
    return {
        **cells[0],
        "valor": sum(values) if values and whole else None,
        "valor_texto": next(iter(texts)) if whole and len(texts) == 1 else None,
        "valor_original": " + ".join(cell["valor_original"] or "∅" for cell in cells),
        "justificativa": "; ".join(dict.fromkeys([summed, *said])),
    }


def _pieces(tables: Iterator[pa.Table], outcome: Outcome) -> Iterator[tuple[int, pa.Table]]:
    """Cut the cells where the indicator changes, and note which rows they came from."""
    import numpy as np

    for table in tables:
        outcome.kept[table.column("_r").to_numpy()] = True
        outcome.rows += table.num_rows
        positions = table.column("_posicao").to_numpy()
        changes = np.flatnonzero(positions[1:] != positions[:-1]) + 1
        for start, end in itertools.pairwise([0, *map(int, changes), table.num_rows]):
            if end > start:
                yield int(positions[start]), table.slice(start, end - start)


def _columns(
    pieces: Iterator[tuple[int, pa.Table]], names: _Names, position: int, dataset: Dataset
) -> Iterator[pa.RecordBatch]:
    """Yield the cells of one indicator as the columns that are published."""
    import pyarrow as pa

    places = pa.array(names.places)
    for _position, table in pieces:
        columns = {
            "id_indicador": _constant(names.indicators[position], table.num_rows),
            "id_municipio": places.take(table.column("_id_local").combine_chunks()),
            "data_referencia": table.column("_data"),
            "periodicidade": _constant(dataset.frequency, table.num_rows),
        }
        rest = ("valor", "valor_texto", "valor_original", "justificativa")
        columns |= {name: table.column(name).cast(_schema().field(name).type) for name in rest}
        yield from pa.table(columns, schema=_schema()).to_batches()


def _constant(text: str, rows: int) -> pa.DictionaryArray:
    import numpy as np
    import pyarrow as pa

    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, dtype=np.int8)), pa.array([text]))


def _schema() -> pa.Schema:
    import pyarrow as pa

    # in the file both are text; here one text for all rows
    text, constant = pa.string(), pa.dictionary(pa.int8(), pa.string())
    return pa.schema(
        [
            ("id_indicador", constant),
            ("id_municipio", text),
            ("data_referencia", pa.date32()),
            ("periodicidade", constant),
            ("valor", pa.float64()),
            ("valor_texto", text),
            ("valor_original", text),
            ("justificativa", text),
        ]
    )


def _reject_duplicates(con: duckdb.DuckDBPyConnection, names: _Names, outcome: Outcome) -> None:
    import pyarrow as pa

    if not outcome.duplicates:
        return
    cells = [cell for cell, _key in outcome.duplicates]
    rejects = pa.table(
        {
            "_r": pa.array([cell["_r"] for cell in cells], pa.int64()),
            "arquivo": [names.files[cell["_arquivo"]] for cell in cells],
            "linha": pa.array([cell["_linha"] for cell in cells], pa.int64()),
            "texto": [key for _cell, key in outcome.duplicates],
        }
    )
    con.register("duplicadas", rejects)
    con.execute(f"""
        INSERT INTO recusado
        SELECT _r, arquivo, linha, {literal("+".join(KEY))}, texto, {literal(DUPLICATE)} FROM duplicadas
    """)
    con.unregister("duplicadas")
    outcome.duplicates.clear()
