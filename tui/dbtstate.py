"""What the screens of dbt make of ``observatudo models --json`` and of the metrics in the index."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.text import Text

from observatudo import figures
from observatudo.i18n import _
from observatudo.tree import branches
from tui.reading import dicts, integer, mapping, number, pair, text_or_none, texts
from tui.tones import TONES, toned
from tui.trends import Series

if TYPE_CHECKING:
    from observatudo.history.view import View
    from tui.jobs import Json

METRICS = "data/metrics/transform.json"
LAYERS = ("seed", "stg", "model", "dim", "fact", "audit")
_WORST_FIRST = ("fail", "error", "warn", "skipped", "", "pass")
_MOST = 500  # versions
Past = Sequence[tuple[str, "dict[str, Json]"]]


@dataclass(frozen=True)
class Model:
    """A model or seed of dbt, as the last build left it."""

    name: str
    layer: str
    materialized: str
    rows: int | None
    seconds: float | None
    status: str
    message: str
    file: str
    description: str
    columns: tuple[tuple[str, str, str], ...]
    depends_on: tuple[str, ...]
    used_by: tuple[str, ...]


@dataclass(frozen=True)
class Test:
    """A test; ``rows`` are some of those that it found, under ``header``."""

    __test__ = False  # pytest takes it for a class of tests

    name: str
    kind: str
    model: str
    column: str
    severity: str
    status: str
    failures: int | None
    message: str
    file: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    problem: str


@dataclass(frozen=True)
class Source:
    """A table that is handed to dbt; of those of the observatory itself nothing is known but who uses them."""

    name: str
    dataset: str
    used_by: tuple[str, ...]
    fetched_at: str | None
    frequency: str | None
    age_days: int | None
    limit_days: int | None
    late: bool | None

    @property
    def glyph(self) -> str:
        """Return how fresh it is, as a sign and a word."""
        if not self.dataset or self.age_days is None:
            return f"· {figures.NONE}"
        if self.limit_days is None:
            return f"· {_('once')}"
        return f"! {_('late')}" if self.late else f"✓ {_('fresh')}"

    @property
    def tone(self) -> str:
        """Return the tone of it."""
        return "warn" if self.late else "ok" if self.limit_days is not None and self.age_days is not None else "muted"


@dataclass(frozen=True)
class State:
    """All of it."""

    target: dict[str, Json]
    problems: tuple[str, ...]
    docs: str | None
    built_at: str
    run: str
    tests_by_status: dict[str, int]
    models: tuple[Model, ...]
    tests: tuple[Test, ...]
    sources: tuple[Source, ...]

    def find(self, name: str) -> Model | None:
        """Return the model of this name."""
        return next((own for own in self.models if own.name == name), None)


def status(name: str) -> str:
    """Return dbt's word for how something ended, as glyph and word."""
    words = {
        "success": _("success"),
        "pass": _("pass"),
        "warn": _("warn"),
        "fail": _("fail"),
        "error": _("error"),
        "skipped": _("skipped"),
    }
    return f"{figures.GLYPHS.get(name, '?')} {words.get(name, name)}" if name else figures.NONE


def state(content: Json) -> State:
    """Return the state out of what the command printed; tests with the worst first."""
    top = mapping(content)
    tests = sorted(map(_test, dicts(top.get("tests"))), key=lambda test: (_rank(test.status), test.model, test.name))
    return State(
        target=mapping(top.get("target")),
        problems=texts(top.get("problems")),
        docs=text_or_none(top.get("docs")),
        built_at=str(top.get("built_at") or figures.NONE),
        run=str(top.get("run") or figures.NONE),
        tests_by_status={name: integer(count) or 0 for name, count in mapping(top.get("tests_by_status")).items()},
        models=tuple(map(_model, dicts(top.get("models")))),
        tests=tuple(tests),
        sources=tuple(map(_source, dicts(top.get("sources")))),
    )


def _rank(status: str) -> int:
    return _WORST_FIRST.index(status) if status in _WORST_FIRST else 0


def _model(own: dict[str, Json]) -> Model:
    columns = dicts(own.get("columns"))
    return Model(
        name=str(own.get("name", "")),
        layer=str(own.get("layer") or ""),
        materialized=str(own.get("materialized") or figures.NONE),
        rows=integer(own.get("rows")),
        seconds=number(own.get("seconds")) if own.get("status") else None,
        status=str(own.get("status") or ""),
        message=str(own.get("message") or ""),
        file=str(own.get("file") or ""),
        description=str(own.get("description") or ""),
        columns=tuple((str(c.get("name")), str(c.get("type") or ""), str(c.get("description") or "")) for c in columns),
        depends_on=texts(own.get("depends_on")),
        used_by=texts(own.get("used_by")),
    )


