"""What the screens of dbt make of ``observatudo models --json`` and of the metrics in the index."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from observatudo import figures
from observatudo.i18n import _
from tui.reading import dicts, integer, mapping, number, text_or_none, texts
from tui.trends import Series

if TYPE_CHECKING:
    from observatudo.history.view import View
    from observatudo.journal import Json

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
        return figures.freshness(self.age_days if self.dataset else None, self.limit_days, self.late)

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

    @property
    def in_bigquery(self) -> bool:
        """Say whether the warehouse is in BigQuery: by what is configured, built with it yet or not."""
        return self.target.get("configured") == "bigquery"

    def find(self, name: str) -> Model | None:
        """Return the model of this name."""
        return next((own for own in self.models if own.name == name), None)


def state(content: Json) -> State:
    """Return the state out of what the command printed; tests with the worst first."""
    top = mapping(content)
    tests = sorted(map(_test, dicts(top.get("tests"))), key=lambda test: (rank(test.status), test.model, test.name))
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


def rank(status: str) -> int:
    """Return where a test stands in the list: the worst first."""
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


ORDERS: dict[str, Callable[[Model], tuple[float, str]]] = {
    "layer": lambda own: (LAYERS.index(own.layer) if own.layer in LAYERS else 0, own.name),
    "name": lambda own: (0, own.name),
    "rows": lambda own: (-(own.rows or 0), own.name),
    "seconds": lambda own: (-(own.seconds or 0.0), own.name),
}


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
