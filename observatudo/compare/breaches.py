"""What a comparison breaks of one rule: measured where the rule looks, and named there."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from fnmatch import fnmatchcase
from fractions import Fraction

from observatudo import figures
from observatudo.compare.model import Breach, Comparison, KeyChange, MetricChange, Table
from observatudo.compare.policy import Rule
from observatudo.compare.show import words
from observatudo.i18n import _

Finding = tuple[str, str]  # what was measured, and where


def find(comparison: Comparison, rule: Rule, *, is_partial: bool) -> list[Breach]:
    """Return each place where the comparison breaks the rule, in order of the comparison.

    A rule that names a table which is not there is broken, unless only some tables were compared.
    """
    if is_partial and _names_no_table(comparison, rule):
        return []
    found = _FINDERS[rule.term](comparison, rule)
    return [Breach(rule=str(rule), measured=measured, where=where, reason=rule.reason) for measured, where in found]


def _rows(comparison: Comparison, rule: Rule) -> Iterator[Finding]:
    pattern, column = _column_of(comparison, rule)
    tables = {name: table for name, table in comparison.rows.items() if _matches(name, pattern)}
    if _names_no_table(comparison, rule):
        yield _("no such table"), pattern
    for name, table in tables.items():
        if column:
            yield from _columns(comparison, rule, name, column)
            continue
        number, base = _counts(table, rule.term)
        if number is not None and _exceeds(rule, number, base):
            yield _measured(rule, number, base), name


def _names_no_table(comparison: Comparison, rule: Rule) -> bool:
    pattern, _column = _column_of(comparison, rule)
    is_name = rule.term in ("added", "removed", "changed") and pattern and not _is_pattern(pattern)
    return bool(is_name) and pattern not in comparison.rows


def _column_of(comparison: Comparison, rule: Rule) -> tuple[str, str]:
    """Split ``table.column``; a name that is a table's whole name, and any rule but ``changed``, has no column."""
    table, _dot, column = rule.where.rpartition(".")
    if rule.term != "changed" or not table or rule.where in comparison.rows:
        return rule.where, ""
    return table, column


def _columns(comparison: Comparison, rule: Rule, name: str, pattern: str) -> Iterator[Finding]:
    table = comparison.rows[name]
    both = (table.changed or 0) + (table.same or 0)
    found = {column: of for column, of in table.columns.items() if _matches(column, pattern)}
    for column in _gone(comparison, name, pattern):
        yield _("no such column on both sides"), f"{name}.{column}"
    for column, of in found.items():
        if _exceeds(rule, of.changed, both):
            yield _measured(rule, of.changed, both), f"{name}.{column}"


def _gone(comparison: Comparison, name: str, pattern: str) -> list[str]:
    """Return the columns a pattern means that went, and a name that is no column of the table."""
    table = comparison.rows[name]
    went = [
        change.column
        for change in comparison.columns.columns
        if change.table == name and change.change in ("removed", "renamed") and _matches(change.column, pattern)
    ]
    # nobody looked at the columns of a table whose files are the same by their hashes
    is_known = bool(table.columns) or table.status in ("changed", "removed")
    is_nowhere = is_known and not _is_pattern(pattern) and pattern not in table.columns
    return [column for column in went if column not in table.columns] or ([pattern] if is_nowhere else [])


def _counts(table: Table, term: str) -> tuple[float | None, int]:
    """Return how many rows, and of how many; a table that is gone has lost all of them. None: nobody knows."""
    base = table.rows_a or 0
    if table.status == "removed" and term == "removed":
        return (math.inf if table.rows_a is None else table.rows_a), base
    if table.status == "added" and term == "added":
        return (math.inf if table.rows_b is None else table.rows_b), 0
    counts = {"added": table.added, "removed": table.removed, "changed": table.changed}
    return counts[term], base


def _lacking(missing: Sequence[str]) -> Iterator[Finding]:
    """A part that one side does not have cannot be measured."""
    yield from ((words.status("missing"), sentence) for sentence in missing)


def _labels(comparison: Comparison, rule: Rule) -> Iterator[Finding]:
    yield from _lacking(comparison.labels.missing)
    labels = comparison.labels
    if _exceeds(rule, labels.flipped, labels.compared):
        yield _measured(rule, labels.flipped, labels.compared), _("labels")


