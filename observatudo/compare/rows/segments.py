"""Differences by dataset, state, indicator and year: where in the table they are."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from observatudo.compare import model
from observatudo.compare.rows.files import File
from observatudo.compare.rows.options import SEGMENTS, Options
from observatudo.compare.rows.types import Column
from observatudo.compare.rows.work import Work, scan
from observatudo.ingest.sql import ident

UNKNOWN = "?"  # the name of rows whose place, year, indicator or dataset is null or none
Parts = Mapping[str, tuple[str, ...]]
Counts = Mapping[model.Change, Counter[object]]
_CODE = re.compile(r"([0-9]{2})(?:[0-9]{4,5})?|[0-9]")
_FAR = 10_000_000  # days: 27,379 years
_YEAR = re.compile(r"([0-9]{4})(?:[-./ T].*)?")


def parts(columns: Sequence[Column], options: Options) -> dict[str, tuple[str, ...]]:
    """Return the kinds of segments that can be told from columns that both sides have: kind → columns."""
    names = {column.name for column in columns}
    asked: dict[str, tuple[str, ...]] = {
        "state": (options.place,),
        "indicator": (options.indicator,),
        "year": (options.year,),
    }
    if options.dataset_columns and not options.dataset and not options.datasets:
        asked["dataset"] = options.dataset_columns
    return {kind: wanted for kind, wanted in asked.items() if set(wanted) <= names}


def marks(rows: pa.Table, kind: str, columns: tuple[str, ...]) -> pa.ChunkedArray:
    """Return for each row what its segment is told by: of a date its year, of several columns their texts."""
    found = [rows.column(name) for name in columns]
    if kind == "year" and _is_date(found[0].type):
        return _years(found[0])
    if len(found) > 1:
        return pc.binary_join_element_wise(*(column.cast(pa.string()) for column in found), "/")
    return found[0]


def _years(dates: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return years; null where they are too far away for the 16 bits that Arrow's have."""
    years = pc.year(dates)
    if pa.types.is_timestamp(dates.type) and dates.type.unit == "ns":
        return years
    least, most = (pa.scalar(days, pa.int32()).cast(pa.date32()).cast(dates.type) for days in (-_FAR, _FAR))
    return pc.if_else(pc.and_(pc.greater(dates, least), pc.less(dates, most)), years, None)


def _is_date(kind: pa.DataType) -> bool:
    return bool(pa.types.is_date(kind) or pa.types.is_timestamp(kind))


def segments(
    work: Work,
    files: Sequence[File],
    columns: Sequence[Column],
    wanted: Parts,
    counts: Mapping[str, Counts],
    rows: Mapping[model.Change, int],
    options: Options,
) -> dict[str, list[model.Segment]]:
    """Return the segments that differ, the ones with most differences first.

    ``files`` are all of *b*, ``counts`` the differences by kind and ``rows`` all of them. A changed row belongs to
    the segment it has in *b*.
    """
    found: dict[str, list[model.Segment]] = {}
    if options.dataset:
        every = Counter[object]({options.dataset: sum(file.rows for file in files)})
        found["dataset"] = _segments(every, {change: Counter({options.dataset: n}) for change, n in rows.items()}, text)
    by_name = {column.name: column for column in columns}
    for kind, names in wanted.items():
        totals = _totals(work, files, kind, [by_name[name] for name in names])
        found[kind] = _segments(totals, counts[kind], text if kind == "dataset" else _namer(kind, options))
        if kind == "indicator" and options.datasets and not options.dataset:
            found["dataset"] = _segments(totals, counts[kind], _namer("dataset", options))
    return {kind: found[kind] for kind in ("dataset", "state", "indicator", "year") if kind in found}


def _totals(work: Work, files: Sequence[File], kind: str, columns: Sequence[Column]) -> Counter[object]:
    """Count all rows of *b* by what tells their segment."""
    if not any(file.rows for file in files):
        return Counter()
    expressions = [column.sql_b for column in columns]
    mark = " || '/' || ".join(f"CAST({expression} AS VARCHAR)" for expression in expressions)
    if len(expressions) == 1:
        mark = expressions[0]
        if kind == "year" and _is_date(columns[0].type_b):
            # DuckDB has no years of nanoseconds with a zone; they all are of four digits
            mark = f"year(CAST({mark} AS DATE))" if columns[0].type_b == pa.timestamp("ns", "UTC") else f"year({mark})"
    query = f"SELECT {mark} AS {ident('mark')}, count(*) FROM {scan(files)} GROUP BY 1"
    return Counter(dict(work.connection.execute(query).fetchall()))


def _segments(totals: Counter[object], counts: Counts, name: Callable[[object], str]) -> list[model.Segment]:
    every: Counter[str] = Counter()
    for mark, rows in totals.items():
        every[name(mark)] += rows
    found: dict[str, Counter[str]] = {}
    for change, marked in counts.items():
        for mark, rows in marked.items():
            found.setdefault(name(mark), Counter())[change] += rows
    shown = [
        model.Segment(
            name=label,
            added=each["added"],
            removed=each["removed"],
            changed=each["changed"],
            same=every[label] - each["added"] - each["changed"],
        )
        for label, each in found.items()
    ]
    return sorted(shown, key=lambda s: (-(s.added + s.removed + s.changed), s.name))[:SEGMENTS]


def among(rows: pa.Table, wanted: Mapping[str, str], kinds: Parts, options: Options) -> list[int]:
    """Return the places of the rows that belong to all wanted segments (kind → name)."""
    found = pa.array([True] * rows.num_rows)
    for kind, name in wanted.items():
        found = pc.and_(found, _is_of(rows, kind, name, kinds, options))
    return [int(place) for place in pc.indices_nonzero(found).to_pylist()]


def _is_of(rows: pa.Table, kind: str, name: str, kinds: Parts, options: Options) -> pa.ChunkedArray | pa.Scalar:
    named = _namer(kind, options)
    by = "indicator" if kind == "dataset" and options.datasets and not options.dataset else kind
    if by not in kinds:  # all rows have one dataset, or nothing tells
        return pa.scalar(kind == "dataset" and name == options.dataset)
    found = marks(rows, by, kinds[by])
    if pa.types.is_dictionary(found.type):  # Arrow looks no dictionary's value up in another
        found = found.cast(found.type.value_type)
    fitting = [mark for mark in found.unique().to_pylist() if named(mark) == name]
    return pc.is_in(found, value_set=pa.array(fitting, found.type))


def _namer(kind: str, options: Options) -> Callable[[object], str]:
    """Return what makes a segment's name of what it is told by."""
    if kind == "dataset" and options.datasets and not options.dataset:
        return lambda mark: options.datasets.get(text(mark), UNKNOWN)
    by_kind: dict[str, Callable[[object], str]] = {"state": state, "year": year}
    return by_kind.get(kind, text)


def text(mark: object) -> str:
    return UNKNOWN if mark is None else str(mark)


def state(mark: object) -> str:
    """Return the state of an IBGE code: two digits of a municipality's seven, or six without the last, which checks.

    A state's and the country's own code stand for themselves.
    """
    found = _CODE.fullmatch(str(mark))
    return (found[1] or found[0]) if found else UNKNOWN


def year(mark: object) -> str:
    """Return the year of a year or of a date in ISO form."""
    found = _YEAR.fullmatch(str(mark))
    return found[1] if found else UNKNOWN
