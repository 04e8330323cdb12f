"""One method on one pair of tables, in a process of its own: prints what it found and what it cost, as JSON.

Runs as a script, ``compare_methods.py METHOD FOLDER``, also in an environment that has a peer and not this product.
Imports are not part of the cost, on any side.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

KEY = ("id_indicador", "id_municipio", "data_referencia")
VALUES = ("periodicidade", "valor", "valor_texto", "valor_original", "justificativa")
Found = dict[str, object]


def files(folder: Path, side: str) -> list[tuple[str, str, Path]]:
    return [(name, md5, Path(path)) for name, md5, path in json.loads((folder / f"{side}.json").read_text())]


def scan(folder: Path) -> Callable[[], Found]:
    """The limit: DuckDB reads every value of both sides."""
    import duckdb

    def run() -> Found:
        connection = duckdb.connect(config={"threads": 2})
        connection.execute("SET enable_progress_bar = false")
        for side in ("a", "b"):
            read = f"read_parquet({[str(path) for _name, _md5, path in files(folder, side)]!r})"
            columns = connection.execute(f"DESCRIBE SELECT * FROM {read}").fetchall()
            wanted = {"VARCHAR": "sum(strlen({}))", "DATE": "sum(year({}))"}
            sums = ", ".join(wanted.get(kind, "sum({})").format(name) for name, kind, *_rest in columns)
            connection.execute(f"SELECT {sums} FROM {read}").fetchall()
        return {}

    return run


def _ours(folder: Path, report: str) -> Callable[[], Found]:
    import duckdb  # noqa: F401
    import pyarrow.compute
    import pyarrow.parquet  # noqa: F401

    from observatudo.compare import rows
    from observatudo.compare.rows import drift, hashing, merge, segments, streams, tally  # noqa: F401

    names = {"place": KEY[1], "indicator": KEY[0], "year": KEY[2], "dataset": "fonte/dataset"}
    options = rows.Options(KEY, **names, report="full" if report == "full" else "counts")  # type: ignore[arg-type]

    def run() -> Found:
        a, b = (rows.Source(tuple(files(folder, side))) for side in ("a", "b"))
        table = rows.compare(a, b, options)
        changed = {name: column.changed for name, column in table.columns.items()}
        return {"added": table.added, "removed": table.removed, "changed": table.changed, "columns": changed}

    return run


def counts(folder: Path) -> Callable[[], Found]:
    """Ours: counts and figures per column."""
    return _ours(folder, "counts")


def full(folder: Path) -> Callable[[], Found]:
    """Ours: the complete report."""
    return _ours(folder, "full")


def join(folder: Path) -> Callable[[], Found]:
    """DuckDB's full outer join, types cast alike where they differ."""
    import duckdb

    def run() -> Found:
        connection = duckdb.connect(config={"threads": 2})
        connection.execute("SET enable_progress_bar = false")
        cast = "* REPLACE (CAST(id_municipio AS VARCHAR) AS id_municipio, CAST(valor AS DOUBLE) AS valor)"
        for side in ("a", "b"):
            read = f"read_parquet({[str(path) for _name, _md5, path in files(folder, side)]!r})"
            connection.execute(f"CREATE VIEW {side} AS SELECT {cast} FROM {read}")
        differ = [f"(a.{name} IS DISTINCT FROM b.{name})" for name in VALUES]
        both = "a.id_municipio IS NOT NULL AND b.id_municipio IS NOT NULL"
        columns = ", ".join(f"count(*) FILTER ({both} AND {one})" for one in differ)
        found = connection.execute(
            f"SELECT count(*) FILTER (a.id_municipio IS NULL), count(*) FILTER (b.id_municipio IS NULL), "
            f"count(*) FILTER ({both} AND ({' OR '.join(differ)})), {columns} "
            f"FROM a FULL JOIN b USING ({', '.join(KEY)})"
        ).fetchall()[0]
        return {
            "added": found[0],
            "removed": found[1],
            "changed": found[2],
            "columns": dict(zip(VALUES, found[3:], strict=True)),
        }

    return run


def datacompy(folder: Path) -> Callable[[], Found]:
    """datacompy on Polars."""
    import datacompy as peer  # type: ignore[import-not-found,unused-ignore]
    import polars  # type: ignore[import-not-found,unused-ignore]

    def run() -> Found:
        a, b = (polars.read_parquet([path for _name, _md5, path in files(folder, side)]) for side in ("a", "b"))
        found = peer.PolarsCompare(a, b, join_columns=list(KEY))
        columns = {each["column"]: int(each["unequal_cnt"]) for each in found.column_stats}
        return {
            "added": len(found.df2_unq_rows),
            "removed": len(found.df1_unq_rows),
            "changed": len(found.intersect_rows) - int(found.count_matching_rows()),
            "columns": {name: columns[name] for name in VALUES},
        }

    return run


METHODS = {each.__name__: each for each in (scan, counts, full, join, datacompy)}


def main(method: str, folder: str) -> None:
    """Run a method and print its answer and its seconds."""
    run = METHODS[method](Path(folder))
    wall, cpu = time.perf_counter(), time.process_time()
    found = run()
    print(json.dumps({"found": found, "cpu_s": time.process_time() - cpu, "wall_s": time.perf_counter() - wall}))


if __name__ == "__main__":
    main(*sys.argv[1:])
