"""Which connector takes the items of which list of ``snapshot``; packages keep their own way (``package``)."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from observatudo.sources.contract import Connector
    from observatudo.yamlfile import Strict

_NAMES = ("http", "ckan", "localidades", "sidra", "agregados", "siconfi", "ipeadata", "tabnet")

# name of the list → connector; it takes the items of that list and no others
CONNECTORS: dict[str, Connector[Strict]] = {
    name: import_module(f"observatudo.sources.{name}").CONNECTOR for name in _NAMES
}
