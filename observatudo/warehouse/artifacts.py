"""dbt's artifacts (``manifest.json``, ``run_results.json``), parsed here and nowhere else.

The files differ between dbt versions: only what is used is read, and what may be absent has a default.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import AliasPath, BaseModel, Field, ValidationError

from observatudo.errors import ObservatudoError
from observatudo.i18n import _

if TYPE_CHECKING:
    from pathlib import Path

MANIFEST = "manifest.json"
RUN_RESULTS = "run_results.json"
CATALOG = "catalog.json"
BUILD_RESULTS = "build_results.json"  # dbt docs writes over run_results.json: the build's are kept here
_TESTS = ("test", "unit_test")
_BAD = ("fail", "error", "runtime error")


class _Meta(BaseModel):
    chave: list[str] = []


class _Config(BaseModel):
    meta: _Meta = _Meta()
    materialized: str = ""
    severity: str = ""


class _TestMetadata(BaseModel):
    name: str
    field: str = Field(default="", validation_alias=AliasPath("kwargs", "field"))


class _DependsOn(BaseModel):
    nodes: list[str] = []


class _Column(BaseModel):
    name: str
    description: str = ""


class _Node(BaseModel):
    name: str
    resource_type: str
    original_file_path: str = ""
    relation_schema: str = Field(default="", alias="schema")
    alias: str = ""
    source_name: str = ""
    description: str = ""
    tags: list[str] = []
    config: _Config = _Config()
    columns: dict[str, _Column] = {}
    column_name: str | None = None
    attached_node: str | None = None
    test_metadata: _TestMetadata | None = None
    depends_on: _DependsOn = _DependsOn()


class _About(BaseModel):
    adapter_type: str = ""
    generated_at: str = ""


class _Manifest(BaseModel):
    metadata: _About = _About()
    nodes: dict[str, _Node]
    sources: dict[str, _Node] = {}
    unit_tests: dict[str, _Node] = {}


class _Response(BaseModel):
    """What BigQuery says of a node's job; DuckDB says nothing of it."""

    job_id: str = ""
    bytes_processed: int | None = None
    bytes_billed: int | None = None
    slot_ms: int | None = None
    rows_affected: int | None = None


class _Result(BaseModel):
    unique_id: str
    status: str
    message: str | None = None
    failures: int | None = None
    compiled_code: str | None = None
    execution_time: float = 0.0
    adapter_response: _Response = _Response()


class _RunResults(BaseModel):
    metadata: _About = _About()
    run: str = Field(default="", validation_alias=AliasPath("args", "vars", "id_execucao"))
    results: list[_Result] = Field(default_factory=list)


class _Typed(BaseModel):
    name: str
    type: str = ""


class _Described(BaseModel):
    columns: dict[str, _Typed] = {}


class _Catalog(BaseModel):
    nodes: dict[str, _Described] = {}


@dataclass(frozen=True)
class JobCost:
    """What a node's job of BigQuery cost: bytes, and slots in milliseconds; null where BigQuery does not say."""

    id: str
    bytes_processed: int | None
    bytes_billed: int | None
    slot_ms: int | None
    rows: int | None


@dataclass(frozen=True)
class NodeResult:
    """How one model, seed or test ended: ``status`` is dbt's word; ``sql`` is what ran, if it was compiled.

    ``seconds`` is wall time; ``job`` is the last of the node's jobs, where it ran as one.
    """

    name: str
    kind: str
    status: str
    file: str
    message: str = ""
    failures: int = 0
    sql: str = ""
    seconds: float = 0.0
    job: JobCost | None = None

    @property
    def is_test(self) -> bool:
        return self.kind in _TESTS

    @property
    def is_bad(self) -> bool:
        return self.status in _BAD


@dataclass(frozen=True)
class ForeignKey:
    """Column ``column`` of a mart refers to ``field`` of the mart ``to``."""

    column: str
    to: str
    field: str


@dataclass(frozen=True)
class Mart:
    """A published table: its key orders the rows; ``columns`` leaves out the technical ones."""

    name: str
    description: str
    key: tuple[str, ...]
    columns: tuple[str, ...]
    foreign_keys: tuple[ForeignKey, ...] = ()


@dataclass(frozen=True)
class Node:
    """A model, seed, source or test of the project with its last result; ``status`` is empty where it has none.

    ``columns`` is name → (type, description); ``about`` and ``depends_on`` are dbt's ids, ``seconds`` is wall time.
    """

    id: str
    name: str
    kind: str
    file: str
    description: str
    schema: str
    alias: str
    materialized: str
    severity: str
    source: str
    columns: dict[str, tuple[str, str]]
    column: str
    about: str
    depends_on: tuple[str, ...]
    status: str
    seconds: float
    message: str
    failures: int
    sql: str


@dataclass(frozen=True)
class Project:
    """All nodes of a build by id; ``built_at`` is ISO 8601, ``run`` the id of the run that built."""

    adapter: str
    built_at: str
    run: str
    nodes: dict[str, Node]


