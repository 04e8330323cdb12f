"""The tables that go to BigQuery: their names there, columns, keys, and the files that hold their rows.

A version of a table is the SHA-256 of its files' names and hashes; the files of an older version are DVC's objects,
found by the MD5 that the ledger noted.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from observatudo import dvccache, paths
from observatudo.config import declared, load_dataset
from observatudo.runs.inputs import file_sha256, listing_sha256
from observatudo.warehouse.tables import LABEL, LOAD, ColumnType, tables

if TYPE_CHECKING:
    from collections.abc import Iterable

Columns = tuple[tuple[str, ColumnType], ...]
OWN = "observatudo"  # the source of the tables that the observatory makes itself
LOADS_KEY = ("fonte", "dataset", "tabela")
_LOADS = paths.WAREHOUSE / "carga.parquet"


@dataclass(frozen=True, order=True)
class File:
    """A Parquet file: path relative to the repository, MD5 (DVC's name for it), SHA-256, rows."""

    path: str
    md5: str
    sha256: str
    rows: int


@dataclass(frozen=True)
class Sent:
    """One table as it is to be in the warehouse. ``month`` is the column whose months are its partitions, or empty.

    ``is_full``: the dataset's ``update_mode`` says that every version is sent whole.
    """

    name: str
    columns: Columns
    key: tuple[str, ...]
    files: tuple[File, ...]
    title: str
    month: str = ""
    is_full: bool = False

    @property
    def version(self) -> str:
        """The content hash of the files."""
        return listing_sha256({file.path: file.sha256 for file in self.files})

    @property
    def clusters(self) -> tuple[str, ...]:
        """The columns that the table is clustered by: its key, BigQuery's four at most, without the month."""
        return tuple(name for name in self.key if name != self.month)[:4]

    @property
    def rows(self) -> int:
        """How many rows the files hold."""
        return sum(file.rows for file in self.files)


def raw_name(fonte: str, source: str) -> str:
    """Return the name in BigQuery of dbt's ``source(fonte, source)``."""
    return f"{fonte}__{source}"


def to_send(root: Path) -> list[Sent]:
    """Return every table of the version in hand, in order of name; the files must have been checked before."""
    declarations = {key: load_dataset(root, key) for key in declared(root)}
    found = [
        Sent(
            raw_name(table.fonte, table.source),
            table.columns,
            table.key,
            _files(root, table.files(root)),
            table.title,
            "data_referencia" if table.name == "observacao" else "",
            dataset.update_mode == "full",
        )
        for key, dataset in declarations.items()
        for table in tables(key, dataset)
    ]
    labels = _files(root, [root / paths.LABELS])
    loads = _files(root, [root / _LOADS])
    found.append(Sent(raw_name(OWN, "rotulo"), LABEL, ("id_indicador",), labels, "Os eixos dos indicadores"))
    found.append(Sent(raw_name(OWN, "carga"), LOAD, LOADS_KEY, loads, "As tabelas da versão carregada"))
    return sorted(found, key=lambda table: table.name)


def _files(root: Path, found: Iterable[Path]) -> tuple[File, ...]:
    return tuple(_file(path, path.relative_to(root).as_posix()) for path in sorted(found))


def _file(path: Path, name: str) -> File:
    import pyarrow.parquet as pq

    return File(name, dvccache.md5(path), file_sha256(path), pq.read_metadata(path).num_rows)
