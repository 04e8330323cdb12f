"""The reference pages name what the code knows: keys of declarations, checks, reject reasons, licences."""

from __future__ import annotations

import re
import typing
from collections.abc import Iterator

import pytest

from observatudo import config, origins
from observatudo.alerts import settings as alerts
from observatudo.classify import providers
from observatudo.ingest import blocks, casts, collect, places, rows
from observatudo.yamlfile import Strict
from tests.conftest import ROOT

DATASETS = (ROOT / "docs/datasets.md").read_text(encoding="utf-8")
MODELS = (ROOT / "docs/llm.md").read_text(encoding="utf-8")
READING = (ROOT / "docs/reading.md").read_text(encoding="utf-8")
SOURCES = (ROOT / "docs/sources.md").read_text(encoding="utf-8")
LICENCES = (ROOT / "docs/data-licences.md").read_text(encoding="utf-8")


def _models() -> Iterator[type[Strict]]:
    for found in [*vars(config).values(), *vars(providers).values()]:
        if isinstance(found, type) and issubclass(found, Strict) and found is not Strict:
            yield found


def _section(title: str) -> str:
    found = re.search(rf"^## {re.escape(title)}$(.*?)(?=^## |\Z)", DATASETS, re.MULTILINE | re.DOTALL)
    assert found, title
    return found[1]


def _words(text: str) -> set[str]:
    """Return the words that stand in code marks, in running text or in an example."""
    spans = re.findall(r"`([^`\n]+)`", text) + re.findall(r"^```yaml[^\n]*\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return {word for span in spans for word in re.findall(r"\w+", span)}


def _reasons() -> set[str]:
    of_rows = {collect.BLANK, collect.OUTSIDE, collect.MALFORMED, blocks.REASON, rows.DUPLICATE}
    return of_rows | {*casts.REASONS, *places.REASONS}


@pytest.mark.parametrize("model", list(_models()), ids=lambda model: model.__name__)
def test_every_key_of_a_declaration_is_explained(model: type[Strict]) -> None:
    assert not {field.alias or key for key, field in model.model_fields.items()} - _words(
        DATASETS + READING + MODELS + SOURCES
    )


@pytest.mark.parametrize("name", [name for name in origins.SnapshotConfig.model_fields if name != "packages"])
def test_every_key_of_a_connector_is_explained_with_it(name: str) -> None:
    model = typing.get_args(origins.SnapshotConfig.model_fields[name].annotation)[0]
    assert not {*model.model_fields} - _words(SOURCES)
    assert re.search(rf"^\| `{name}`[ ,|]", SOURCES, re.MULTILINE)


def test_every_check_is_explained() -> None:
    union = typing.get_args(typing.get_args(config.Check)[0])
    names = {typing.get_args(model.model_fields["check"].annotation)[0] for model in union}
    assert names == set(re.findall(r"^\| `(\w+)`", _section("`checks`"), re.MULTILINE))


def test_reject_reasons_are_those_of_the_code() -> None:
    lines = re.findall(r"^\| (`\w+`(?:, `\w+`)*) \|", _section("Reject reasons"), re.MULTILINE)
    explained = {word for line in lines for word in re.findall(r"\w+", line)} - {"motivo"}
    assert explained == _reasons()


@pytest.mark.parametrize("key", config.declared(ROOT))
def test_the_licences_are_those_of_the_declarations(key: str) -> None:
    dataset = config.load_dataset(ROOT, key)
    row = next((line for line in LICENCES.splitlines() if line.startswith(f"| `{key}` |")), "")
    packages = [f"`{package.name}` {package.version}" for package in dataset.snapshot.packages]
    wanted = [dataset.publisher, dataset.citation, *(license.name for license in dataset.licenses), *packages]
    assert not [text for text in wanted if text not in row]


def test_columns_of_the_tables_are_listed() -> None:
    from observatudo.warehouse.tables import INDICATOR, OBSERVATION

    listed = _words(_section("What ingest writes"))
    assert not {name for name, _kind in (*OBSERVATION, *INDICATOR)} - listed


def test_pages_of_decisions_are_short_and_listed() -> None:
    folder = ROOT / "docs/decisions"
    pages = sorted(path for path in folder.glob("*.md") if path.name != "README.md")
    index = (folder / "README.md").read_text(encoding="utf-8")
    assert not [path.name for path in pages if not re.match(r"\d{4}-[a-z0-9-]+\.md$", path.name)]
    assert not [path.name for path in pages if f"({path.name})" not in index]


def test_every_key_of_the_alerts_is_explained() -> None:
    text = (ROOT / "docs/alerts.md").read_text(encoding="utf-8")
    models = [own for own in vars(alerts).values() if isinstance(own, type) and issubclass(own, Strict)]
    assert not {key for model in models for key in model.model_fields} - _words(text)
    kinds = {rule.rule for rule in alerts.AlertsFile().rules}
    assert kinds == set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)) - {"rule", "severity", "datasets"}
