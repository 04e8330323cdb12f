"""Pairs of tables shaped as ``observacao``, in which so many rows differ: for the comparison's benchmark."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import duckdb
import pyarrow as pa

from observatudo import parquet
from observatudo.warehouse.tables import OBSERVATION, arrow_schema

YEARS = 20
NAMES = ("sorted", "shuffled", "retyped", "few")
FEW = 20  # of the pair "few", every so many indicators one has changes
# of a row's hash, one in 1,000 is only in b, one only in a, and one in 100 has another value
_ROWS = """
SELECT 'indicador_' || lpad(CAST(k // {per_indicator} AS VARCHAR), 4, '0') AS id_indicador,
    CAST(1100015 + k % {per_indicator} // {years} * 800 AS VARCHAR) AS id_municipio,
    make_date(2003 + CAST(k % {years} AS INTEGER), 12, 31) AS data_referencia,
    'anual' AS periodicidade,
    cents / 100 AS valor,
    CASE WHEN h % 40 = 7 THEN ['A', 'B', 'C', 'D'][1 + CAST(h // 64 % 4 AS BIGINT)] END AS valor_texto,
    CAST(cents // 100 AS VARCHAR) || ',' || lpad(CAST(cents % 100 AS VARCHAR), 2, '0') AS valor_original,
    CASE WHEN h % 50 = 3 THEN 'revisto' END AS justificativa
FROM (
    SELECT k, h, d, CAST(h % 90000000 AS BIGINT)
        + CASE WHEN {b} AND {touched} AND d % 100 = 7 THEN 100 + CAST(d // 1024 % 1000 AS BIGINT) ELSE 0 END AS cents
    FROM (SELECT range AS k, hash(range) AS h, hash(range + 5000000000) AS d FROM range({start}, {end}))
)
WHERE NOT ({touched} AND d % 1000 = CASE WHEN {b} THEN 1 ELSE 2 END)
ORDER BY {order}
"""


class Pairs:
    """Makes pairs of about ``rows`` rows below a folder: ``folder/<pair>/<a or b>/*.parquet`` and ``files.json``."""

    def __init__(self, folder: Path, rows: int) -> None:
        self._folder, self._rows = folder, rows
        self._indicators = 100 if rows <= 10_000_000 else 300
        self._per_indicator = rows // self._indicators // YEARS * YEARS

    def make(self, names: Sequence[str] = NAMES) -> dict[str, Path]:
        """Write the pairs of these names and return their folders."""
        for name in names:
            for side in ("a", "b"):
                self._write(name, side, self._queries(name, side))
        return {name: self._folder / name for name in names}

    def _queries(self, name: str, side: str) -> list[tuple[str, str]]:
        """Return the name of each file of a side and the query of its rows."""
        every = self._per_indicator * self._indicators
        if name == "few":
            starts = range(0, every, self._per_indicator)
            return [(f"{n:04}", self._query(side, s, s + self._per_indicator, few=True)) for n, s in enumerate(starts)]
        order = f"hash(k + {ord(side)})" if name == "shuffled" else "k"
        query = self._query(side, 0, every, order=order)
        return [("observacao", self._retyped(side, query) if name == "retyped" else query)]

    def _query(self, side: str, start: int, end: int, *, order: str = "k", few: bool = False) -> str:
        touched = f"k // {self._per_indicator} % {FEW} = 0" if few else "true"
        b = "true" if side == "b" else "false"
        return _ROWS.format(
            per_indicator=self._per_indicator, years=YEARS, b=b, touched=touched, start=start, end=end, order=order
        )

    def _retyped(self, side: str, query: str) -> str:
        """Of *b*, the code of the municipality is an integer; of *a*, the values are."""
        changed = "CAST(round(valor * 100) AS BIGINT)" if side == "a" else "round(valor * 100)"
        code = "id_municipio" if side == "a" else "CAST(id_municipio AS BIGINT)"
        return f"SELECT * REPLACE ({changed} AS valor, {code} AS id_municipio) FROM ({query})"

    def _write(self, pair: str, side: str, files: list[tuple[str, str]]) -> None:
        listed = []
        for name, query in files:
            path = self._folder / pair / side / f"{name}.parquet"
            spill = str(self._folder / "spill")
            with duckdb.connect(config={"memory_limit": "4GB", "temp_directory": spill}) as connection:
                connection.execute("SET enable_progress_bar = false")
                reader = connection.sql(query).to_arrow_reader(parquet.ROW_GROUP)
                schema = _schema(reader.schema)
                parquet.write_batches((batch.cast(schema) for batch in reader), schema, path)
            md5 = hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
            listed.append((path.name, md5 if pair == "few" else "", str(path)))
        (self._folder / pair / f"{side}.json").write_text(json.dumps(listed))


def _schema(read: pa.Schema) -> pa.Schema:
    """The table's own types, but for a number or a code that this pair has in another."""
    own = arrow_schema(OBSERVATION)
    return pa.schema([column if pa.types.is_int64(column.type) else own.field(column.name) for column in read])
