"""A tiny repository with random versions: real Git, real DVC, outputs made without running a pipeline."""

from __future__ import annotations

import hashlib
import json
import random
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import yaml

from observatudo.versions.lock import listing_md5
from tests.past import Past, label, observation, past

DATASETS = ("a/um", "b/dois", "c/tres")
KEYS = {
    "observacao": ["id_indicador", "id_municipio", "data_referencia"],
    "indicador": ["id_indicador"],
    "rotulo": ["id_indicador"],
    "fact": ["id_indicador", "id_municipio", "data_referencia"],
}
PIPELINE = """\
stages:
  ingest:
    foreach: ${datasets}
    do:
      cmd: python stages/ingest.py ${key}
      params: ["ds.${item.params}"]
      deps: ["configs/datasets/${key}.yaml", "data/raw/${key}", stages/ingest.py]
      outs: ["data/ingested/${key}"]
      metrics: [{"data/metrics/ingest/${key}.json": {cache: false}}]
  classify:
    cmd: python stages/classify.py
    deps: [data/classified/overrides.csv, data/ingested]
    outs: [data/classified/rotulo.parquet]
  TRANSFORM:
    cmd: python stages/publish.py
    params: [datasets]
    deps: [data/ingested, stages/publish.py]
    outs: [data/marts]
"""
HIDDEN = (".git", ".dvc", ".observatudo", "audit")
PLACES = ["3550308", "3304557", "5300108", "4106902"]


@dataclass
class World:
    """What one version holds: per dataset its rows (place, year → value), a parameter, a title, the raw bytes."""

    rows: dict[str, dict[tuple[str, int], float]] = field(default_factory=dict)
    minimum: dict[str, int] = field(default_factory=dict)
    title: dict[str, str] = field(default_factory=dict)
    raw: dict[str, str] = field(default_factory=dict)
    code: int = 0
    override: str = ""

    def change(self, chance: random.Random) -> None:
        """Change one to three things."""
        for _turn in range(chance.randint(1, 3)):
            kind = chance.choice(("rows", "rows", "rows", "parameter", "title", "raw", "datasets", "override", "code"))
            key = chance.choice(sorted(self.rows))
            if kind == "rows":
                self._change_rows(self.rows[key], chance)
            elif kind == "parameter":
                self.minimum[key] = chance.randint(1, 99)
            elif kind == "title":
                self.title[key] = f"Título {chance.randint(1, 99)}"
            elif kind == "raw":
                self.raw[key] = f"valor\n{chance.randint(1, 99)}\n"
            elif kind == "override":
                self.override = f"x,{chance.randint(1, 99)}\n"
            elif kind == "code" and chance.random() < 0.3:
                self.code += 1
            elif kind == "datasets":
                self._change_datasets(chance)

    def _change_rows(self, rows: dict[tuple[str, int], float], chance: random.Random) -> None:
        for _turn in range(chance.randint(1, 4)):
            rows[chance.choice(PLACES), chance.randint(2015, 2020)] = float(chance.randint(0, 5))
            if len(rows) > 2 and chance.random() < 0.5:
                del rows[chance.choice(sorted(rows))]

    def _change_datasets(self, chance: random.Random) -> None:
        key = chance.choice(DATASETS[1:])
        if key in self.rows:
            for part in (self.rows, self.minimum, self.title, self.raw):
                part.pop(key)
        else:
            self.add(key, chance)

    def add(self, key: str, chance: random.Random) -> None:
        rows = {(place, 2018): float(chance.randint(0, 5)) for place in chance.sample(PLACES, 3)}
        self.rows[key], self.minimum[key], self.title[key], self.raw[key] = rows, 1, "Título", "valor\n1\n"


