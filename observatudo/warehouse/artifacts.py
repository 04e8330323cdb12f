"""dbt's artifacts (``manifest.json``, ``run_results.json``), parsed here and nowhere else.

The files differ between dbt versions: only what is used is read, and what may be absent has a default.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import AliasPath, BaseModel, Field

from observatudo.errors import ObservatudoError
from observatudo.i18n import _

if TYPE_CHECKING:
    from pathlib import Path

MANIFEST = "manifest.json"
RUN_RESULTS = "run_results.json"
BUILD_RESULTS = "build_results.json"  # dbt docs writes over run_results.json: the build's are kept here
_TESTS = ("test", "unit_test")
_BAD = ("fail", "error", "runtime error")


class _Meta(BaseModel):
    chave: list[str] = []


class _Config(BaseModel):
    meta: _Meta = _Meta()


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
    description: str = ""
    tags: list[str] = []
    config: _Config = _Config()
    columns: dict[str, _Column] = {}
    column_name: str | None = None
    attached_node: str | None = None
    test_metadata: _TestMetadata | None = None
    depends_on: _DependsOn = _DependsOn()


class _Manifest(BaseModel):
    nodes: dict[str, _Node]
    unit_tests: dict[str, _Node] = {}


class _Result(BaseModel):
    unique_id: str
    status: str
    message: str | None = None
    failures: int | None = None
    compiled_code: str | None = None
    execution_time: float = 0.0


class _RunResults(BaseModel):
    results: list[_Result] = Field(default_factory=list)


@dataclass(frozen=True)
class NodeResult:
    """How one model, seed or test ended: ``status`` is dbt's word; ``sql`` is what ran, if it was compiled."""

    name: str
    kind: str
    status: str
    file: str
    message: str = ""
    failures: int = 0
    sql: str = ""

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
    """Read the artifacts of the last build in dbt's target folder; raises ObservatudoError when there are none."""
    manifest_file, results_file = target / MANIFEST, target / BUILD_RESULTS
    if not (manifest_file.is_file() and results_file.is_file()):
        raise ObservatudoError(_("dbt has left no artifacts"), where=str(target), next_step="dvc repro -s -f transform")
    manifest = _Manifest.model_validate_json(manifest_file.read_bytes())
    results = _RunResults.model_validate_json(results_file.read_bytes())
    nodes = manifest.nodes | manifest.unit_tests
    return Artifacts(
        results=tuple(_result(result, nodes[result.unique_id]) for result in results.results),
        marts=tuple(_marts(manifest)),
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
    )


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
