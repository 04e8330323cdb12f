"""The words and numbers in which every form of a comparison speaks; none of them stands anywhere else.

Counts, shares and deltas follow the language of the messages (1,234.5 or 1.234,5). Values out of configurations and
rows are shown as they are written, whatever the language: a reader copies them.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Sequence

from pydantic import JsonValue

from observatudo.compare.model import Breach, Comparison, Side, Table
from observatudo.figures import NONE, count, printable
from observatudo.i18n import _

DIFFERENT = ("changed", "added", "removed")
_SHORT = 8  # characters of a commit
_MINUTES = 16  # characters of a date and time
_NAMED = 3  # tables named in a sentence
_EXACT = 1e15  # below it, a whole number in a float is written in full
_NEEDS_NO_QUOTES = re.compile(r"[\w@%+=:,./-][\w@%+=:,./~^-]*", re.ASCII)  # shlex would quote HEAD~1
_LOOKS_LIKE_ANOTHER_TYPE = re.compile(
    r"\s.*|.*\s|[-+]?[\d.]+([eE][-+]?\d+)?|null|true|false|NaN|-?Infinity|", re.DOTALL
)


def shortened(text: str, length: int) -> str:
    """Return text of at most ``length`` characters, with the middle left out of a longer one."""
    if len(text) <= length:
        return text
    tail = (length - 1) // 3
    return text[: length - 1 - tail] + "…" + (text[-tail:] if tail else "")


def value(content: JsonValue, length: int) -> str:
    """Return a value of a configuration or row on one line; text that reads like another type is quoted."""
    if isinstance(content, str) and not _LOOKS_LIKE_ANOTHER_TYPE.fullmatch(content):
        return shortened(printable(content), length)
    return shortened(printable(_plain(content)), length)


def _plain(content: JsonValue) -> str:
    """Return JSON; a whole number without the point that its type alone gives it."""
    if isinstance(content, float) and content.is_integer() and abs(content) < _EXACT:
        return f"{content:.0f}"
    return json.dumps(content, ensure_ascii=False)


def key(content: dict[str, JsonValue], length: int) -> str:
    """Return the key of a row, its values alone: ``pib · 3550308 · 2019-12-31``; the report names their columns."""
    parts = (part if isinstance(part, str) else _plain(part) for part in content.values())
    return shortened(printable(" · ".join(parts)), length)


def status(name: str) -> str:
    """Return a status, kind of change or cause in the user's language; JSON has the English word."""
    words = {
        "same": _("same"),
        "changed": _("changed"),
        "added": _("added"),
        "removed": _("removed"),
        "not_comparable": _("not comparable"),
        "missing": _("missing"),
        "retyped": _("retyped"),
        "renamed": _("renamed"),
        "input": _("input"),
        "prompt": _("prompt"),
        "model": _("model"),
        "override": _("override"),
        "taxonomy": _("taxonomy"),
        "noise": _("noise"),
        "dataset": _("dataset"),
        "state": _("state"),
        "indicator": _("indicator"),
        "year": _("year"),
        "workspace": _("workspace"),
        "experiment": _("experiment"),
        "run": _("run"),
        "path": _("path"),
        "commit": _("commit"),
    }
    return words.get(name, printable(name))


def figure(name: str) -> str:
    """Return what a figure of a distribution is called; a quantile is named by its number."""
    return {"rows": _("rows"), "mean": _("mean")}.get(name, printable(name))


def side(which: Side) -> str:
    """Return what one side is: commit, date, author and subject as far as they are known."""
    kind = None if which.kind in ("commit", which.name) else status(which.kind)
    commit = which.commit[:_SHORT] if which.commit else None
    date = which.date.replace("T", " ")[:_MINUTES] if which.date else None
    parts = [kind, commit, date, which.author, which.subject]
    return printable("  ".join(part for part in parts if part))


