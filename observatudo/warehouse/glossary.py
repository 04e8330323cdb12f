"""The glossary of columns (``configs/colunas.yaml``): one meaning per name, for dbt, docs and the Data Package."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import RootModel

from observatudo import paths
from observatudo.errors import ConfigError
from observatudo.i18n import _
from observatudo.warehouse.tables import ColumnType
from observatudo.yamlfile import Strict, load

if TYPE_CHECKING:
    from pathlib import Path


class Column(Strict):
    """A column's type (Frictionless), description and, where it has one, unit."""

    type: ColumnType
    description: str
    unit: str = ""


class Glossary(RootModel[dict[str, Column]]):
    """Column name → what it holds."""

    def __getitem__(self, name: str) -> Column:
        """Return the entry of one column; raises ConfigError when the glossary has none."""
        if name not in self.root:
            raise ConfigError(
                _("the column “{name}” is not in the glossary").format(name=name),
                where=str(paths.COLUMNS),
                next_step=_("describe it there, then type: observatudo generate"),
            )
        return self.root[name]


def load_glossary(root: Path) -> Glossary:
    """Read the glossary of the repository at ``root``; raises ConfigError."""
    return load(root / paths.COLUMNS, Glossary)
