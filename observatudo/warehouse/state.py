"""The state of dbt: what the last build made of which models and tests, in which warehouse, from how fresh sources.

Read from dbt's target folder, and from the warehouse file where there is one: rows are counted there, and the rows
that a test found are looked up with the test's own SQL, read-only.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from observatudo import config, freshness, paths, snapshots
from observatudo.errors import ObservatudoError, SnapshotError
from observatudo.i18n import _
from observatudo.warehouse import artifacts, presence
from observatudo.warehouse.reader import Cell, Reader, Sample
from observatudo.warehouse.tables import tables

if TYPE_CHECKING:
    from observatudo.warehouse.artifacts import Node, Project

TARGET = Path("dbt/target")
DOCS = TARGET / "static_index.html"
LAYERS = ("stg", "dim", "fact", "audit")
_FILE = "duckdb"
_METRICS = paths.METRICS / "transform.json"
_TESTS = ("test", "unit_test")
_FOUND = ("fail", "warn")


@dataclass(frozen=True)
class Target:
    """The warehouse. ``configured`` is what params.yaml names, ``adapter`` what the last build used.

    Of BigQuery ``place`` is ``project.dataset`` as the settings name it, null where they do not. Of a file: ``file``
    relative to the repository, ``size`` in bytes (null where it is missing), ``is_current``
    whether it was built from the load's receipt that is there now. ``problem`` says why it cannot be read.
    """

    adapter: str
    configured: str
    file: str | None
    size: int | None
    is_current: bool | None
    problem: str
    place: str | None = None


@dataclass(frozen=True)
class Column:
    """A column; ``type`` is the warehouse's word, empty where dbt's docs were not written."""

    name: str
    type: str
    description: str


@dataclass(frozen=True)
class Model:
    """A model or seed. ``layer`` is its prefix (stg, dim, fact, audit), of others their kind.

    ``rows`` is null where they cannot be counted, ``seconds`` wall time of the last build, ``status`` dbt's word (empty
    where it had no part in it). ``depends_on`` and ``used_by`` are the names next to it, sources as ``fonte.table``.
    """

    name: str
    kind: str
    layer: str
    materialized: str
    rows: int | None
    seconds: float
    status: str
    message: str
    file: str
    description: str
    columns: tuple[Column, ...]
    depends_on: tuple[str, ...]
    used_by: tuple[str, ...]


@dataclass(frozen=True)
class Test:
    """A test; ``failures`` are rows, and ``rows`` up to five of them under ``header``.

    ``problem`` says why there is none to show where there should be.
    """

    __test__ = False  # pytest takes it for a class of tests

    name: str
    kind: str
    model: str
    column: str
    severity: str
    status: str
    failures: int
    message: str
    file: str
    header: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    problem: str


@dataclass(frozen=True)
class Source:
    """A table that load hands to dbt. ``dataset`` is empty for those of the observatory itself, the rest then null.

    ``fetched_at`` (ISO 8601) is when the snapshot last changed, ``age_days`` how long that is ago, ``limit_days`` what
    the declared ``frequency`` allows (null: published once), ``late`` whether it is older.
    """

    name: str
    dataset: str
    used_by: tuple[str, ...]
    fetched_at: str | None = None
    frequency: str | None = None
    age_days: int | None = None
    limit_days: int | None = None
    late: bool | None = None


@dataclass(frozen=True)
class DbtState:
    """All of it. ``built_at`` is ISO 8601, ``run`` the run that built, ``tests_by_status`` counts tests.

    ``problems`` say what is not as it should be with the target; ``docs`` is dbt's page relative to the repository,
    None where there is none.
    """

    target: Target
    problems: tuple[str, ...]
    docs: str | None
    built_at: str
    run: str
    tests_by_status: dict[str, int]
    models: tuple[Model, ...]
    tests: tuple[Test, ...]
    sources: tuple[Source, ...]

    def as_dict(self) -> dict[str, object]:
        """Return what ``observatudo models --json`` prints."""
        return asdict(self)

    def upstream(self, name: str) -> tuple[str, ...]:
        """Return the names of everything a model is made from, nearest first."""
        return _reached(name, {model.name: model.depends_on for model in self.models})

    def downstream(self, name: str) -> tuple[str, ...]:
        """Return the names of all models that are made from a model or source, nearest first."""
        by_model = {model.name: model.used_by for model in self.models}
        return _reached(name, by_model | {source.name: source.used_by for source in self.sources})


def state(root: Path, now: datetime | None = None) -> DbtState:
    """Return the state of dbt in the repository at ``root``; ``now`` (with a zone) is what freshness is measured to.

    Raises ObservatudoError where dbt has left nothing, or not all of it, and ConfigError for a wrong declaration.
    """
    project = artifacts.project(root / TARGET)
    if project.adapter == _FILE:
        with Reader(root, project.adapter) as warehouse:
            models = tuple(_models(project, warehouse.count))
            tests = tuple(_tests(project, warehouse.sample))
        target = _target(root, project, warehouse.problem)
    else:
        rows = _exported(root)
        models = tuple(_models(project, lambda node: rows.get(node.name)))
        tests = tuple(_tests(project, lambda _sql: Sample(problem=_("the rows are in BigQuery: run the test's SQL"))))
        target = _target(root, project, "")
    return DbtState(
        target=target,
        problems=tuple(_problems(target)),
        docs=DOCS.as_posix() if (root / DOCS).is_file() else None,
        built_at=project.built_at,
        run=project.run,
        tests_by_status=dict(sorted(Counter(test.status for test in tests if test.status).items())),
        models=models,
        tests=tests,
        sources=tuple(_sources(root, project, now or datetime.now(UTC))),
    )


def _reached(name: str, next_to: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    found: dict[str, None] = {}
    edge = list(next_to.get(name, ()))
    while edge:
        fresh = [own for own in dict.fromkeys(edge) if own not in found]
        found |= dict.fromkeys(fresh)
        edge = [other for own in fresh for other in next_to.get(own, ())]
    return tuple(found)


def _exported(root: Path) -> dict[str, int]:
    """Return mart → rows as transform counted them: BigQuery is not asked, as that takes seconds and a network."""
    try:
        rows = json.loads((root / _METRICS).read_bytes())["transform"]["rows"]
        return {str(name): int(count) for name, count in rows.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _place(root: Path) -> str | None:
    from observatudo.cloud import settings

    try:
        own = settings.load(root)
    except ObservatudoError:  # told of by whatever asks BigQuery
        return None
    return own.place if own.project else None


def _target(root: Path, project: Project, problem: str) -> Target:
    configured = config.load_params(root).warehouse.target
    if project.adapter != _FILE:
        return Target(project.adapter, configured, None, None, None, problem, _place(root))
    file = root / presence.WAREHOUSE
    size = file.stat().st_size if file.is_file() else None
    return Target(project.adapter, configured, presence.WAREHOUSE.as_posix(), size, presence.is_current(root), problem)


def _problems(target: Target) -> Iterator[str]:
    if target.problem:
        yield target.problem
    if target.adapter != target.configured:
        text = _("params.yaml names another target, {name}; type: dvc repro")
        yield text.format(name=target.configured)
    if target.is_current is False and target.size is not None:
        yield _("the warehouse is of another version than the outputs; type: dvc repro -f -s transform")


def _models(project: Project, count: Callable[[Node], int | None]) -> Iterator[Model]:
    users = _users(project)
    found = [node for node in project.nodes.values() if node.kind in ("model", "seed")]
    for node in sorted(found, key=lambda node: (_rank(node), node.name)):
        yield Model(
            name=node.name,
            kind=node.kind,
            layer=_layer(node),
            materialized=node.materialized,
            rows=count(node),
            seconds=round(node.seconds, 3),
            status=node.status,
            message=node.message,
            file=node.file,
            description=node.description,
            columns=tuple(Column(name, *own) for name, own in node.columns.items()),
            depends_on=tuple(_shown(project.nodes[name]) for name in node.depends_on if name in project.nodes),
            used_by=users.get(node.id, ()),
        )


def _users(project: Project) -> dict[str, tuple[str, ...]]:
    """Return the names of the models next below each node, by the node's id."""
    found: dict[str, list[str]] = {}
    for node in project.nodes.values():
        if node.kind == "model":
            for name in node.depends_on:
                found.setdefault(name, []).append(node.name)
    return {name: tuple(sorted(users)) for name, users in found.items()}


