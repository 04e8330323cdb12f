"""Types: which ones are the same in substance, and what two different ones are brought to before they are compared."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from observatudo.ingest.sql import ident

EXACT = 2**53  # from here on a double does not hold every integer
NUMBER = r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?"  # a text that is a number, as JSON writes them
_DIGITS = 38  # the most a 128-bit decimal holds


def normal(kind: pa.DataType) -> pa.DataType | None:
    """Return the type a column is compared in when both sides have this one; None for nested and exotic types."""
    if pa.types.is_dictionary(kind):
        return normal(kind.value_type)
    if pa.types.is_timestamp(kind):
        return pa.timestamp("ns" if kind.unit == "ns" else "us", "UTC" if kind.tz else None)
    if pa.types.is_decimal(kind):
        return pa.decimal128(kind.precision, kind.scale) if kind.precision <= _DIGITS else None
    if pa.types.is_uint64(kind):
        return pa.decimal128(20, 0)
    for is_one, plain in _PLAIN:
        if is_one(kind):
            return plain
    return None


_PLAIN = (
    (pa.types.is_boolean, pa.bool_()),
    (pa.types.is_integer, pa.int64()),
    (pa.types.is_floating, pa.float64()),
    (pa.types.is_string, pa.string()),
    (pa.types.is_large_string, pa.string()),
    (pa.types.is_string_view, pa.string()),
    (pa.types.is_binary, pa.binary()),
    (pa.types.is_large_binary, pa.binary()),
    (pa.types.is_fixed_size_binary, pa.binary()),
    (pa.types.is_date, pa.date32()),
    (pa.types.is_null, pa.null()),
)


def is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or (pa.types.is_dictionary(kind) and pa.types.is_string(kind.value_type)))


def is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def shown(kind: pa.DataType) -> str:
    """Return the name of a type in a report: how a text is kept in a file does not matter to its reader."""
    plain = normal(kind)
    return str(plain) if plain is not None and (is_text(plain) or pa.types.is_binary(plain)) else str(kind)


@dataclass(frozen=True)
class Column:
    """One column of both sides: its names, the types its values are compared in, and how DuckDB brings them there.

    The types are equal, but for an integer beside a double and a text beside a number:
    those are compared as they are. ``direct`` where Arrow alone can bring both sides to their types.
    """

    name: str
    a: str
    b: str
    type_a: pa.DataType
    type_b: pa.DataType
    sql_a: str
    sql_b: str
    direct: bool

    def mixed(self) -> bool:
        return not self.type_a.equals(self.type_b)


def column(name: str, names: tuple[str, str], types: tuple[pa.DataType, pa.DataType], *, key: bool) -> Column:
    """Return how to compare column ``names[0]`` of *a* with ``names[1]`` of *b*, as column ``name`` of the result."""
    first, second = normal(types[0]), normal(types[1])
    first, second = first or pa.string(), second or pa.string()
    raw = (ident(names[0]), ident(names[1]))
    plain = all(normal(kind) is not None for kind in types)
    if pa.types.is_null(first) or pa.types.is_null(second):
        first = second = second if pa.types.is_null(first) else first
    if first.equals(second):
        sql = tuple(name if plain else f"CAST({name} AS VARCHAR)" for name in raw)
        return Column(name, *names, first, second, sql[0], sql[1], direct=plain)
    brought = (_key if key else _value)(first, second, raw) if plain else None
    target_a, target_b, sql_a, sql_b, direct = brought or (
        pa.string(),
        pa.string(),
        _text(raw[0]),
        _text(raw[1]),
        False,
    )
    return Column(name, *names, target_a, target_b, sql_a, sql_b, direct)


_Brought = tuple[pa.DataType, pa.DataType, str, str, bool]


def _text(name: str) -> str:
    return f"CAST({name} AS VARCHAR)"


def _key(first: pa.DataType, second: pa.DataType, raw: tuple[str, str]) -> _Brought | None:
    """Keys of unlike types meet as text in its one canonical form: ``03550308`` and `` 3550308`` are no 3550308."""
    if {first, second} <= {pa.date32(), *_instants()}:
        return _instant(raw)
    if any(pa.types.is_floating(kind) for kind in (first, second)):
        sql = [
            _whole(name) if pa.types.is_floating(k) else _text(name)
            for name, k in zip(raw, (first, second), strict=True)
        ]
        return pa.string(), pa.string(), sql[0], sql[1], False
    direct = {first, second} == {pa.int64(), pa.string()}
    return pa.string(), pa.string(), _text(raw[0]), _text(raw[1]), direct


def _whole(name: str) -> str:
    """A double that is a whole number reads as that integer."""
    whole = f"{name} = floor({name}) AND abs({name}) < 9e18"
    return f"CASE WHEN {whole} THEN CAST(CAST({name} AS BIGINT) AS VARCHAR) ELSE CAST({name} AS VARCHAR) END"


def _value(first: pa.DataType, second: pa.DataType, raw: tuple[str, str]) -> _Brought | None:
    kinds = {first, second}
    if kinds <= {pa.int64(), pa.float64()}:
        return first, second, *raw, True
    if pa.string() in kinds and kinds & {pa.int64(), pa.float64()}:
        return first, second, *raw, True
    if kinds <= {pa.date32(), *_instants()}:
        return _instant(raw)
    if kinds <= {pa.int64(), pa.bool_()}:
        return pa.int64(), pa.int64(), f"CAST({raw[0]} AS BIGINT)", f"CAST({raw[1]} AS BIGINT)", False
    if all(is_number(kind) for kind in kinds):
        return _decimals(first, second, raw)
    return None


def _instants() -> list[pa.DataType]:
    return [pa.timestamp(unit, zone) for unit in ("us", "ns") for zone in (None, "UTC")]


def _instant(raw: tuple[str, str]) -> _Brought:
    """A date is its midnight, a time without a zone is one in UTC."""
    kind = pa.timestamp("us", "UTC")
    return kind, kind, f"CAST({raw[0]} AS TIMESTAMPTZ)", f"CAST({raw[1]} AS TIMESTAMPTZ)", False


def _decimals(first: pa.DataType, second: pa.DataType, raw: tuple[str, str]) -> _Brought:
    """Decimals and integers meet in a decimal wide enough for both; beside a double both become the nearest double."""
    if not any(pa.types.is_floating(kind) for kind in (first, second)):
        sizes = [
            (19, 0) if pa.types.is_integer(kind) else (kind.precision - kind.scale, kind.scale)
            for kind in (first, second)
        ]
        scale = max(size[1] for size in sizes)
        digits = max(size[0] for size in sizes) + scale
        if digits <= _DIGITS:
            kind, cast = pa.decimal128(digits, scale), f"DECIMAL({digits}, {scale})"
            return kind, kind, f"CAST({raw[0]} AS {cast})", f"CAST({raw[1]} AS {cast})", False
    # through text: a direct cast of a decimal may miss the nearest double by one digit
    nearest = [f"CAST(CAST({name} AS VARCHAR) AS DOUBLE)" for name in raw]
    return pa.float64(), pa.float64(), nearest[0], nearest[1], False