class Tiny:
    """The repository at ``root``. ``transform`` names the stage that makes the marts."""

    def __init__(self, root: Path, *, transform: str = "publish") -> None:
        self.root = root
        self.past: Past = past(root)
        self.transform = transform
        self.past.write("dvc.yaml", PIPELINE.replace("TRANSFORM", transform))
        self.past.write(".dvcignore", "__pycache__\n")
        self.past.write("stages/classify.py", "")

    def commit(self, world: World, message: str = "version") -> str:
        """Make the work tree what the world says, and commit it."""
        self._clear()
        params = {
            "datasets": {key: {"params": key.replace("/", ".")} for key in sorted(world.rows)},
            "ds": {key.split("/")[0]: {key.split("/")[1]: {"min": world.minimum[key]}} for key in sorted(world.rows)},
        }
        self.past.write("params.yaml", "# o que vale\n" + yaml.safe_dump(params, sort_keys=False))
        self.past.write("data/classified/overrides.csv", f"id,eixo\n{world.override}")
        for name in ("ingest", "publish"):
            self.past.write(f"stages/{name}.py", f"# {world.code if name == 'publish' else 0}\n")
        for key in sorted(world.rows):
            self._dataset(world, key)
        self._follow(world, params)
        return self.past.commit(message)

    def _clear(self) -> None:
        import shutil

        for place in ("data", "configs"):
            shutil.rmtree(self.root / place, ignore_errors=True)
        self.past.lock.clear()

    def _dataset(self, world: World, key: str) -> None:
        self.past.write(f"configs/datasets/{key}.yaml", f"title: {world.title[key]}\n")
        self._snapshot(key, world.raw[key])
        rows = [
            observation(place, year, value, indicator=f"{key.replace('/', '_')}_{year % 2}")
            for (place, year), value in sorted(world.rows[key].items())
        ]
        self.past.observations(rows, key)
        metrics = f"data/metrics/ingest/{key}.json"
        self.past.write(metrics, json.dumps({"rows": len(rows)}) + "\n")
        section = f"ds.{key.replace('/', '.')}"
        self._stage(
            f"ingest@{key}",
            f"python stages/ingest.py {key}",
            [f"configs/datasets/{key}.yaml", f"data/raw/{key}", "stages/ingest.py"],
            {section: {"min": world.minimum[key]}},
            [metrics],
        )

    def _snapshot(self, key: str, text: str) -> None:
        """Keep the raw file of ``b/dois`` in DVC, as large ones are, and those of others in Git."""
        self.past.write(f"data/raw/{key}/snapshot.json", json.dumps({"bytes": len(text)}) + "\n")
        self.past.write(f"data/raw/{key}/x.csv", text)
        if key == DATASETS[1]:
            md5 = self.past._cached(text.encode())
            pointer = {"outs": [{"md5": md5, "size": len(text), "hash": "md5", "path": "x.csv"}]}
            self.past.write(f"data/raw/{key}/x.csv.dvc", yaml.safe_dump(pointer, sort_keys=False))
            self.past.write(f"data/raw/{key}/.gitignore", "/x.csv\n")

    def _follow(self, world: World, params: dict[str, object]) -> None:
        flat = [(key, row) for key in sorted(world.rows) for row in sorted(world.rows[key].items())]
        names = sorted({f"{key.replace('/', '_')}_{row[0][1] % 2}" for key, row in flat})
        self.past.labels([label(name, f"eixo{len(world.override) % 3}") for name in names])
        self._stage("classify", "python stages/classify.py", ["data/classified/overrides.csv", "data/ingested"], {}, [])
        import pyarrow as pa

        rows = [
            observation(place, year, value * (world.code + 1), indicator=f"{key.replace('/', '_')}_{year % 2}")
            for key, ((place, year), value) in flat
        ]
        table = pa.Table.from_pylist([dict(row) for row in rows])
        self.past.table("fact", table, KEYS["fact"])
        self.past.lock[self.transform] = self.past.lock.pop("transform")
        self._stage(
            self.transform,
            "python stages/publish.py",
            ["data/ingested", "stages/publish.py"],
            {"datasets": params["datasets"]},
            [],
        )

    def _stage(self, name: str, command: str, deps: list[str], params: dict[str, object], metrics: list[str]) -> None:
        entry = self.past.lock[name]
        entry["cmd"] = command
        entry["deps"] = [{"path": dep, "hash": "md5", "md5": self.md5(dep)} for dep in deps]
        if params:
            entry["params"] = {"params.yaml": params}
        outs = entry["outs"]
        assert isinstance(outs, list)
        outs += [{"path": path, "hash": "md5", "md5": self.md5(path)} for path in metrics]

    def md5(self, path: str) -> str:
        """Return the hash DVC gives a file or folder, worked out from the files alone."""
        start = self.root / path
        if start.is_file():
            return hashlib.md5(start.read_bytes()).hexdigest()
        found = {file.relative_to(start).as_posix(): file for file in start.rglob("*") if file.is_file()}
        listing = [
            {"md5": hashlib.md5(found[name].read_bytes()).hexdigest(), "relpath": name} for name in sorted(found)
        ]
        return listing_md5(json.dumps(listing).encode())

    def tables(self) -> dict[str, pd.DataFrame]:
        """Return every table on disk, read by pandas."""
        found: dict[str, list[Path]] = {}
        for path in sorted((self.root / "data/ingested").rglob("*.parquet")):
            inside = path.relative_to(self.root / "data/ingested").parts
            table = inside[2].removesuffix(".parquet")
            found.setdefault("/".join([*inside[:2], table]), []).append(path)
        for path in [*(self.root / "data/marts").glob("*.parquet"), *(self.root / "data/classified").glob("*.parquet")]:
            found[path.stem] = [path]
        return {name: pd.concat([pd.read_parquet(path) for path in paths]) for name, paths in found.items()}

    def state(self) -> dict[str, bytes]:
        """Return every file but those of tools and the ledger."""
        return state(self.root)

    def git(self, *words: str) -> str:
        return self.past.git(*words)


