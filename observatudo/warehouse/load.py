"""Load: check that every declared table is there and well-formed, write the table of loads, and bring all of it.

With DuckDB nothing is copied: dbt reads the Parquet files in place. BigQuery gets the tables. What this leaves behind
says which rows, of which version, the warehouse is made from.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from typing import TYPE_CHECKING

from pydantic import BaseModel, ValidationError

from observatudo import paths
from observatudo.config import dataset_path, declared, load_dataset
from observatudo.errors import DataError, ObservatudoError
from observatudo.i18n import _
from observatudo.runs.inputs import blob_hash, file_sha256, listing_sha256
from observatudo.warehouse.bigquery.telling import NOBODY, By, Watch
from observatudo.warehouse.tables import LABEL, LOAD, ColumnType, Table, arrow_schema, tables

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from observatudo.config import WarehouseParams

TARGETS = ("duckdb", "bigquery")
LOADS = paths.WAREHOUSE / "carga.parquet"
RECEIPT = paths.WAREHOUSE / "recibo.json"


@dataclass(frozen=True)
class LoadedFile:
    """A file the warehouse reads: path relative to the repository, SHA-256, rows."""

    path: str
    sha256: str
    rows: int


@dataclass(frozen=True)
class LoadedTable:
    """One row of the table of loads: counts in rows, ``taxa_casamento`` from 0 to 1."""

    fonte: str
    dataset: str
    tipo: str
    tabela: str
    linhas: int
    linhas_lidas: int
    linhas_mantidas: int
    linhas_rejeitadas: int
    taxa_casamento: float | None
    data_snapshot: date
    versao_dado: str
    versao_config: str
    ativo: bool = True


@dataclass(frozen=True)
class PresentTable:
    """A table that BigQuery holds: its name, content hash and rows there, and the fingerprint of these rows."""

    tabela: str
    versao: str
    linhas: int
    impressao: str


@dataclass(frozen=True)
class Receipt:
    """What was loaded: one entry per table in ``loads``, one per file in ``files``.

    ``place`` (``project.dataset``) and ``present`` are of BigQuery, empty with DuckDB.
    """

    target: str
    loads: list[LoadedTable]
    files: list[LoadedFile]
    place: str = ""
    present: tuple[PresentTable, ...] = ()


class _Snapshot(BaseModel):
    fetched_at: str


class _Report(BaseModel):
    rows_read: int
    rows_kept: int
    rows_rejected: int
    match_rate: float | None
    snapshot: _Snapshot


def load(root: Path, params: WarehouseParams, by: By = NOBODY, watch: Watch | None = None) -> Receipt:
    """Load every declared dataset into the warehouse and write the table of loads and the receipt.

    ``by`` and ``watch`` are BigQuery's: who loads, and who is told. Raises ObservatudoError for an unknown target, and
    when BigQuery did not take everything; DataError when a file is missing or its columns are not those of its kind.
    """
    if params.target not in TARGETS:
        raise ObservatudoError(
            _("the warehouse “{target}” is not supported; supported: {names}").format(
                target=params.target, names=", ".join(TARGETS)
            ),
            where=f"{paths.PARAMS}: warehouse.target",
            next_step=_("set warehouse.target to one of these"),
        )
    receipt = _checked_files(root)
    _write_loads(root, receipt)
    if params.target == "bigquery":
        receipt = _sent(root, receipt, params, by, watch or Watch())
    _write_receipt(root, receipt)
    return receipt


def _checked_files(root: Path) -> Receipt:
    loads: list[LoadedTable] = []
    files: list[LoadedFile] = []
    for key in declared(root):
        dataset = load_dataset(root, key)
        report = _report(root, key)
        for table in tables(key, dataset):
            found = [_checked(root, path, table.columns, key) for path in _files_of(root, table, key)]
            files += found
            loads.append(_load_row(table, dataset.kind, found, report, blob_hash(root / dataset_path(key))))
    files.append(_checked(root, root / paths.LABELS, LABEL, "classify"))
    return Receipt("duckdb", sorted(loads, key=lambda row: (row.fonte, row.dataset, row.tabela)), files)


def _sent(root: Path, receipt: Receipt, params: WarehouseParams, by: By, watch: Watch) -> Receipt:
    from observatudo.cloud import settings
    from observatudo.warehouse.bigquery import bring, sent

    found = settings.require(settings.load(paths.home()), "project", "bucket")
    loads = bring.bring(root, sent.to_send(root), found, params, by, watch)
    present = tuple(PresentTable(load.table, load.version, load.rows, str(load.fingerprint)) for load in loads)
    return replace(receipt, target="bigquery", place=found.place, present=present)


def _load_row(table: Table, kind: str, found: list[LoadedFile], report: _Report, config_hash: str) -> LoadedTable:
    return LoadedTable(
        fonte=table.fonte,
        dataset=table.dataset,
        tipo=kind,
        tabela=table.name,
        linhas=sum(file.rows for file in found),
        linhas_lidas=report.rows_read,
        linhas_mantidas=report.rows_kept,
        linhas_rejeitadas=report.rows_rejected,
        taxa_casamento=report.match_rate,
        data_snapshot=datetime.fromisoformat(report.snapshot.fetched_at).date(),
        versao_dado=content_hash(found),
        versao_config=config_hash,
    )


def content_hash(files: Iterable[LoadedFile]) -> str:
    """Return one SHA-256 for several files: of their names and hashes, in order of name."""
    return listing_sha256({file.path: file.sha256 for file in files})


def _files_of(root: Path, table: Table, key: str) -> list[Path]:
    found = table.files(root)
    if not found:
        raise _missing(table.location, key)
    return found


def _missing(location: str, key: str) -> DataError:
    stage = key if key == "classify" else f"ingest@{key}"
    return DataError(
        _("{stage} left no {location}").format(stage=stage, location=location),
        where=location,
        next_step=f"dvc repro {stage}",
    )


def _checked(root: Path, path: Path, columns: tuple[tuple[str, ColumnType], ...], key: str) -> LoadedFile:
    import pyarrow.parquet as pq

    name = path.relative_to(root).as_posix()
    if not path.is_file():
        raise _missing(name, key)
    with pq.ParquetFile(path) as file:
        have = [f"{field.name} {field.type}" for field in file.schema_arrow]
        rows = file.metadata.num_rows
    want = [f"{field.name} {field.type}" for field in arrow_schema(columns)]
    if have != want:
        raise DataError(
            _("{file} has other columns than its kind of table\n  expected: {want}\n  found:    {have}").format(
                file=name, want=", ".join(want), have=", ".join(have)
            ),
            where=name,
            next_step=_("mend what writes it, then type: dvc repro"),
        )
    return LoadedFile(name, file_sha256(path), rows)


def _report(root: Path, key: str) -> _Report:
    path = root / paths.INGESTED / key / "relatorio.json"
    name = path.relative_to(root).as_posix()
    if not path.is_file():
        raise _missing(name, key)
    try:
        return _Report.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise DataError(
            _("{file} is not a report of ingest: {problem}").format(file=name, problem=error.errors()[0]["msg"]),
            where=name,
            next_step=f"dvc repro -f -s ingest@{key}",
        ) from None


def _write_loads(root: Path, receipt: Receipt) -> None:
    import pyarrow as pa

    from observatudo import parquet

    rows = [asdict(row) for row in receipt.loads]
    parquet.write(pa.Table.from_pylist(rows, schema=arrow_schema(LOAD)), root / LOADS)


def _write_receipt(root: Path, receipt: Receipt) -> None:
    there = {"lugar": receipt.place, "tabelas": [asdict(table) for table in receipt.present]} if receipt.place else {}
    content = {
        "target": receipt.target,
        **there,
        "carga": file_sha256(root / LOADS),
        "arquivos": [asdict(file) for file in sorted(receipt.files, key=lambda file: file.path)],
    }
    text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
    (root / RECEIPT).write_text(text, encoding="utf-8", newline="\n")
