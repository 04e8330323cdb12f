"""A fingerprint of a table's rows that BigQuery and DuckDB compute alike, whatever their order.

Each row is spelled as text without ambiguity (``N`` for null, else length, colon, value; a number as C's ``%.17e``,
which no two doubles share), hashed by MD5, and the four 32-bit words of the hashes are summed. Sums can be added and
taken away: the fingerprint of a version follows from that of another and of the files in which they differ.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from observatudo.warehouse.bigquery.quoting import identifier
from observatudo.warehouse.tables import ColumnType

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from observatudo.warehouse.bigquery.sent import Columns

Dialect = Literal["duckdb", "bigquery"]
_WORDS = (1, 9, 17, 25)


@dataclass(frozen=True)
class Fingerprint:
    """Number of rows, and the sums of the four words of their hashes."""

    rows: int = 0
    words: tuple[int, int, int, int] = (0, 0, 0, 0)

    def __add__(self, other: Fingerprint) -> Fingerprint:
        """Return the fingerprint of the rows of both."""
        a, b = self.words, other.words
        return Fingerprint(self.rows + other.rows, (a[0] + b[0], a[1] + b[1], a[2] + b[2], a[3] + b[3]))

    def __sub__(self, other: Fingerprint) -> Fingerprint:
        """Return the fingerprint of these rows without those of ``other``."""
        a, b = self.words, other.words
        return Fingerprint(self.rows - other.rows, (a[0] - b[0], a[1] - b[1], a[2] - b[2], a[3] - b[3]))

    def __str__(self) -> str:
        """Return the form that the ledger and the receipt hold."""
        return "-".join(str(number) for number in (self.rows, *self.words))

    @classmethod
    def parse(cls, text: str) -> Fingerprint:
        """Return the fingerprint that ``str`` wrote; raises ValueError for anything else."""
        rows, a, b, c, d = (int(number) for number in text.split("-"))
        return cls(rows, (a, b, c, d))


def expression(columns: Columns, dialect: Dialect) -> str:
    """Return the aggregate that gives ``str(Fingerprint)`` of the rows of a query with these columns."""
    text, integer = ("string", "int64") if dialect == "bigquery" else ("varchar", "bigint")
    digest = "to_hex(md5({}))" if dialect == "bigquery" else "md5({})"
    digest = digest.format(row(columns, dialect))
    sums = [
        f"cast(coalesce(sum(cast(concat('0x', substr({digest}, {start}, 8)) as {integer})), 0) as {text})"
        for start in _WORDS
    ]
    words = ", '-', ".join(sums)
    return f"concat(cast(count(*) as {text}), '-', {words})"


def row(columns: Columns, dialect: Dialect) -> str:
    """Return the expression that spells a row as text: of two rows, the same only if every value is."""
    parts = [_spelled(_text(identifier(name, dialect), kind, dialect), dialect) for name, kind in columns]
    return f"concat({', '.join(parts)})"


def _text(column: str, kind: ColumnType, dialect: Dialect) -> str:
    if kind == "number":
        return f"format('%.17e', {column})" if dialect == "bigquery" else f"printf('%.17e', {column})"
    return column if kind == "string" else f"cast({column} as {'string' if dialect == 'bigquery' else 'varchar'})"


def _spelled(text: str, dialect: Dialect) -> str:
    length = f"char_length({text})" if dialect == "bigquery" else f"length({text})"
    return (
        f"case when {text} is null then 'N' else"
        f" concat(cast({length} as {'string' if dialect == 'bigquery' else 'varchar'}), ':', {text}) end"
    )


def of_files(files: Sequence[Path], columns: Columns) -> Fingerprint:
    """Return the fingerprint of the rows of Parquet files; of none, that of an empty table."""
    import duckdb

    if not files:
        return Fingerprint()
    with duckdb.connect() as connection:
        found = connection.execute(
            f"select {expression(columns, 'duckdb')} from read_parquet(?)", [[str(path) for path in files]]
        ).fetchall()
    return Fingerprint.parse(str(found[0][0]))
