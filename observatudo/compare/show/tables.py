"""The rows of the tables: the scoreboard, and each changed table from its columns to its samples."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from pydantic import JsonValue

from observatudo import figures
from observatudo.compare.model import Comparison, Drift, Sample, Table
from observatudo.compare.show import words
from observatudo.compare.show.blocks import (
    Block,
    Cell,
    Grid,
    Item,
    Items,
    Limits,
    Line,
    Pair,
    Section,
    Tone,
    cut,
    pointer,
)
from observatudo.compare.show.cells import change, code, count, decimal, plain, share, value
from observatudo.i18n import _

_ORDER = ("not_comparable", "missing", "changed", "added", "removed", "same")

_KEY = 120  # characters of a row's key at least


def ordered(comparison: Comparison) -> list[tuple[str, Table]]:
    """Return the tables: trouble first, then the most changed; those that follow from others after the others."""

    def rank(entry: tuple[str, Table]) -> tuple[int, bool, int, str]:
        name, table = entry
        trouble = table.status in ("not_comparable", "missing")
        place = _ORDER.index(table.status) if trouble else len(_ORDER) + (table.status == "same")
        return place, table.derived, -differences(table), name

    return sorted(comparison.rows.items(), key=rank)


def differences(table: Table) -> int:
    """Return how many rows differ."""
    return (table.added or 0) + (table.removed or 0) + (table.changed or 0)


def scoreboard(comparison: Comparison, limits: Limits) -> tuple[Section, ...]:
    """Return the counts of each table; nothing where every table is the same."""
    tables = ordered(comparison)
    different = [entry for entry in tables if entry[1].status != "same"]
    if not different:
        return ()
    listed = tables if limits.same else different
    heads = (_("table"), _("what"), _("added"), _("removed"), _("changed"), _("same"), "%")
    shown, more = cut([_score(name, table) for name, table in listed], limits.tables)
    blocks: list[Block] = [Grid("scoreboard", "", heads, shown, more)]
    blocks += [Line(text) for text in _notes(comparison, len(tables) - len(different))]
    for name, table in different[: limits.tables]:
        blocks += _trouble(name, table, limits)
    return (Section("rows", _("rows per table"), tuple(blocks), figures.count(len(different))),)


def _score(name: str, table: Table) -> tuple[Cell, ...]:
    at = ("rows", name)
    known = None not in (table.added, table.removed, table.changed, table.same)
    total = differences(table) + (table.same or 0)
    return (
        code(f"{name} *" if table.derived else name, raw=name),
        change(table.status, pointer(*at, "status")),
        count(table.added, pointer(*at, "added"), "added"),
        count(table.removed, pointer(*at, "removed"), "removed"),
        count(table.changed, pointer(*at, "changed"), "changed"),
        count(table.same, pointer(*at, "same")),
        share(100 * differences(table) / total if known and total else 0.0 if known else None),
    )


def _notes(comparison: Comparison, same: int) -> Iterator[str]:
    if any(table.derived and table.status != "same" for table in comparison.rows.values()):
        yield _("* follows from the other tables and is not counted in the first line")
    if same:
        yield _("tables that are the same: {n} of {all}").format(
            n=figures.count(same), all=figures.count(len(comparison.rows))
        )


def _trouble(name: str, table: Table, limits: Limits) -> Iterator[Block]:
    if table.status == "not_comparable":
        text = _("{table} is not comparable: {why}").format(table=name, why=table.why)
        yield Line(figures.printable(f"{text} → {table.next_step}" if table.next_step else text), "bad")
    if table.duplicates:
        items = tuple(Item(code(words.key(row, max(limits.length, _KEY)), tone="bad")) for row in table.duplicates)
        title = _("keys that {table} has more than once").format(table=figures.printable(name))
        yield Items("duplicates", title, items[: limits.samples], max(0, len(items) - limits.samples))


def table_sections(comparison: Comparison, limits: Limits) -> Iterator[Section]:
    """Give a section for each changed table, the most changed first."""
    changed = [(name, table) for name, table in ordered(comparison) if table.status == "changed"]
    for name, table in changed[: limits.details]:
        blocks = [
            Line(_facts(table), "quiet"),
            *_columns(name, table, limits),
            *_segments(name, table, limits),
            *_transitions(name, table, limits),
            *_drift(name, table, limits),
            *_samples(name, table, limits),
        ]
        title = _("{table}: what changed").format(table=figures.printable(name))
        yield Section("table", title, tuple(blocks), figures.count(differences(table)), table=name)
    rest = [name for name, _table in changed[limits.details :]]
    if rest:
        text = _("changed too, not shown here column by column: {names}").format(names=words.names(rest, 5))
        yield Section("tables", _("more tables"), (Line(text),), figures.count(len(rest)))


def _facts(table: Table) -> str:
    facts = [_("{a} rows before, {b} after").format(a=figures.count(table.rows_a), b=figures.count(table.rows_b))]
    if table.key:
        facts.append(_("compared by {key}").format(key=figures.printable(", ".join(table.key))))
    if table.files_skipped:
        facts.append(
            _("files read {read}, skipped as equal {skipped}").format(
                read=figures.count(table.files_read), skipped=figures.count(table.files_skipped)
            )
        )
    return "; ".join(facts)


def _columns(name: str, table: Table, limits: Limits) -> Iterator[Block]:
    found = [(column, of) for column, of in table.columns.items() if of.changed or of.within_tolerance or limits.same]
    if not found:
        return
    found.sort(key=lambda entry: -entry[1].changed)
    tolerated = any(of.within_tolerance for _column, of in found)
    heads = [_("column"), _("changed"), "%", _("max |Δ|"), _("mean |Δ|"), _("to null"), _("from null")]
    rows = []
    for column, of in found:
        at = ("rows", name, "columns", column)
        cells = [
            code(column),
            count(of.changed, pointer(*at, "changed"), "changed"),
            share(of.percent, pointer(*at, "percent")),
            decimal(of.max_abs_delta, pointer(*at, "max_abs_delta")),
            decimal(of.mean_abs_delta, pointer(*at, "mean_abs_delta")),
            count(of.to_null, pointer(*at, "to_null"), "removed"),
            count(of.from_null, pointer(*at, "from_null"), "added"),
        ]
        if tolerated:
            cells.append(count(of.within_tolerance, pointer(*at, "within_tolerance")))
        rows.append(tuple(cells))
    shown, more = cut(rows, limits.columns)
    if tolerated:
        heads.append(_("tolerated"))
    yield Grid("columns", _("by column, of the rows on both sides"), tuple(heads), shown, more)


def _segments(name: str, table: Table, limits: Limits) -> Iterator[Block]:
    rows: list[tuple[Cell, ...]] = []
    more = 0
    for by, segments in table.segments.items():
        for place, segment in enumerate(segments[: limits.segments]):
            at = ("rows", name, "segments", by, place)
            rows.append(
                (
                    plain(words.status(by)),
                    code(segment.name, pointer(*at, "name")),
                    count(segment.added, pointer(*at, "added"), "added"),
                    count(segment.removed, pointer(*at, "removed"), "removed"),
                    count(segment.changed, pointer(*at, "changed"), "changed"),
                    count(segment.same, pointer(*at, "same")),
                )
            )
        more += max(0, len(segments) - limits.segments)
    if rows:
        heads = (_("by"), _("which"), _("added"), _("removed"), _("changed"), _("same"))
        yield Grid("segments", _("where, most changed first"), heads, tuple(rows), more)


def _transitions(name: str, table: Table, limits: Limits) -> Iterator[Block]:
    rows = [
        (
            code(found.column),
            value(found.a, pointer(*at, "a"), limits.length, "removed"),
            value(found.b, pointer(*at, "b"), limits.length, "added"),
            count(found.rows, pointer(*at, "rows")),
        )
        for place, found in enumerate(table.transitions)
        for at in [("rows", name, "transitions", place)]
    ]
    if rows:
        shown, more = cut(rows, limits.transitions)
        heads = (_("column"), _("from"), _("to"), _("rows"))
        yield Grid("transitions", _("from category to category"), heads, shown, more)


def _drift(name: str, table: Table, limits: Limits) -> Iterator[Block]:
    if not table.drift:
        return
    figures = list(dict.fromkeys(figure for found in table.drift for figure in (*found.a, *found.b)))
    rows = [
        _distribution(("rows", name, "drift", place, side), found, side, figures)
        for place, found in enumerate(table.drift)
        for side in ("a", "b")
    ]
    shown, more = cut(rows, 2 * limits.drift)
    heads = (_("column"), _("side"), *(words.figure(figure) for figure in figures))
    yield Grid("drift", _("distribution of the numbers, before (a) and after (b)"), heads, shown, more // 2)


def _distribution(at: tuple[str, str, str, int, str], found: Drift, side: str, figures: list[str]) -> tuple[Cell, ...]:
    numbers = found.a if side == "a" else found.b
    about = "≈ " if found.approximate else ""
    cells = (decimal(numbers.get(figure), pointer(*at, figure) if figure in numbers else "") for figure in figures)
    return (code(about + found.column, raw=found.column), plain(side), *cells)


def _samples(name: str, table: Table, limits: Limits) -> Iterator[Block]:
    if table.samples:
        items = tuple(_sample((name, place), found, limits) for place, found in _one_of_each_first(table.samples))
        title = _("examples")
        yield Items("samples", title, items[: limits.samples], max(0, len(items) - limits.samples))


def _one_of_each_first(samples: Sequence[Sample]) -> list[tuple[int, Sample]]:
    """Return the samples with their places: a changed, an added and a removed one, then the next of each."""
    kinds = ("changed", "added", "removed")
    rounds: Counter[str] = Counter()
    ranked = []
    for place, found in enumerate(samples):
        ranked.append((rounds[found.change], kinds.index(found.change), place, found))
        rounds[found.change] += 1
    return [(place, found) for _round, _kind, place, found in sorted(ranked, key=lambda entry: entry[:3])]


def _sample(where: tuple[str, int], found: Sample, limits: Limits) -> Item:
    name, place = where
    at = pointer("rows", name, "samples", place)

    def cell(side: str, values: dict[str, JsonValue], column: str, tone: Tone) -> Cell | None:
        return value(values[column], at + pointer(side, column), limits.length, tone) if column in values else None

    columns = list(dict.fromkeys((*found.a, *found.b)))[: limits.columns]
    pairs = tuple(
        Pair(code(column), cell("a", found.a, column, "removed"), cell("b", found.b, column, "added"))
        for column in columns
    )
    return Item(code(words.key(found.key, max(limits.length, _KEY)), tone=found.change), pairs)
