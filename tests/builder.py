"""A small repository made by the product: declarations, snapshots and the official list, in a temporary folder."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow.parquet as pq
import yaml

from observatudo import config, snapshots
from observatudo.ingest.pipeline import Report, ingest
from observatudo.sources import file as connector
from observatudo.sources.client import open_client
from observatudo.sources.take import Fetch

ROOT = Path(__file__).parents[1]
TOWNS = """id_municipio,nome
3550308,São Paulo
3304557,Rio de Janeiro
5300108,Brasília
4106902,Curitiba
4314902,Porto Alegre
3106200,Belo Horizonte
1506807,Santarém
3503307,Araras
5107008,Poxoréu
"""
_COMMON: dict[str, object] = {
    "title": "t",
    "description": "d",
    "publisher": "p",
    "licenses": [{"name": "MIT"}],
    "citation": "c",
    "frequency": "anual",
    "snapshot": {},
}
_STATE = {"of": "id_uf", "table": "configs/tabelas/uf.csv", "key": "id_uf", "value": "sigla_uf"}
_DIRECTORY: dict[str, object] = {
    "kind": "referencia",
    "resources": [{"path": "*.csv", "format": "csv"}],
    "fields": [
        {"name": "id_municipio", "type": "string", "constraints": {"required": True}},
        {"name": "nome", "type": "string", "constraints": {"required": True}},
        {"name": "id_uf", "type": "string", "derive": {"prefix": {"of": "id_municipio", "length": 2}}},
        {"name": "sigla_uf", "type": "string", "derive": {"lookup": _STATE}},
    ],
    "primaryKey": ["id_municipio"],
}
LONG: dict[str, object] = {
    "kind": "observacao",
    "resources": [{"path": "*.csv", "format": "csv"}],
    "fields": [
        {"name": "ano", "type": "integer", "constraints": {"required": True, "minimum": 1900, "maximum": 2100}},
        {"name": "uf", "type": "string"},
        {"name": "cidade", "type": "string", "constraints": {"required": True}},
        {"name": "quantidade", "type": "integer", "constraints": {"minimum": 0}},
    ],
    "locality": {"name": "cidade", "state": "uf"},
    "period": {"year": "ano"},
    "indicators": [{"id": "teste_valor", "name": "Teste", "value": "quantidade", "unit": "u"}],
}


def take_file(root: Path, key: str, file: Path, name: str | None = None) -> None:
    """Take a local file as the snapshot's, however much it differs from the one of before."""

    def report(_text: str) -> None:
        """Say nothing."""

    with open_client(report) as client:
        fetch = Fetch(root, client, report, config.FetchParams(git_limit_mb=1e6), accept=True)
        connector.take(fetch, key, config.load_dataset(root, key), file, name)


@dataclass
class Repository:
    """A folder in which datasets can be declared and ingested."""

    root: Path
    datasets: dict[str, dict[str, str]] = field(default_factory=dict)
    sections: dict[str, dict[str, dict[str, object]]] = field(default_factory=dict)

    def declare(self, key: str, content: dict[str, object], params: dict[str, object] | None = None) -> None:
        """Write the declaration and its line and section in params.yaml."""
        path = self.root / config.dataset_path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump(_COMMON | content, allow_unicode=True, sort_keys=False), encoding="utf-8")
        source, name = key.split("/")
        lista = "configs/tabelas/uf.csv" if key == "ibge/municipio" else "data/ingested/ibge/municipio"
        self.datasets[key] = {"params": f"{source}.{name}", "lista": lista}
        self.sections.setdefault(source, {})[name] = params or {}
        content = {
            "datasets": self.datasets,
            "ds": self.sections,
            "classify": {"threshold": 0.3},
            "warehouse": {"target": "duckdb"},
            "transform": {"threads": 1},
        }
        (self.root / "params.yaml").write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")

    def snapshot(self, key: str, name: str, content: str | bytes) -> None:
        """Take these bytes as a file of the dataset's snapshot."""
        local = self.root / ".observatudo" / name
        local.parent.mkdir(exist_ok=True)
        local.write_bytes(content.encode() if isinstance(content, str) else content)
        folder = self.root / "data/raw" / key
        if (folder / "snapshot.json").exists() and name not in snapshots.read(self.root, key).files:
            raise AssertionError("one file per snapshot here")
        take_file(self.root, key, local, name)

    def ingest(self, key: str, declaration: dict[str, object], content: str | bytes, name: str = "a.csv") -> Report:
        """Declare, take the snapshot and ingest."""
        self.declare(key, declaration)
        self.snapshot(key, name, content)
        return ingest(self.root, key)

    def rows(self, key: str, table: str) -> list[dict[str, object]]:
        """Return the rows of one Parquet file of an ingested dataset."""
        found: list[dict[str, object]] = pq.read_table(self.root / "data/ingested" / key / table).to_pylist()
        return found


def repository(root: Path) -> Repository:
    """Return a repository with the table of states and a short official list, already ingested."""
    tables = root / "configs/tabelas"
    tables.mkdir(parents=True)
    (tables / "uf.csv").write_bytes((ROOT / "configs/tabelas/uf.csv").read_bytes())
    (root / "dvc.yaml").write_text("stages: {}\n")
    made = Repository(root)
    made.ingest("ibge/municipio", _DIRECTORY, TOWNS)
    return made


def changed(base: dict[str, object], **changes: object) -> dict[str, object]:
    """Return a copy of a declaration with some keys replaced."""
    return copy.deepcopy(base) | changes