def names(found: Sequence[str], most: int = _NAMED) -> str:
    """Return the first names, and how many there are beyond."""
    listed = ", ".join(printable(name) for name in found[:most])
    rest = len(found) - most
    return listed if rest <= 0 else _("{names} and {n} more").format(names=listed, n=count(rest))


def verdict(comparison: Comparison) -> str:
    """Return the answer in one sentence."""
    found = comparison.verdict
    if found.outcome == "not_comparable":
        broken = [*found.not_comparable, *found.missing]
        reasons = [_reason(name, comparison.rows.get(name)) for name in dict.fromkeys(broken)]
        return _("not comparable: {what}").format(what=names(reasons) or NONE)
    if found.outcome == "same":
        return _("same, as far as compared") if any(lacking(comparison).values()) else _("same: nothing differs")
    return _("changed: {what}").format(what="; ".join(_parts(comparison)) or NONE)


def lacking(comparison: Comparison) -> dict[str, list[str]]:
    """Return what one side lacks, by the part that was therefore not compared, or not in full."""
    return {
        "schema": comparison.columns.missing,
        "config": comparison.config.missing,
        "params": comparison.params.missing,
        "metrics": comparison.metrics.missing,
        "labels": comparison.labels.missing,
        "dbt": comparison.dbt.missing,
    }


def _reason(name: str, table: Table | None) -> str:
    if table is None:
        return name
    return f"{name}: {table.why}" if table.why else f"{name}: {status(table.status)}"


def _parts(comparison: Comparison) -> list[str]:
    found = comparison.verdict
    numbers = {_("{n} added"): found.added, _("{n} removed"): found.removed, _("{n} changed"): found.changed}
    kinds = [text.format(n=count(number)) for text, number in numbers.items() if number]
    total = found.added + found.removed + found.changed
    rows = _("1 row") if total == 1 else _("{n} rows").format(n=count(total))
    direct = [name for name in found.tables if name not in comparison.rows or not comparison.rows[name].derived]
    lines = [
        _("{rows} in {tables} ({kinds})").format(rows=rows, tables=names(direct), kinds=", ".join(kinds))
        if total
        else "",
        *(f"{part}: {names(changed, 1)}" for part, changed in _named(comparison).items() if changed),
    ]
    return [line for line in lines if line]


def _named(comparison: Comparison) -> dict[str, list[str]]:
    """Return the names of what changed, by part."""
    columns = [f"{column.table}.{column.column}" for column in comparison.columns.columns]
    dbt = comparison.dbt
    return {
        _("schema"): [*comparison.columns.tables, *columns],
        _("config"): [change.key for change in comparison.config.changes],
        _("params"): [change.key for change in comparison.params.changes],
        _("labels"): [flip.id_indicador for flip in comparison.labels.flips],
        _("metrics"): [change.key for change in comparison.metrics.changes],
        "dbt": [*dbt.began_to_fail, *dbt.ceased_to_fail, *dbt.changed, *dbt.added, *dbt.removed],
        _("tables that follow"): [
            name for name, table in comparison.rows.items() if table.derived and table.status in DIFFERENT
        ],
    }


def dbt_changes(comparison: Comparison) -> int:
    """Return how many models and tests of dbt differ."""
    dbt = comparison.dbt
    return sum(map(len, (dbt.added, dbt.removed, dbt.changed, dbt.began_to_fail, dbt.ceased_to_fail)))


def breach(found: Breach) -> str:
    """Return what a broken rule is told by: the rule, what was measured and where."""
    return _("{rule}: {measured} ({where})").format(
        rule=printable(found.rule), measured=printable(found.measured), where=printable(found.where)
    )


def command(comparison: Comparison, *options: str) -> str:
    """Return the command that makes this comparison again, to be typed in a shell."""
    typed = ["observatudo", "diff", comparison.a.name, comparison.b.name, *options]
    return printable(" ".join(word if _NEEDS_NO_QUOTES.fullmatch(word) else shlex.quote(word) for word in typed))