def _layer(node: Node) -> str:
    prefix = node.name.partition("_")[0]
    return prefix if node.kind == "model" and prefix in LAYERS else node.kind


def _rank(node: Node) -> int:
    layer = _layer(node)
    return LAYERS.index(layer) + 1 if layer in LAYERS else 0


def _shown(node: Node) -> str:
    return f"{node.source}.{node.name}" if node.kind == "source" else node.name


def _tests(project: Project, sample: Callable[[str], Sample]) -> Iterator[Test]:
    found = [node for node in project.nodes.values() if node.kind in _TESTS]
    for node in sorted(found, key=lambda node: node.name):
        wanted = node.kind == "test" and node.status in _FOUND and node.sql
        found_rows = sample(node.sql) if wanted else Sample()
        tested = project.nodes.get(node.about)
        yield Test(
            name=node.name,
            kind=node.kind,
            model=_shown(tested) if tested else "",
            column=node.column,
            severity=node.severity,
            status=node.status,
            failures=node.failures,
            message=node.message,
            file=node.file,
            header=found_rows.header,
            rows=found_rows.rows,
            problem=found_rows.problem,
        )


def _sources(root: Path, project: Project, now: datetime) -> Iterator[Source]:
    users = _users(project)
    owners = {
        f"{table.fonte}.{table.source}": key
        for key in config.declared(root)
        for table in tables(key, config.load_dataset(root, key))
    }
    found = [node for node in project.nodes.values() if node.kind == "source"]
    for node in sorted(found, key=_shown):
        name = _shown(node)
        dataset, used_by = owners.get(name, ""), users.get(node.id, ())
        yield _fresh(root, name, dataset, used_by, now) if dataset else Source(name, "", used_by)


def _fresh(root: Path, name: str, dataset: str, used_by: tuple[str, ...], now: datetime) -> Source:
    try:
        fetched = snapshots.read(root, dataset).fetched_at
    except SnapshotError:
        fetched = None
    found = freshness.of(fetched, config.load_dataset(root, dataset).frequency, now)
    return Source(
        name, dataset, used_by, found.fetched_at, found.frequency, found.age_days, found.limit_days, found.late
    )


def require(found: DbtState, name: str) -> Model:
    """Return the model of this name; raises ObservatudoError, with the nearest, where there is none."""
    import difflib

    for model in found.models:
        if model.name == name:
            return model
    close = difflib.get_close_matches(name, [model.name for model in found.models], n=1, cutoff=0.4)
    hint = "; " + _("did you mean {name}?").format(name=close[0]) if close else ""
    raise ObservatudoError(_("dbt has no model “{name}”").format(name=name) + hint, next_step="observatudo models")