def _test(own: dict[str, Json]) -> Test:
    rows = own.get("rows")
    return Test(
        name=str(own.get("name", "")),
        kind=str(own.get("kind") or ""),
        model=str(own.get("model") or ""),
        column=str(own.get("column") or ""),
        severity=str(own.get("severity") or ""),
        status=str(own.get("status") or ""),
        failures=integer(own.get("failures")),
        message=str(own.get("message") or ""),
        file=str(own.get("file") or ""),
        header=texts(own.get("header")),
        rows=tuple(_cells(row) for row in rows if isinstance(row, list)) if isinstance(rows, list) else (),
        problem=str(own.get("problem") or ""),
    )


def _cells(row: list[Json]) -> tuple[str, ...]:
    return tuple(figures.NONE if cell is None else str(cell) for cell in row)


def _source(own: dict[str, Json]) -> Source:
    late = own.get("late")
    return Source(
        name=str(own.get("name", "")),
        dataset=str(own.get("dataset") or ""),
        used_by=texts(own.get("used_by")),
        fetched_at=text_or_none(own.get("fetched_at")),
        frequency=text_or_none(own.get("frequency")),
        age_days=integer(own.get("age_days")),
        limit_days=integer(own.get("limit_days")),
        late=late if isinstance(late, bool) else None,
    )


# --- in words

ORDERS: dict[str, Callable[[Model], tuple[float, str]]] = {
    "layer": lambda own: (LAYERS.index(own.layer) if own.layer in LAYERS else 0, own.name),
    "name": lambda own: (0, own.name),
    "rows": lambda own: (-(own.rows or 0), own.name),
    "seconds": lambda own: (-(own.seconds or 0.0), own.name),
}


def about_target(state: State) -> list[Text]:
    """Return what the warehouse is, when it was built, and what is not as it should be with it."""
    target = state.target
    lines = [toned(f"! {problem}", "warn") for problem in state.problems]
    lines.append(pair(_("target"), text_or_none(target.get("adapter"))))
    if target.get("configured") != target.get("adapter"):
        lines.append(pair(_("in params.yaml"), text_or_none(target.get("configured"))))
    if target.get("file"):
        octets = number(target.get("size"))
        lines.append(pair(_("file"), str(target["file"])))
        lines.append(pair(_("size"), figures.size(octets) if octets is not None else _("it is not there")))
    is_current = target.get("is_current")
    if isinstance(is_current, bool):
        told = _("✓ of the outputs that are here") if is_current else _("! not of the outputs that are here")
        lines.append(toned(told, "ok" if is_current else "warn"))
    lines += [pair(_("built"), figures.moment(state.built_at)), pair(_("by run"), state.run), Text()]
    lines.append(pair(_("models"), figures.count(len(state.models))))
    lines += [
        Text.assemble(toned(status(name), TONES.get(name, "")), f"  {figures.count(number)}")
        for name, number in sorted(state.tests_by_status.items(), key=lambda own: _rank(own[0]))
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


def about_model(state: State, model: Model) -> list[Text]:
    """Return all of a model: how it ended, its columns, its tests, its lineage."""
    lines = [Text.assemble((model.name, "bold"), "  ", toned(status(model.status), TONES.get(model.status, "")))]
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
    lines += [Text.assemble(toned(status(test.status), TONES.get(test.status, "")), f"  {test.name}") for test in tests]
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


# --- over versions


def past(view: View) -> Past:
    """Return (date, figures of dbt) of the versions that changed them, oldest first."""
    found = view.measures(METRICS, _MOST)
    return [(figures.moment(own.date)[:10], mapping(own.content.get("transform"))) for own in reversed(found)]


def rows_over_versions(past: Past) -> list[Series]:
    """Return each mart's rows, then the counts of models and tests; beside the last number the change to it."""
    if not past:
        return []
    marts = dict.fromkeys(name for _label, own in reversed(past) for name in mapping(own.get("rows")))
    found = [
        _series(name, [(label, integer(mapping(own.get("rows")).get(name))) for label, own in past]) for name in marts
    ]
    counts = {
        "models": _("models"),
        "tests_passed": _("tests that pass"),
        "tests_warned": _("tests that warn"),
        "tests_failed": _("tests that fail"),
    }
    return found + [
        _series(told, [(label, integer(own.get(name))) for label, own in past], "accent")
        for name, told in counts.items()
    ]


def _series(name: str, points: list[tuple[str, int | None]], tone: str = "") -> Series:
    values = [value for _label, value in points]
    now, before = values[-1], values[-2] if len(values) > 1 else None
    change = figures.signed(now - before) if now is not None and before is not None and now != before else "="
    return Series(name, figures.count(now), change if before is not None else "", None, tuple(points), name, tone)
