"""A repository with a past: real Git, and outputs in DVC's layout without the cost of running a pipeline.

That the layout is DVC's is held against DVC itself in ``tests/integration/test_versions.py``.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import pyarrow as pa
import yaml

from observatudo import parquet
from observatudo.warehouse.tables import INDICATOR, LABEL, OBSERVATION, arrow_schema

Row = Mapping[str, object]
DATASET = "x/y"
CONFIG = "title: Teste\nkind: observacao\nfields:\n- name: valor\n  type: number\n"
PARAMS = "datasets:\n  x/y: {params: x.y}\nds:\n  x:\n    y: {min_rows: 1}\nclassify:\n  threshold: 0.4\n"


def observation(place: str, year: int, value: float | None, indicator: str = "pib", **more: object) -> Row:
    """Return one row of the long table."""
    own: Row = {
        "id_indicador": indicator,
        "id_municipio": place,
        "data_referencia": date(year, 12, 31),
        "periodicidade": "anual",
        "valor": value,
        "valor_texto": None,
        "valor_original": None if value is None else str(value),
        "justificativa": None,
    }
    return {**own, **more}


def label(indicator: str, axis: str, **more: object) -> Row:
    """Return one row of the table of labels."""
    own: Row = {
        "id_indicador": indicator,
        "eixo": axis,
        "confianca": 0.9,
        "origem": "regra",
        "versao_classificador": "1",
        "versao_taxonomia": "1",
    }
    return {**own, **more}


@dataclass
class Past:
    """The repository at ``root``; ``lock`` is what the next commit's dvc.lock will say."""

    root: Path
    lock: dict[str, dict[str, object]] = field(default_factory=dict)

    def git(self, *words: str) -> str:
        done = subprocess.run(["git", *words], cwd=self.root, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def write(self, path: str, text: str) -> None:
        """Write a file that Git holds."""
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text, encoding="utf-8")

    def observations(self, rows: Sequence[Row], dataset: str = DATASET, names: Mapping[str, str] | None = None) -> None:
        """Make the output of one dataset's ingest: a file per indicator, and their descriptions."""
        folder = self.root / "data/ingested" / dataset
        shutil.rmtree(folder, ignore_errors=True)
        schema = arrow_schema(OBSERVATION)
        indicators = sorted({str(row["id_indicador"]) for row in rows})
        for indicator in indicators:
            own = [row for row in rows if row["id_indicador"] == indicator]
            own.sort(key=lambda row: (str(row["id_municipio"]), str(row["data_referencia"])))
            parquet.write(pa.Table.from_pylist(own, schema), folder / f"observacao/{indicator}.parquet")
        described = [{"id_indicador": name, "nome": (names or {}).get(name, name)} for name in indicators]
        parquet.write(pa.Table.from_pylist(described, arrow_schema(INDICATOR)), folder / "indicador.parquet")
        self.out(f"ingest@{dataset}", f"data/ingested/{dataset}", f"configs/datasets/{dataset}.yaml")

    def labels(self, rows: Sequence[Row]) -> None:
        """Make the table of labels."""
        ordered = sorted(rows, key=lambda row: str(row["id_indicador"]))
        table = pa.Table.from_pylist(list(ordered), arrow_schema(LABEL))
        parquet.write(table, self.root / "data/classified/rotulo.parquet")
        self.out("classify", "data/classified/rotulo.parquet", "data/classified/overrides.csv")

    def table(self, name: str, table: pa.Table, key: Sequence[str]) -> None:
        """Make a mart of any shape, and the Data Package that names its key."""
        folder = self.root / "data/marts"
        parquet.write(table, folder / f"{name}.parquet")
        described = folder / "datapackage.json"
        package = json.loads(described.read_text()) if described.exists() else {"resources": []}
        kept = [resource for resource in package["resources"] if resource["path"] != f"{name}.parquet"]
        own = {"path": f"{name}.parquet", "format": "parquet", "schema": {"primaryKey": list(key)}}
        described.write_text(json.dumps({"resources": [*kept, own]}))
        self.out("transform", "data/marts")

    def out(self, stage: str, path: str, *deps: str) -> None:
        """Put an output into the cache, as DVC does, and say so in dvc.lock."""
        start = self.root / path
        if start.is_file():
            own: dict[str, object] = {"path": path, "hash": "md5", "md5": self._cached(start.read_bytes())}
        else:
            files = sorted(file for file in start.rglob("*") if file.is_file())
            names = sorted((file.relative_to(start).as_posix(), self._cached(file.read_bytes())) for file in files)
            entries = [{"md5": md5, "relpath": name} for name, md5 in names]
            md5 = self._cached(json.dumps(entries).encode(), ".dir")
            size = sum(file.stat().st_size for file in files)
            own = {"path": path, "hash": "md5", "md5": md5, "size": size, "nfiles": len(entries)}
        read = [
            {"path": dep, "hash": "md5", "md5": hashlib.md5((self.root / dep).read_bytes()).hexdigest()}
            for dep in deps
            if (self.root / dep).is_file()
        ]
        self.lock[stage] = {"cmd": stage, "deps": read, "outs": [own]}

    def _cached(self, content: bytes, suffix: str = "") -> str:
        name = hashlib.md5(content).hexdigest() + suffix
        path = self.root / ".dvc/cache/files/md5" / name[:2] / name[2:]
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            path.chmod(0o444)
        return name

    def object(self, md5: str) -> Path:
        """Return the file of a cached object."""
        return self.root / ".dvc/cache/files/md5" / md5[:2] / md5[2:]

    def commit(self, message: str, *, when: str = "") -> str:
        """Write dvc.lock, commit everything Git is to hold, and return the commit."""
        self.write("dvc.lock", yaml.safe_dump({"schema": "2.0", "stages": self.lock}, sort_keys=True))
        self.git("add", "-A")
        dates = {"GIT_AUTHOR_DATE": when, "GIT_COMMITTER_DATE": when} if when else {}
        command = ["git", "commit", "-q", "--allow-empty", "-m", message]
        subprocess.run(command, cwd=self.root, env={**os.environ, **dates}, check=True)
        return self.git("rev-parse", "HEAD")


def past(root: Path) -> Past:
    """Begin a repository at ``root``: one dataset declared, nothing made and nothing committed yet."""
    made = Past(root)
    made.write(".gitignore", "/.observatudo/\n/data/ingested/\n/data/marts/\n/data/classified/rotulo.parquet\n/logs/\n")
    made.write(".dvc/config", "[core]\n    analytics = false\n")
    made.write(".dvc/.gitignore", "/cache\n/tmp\n/config.local\n")
    made.write("dvc.yaml", "stages: {}\n")
    made.write("params.yaml", PARAMS)
    made.write(f"configs/datasets/{DATASET}.yaml", CONFIG)
    made.git("init", "-q")
    return made
