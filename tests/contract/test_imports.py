"""Imports point one way, stages start light, and dvc.yaml names all the code a stage runs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.conftest import ROOT
from tests.contract import modules

MODULES = modules.find(ROOT)
STAGES = sorted(path.stem for path in (ROOT / "stages").glob("*.py") if path.stem != "__init__")
HEAVY = {"mlflow", "dbt", "dvc", "pandas", "pyarrow", "duckdb", "git", "httpx", "rich", "typer", "requests", "grpc"}
IMPURE = {"httpx", "requests", "urllib.request", "http.client", "socket", "ftplib", "openai", "random", "secrets"}


def declared_stages() -> dict[str, tuple[str, list[str]]]:
    """Return stage name → its module and its deps as dvc.yaml writes them."""
    found = {}
    for name, block in yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"].items():
        stage = block.get("do", block)
        module = re.fullmatch(r"python -m (stages\.\w+)( .*)?", stage["cmd"])
        assert module, f"{name}: a stage is `python -m stages.…`, without shell logic: {stage['cmd']}"
        found[name] = (module[1], [str(dep) for dep in stage.get("deps", [])])
    return found


def deps_of(stage: str) -> list[str]:
    found = [deps for module, deps in declared_stages().values() if module == f"stages.{stage}"]
    assert found, f"dvc.yaml runs no stages.{stage}"
    return found[0]


def test_the_library_imports_neither_stages_nor_screens() -> None:
    wrong = {
        name: sorted(found)
        for name, path in MODULES.items()
        if name.startswith("observatudo")
        and (found := {item for item in modules.imports(name, path) if item.split(".")[0] in {"stages", "tui"}})
    }
    assert not wrong


BELOW = {
    "observatudo.versions": ("observatudo.compare", "observatudo.audit", "observatudo.cli"),
    "observatudo.compare": ("observatudo.audit", "observatudo.cli"),
    "observatudo.audit": ("observatudo.cli",),
}


@pytest.mark.parametrize("package", sorted(BELOW))
def test_versions_know_no_comparison_and_comparisons_no_audit(package: str) -> None:
    own = {name: path for name, path in MODULES.items() if name == package or name.startswith(f"{package}.")}
    assert own
    wrong = {
        name: sorted(found)
        for name, path in own.items()
        if (found := {n for n in modules.imports(name, path) if n.startswith(BELOW[package])})
    }
    assert not wrong


def test_no_stage_imports_another() -> None:
    wrong = {
        stage: sorted(found)
        for stage in STAGES
        if (
            found := {
                n for n in modules.imports(f"stages.{stage}", MODULES[f"stages.{stage}"]) if n.startswith("stages.")
            }
        )
    }
    assert not wrong


def test_every_stage_of_the_pipeline_has_its_module_and_the_other_way_round() -> None:
    assert sorted(module for module, _deps in declared_stages().values()) == [f"stages.{name}" for name in STAGES]


@pytest.mark.parametrize("stage", STAGES)
def test_dvc_yaml_names_all_the_code_a_stage_may_import(stage: str) -> None:
    """Code that is no dependency does not run the stage again when it changes: results of old code would stand."""
    deps = deps_of(stage)
    code = [path for path in modules.closure(f"stages.{stage}", MODULES).values() if not modules.is_empty(path)]
    forgotten = [path for path in code if not _covered(path.relative_to(ROOT), deps)]
    assert not forgotten, "\n".join(f"        - {path.relative_to(ROOT)}" for path in sorted(forgotten))


@pytest.mark.parametrize("stage", STAGES)
def test_dvc_yaml_names_no_code_that_is_not_there(stage: str) -> None:
    deps = deps_of(stage)
    code = [dep for dep in deps if dep.split("/")[0] in modules.PACKAGES]
    assert not [dep for dep in code if not (ROOT / dep).exists()]


@pytest.mark.parametrize("stage", [stage for stage in STAGES if stage != "record"])
def test_a_stage_reaches_neither_the_network_nor_chance(stage: str) -> None:
    """But for the warehouse in BigQuery, which is reached through one package by the two stages that are about it."""
    reached = modules.closure(f"stages.{stage}", MODULES)
    if stage in ("load", "transform"):
        reached = {name: path for name, path in reached.items() if not name.startswith("observatudo.cloud.")}
    impure = {name: sorted(found) for name, path in reached.items() if (found := modules.imports(name, path) & IMPURE)}
    assert not impure
    assert not [name for name in reached if name.startswith("observatudo.sources")]


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_starts_without_heavy_imports(stage: str) -> None:
    code = f"import sys, stages.{stage}; print(*sorted({{name.split('.')[0] for name in sys.modules}}))"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COV_")}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert not HEAVY & set(done.stdout.split())


def _covered(path: Path, deps: list[str]) -> bool:
    return any(str(candidate) in deps for candidate in (path, *path.parents))
