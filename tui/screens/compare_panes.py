"""The parts of a comparison as panes, and where enter leads from a row of each."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from rich.text import Text
from textual.widget import Widget

from observatudo import figures
from observatudo.compare.model import ColumnChange, Comparison, Flip, KeyChange, MetricChange
from observatudo.compare.show import tables, words
from observatudo.compare.show.blocks import Grid
from observatudo.i18n import _
from tui.panes import Pane
from tui.screens import compare_columns as c
from tui.screens.blame import BlameScreen
from tui.screens.compare_found import Found, blame_arguments, typed, why_no_blame
from tui.screens.compare_parts import Headed, Listed, TextScreen, grid_lines, verdict_lines
from tui.screens.compare_rows import RowScreen
from tui.screens.compare_table import TableScreen, TroubleScreen

if TYPE_CHECKING:
    from tui.screens.base import Base

_LABELS = "rotulo"  # the table that holds the axes


def panes(found: Found) -> list[Pane]:
    """Return the parts; the number of differences stands beside the name of each."""
    comparison = found.comparison
    flips, rows = comparison.labels.flips, _examples(comparison)
    dbt = c.models(comparison)
    schema = _schema(comparison)
    return [
        Pane("verdict", lambda: _("verdict"), lambda: _verdict(found)),
        Pane("config", _name(_("config"), comparison.config.changes), _keys(found, "config")),
        Pane("params", _name(_("params"), comparison.params.changes), _keys(found, "params")),
        Pane("metrics", _name(_("metrics"), comparison.metrics.changes), lambda: _metrics(found)),
        Pane("schema", _name(_("schema"), schema), lambda: Listed(c.SCHEMA, schema, _nothing(found, "schema"))),
        Pane("rows", _name(_("rows"), rows), lambda: Listed((c.OF_TABLE, *c.examples()), rows, _no_rows(found))),
        Pane("labels", _name(_("labels"), flips), lambda: _labels(found)),
        Pane("dbt", _name("dbt", dbt), lambda: Listed(c.MODELS, dbt, _nothing(found, "dbt"))),
    ]


def _name(word: str, rows: Sequence[object]) -> Callable[[], str]:
    return lambda: f"{word} {figures.count(len(rows))}" if rows else word


def _nothing(found: Found, part: str) -> str:
    """Return what stands where nothing differs: also when that is because one side lacks the part."""
    missing = words.lacking(found.comparison)[part]
    return _("not compared: {why}").format(why="; ".join(missing)) if missing else _("nothing differs here")


def _verdict(found: Found) -> Widget:
    comparison = found.comparison
    scores = [c.Score(name, table) for name, table in tables.ordered(comparison)]
    return Headed(verdict_lines(found), Listed(c.SCORES, scores, _("no table was compared")))


def _keys(found: Found, part: str) -> Callable[[], Widget]:
    changes = found.comparison.config.changes if part == "config" else found.comparison.params.changes
    return lambda: Listed(c.KEYS, changes, _nothing(found, part))


def _metrics(found: Found) -> Widget:
    return Listed(c.METRICS, found.comparison.metrics.changes, _nothing(found, "metrics"))


def _schema(comparison: Comparison) -> list[ColumnChange]:
    """Return the columns that differ, behind the tables that one side lacks."""
    whole = [ColumnChange(table=name, column="*", change=kind) for name, kind in comparison.columns.tables.items()]
    return [*whole, *comparison.columns.columns]


def _examples(comparison: Comparison) -> list[c.Example]:
    return [c.Example(name, sample) for name, table in tables.ordered(comparison) for sample in table.samples]


def _no_rows(found: Found) -> str:
    verdict = found.comparison.verdict
    if verdict.not_comparable or verdict.missing:
        return _("no row was compared that differs; the verdict says what could not be")
    return _("no row differs")


def _labels(found: Found) -> Widget:
    labels = found.comparison.labels
    table = Listed(c.FLIPS, labels.flips, _nothing(found, "labels"))
    sections = [section for section in found.report.sections if section.key == "labels"]
    grids = [block for section in sections for block in section.blocks if isinstance(block, Grid)]
    return Headed([line for grid in grids for line in grid_lines(grid)], table) if grids else table


# --- where rows lead


def opened(screen: Base, found: Found, row: object) -> None:
    """Go down from a row."""
    match row:
        case c.Score(name, table) if table.status == "changed":
            screen.app.push_screen(TableScreen(found, name))
        case c.Score(name, table):
            screen.app.push_screen(TroubleScreen(found, name))
        case c.Example(table, sample):
            screen.app.push_screen(RowScreen(found, table, sample))
        case KeyChange() | MetricChange():
            screen.app.push_screen(TextScreen(row.key, _both(row)))
        case ColumnChange() if row.column != "*" and found.table(row.table).status == "changed":
            screen.app.push_screen(TableScreen(found, row.table))
        case ColumnChange():
            screen.app.push_screen(TroubleScreen(found, row.table))
        case Flip():
            _blame_of(screen, found, row)
        case c.Model():
            screen.app.push_screen(TextScreen(row.name, _model(row)))


def blamed(screen: Base, found: Found, row: object) -> None:
    """Show who changed the row, or the label, under the cursor."""
    why = why_no_blame(found)
    if why:
        screen.notify(why, severity="warning")
    elif isinstance(row, c.Example):
        screen.app.push_screen(BlameScreen(blame_arguments(found, row.table, row.sample.key)))
    elif isinstance(row, Flip):
        _blame_of(screen, found, row)
    else:
        screen.notify(_("blame is of a row: open a table, or the pane of rows"), severity="warning")


def _blame_of(screen: Base, found: Found, flip: Flip) -> None:
    asked = blame_arguments(found, _LABELS, {"id_indicador": flip.id_indicador})
    screen.app.push_screen(BlameScreen(asked, "eixo"))


def copied(found: Found, row: object) -> str:
    """Return the command behind a row: the blame of a row, else the comparison's."""
    if isinstance(row, c.Example):
        return typed("blame", *blame_arguments(found, row.table, row.sample.key))
    if isinstance(row, Flip):
        return typed("blame", *blame_arguments(found, _LABELS, {"id_indicador": row.id_indicador}))
    return words.command(found.comparison)


def _both(change: KeyChange | MetricChange) -> list[Text]:
    lines = [Text(figures.printable(change.file), "dim"), Text(figures.printable(change.key), "bold"), Text()]
    for head, value, is_there in (
        (_("before"), change.a, change.change != "added"),
        (_("after"), change.b, change.change != "removed"),
    ):
        text = json.dumps(value, indent=2, ensure_ascii=False) if isinstance(value, dict | list) else str(value)
        shown = [figures.printable(line) for line in text.splitlines()] if is_there else [figures.NONE]
        lines += [Text(head, "bold"), *(Text(f"  {line}") for line in shown)]
    return lines


def _model(row: c.Model) -> list[Text]:
    counts = f"{figures.count(row.a)} → {figures.count(row.b)}" if row.a != row.b else ""
    return [Text(row.what, "bold"), Text(figures.printable(row.name)), Text(counts)]
