"""From a Comparison to what is shown of it; the forms differ only in how much they show and how they draw it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from pydantic import JsonValue

from observatudo import figures
from observatudo.compare.model import Comparison, KeyChange, Keys, MetricChange
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
    Report,
    Section,
    Tone,
    cut,
    pointer,
)
from observatudo.compare.show.cells import change, code, count, delta, plain, relative, share, value
from observatudo.compare.show.tables import scoreboard, table_sections
from observatudo.i18n import _

_SENTENCE = 400  # characters of a sentence that quotes others
_FIGURE = 20  # characters of a metric that is no number


def report(comparison: Comparison, limits: Limits) -> Report:
    """Return what to show of a comparison, each part at most as long as ``limits`` says."""
    parts = {
        "rows": scoreboard(comparison, limits),
        "schema": _schema(comparison, limits),
        "tables": tuple(table_sections(comparison, limits)),
        "labels": _labels(comparison, limits),
        "config": _keys("config", _("config"), comparison.config, limits),
        "params": _keys("params", _("params"), comparison.params, limits),
        "metrics": _metrics(comparison, limits),
        "dbt": _dbt(comparison, limits),
    }
    lacking = {"tables", *(name for name, missing in words.lacking(comparison).items() if missing)}
    return Report(
        verdict=words.shortened(words.verdict(comparison), _SENTENCE),
        outcome=comparison.verdict.outcome,
        sides=tuple(
            (letter, figures.printable(side.name), words.side(side))
            for letter, side in (("a", comparison.a), ("b", comparison.b))
        ),
        policy=_first(list(_policy(comparison)), limits.keys),
        sections=tuple(section for found in parts.values() for section in found),
        same=_same([_title(name) for name, found in parts.items() if not found and name not in lacking]),
        missing=tuple(line.text for line in _first([Line(text) for text in _missing(comparison)], limits.keys)),
    )


def _first(lines: Sequence[Line], most: int) -> tuple[Line, ...]:
    shown = [replace(line, text=words.shortened(line.text, _SENTENCE)) for line in lines[:most]]
    if len(lines) > most:
        shown.append(Line(_("… and {n} more").format(n=figures.count(len(lines) - most)), "quiet"))
    return tuple(shown)


def _title(part: str) -> str:
    titles = {
        "rows": _("rows"),
        "schema": _("schema"),
        "labels": _("labels"),
        "config": _("config"),
        "params": _("params"),
        "metrics": _("metrics"),
    }
    return titles.get(part, part)


def _same(parts: Sequence[str]) -> str:
    return _("no difference in: {parts}").format(parts=", ".join(parts)) if parts else ""


def _policy(comparison: Comparison) -> Iterator[Line]:
    verdict = comparison.verdict
    if not verdict.breaches:
        if verdict.policy and verdict.outcome != "not_comparable":
            yield Line(_("policy kept: {rules}").format(rules=figures.printable(verdict.policy)), "added")
        return
    yield Line(_("policy broken ({n}):").format(n=figures.count(len(verdict.breaches))), "bad")
    for breach in verdict.breaches:
        reason = f" – {figures.printable(breach.reason)}" if breach.reason else ""
        yield Line(words.breach(breach) + reason, "bad")


def _missing(comparison: Comparison) -> Iterator[str]:
    """Say what could not be compared because one side lacks it, each once."""
    parts = {_title(part): missing for part, missing in words.lacking(comparison).items() if part != "schema"}
    told = set(comparison.rows)
    for part, sentences in parts.items():
        for sentence in sentences:
            told.add(sentence)
            yield _("{part} not compared: {why}").format(part=part, why=figures.printable(sentence))
    for name, table in comparison.rows.items():
        if table.status == "missing":
            told.add(table.why)
            why = _("{part} not compared: {why}").format(part=name, why=table.why)
            yield figures.printable(f"{why} → {table.next_step}" if table.next_step else why)
    rest = (*comparison.columns.missing, *comparison.verdict.missing)
    yield from (figures.printable(text) for text in dict.fromkeys(rest) if text not in told)


def _schema(comparison: Comparison, limits: Limits) -> tuple[Section, ...]:
    found = comparison.columns
    heads = (_("table"), _("column"), _("what"), _("before"), _("after"), _("equal"))
    rows = [
        (code(name), plain(""), change(kind, pointer("schema", "tables", name)), plain(""), plain(""), plain(""))
        for name, kind in found.tables.items()
    ]
    for place, column in enumerate(found.columns):
        at = ("schema", "columns", place)
        rows.append(
            (
                code(column.table),
                code(column.column, pointer(*at, "column")),
                change(column.change, pointer(*at, "change"), note=_("with loss") if column.lossy else ""),
                code(column.a or "", pointer(*at, "a"), column.a),
                code(_after(column.renamed_to, column.b), pointer(*at, "b"), column.b),
                share(None if column.share is None else float(column.share) * 100, pointer(*at, "share"), column.share),
            )
        )
    if not rows:
        return ()
    shown, more = cut(rows, limits.keys)
    title = _("schema: columns and tables that differ")
    return (Section("schema", title, (Grid("schema", "", heads, shown, more),), figures.count(len(rows))),)


def _after(renamed_to: str | None, kind: str | None) -> str:
    return " ".join(part for part in (renamed_to, kind) if part)


def _keys(part: str, title: str, keys: Keys, limits: Limits) -> tuple[Section, ...]:
    """Show changes of keys, one item per file."""
    if not keys.changes:
        return ()
    items: dict[str, list[Pair]] = {}
    for place, found in enumerate(keys.changes[: limits.keys]):
        items.setdefault(found.file, []).append(_pair(part, place, found, limits.length))
    shown = tuple(Item(code(file), tuple(pairs)) for file, pairs in items.items())
    more = max(0, len(keys.changes) - limits.keys)
    heading = _("{part}: keys that differ").format(part=title)
    return (Section(part, heading, (Items(part, "", shown, more),), figures.count(len(keys.changes))),)


def _pair(part: str, place: int, found: KeyChange, length: int) -> Pair:
    at = (part, "changes", place)
    a = value(found.a, pointer(*at, "a"), length, "removed")
    b = value(found.b, pointer(*at, "b"), length, "added")
    name = code(found.key, tone=found.change)
    return Pair(name, None if found.change == "added" else a, None if found.change == "removed" else b)


def _metrics(comparison: Comparison, limits: Limits) -> tuple[Section, ...]:
    changes = comparison.metrics.changes
    if not changes:
        return ()
    heads = (_("metric"), _("before"), _("after"), _("difference"), "%")
    rows = [_metric(place, found, min(limits.length, _FIGURE)) for place, found in enumerate(changes)]
    shown, more = cut(rows, limits.keys)
    title = _("metrics that differ")
    return (Section("metrics", title, (Grid("metrics", "", heads, shown, more),), figures.count(len(rows))),)


def _metric(place: int, found: MetricChange, length: int) -> tuple[Cell, ...]:
    at = ("metrics", "changes", place)
    a = _figure(pointer(*at, "a"), found.a, length) if found.change != "added" else plain(figures.NONE)
    b = _figure(pointer(*at, "b"), found.b, length) if found.change != "removed" else plain(figures.NONE)
    return (
        code(found.key, pointer(*at, "key"), tone=found.change),
        a,
        b,
        delta(found.delta, pointer(*at, "delta")),
        relative(found.relative, pointer(*at, "relative")),
    )


def _figure(at: str, content: JsonValue, length: int) -> Cell:
    if isinstance(content, int | float) and not isinstance(content, bool):
        return Cell(figures.decimal(content), at, content, number=True)
    return value(content, at, length)


def _labels(comparison: Comparison, limits: Limits) -> tuple[Section, ...]:
    labels = comparison.labels
    if labels.status != "changed":
        return ()
    heads = (_("compared"), _("with another axis"), "%", _("added"), _("removed"))
    summary = (
        count(labels.compared, pointer("labels", "compared")),
        count(labels.flipped, pointer("labels", "flipped"), "changed"),
        share(labels.percent, pointer("labels", "percent")),
        count(labels.added, pointer("labels", "added"), "added"),
        count(labels.removed, pointer("labels", "removed"), "removed"),
    )
    blocks: list[Block] = [Grid("labels", "", heads, (summary,))]
    blocks += _matrix(comparison, limits)
    blocks += _flips(comparison, limits)
    title = _("labels: indicators with another axis")
    return (Section("labels", title, tuple(blocks), figures.count(labels.flipped)),)


def _matrix(comparison: Comparison, limits: Limits) -> Iterator[Block]:
    labels = comparison.labels
    cells = [(number, a, b) for a, line in labels.matrix.items() for b, number in line.items()]
    wanted = [cell for cell in cells if cell[1] != cell[2] or limits.same]
    wanted.sort(key=lambda cell: (cell[1] == cell[2], -cell[0], cell[1], cell[2]))
    rows = [
        (
            code(a, tone="quiet" if a == b else ""),
            code(b, tone="quiet" if a == b else ""),
            count(number, pointer("labels", "matrix", a, b)),
        )
        for number, a, b in wanted
    ]
    if rows:
        shown, more = cut(rows, limits.transitions)
        yield Grid("matrix", _("from axis to axis"), (_("from"), _("to"), _("indicators")), shown, more)
    if labels.causes:
        causes = sorted(labels.causes.items(), key=lambda cause: (-cause[1], cause[0]))
        found = tuple(
            (plain(words.status(name)), count(number, pointer("labels", "causes", name))) for name, number in causes
        )
        yield Grid("causes", _("why"), (_("cause"), _("indicators")), found)


def _flips(comparison: Comparison, limits: Limits) -> Iterator[Block]:
    flips = comparison.labels.flips
    items = [
        Item(
            code(f"{flip.id_indicador}: {flip.nome}" if flip.nome != flip.id_indicador else flip.nome, tone="changed"),
            (
                Pair(
                    plain(words.status(flip.cause)),
                    code(flip.a, pointer("labels", "flips", place, "a"), tone="removed"),
                    code(flip.b, pointer("labels", "flips", place, "b"), tone="added"),
                    figures.printable(_("by {a}, then by {b}").format(a=flip.origin_a, b=flip.origin_b)),
                ),
            ),
        )
        for place, flip in enumerate(flips[: limits.flips])
    ]
    if items:
        yield Items("flips", _("each of them"), tuple(items), max(0, len(flips) - limits.flips))


def _dbt(comparison: Comparison, limits: Limits) -> tuple[Section, ...]:
    found = comparison.dbt
    kinds: list[tuple[str, str, list[str], Tone]] = [
        ("began_to_fail", _("tests that began to fail"), found.began_to_fail, "bad"),
        ("ceased_to_fail", _("tests that no longer fail"), found.ceased_to_fail, "added"),
        ("changed", _("models with other SQL"), found.changed, "changed"),
        ("added", _("new models"), found.added, "added"),
        ("removed", _("models that are gone"), found.removed, "removed"),
    ]
    blocks: list[Block] = []
    for kind, title, names, tone in kinds:
        items = tuple(Item(code(name, pointer("dbt", kind, place), tone=tone)) for place, name in enumerate(names))
        if items:
            blocks.append(Items(kind, title, items[: limits.keys], max(0, len(items) - limits.keys)))
    blocks += _dbt_counts(comparison, limits)
    number = words.dbt_changes(comparison)
    return (Section("dbt", _("dbt: models and tests"), tuple(blocks), figures.count(number)),) if blocks else ()


def _dbt_counts(comparison: Comparison, limits: Limits) -> Iterator[Block]:
    tests = [("tests", place, test.name, test.a, test.b) for place, test in enumerate(comparison.dbt.tests)]
    rows = [("rows", place, line.model, line.a, line.b) for place, line in enumerate(comparison.dbt.rows)]
    for kind, title, found in (("tests", _("counts"), tests), ("rows", _("rows per model"), rows)):
        cells = [
            (
                code(name),
                count(a, pointer("dbt", kind, place, "a")),
                count(b, pointer("dbt", kind, place, "b")),
            )
            for _kind, place, name, a, b in found
            if a != b
        ]
        if cells:
            shown, more = cut(cells, limits.keys)
            yield Grid(f"dbt_{kind}", title, (_("name"), _("before"), _("after")), shown, more)
