"""Export: the warehouse's marts as Parquet, CSV and one Data Package; the same rows give the same bytes.

Technical columns stay in the warehouse: some of them name the run.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from observatudo import parquet, paths
from observatudo.config import declared, load_dataset
from observatudo.warehouse import datapackage
from observatudo.warehouse.glossary import Glossary, load_glossary
from observatudo.warehouse.presence import WAREHOUSE
from observatudo.warehouse.tables import arrow_schema

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import duckdb
    import pyarrow as pa

    from observatudo.warehouse.artifacts import Mart


def export(root: Path, marts: Sequence[Mart]) -> dict[str, int]:
    """Write every mart and the Data Package under ``data/marts``; return rows per mart.

    A folder is filled aside and then takes the place of the old one, so that a reader never finds half.
    """
    import duckdb

    glossary = load_glossary(root)
    aside = root / paths.MARTS.with_name("marts.new")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    with duckdb.connect(root / WAREHOUSE, read_only=True) as connection:
        rows = {mart.name: _export_mart(connection, mart, glossary, aside) for mart in marts}
    datasets = {key: load_dataset(root, key) for key in declared(root)}
    datapackage.write(aside, marts, glossary, datasets)
    shutil.rmtree(root / paths.MARTS, ignore_errors=True)
    aside.rename(root / paths.MARTS)
    return rows


def _export_mart(connection: duckdb.DuckDBPyConnection, mart: Mart, glossary: Glossary, folder: Path) -> int:
    from pyarrow import csv

    table = _read(connection, mart, glossary)
    parquet.write(table, folder / f"{mart.name}.parquet")
    csv.write_csv(table, folder / f"{mart.name}.csv", csv.WriteOptions(quoting_style="needed"))
    return int(table.num_rows)


def _read(connection: duckdb.DuckDBPyConnection, mart: Mart, glossary: Glossary) -> pa.Table:
    """Return the mart's published columns, ordered by its key, in the glossary's types."""
    columns = ", ".join(f'"{name}"' for name in mart.columns)
    order = ", ".join(f'"{name}"' for name in mart.key)
    query = f'select {columns} from "{mart.name}" order by {order}'
    schema = arrow_schema([(name, glossary[name].type) for name in mart.columns])
    return connection.sql(query).to_arrow_table().cast(schema)
