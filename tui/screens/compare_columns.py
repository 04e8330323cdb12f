"""The rows that a comparison is shown in, and the columns of each kind of table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from observatudo import figures
from observatudo.compare.model import Column as Figures
from observatudo.compare.model import (
    ColumnChange,
    Comparison,
    DbtRows,
    DbtTest,
    Flip,
    KeyChange,
    MetricChange,
    Sample,
    Segment,
    Table,
    Transition,
)
from observatudo.compare.show import tables, words
from observatudo.i18n import _
from tui.table import Column

_LENGTH = 200  # characters of a value in a cell
_OWN_TONES = {
    "added": "ok", "removed": "bad", "changed": "warn", "retyped": "warn", "renamed": "warn", "same": "muted",
    "not_comparable": "bad", "missing": "bad", "quiet": "muted", "bad": "bad",
}  # fmt: skip


def tone(name: str) -> str:
    """Return the dashboard's tone for a kind of change, or for a tone of the report."""
    return _OWN_TONES.get(name, "")


def changed(name: str) -> str:
    """Return a kind of change as sign and word: the colour is never all there is."""
    signs = {"added": "+", "removed": "−", "same": "=", "not_comparable": "!", "missing": "!"}
    return f"{signs.get(name, '~')} {words.status(name)}"


class Score(NamedTuple):
    """One table of the scoreboard."""

    name: str
    table: Table

    @property
    def share(self) -> float | None:
        total = tables.differences(self.table) + (self.table.same or 0)
        return 100 * tables.differences(self.table) / total if total else None


class Named(NamedTuple):
    """One column of a table, with its figures."""

    name: str
    of: Figures


class Part(NamedTuple):
    """One segment of a table, with its kind: dataset, state, indicator or year."""

    kind: str
    of: Segment


class Example(NamedTuple):
    """One row that differs, with the name of its table."""

    table: str
    sample: Sample


class Value(NamedTuple):
    """One column of a row that differs."""

    column: str
    a: object
    b: object


class Model(NamedTuple):
    """One line about dbt: a model or test that is another, or a count that is."""

    what: str
    name: str
    change: str
    a: int | None = None
    b: int | None = None


def _n(number: int | None) -> str:
    return figures.count(number) if number else "·" if number == 0 else figures.NONE


