"""dbt's state in words: the warehouse, a model with all that hangs on it, a source, lineage as a tree."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from rich.text import Text

from observatudo import figures
from observatudo.i18n import _
from observatudo.tree import branches
from tui.dbtstate import Model, Source, State, rank
from tui.reading import number, pair, text_or_none
from tui.tones import TONES, toned


def about_target(state: State) -> list[Text]:
    """Return what the warehouse is, when it was built, and what is not as it should be with it."""
    target = state.target
    lines = [toned(f"! {problem}", "warn") for problem in state.problems]
    lines.append(pair(_("target"), text_or_none(target.get("adapter"))))
    if target.get("configured") != target.get("adapter"):
        lines.append(pair(_("in params.yaml"), text_or_none(target.get("configured"))))
    if target.get("place"):
        lines.append(pair(_("place"), str(target["place"])))
    if target.get("file"):
        octets = number(target.get("size"))
        lines.append(pair(_("file"), str(target["file"])))
        lines.append(pair(_("size"), figures.size(octets) if octets is not None else _("it is not there")))
    is_current = target.get("is_current")
    if isinstance(is_current, bool):
        told = _("✓ of the outputs that are here") if is_current else _("! not of the outputs that are here")
        lines.append(toned(told, "ok" if is_current else "warn"))
    lines += [pair(_("built"), figures.moment(state.built_at)), pair(_("by run"), state.run), Text()]
    lines.append(pair(_("models and seeds"), figures.count(len(state.models))))
    lines += [
        Text.assemble(toned(figures.status(name), TONES.get(name, "")), f"  {figures.count(number)}")
        for name, number in sorted(state.tests_by_status.items(), key=lambda own: rank(own[0]))
    ]
    return [*lines, Text(), pair(_("dbt's pages"), state.docs or _("not there; type: dvc repro"))]


def lineage(state: State, name: str) -> list[Text]:
    """Return what a model or source is made from, and what is made from it, as two trees."""
    above = {own.name: own.depends_on for own in state.models}
    below = {own.name: own.used_by for own in state.models} | {own.name: own.used_by for own in state.sources}
    return [
        *_tree(_("made from"), name, lambda own: above.get(own, ())),
        Text(),
        *_tree(_("used by"), name, lambda own: below.get(own, ())),
    ]


def _tree(head: str, name: str, next_to: Callable[[str], tuple[str, ...]]) -> Iterator[Text]:
    yield Text(f"{name}: {head}", "bold")
    found = [Text(line) for line in branches(name, next_to)]
    yield from found or [Text(_("nothing"), "dim")]


def _ended(status: str) -> Text:
    return toned(figures.status(status), TONES.get(status, ""))


def about_model(state: State, model: Model) -> list[Text]:
    """Return all of a model: how it ended, its columns, its tests, its lineage."""
    lines = [
        Text.assemble((model.name, "bold"), "  ", toned(figures.status(model.status), TONES.get(model.status, "")))
    ]
    if model.status not in ("", "success"):
        lines += [toned(line, "bad") for line in model.message.splitlines()]
    lines += [
        pair(_("rows"), figures.count(model.rows)),
        pair(_("kind"), f"{model.materialized}, {figures.duration(model.seconds)}"),
        pair(_("file"), model.file),
        *([Text(), Text(model.description)] if model.description else []),
        Text(),
        Text(_("Columns"), "bold"),
        *(Text.assemble((name, "cyan"), (f" {kind.lower()}  ", "dim"), text) for name, kind, text in model.columns),
    ]
    if not model.columns:
        lines.append(Text(_("dbt's pages have not been written for it"), "dim"))
    lines += [Text(), Text(_("Tests"), "bold")]
    tests = [test for test in state.tests if test.model == model.name]
    lines += [
        Text.assemble(toned(figures.status(test.status), TONES.get(test.status, "")), f"  {test.name}")
        for test in tests
    ]
    if not tests:
        lines.append(Text(_("none"), "dim"))
    return [*lines, Text(), *lineage(state, model.name)]


def about_source(state: State, source: Source) -> list[Text]:
    """Return how fresh a source is, and what is made from it."""
    lines = [Text(source.name, "bold"), toned(source.glyph, source.tone)]
    if source.dataset:
        lines += [
            pair(_("dataset"), source.dataset),
            pair(_("snapshot of"), figures.moment(source.fetched_at or figures.NONE)),
            pair(_("published"), source.frequency),
            pair(_("age"), days(source.age_days)),
            pair(_("late after"), days(source.limit_days)),
        ]
        if source.late:
            lines.append(toned(f"observatudo fetch {source.dataset}", "accent"))
    else:
        lines.append(Text(_("the observatory's own table; it has no snapshot"), "dim"))
    below = {own.name: own.used_by for own in state.models} | {source.name: source.used_by}
    return [*lines, Text(), *_tree(_("used by"), source.name, lambda own: below.get(own, ()))]


def days(number: int | None) -> str:
    """Return a number of days; a dash for one that is not known."""
    return figures.NONE if number is None else _("{count} d").format(count=figures.count(number))
