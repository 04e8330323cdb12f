"""The tables of a version: which files hold each, and by which key its rows are told apart."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from observatudo import paths
from observatudo.versions.store import Entry
from observatudo.versions.version import Version
from observatudo.yamlfile import plain

OBSERVATION_KEY = ("id_indicador", "id_municipio", "data_referencia")
_OBSERVATIONS = "observacao"
_INGESTED = {_OBSERVATIONS: OBSERVATION_KEY, "indicador": ("id_indicador",)}
_READ = (".parquet", ".csv", ".csv.gz")
_SINGLE = {
    paths.LABELS.as_posix(): ("rotulo", ("id_indicador",)),
    paths.EVIDENCE.as_posix(): ("evidencia", ("id_indicador", "classificador")),
}
_LOADS = (paths.WAREHOUSE / "carga.parquet").as_posix()


@dataclass(frozen=True)
class TableFile:
    """One file of a table: its name in the table, and the output and entry it stands in."""

    name: str
    out: str
    entry: Entry

    def local(self, version: Version) -> Path:
        """Return the file's bytes on this machine, pulled when they are missing. Raises Missing."""
        return version.local(self.out, self.entry)


@dataclass(frozen=True)
class TableAt:
    """A table of one version. An empty ``key`` means that nothing says how to tell its rows apart.

    ``dataset`` is empty for a table of several; ``derived`` tables follow from others (marts, the table of loads).
    """

    name: str
    key: tuple[str, ...]
    files: tuple[TableFile, ...]
    dataset: str = ""
    derived: bool = False


def tables(version: Version) -> dict[str, TableAt]:
    """Return a version's tables by name, in order: ``<fonte>/<dataset>/<table>``, ``rotulo``, ``evidencia``, ``carga``,
    the marts.

    Of a path: a folder's Parquet and CSV files, or the one file, by their stems. Rejects and other audit tables
    without a key are left out. Raises Missing when a listing is in neither cache nor remote.
    """
    found = _in_path(version) if version.kind == "path" else _in_repository(version)
    return by_name(found)


def by_name(found: Iterable[TableAt]) -> dict[str, TableAt]:
    """Return tables by name, in order, those that follow from others last."""
    return {table.name: table for table in sorted(found, key=lambda table: (table.derived, table.name))}


def _in_repository(version: Version) -> Iterator[TableAt]:
    for path in sorted(version.lock.outs):
        yield from of_output(version, path)


def of_output(version: Version, path: str) -> Iterator[TableAt]:
    """Give the tables that one output of ``dvc.lock`` holds. Raises Missing as ``tables`` does."""
    if path in _SINGLE:
        name, key = _SINGLE[path]
        for table in _whole(version, path, name, key):
            yield replace(table, derived=name == "evidencia")
    elif path == _LOADS:
        for table in _whole(version, path, "carga", ("fonte", "dataset", "tabela")):
            yield replace(table, derived=True)
    elif path == paths.MARTS.as_posix():
        yield from _marts(version, path)
    elif PurePosixPath(path).is_relative_to(paths.INGESTED.as_posix()):
        yield from _ingested(version, path)


def _whole(version: Version, path: str, name: str, key: tuple[str, ...]) -> Iterator[TableAt]:
    files = tuple(TableFile(name, path, entry) for entry in version.files(path))
    if files:
        yield TableAt(name, key, files)


def _ingested(version: Version, path: str) -> Iterator[TableAt]:
    dataset = path.removeprefix(f"{paths.INGESTED.as_posix()}/")
    groups: dict[str, list[TableFile]] = {}
    for entry in version.files(path):
        name = PurePosixPath(entry.relpath)
        table = name.parts[0] if len(name.parts) > 1 else name.stem
        if name.suffix == ".parquet":
            groups.setdefault(table, []).append(TableFile(entry.relpath, path, entry))
    for table, files in groups.items():
        key = _reference_key(version, dataset) if table == "referencia" else _INGESTED.get(table)
        if key is not None:
            yield TableAt(f"{dataset}/{table}", key, tuple(files), dataset)


def _reference_key(version: Version, dataset: str) -> tuple[str, ...]:
    """Read the declared key leniently: a declaration of another year need not suit today's model."""
    text = version.text((paths.DATASET_CONFIGS / f"{dataset}.yaml").as_posix())
    try:
        declared = plain(text) if text else None
    except yaml.YAMLError:
        declared = None
    key = declared.get("primaryKey") if isinstance(declared, Mapping) else None
    return tuple(str(name) for name in key) if isinstance(key, list) else ()


class _Lenient(BaseModel):
    model_config = ConfigDict(extra="ignore")


class _TableSchema(_Lenient):
    primaryKey: list[str] = []


class _Resource(_Lenient):
    path: str
    format: str = ""
    table: _TableSchema = Field(default=_TableSchema(), alias="schema")  # pydantic has a method of that name


class _Package(_Lenient):
    resources: list[_Resource] = []


def _marts(version: Version, path: str) -> Iterator[TableAt]:
    entries = {entry.relpath: entry for entry in version.files(path)}
    described = entries.get("datapackage.json")
    keys = _keys(version.local(path, described).read_bytes()) if described else {}
    for name, entry in entries.items():
        if name.endswith(".parquet"):
            stem = PurePosixPath(name).stem
            yield TableAt(stem, keys.get(name, ()), (TableFile(name, path, entry),), derived=True)


def _keys(text: bytes) -> dict[str, tuple[str, ...]]:
    """Return file name → primary key of a Data Package; nothing for a text that is none."""
    try:
        package = _Package.model_validate(json.loads(text))
    except (ValueError, ValidationError):
        return {}
    return {resource.path: tuple(resource.table.primaryKey) for resource in package.resources}


def _in_path(version: Version) -> Iterator[TableAt]:
    """Give a path's tables: the one file, or a folder's Parquet and CSV files and its folders of Parquet files."""
    if version.root.is_file():
        (entry,) = _beside(version).files(version.root.name)
        yield TableAt(_stem(version.root), (), (TableFile(version.root.name, "", entry),))
        return
    found = sorted(version.root.iterdir())
    described = version.root / "datapackage.json"
    keys = _keys(described.read_bytes()) if described.is_file() else {}
    parquet = {_stem(path) for path in found if path.suffix.lower() == ".parquet"}
    for path in found:
        if path.is_dir():
            yield from _folder(version, path.name)
        elif path.name.lower().endswith(_READ) and (path.suffix.lower() == ".parquet" or _stem(path) not in parquet):
            (entry,) = version.files(path.name)  # a CSV beside a Parquet file is a copy of it
            yield TableAt(_stem(path), keys.get(path.name, ()), (TableFile(path.name, path.name, entry),))


def _folder(version: Version, name: str) -> Iterator[TableAt]:
    files = [entry for entry in version.files(name) if "/" not in entry.relpath and entry.relpath.endswith(".parquet")]
    if files:
        yield TableAt(name, (), tuple(TableFile(entry.relpath, name, entry) for entry in files))


def _beside(version: Version) -> Version:
    return replace(version, root=version.root.parent)


def _stem(path: Path) -> str:
    return path.name.partition(".")[0] if path.name.lower().endswith(_READ) else path.stem