def state(root: Path) -> dict[str, bytes]:
    """Return path → bytes of every file of a repository but those of tools and the ledger."""
    found = (path for path in root.rglob("*") if path.is_file())
    names = {path.relative_to(root): path for path in found}
    return {name.as_posix(): path.read_bytes() for name, path in names.items() if name.parts[0] not in HIDDEN}


def counts(before: pd.DataFrame | None, after: pd.DataFrame | None, key: list[str]) -> tuple[int, int, int]:
    """Return rows added, removed and changed, the naive way."""
    sides = [
        {tuple(map(str, row[:-1])): row[-1] for row in _rows(frame, key)} if frame is not None else {}
        for frame in (before, after)
    ]
    old, new = sides
    both = old.keys() & new.keys()
    return len(new.keys() - old.keys()), len(old.keys() - new.keys()), sum(old[name] != new[name] for name in both)


def _rows(frame: pd.DataFrame, key: list[str]) -> list[tuple[object, ...]]:
    rest = [name for name in frame.columns if name not in key]
    texts = ["|".join(map(str, row)) for row in frame[rest].itertuples(index=False)]
    return list(zip(*(frame[name] for name in key), texts, strict=True))


def git_diff(root: Path, old: str, new: str) -> dict[str, str]:
    """Return path → A, D or M between two commits, the ledger left out."""
    command = ["git", "diff", "--name-status", "--no-renames", old, new]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
    lines = (line.split("\t") for line in done.stdout.splitlines())
    return {path: letter for letter, path in lines if not path.startswith("audit/")}


def history(root: Path, seed: int, versions: int, *, transform: str = "publish") -> tuple[Tiny, list[str]]:
    """Make a repository with so many random versions; return it and its commits."""
    chance = random.Random(seed)
    tiny, world = Tiny(root, transform=transform), World()
    world.add(DATASETS[0], chance)
    world.add(DATASETS[1], chance)
    commits = [tiny.commit(world, "version 0")]
    for number in range(1, versions):
        world.change(chance)
        commits.append(tiny.commit(world, f"version {number}"))
    return tiny, commits