def _metrics(comparison: Comparison, rule: Rule) -> Iterator[Finding]:
    yield from _lacking(comparison.metrics.missing)
    for change in comparison.metrics.changes:
        was_number = isinstance(change.a, int | float) and not isinstance(change.a, bool)
        if not was_number or not _matches(change.key, rule.where):
            continue
        if change.change == "removed":
            yield _("the metric is gone"), change.key
        elif change.delta is None:
            yield _("no longer a number"), change.key
        elif not _moved(rule, change) <= (rule.most or 0):  # NaN is not within any bound
            yield _moved_text(rule, change), change.key


def _moved(rule: Rule, change: MetricChange) -> float:
    if not rule.is_percent:
        return abs(float(change.delta or 0))
    if change.relative is None:
        return math.inf if change.delta else 0.0
    return abs(float(change.relative)) * 100


def _moved_text(rule: Rule, change: MetricChange) -> str:
    if rule.is_percent and change.relative is not None:
        return figures.signed_percent(change.relative)
    return figures.signed(change.delta)


def _exceeds(rule: Rule, number: float, base: int) -> bool:
    most = Fraction(str(rule.most or 0))  # as it was written: 0.1 % of 1,000 rows is one row, exactly
    if not rule.is_percent:
        return number > most
    return number * 100 > most * base if base else number > 0  # anything is more than any share of nothing


def _measured(rule: Rule, number: float, base: int) -> str:
    if math.isinf(number):
        return _("all rows")
    counted = figures.count(int(number))
    if not rule.is_percent:
        return counted
    share = figures.percent(100 * number / base if base else math.inf)
    return _("{share}, {n} of {all}").format(share=share, n=counted, all=figures.count(base))


def _schema(comparison: Comparison, rule: Rule) -> Iterator[Finding]:
    for name, change in comparison.columns.tables.items():
        if _matches(name, rule.where):
            yield words.status(change), name
    for column in comparison.columns.columns:
        if _matches(column.table, rule.where):
            yield words.status(column.change), f"{column.table}.{column.column}"


def _config(comparison: Comparison, rule: Rule) -> Iterator[Finding]:
    yield from _lacking(comparison.config.missing)
    for change in comparison.config.changes:
        if _matches(change.file, rule.where) or _matches(change.dataset or "", rule.where):
            yield words.status(change.change), f"{change.file}: {change.key}"


def _params(comparison: Comparison, rule: Rule) -> Iterator[Finding]:
    yield from _lacking(comparison.params.missing)

    def fits(change: KeyChange) -> bool:
        return _matches(change.key, rule.where) or _matches(change.dataset or "", rule.where)

    yield from ((words.status(change.change), change.key) for change in comparison.params.changes if fits(change))


def _dbt(comparison: Comparison, rule: Rule) -> Iterator[Finding]:
    yield from _lacking(comparison.dbt.missing)
    for test in comparison.dbt.began_to_fail:
        if _matches(test, rule.where):
            yield _("began to fail"), test


def _missing(comparison: Comparison, rule: Rule) -> Iterator[Finding]:
    parts = (
        comparison.config,
        comparison.params,
        comparison.metrics,
        comparison.columns,
        comparison.labels,
        comparison.dbt,
        comparison.verdict,
    )
    tables = [name for name, table in comparison.rows.items() if table.status == "missing"]
    for what in dict.fromkeys([*tables, *(sentence for part in parts for sentence in part.missing)]):
        yield words.status("missing"), what


def _duplicates(comparison: Comparison, rule: Rule) -> Iterator[Finding]:
    for name, table in comparison.rows.items():
        if table.duplicates and _matches(name, rule.where):
            yield words.key(table.duplicates[0], 120), name


def _not_comparable(comparison: Comparison, rule: Rule) -> Iterator[Finding]:
    for name, table in comparison.rows.items():
        if table.status == "not_comparable" and _matches(name, rule.where):
            yield table.why or words.status("not_comparable"), name


def _matches(name: str, pattern: str) -> bool:
    return not pattern or name == pattern or fnmatchcase(name, pattern)


def _is_pattern(text: str) -> bool:
    return any(sign in text for sign in "*?")


_FINDERS: dict[str, Callable[[Comparison, Rule], Iterator[Finding]]] = {
    "added": _rows,
    "removed": _rows,
    "changed": _rows,
    "labels": _labels,
    "metrics": _metrics,
    "schema": _schema,
    "config": _config,
    "params": _params,
    "dbt": _dbt,
    "missing": _missing,
    "duplicates": _duplicates,
    "not_comparable": _not_comparable,
}