SCORES: tuple[Column[Score], ...] = (
    Column(lambda: _("table"), 24, lambda s: s.name + (" *" if s.table.derived else ""), flex=True),
    Column(lambda: _("what"), 16, lambda s: changed(s.table.status), tone=lambda s: tone(s.table.status), keep=3),
    Column(lambda: _("added"), 9, lambda s: _n(s.table.added), True, tone=lambda s: _if("ok", s.table.added)),
    Column(lambda: _("removed"), 9, lambda s: _n(s.table.removed), True, tone=lambda s: _if("bad", s.table.removed)),
    Column(lambda: _("changed"), 9, lambda s: _n(s.table.changed), True, tone=lambda s: _if("warn", s.table.changed)),
    Column(lambda: _("same"), 11, lambda s: _n(s.table.same), right=True, keep=2),
    Column(lambda: "%", 8, lambda s: figures.percent(s.share) if s.table.status != "same" else "", right=True, keep=1),
)
COLUMNS: tuple[Column[Named], ...] = (
    Column(lambda: _("column"), 18, lambda c: c.name, flex=True, tone=lambda c: "" if c.of.changed else "muted"),
    Column(lambda: _("changed"), 9, lambda c: _n(c.of.changed), True, tone=lambda c: _if("warn", c.of.changed)),
    Column(lambda: "%", 8, lambda c: figures.percent(c.of.percent) if c.of.changed else "", right=True),
    Column(lambda: _("max |Δ|"), 12, lambda c: figures.decimal(c.of.max_abs_delta), right=True, keep=1),
    Column(lambda: _("mean |Δ|"), 12, lambda c: figures.decimal(c.of.mean_abs_delta), right=True, keep=2),
    Column(lambda: _("to null"), 9, lambda c: _n(c.of.to_null), True, tone=lambda c: _if("bad", c.of.to_null), keep=3),
    Column(lambda: _("from null"), 9, lambda c: _n(c.of.from_null), right=True, keep=4),
    Column(lambda: _("tolerated"), 9, lambda c: _n(c.of.within_tolerance), right=True, keep=5),
)
PARTS: tuple[Column[Part], ...] = (
    Column(lambda: _("by"), 10, lambda p: words.status(p.kind), tone=lambda _p: "muted"),
    Column(lambda: _("which"), 14, lambda p: p.of.name, flex=True),
    Column(lambda: _("added"), 9, lambda p: _n(p.of.added), True, tone=lambda p: _if("ok", p.of.added)),
    Column(lambda: _("removed"), 9, lambda p: _n(p.of.removed), True, tone=lambda p: _if("bad", p.of.removed)),
    Column(lambda: _("changed"), 9, lambda p: _n(p.of.changed), True, tone=lambda p: _if("warn", p.of.changed)),
    Column(lambda: _("same"), 11, lambda p: _n(p.of.same), right=True, keep=1),
)
TRANSITIONS: tuple[Column[Transition], ...] = (
    Column(lambda: _("column"), 16, lambda t: t.column, keep=1),
    Column(lambda: _("from"), 14, lambda t: words.value(t.a, _LENGTH), flex=True, tone=lambda _t: "bad"),
    Column(lambda: _("to"), 14, lambda t: words.value(t.b, _LENGTH), flex=True, tone=lambda _t: "ok"),
    Column(lambda: _("rows"), 11, lambda t: figures.count(t.rows), right=True),
)
OF_TABLE: Column[Example] = Column(lambda: _("table"), 18, lambda e: e.table, flex=True, keep=2)
VALUES: tuple[Column[Value], ...] = (
    Column(lambda: _("column"), 14, lambda v: v.column),
    Column(lambda: _("before"), 14, lambda v: _shown(v.a), flex=True, tone=lambda _v: "bad"),
    Column(lambda: _("after"), 14, lambda v: _shown(v.b), flex=True, tone=lambda _v: "ok"),
    Column(lambda: _("difference"), 12, lambda v: _difference(v.a, v.b), right=True, keep=1),
)
KEYS: tuple[Column[KeyChange], ...] = (
    Column(lambda: _("file"), 18, lambda k: k.file, flex=True, keep=2, tone=lambda _k: "muted"),
    Column(lambda: _("key"), 20, lambda k: k.key, flex=True),
    Column(lambda: _("before"), 12, lambda k: side_of(k, "a"), flex=True, tone=lambda _k: "bad"),
    Column(lambda: _("after"), 12, lambda k: side_of(k, "b"), flex=True, tone=lambda _k: "ok"),
)
METRICS: tuple[Column[MetricChange], ...] = (
    Column(lambda: _("metric"), 20, lambda m: m.key, flex=True),
    Column(lambda: _("before"), 11, lambda m: side_of(m, "a"), right=True),
    Column(lambda: _("after"), 11, lambda m: side_of(m, "b"), right=True),
    Column(lambda: _("difference"), 11, lambda m: figures.signed(m.delta), right=True, keep=1),
    Column(lambda: "%", 9, lambda m: figures.signed_percent(m.relative), right=True, keep=2),
    Column(lambda: _("file"), 18, lambda m: m.file, keep=3, tone=lambda _m: "muted"),
)
SCHEMA: tuple[Column[ColumnChange], ...] = (
    Column(lambda: _("table"), 16, lambda c: c.table, flex=True),
    Column(lambda: _("column"), 14, lambda c: c.column, flex=True),
    Column(lambda: _("what"), 14, lambda c: changed(c.change), tone=lambda c: tone(c.change)),
    Column(lambda: _("before"), 10, lambda c: c.a or "", keep=1),
    Column(lambda: _("after"), 14, lambda c: " ".join(filter(None, [c.renamed_to, c.b])), keep=2),
    Column(lambda: _("equal"), 8, lambda c: _equal(c), right=True, keep=3),
)
FLIPS: tuple[Column[Flip], ...] = (
    Column(lambda: _("indicator"), 20, lambda f: f.nome, flex=True),
    Column(lambda: _("from"), 14, lambda f: f.a, tone=lambda _f: "bad"),
    Column(lambda: _("to"), 14, lambda f: f.b, tone=lambda _f: "ok"),
    Column(lambda: _("cause"), 10, lambda f: words.status(f.cause), keep=1),
    Column(lambda: _("by"), 18, lambda f: f"{f.origin_a} → {f.origin_b}", keep=2),
)
MODELS: tuple[Column[Model], ...] = (
    Column(lambda: _("what"), 24, lambda m: m.what, tone=lambda m: tone(m.change)),
    Column(lambda: _("name"), 20, lambda m: m.name, flex=True),
    Column(lambda: _("before"), 11, lambda m: figures.count(m.a) if m.a != m.b else "", right=True),
    Column(lambda: _("after"), 11, lambda m: figures.count(m.b) if m.a != m.b else "", right=True),
)


