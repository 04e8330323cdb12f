"""Files that are made from declarations, kept in Git so that they can be read and reviewed.

The dbt project's staging models, sources, column docs and seeds, the JSON Schemas for editors, and an empty file of
corrections for each dataset that has none: one that is there is a person's and is never touched.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from observatudo import config, corrections
from observatudo.alerts.settings import schema_text as alerts_schema_text
from observatudo.classify.providers import Providers
from observatudo.classify.taxonomy import Taxonomy
from observatudo.compare.model import schema_text as comparison_schema_text
from observatudo.compare.policy import PolicyFile
from observatudo.config import json_schemas
from observatudo.runs.model import schema_text as run_schema_text
from observatudo.warehouse import models

if TYPE_CHECKING:
    from pathlib import Path

_SCHEMAS = "configs/schema"


def stale(root: Path) -> list[str]:
    """Return the generated files, relative to ``root``, that differ from what the declarations give.

    Missing files count, and so do staging models of datasets that are no longer declared.
    Raises ConfigError for a wrong declaration.
    """
    return sorted([*models.stale(root), *models.differing(root, _json_schemas()), *_uncorrected(root)])


def generate(root: Path) -> list[str]:
    """Write every generated file that is stale and remove orphans; return their names, sorted.

    Raises ConfigError for a wrong declaration.
    """
    texts, changed = models.render(root) | _json_schemas() | _uncorrected(root), stale(root)
    for name in changed:
        path = root / name
        if name in texts:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(texts[name], encoding="utf-8", newline="\n")
        else:
            path.unlink()
    return changed


def wanted(root: Path) -> set[str]:
    """Return the names of all generated files, relative to ``root``. Raises ConfigError for a wrong declaration."""
    return {*models.render(root), *_json_schemas()}


def _uncorrected(root: Path) -> dict[str, str]:
    """Return the empty file of corrections of each declared dataset that has none, by its name."""
    files = (corrections.path(key) for key in config.declared(root))
    return {file.as_posix(): corrections.EMPTY for file in files if not (root / file).exists()}


def _json_schemas() -> dict[str, str]:
    schemas = json_schemas() | {
        "eixos.json": Taxonomy.model_json_schema(),
        "corrections.json": corrections.Corrections.model_json_schema(),
        "diff.json": PolicyFile.model_json_schema(),
        "provedores.json": Providers.model_json_schema(),
    }
    texts = {name: json.dumps(schema, indent=2, ensure_ascii=False) + "\n" for name, schema in schemas.items()}
    texts["run.json"] = run_schema_text()
    texts["alerts.json"] = alerts_schema_text()
    texts["comparison.json"] = comparison_schema_text()
    return {f"{_SCHEMAS}/{name}": text for name, text in texts.items()}