@dataclass(frozen=True)
class Artifacts:
    """One dbt build: every node's result, and the marts that the project declares."""

    results: tuple[NodeResult, ...]
    marts: tuple[Mart, ...]

    @property
    def bad(self) -> list[NodeResult]:
        return [result for result in self.results if result.is_bad]

    @property
    def warned(self) -> list[NodeResult]:
        return [result for result in self.results if result.status == "warn"]

    def metrics(self) -> dict[str, int]:
        """Return how many models were built and how the tests ended."""
        tests = Counter(result.status for result in self.results if result.is_test)
        built = [r for r in self.results if r.kind == "model" and r.status == "success"]
        return {
            "models": len(built),
            "tests_passed": tests["pass"] + tests["success"],
            "tests_warned": tests["warn"],
            "tests_failed": sum(tests[status] for status in _BAD),
        }


def read(target: Path) -> Artifacts:
    """Read the artifacts of the last build in dbt's target folder.

    Raises ObservatudoError when there are none, and when they are not whole or not of one build.
    """
    manifest, results = _parsed(target)
    nodes = manifest.nodes | manifest.unit_tests
    return Artifacts(
        results=tuple(_result(result, nodes[result.unique_id]) for result in results.results),
        marts=tuple(_marts(manifest)),
    )


def project(target: Path) -> Project:
    """Read the whole project with the results of its last build; raises ObservatudoError as ``read`` does."""
    manifest, results = _parsed(target)
    ended = {result.unique_id: result for result in results.results}
    types = _types(target)
    nodes = manifest.nodes | manifest.unit_tests | manifest.sources
    return Project(
        adapter=manifest.metadata.adapter_type,
        built_at=results.metadata.generated_at,
        run=results.run,
        nodes={name: _node(name, node, ended.get(name), types.get(name, {})) for name, node in nodes.items()},
    )


def _parsed(target: Path) -> tuple[_Manifest, _RunResults]:
    again = "dvc repro -s -f transform"
    try:
        manifest = _Manifest.model_validate_json((target / MANIFEST).read_bytes())
        results = _RunResults.model_validate_json((target / BUILD_RESULTS).read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        raise ObservatudoError(_("dbt has left no artifacts"), where=str(target), next_step=again) from None
    except ValidationError as error:
        what = _("dbt's artifacts are not whole: {file}").format(file=error.title.strip("_"))
        raise ObservatudoError(what, where=str(target), next_step=again) from None
    unknown = {result.unique_id for result in results.results} - {*manifest.nodes, *manifest.unit_tests}
    if unknown:
        what = _("dbt's artifacts are of two builds: {name} is in one only").format(name=min(unknown))
        raise ObservatudoError(what, where=str(target), next_step=again)
    return manifest, results


def _types(target: Path) -> dict[str, dict[str, str]]:
    """Return the columns' types by node; nothing where the docs were not written."""
    try:
        catalog = _Catalog.model_validate_json((target / CATALOG).read_bytes())
    except (OSError, ValidationError):
        return {}
    return {name: {column.name: column.type for column in own.columns.values()} for name, own in catalog.nodes.items()}


def _node(name: str, node: _Node, result: _Result | None, types: dict[str, str]) -> Node:
    described = {column.name: column.description for column in node.columns.values()}
    kept = tuple(node.depends_on.nodes)
    return Node(
        id=name,
        name=node.name,
        kind=node.resource_type,
        file=f"dbt/{node.original_file_path}",
        description=node.description,
        schema=node.relation_schema,
        alias=node.alias or node.name,
        materialized=node.config.materialized,
        severity=node.config.severity.lower(),
        source=node.source_name,
        columns={column: (types.get(column, ""), described.get(column, "")) for column in {**types, **described}},
        column=node.column_name or "",
        about=node.attached_node or (kept[0] if kept and node.resource_type in _TESTS else ""),
        depends_on=kept,
        status=result.status if result else "",
        seconds=result.execution_time if result else 0.0,
        message=(result.message or "").strip() if result else "",
        failures=(result.failures or 0) if result else 0,
        sql=(result.compiled_code or "") if result else "",
    )


def _result(result: _Result, node: _Node) -> NodeResult:
    return NodeResult(
        name=node.name,
        kind=node.resource_type,
        status=result.status,
        file=f"dbt/{node.original_file_path}",
        message=(result.message or "").strip(),
        failures=result.failures or 0,
        sql=result.compiled_code or "",
        seconds=result.execution_time,
        job=_job(result.adapter_response),
    )


def _job(told: _Response) -> JobCost | None:
    if not told.job_id:
        return None
    return JobCost(told.job_id, told.bytes_processed, told.bytes_billed, told.slot_ms, told.rows_affected)


def _marts(manifest: _Manifest) -> list[Mart]:
    found = {
        identifier: node
        for identifier, node in manifest.nodes.items()
        if node.resource_type == "model" and "mart" in node.tags
    }
    marts = [
        Mart(
            node.name,
            node.description,
            tuple(node.config.meta.chave),
            tuple(name for name in node.columns if not name.startswith("_")),
            tuple(_foreign_keys(identifier, found, manifest)),
        )
        for identifier, node in found.items()
    ]
    return sorted(marts, key=lambda mart: mart.name)


def _foreign_keys(identifier: str, marts: dict[str, _Node], manifest: _Manifest) -> list[ForeignKey]:
    keys = []
    for node in manifest.nodes.values():
        test = node.test_metadata
        if test is None or test.name != "relationships" or node.attached_node != identifier:
            continue
        for other in node.depends_on.nodes:
            if other != identifier and other in marts and node.column_name:
                keys.append(ForeignKey(node.column_name, marts[other].name, test.field))
    return sorted(keys, key=lambda key: key.column)