def _if(name: str, number: int | None) -> str:
    return name if number else "muted"


def _equal(change: ColumnChange) -> str:
    return "" if change.share is None else figures.percent(float(change.share) * 100)


def side_of(change: KeyChange | MetricChange, side: str) -> str:
    """Return the value that a key or metric has on one side; a dash where there is no key."""
    if change.change == ("added" if side == "a" else "removed"):
        return figures.NONE
    return _shown(change.a if side == "a" else change.b)


def _shown(value: object) -> str:
    return words.value(value, _LENGTH)  # type: ignore[arg-type]  # JSON's, out of a tuple


def _difference(a: object, b: object) -> str:
    numbers = [v for v in (a, b) if isinstance(v, int | float) and not isinstance(v, bool)]
    return figures.signed(numbers[1] - numbers[0]) if len(numbers) == 2 else ""


def examples(column: str = "") -> tuple[Column[Example], ...]:
    """Return the columns for rows that differ: in one column, or in all that do."""
    return (
        Column(lambda: _("what"), 11, lambda e: changed(e.sample.change), tone=lambda e: tone(e.sample.change), keep=1),
        Column(lambda: _("row"), 22, lambda e: words.key(e.sample.key, _LENGTH), flex=True),
        Column(
            lambda: column or _("before and after"), 20, lambda e: differing(e.sample, column), flex=not column, keep=2
        ),
    )


def differing(sample: Sample, column: str = "") -> str:
    """Return what differs in a row, on one line; of one column only its values."""
    if column:
        return f"{_shown(sample.a.get(column))} → {_shown(sample.b.get(column))}"
    names = dict.fromkeys((*sample.a, *sample.b))
    return "; ".join(f"{name}: {_shown(sample.a.get(name))} → {_shown(sample.b.get(name))}" for name in names)


def models(comparison: Comparison) -> list[Model]:
    """Return what differs in dbt, the failing first."""
    dbt = comparison.dbt
    kinds = (
        (_("test began to fail"), dbt.began_to_fail, "bad"),
        (_("test no longer fails"), dbt.ceased_to_fail, "added"),
        (_("model with other SQL"), dbt.changed, "changed"),
        (_("new model"), dbt.added, "added"),
        (_("model that is gone"), dbt.removed, "removed"),
    )
    found = [Model(what, name, change) for what, names, change in kinds for name in names]
    return [*found, *_counts(_("tests"), dbt.tests), *_counts(_("rows of the model"), dbt.rows)]


def _counts(what: str, lines: Sequence[DbtTest] | Sequence[DbtRows]) -> Iterator[Model]:
    for line in lines:
        if line.a != line.b:
            yield Model(what, line.name if isinstance(line, DbtTest) else line.model, "", line.a, line.b)
