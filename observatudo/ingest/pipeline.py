"""One dataset, from its snapshot to its tables: read, type, place, check, write.

Rows read = rows kept + rows rejected, always; the code stops when they are not. A row is kept when at
least one value of it reached the result. Output is made in a folder aside and put in place at the end,
so that whatever goes wrong leaves the previous output as it was.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from observatudo import config, parquet, paths, snapshots
from observatudo.config import Dataset, Derive, ParamValue, RepeatedBlockCheck
from observatudo.errors import ConfigError, DataError
from observatudo.i18n import _
from observatudo.ingest import blocks, casts, checks, places, reviewed, tables
from observatudo.ingest.collect import Collected, collect
from observatudo.ingest.sql import failure, ident, literal, raw

if TYPE_CHECKING:
    from collections.abc import Callable

    import duckdb

    from observatudo.ingest.checks import CheckResult

WORK = Path(".observatudo/ingest")
# above this the reject's text is cut in the file; the line number leads to the whole
_TEXT_LIMIT = 1000


@dataclass(frozen=True)
class Report:
    """What one ingest did; written as relatorio.json and, its figures, as metrics."""

    rows_read: int
    rows_kept: int
    rows_rejected: int
    rejected_by_reason: dict[str, int]
    match_rate: float | None
    rows: int
    observations: int | None
    divergences: int | None
    ignored_columns: dict[str, list[str]]
    checks: list[CheckResult]
    snapshot: dict[str, object]

    def as_dict(self) -> dict[str, object]:
        return self.__dict__ | {"checks": [check.as_dict() for check in self.checks]}

    def metrics(self) -> dict[str, object]:
        """Return the few figures worth comparing between runs."""
        chosen = {
            "rows_read": self.rows_read,
            "rows_rejected": self.rows_rejected,
            "rows": self.rows,
            "match_rate": self.match_rate,
            "warnings": sum(1 for check in self.checks if not check.passed),
        }
        return {key: value for key, value in chosen.items() if value is not None}


def _silent(done: int, total: int) -> None:
    """Tell nobody how far the work is."""


def ingest(root: Path, key: str, progress: Callable[[int, int], None] = _silent) -> Report:
    """Ingest one declared dataset into ``data/ingested/<key>`` and its metrics file.

    ``progress`` is told how many bytes of how many are read.
    Raises ConfigError, SnapshotError or DataError (also for a failed check marked fatal); then
    nothing in ``data/ingested`` has changed.
    """
    import duckdb

    params = config.load_params(root)
    section = params.dataset(key)
    dataset = config.load_dataset(root, key)
    config.check_params(key, dataset, section)
    snapshot = snapshots.verify(root, key)
    with duckdb.connect() as con:
        con.execute("SET preserve_insertion_order = true")
        files = [snapshots.folder(root, key) / name for name in sorted(snapshot.files)]
        try:
            report = _run(con, root, key, dataset, section, files, progress)
        except duckdb.Error as error:
            raise _refused(key, error) from error
        source = {"sha256": snapshot.sha256, "fetched_at": snapshot.fetched_at, "source": snapshot.source}
        report = Report(**(report.__dict__ | {"snapshot": source}))
        _stop_on_fatal(key, report.checks)
        _write(con, root, key, dataset, report)
    return report


def _refused(key: str, error: Exception) -> DataError:
    first, *_rest = str(error).splitlines()
    return DataError(
        _("the database engine cannot do what the declaration asks for: {error}").format(error=first),
        where=str(config.dataset_path(key)),
        next_step=_("look for a pattern, name or number in the declaration that it does not take"),
    )


def _run(
    con: duckdb.DuckDBPyConnection,
    root: Path,
    key: str,
    dataset: Dataset,
    params: dict[str, ParamValue],
    files: list[Path],
    progress: Callable[[int, int], None],
) -> Report:
    collected = collect(con, files, dataset, progress)
    _lookup_tables(con, root, dataset)
    con.execute(f"CREATE TABLE tipado AS {casts.typed_query(dataset, params)}")
    _accept(con, dataset)
    copied = _place(con, root, key, dataset, params)
    named = _build(con, dataset)
    return _report(con, dataset, params, collected, copied, named)


def _lookup_tables(con: duckdb.DuckDBPyConnection, root: Path, dataset: Dataset) -> None:
    """Load every lookup's pairs into ``tabela``; raises ConfigError for a table that cannot serve."""
    con.execute("CREATE TABLE tabela (nome VARCHAR, chave VARCHAR, valor VARCHAR)")
    lookups = {casts.lookup_name(f.derive): f.derive for f in dataset.fields if f.derive and f.derive.lookup}
    for name, derive in lookups.items():
        pairs = _pairs(root, derive)
        con.executemany("INSERT INTO tabela VALUES (?, ?, ?)", [[name, k, v] for k, v in pairs.items()])


def _pairs(root: Path, derive: Derive) -> dict[str, str]:
    assert derive.lookup is not None
    lookup = derive.lookup
    pairs: dict[str, str] = {}
    for line, row in enumerate(reviewed.rows(root / lookup.table, {lookup.key, lookup.value}), start=2):
        if row[lookup.key] in pairs:
            raise ConfigError(
                _("the lookup's table has “{value}” twice").format(value=row[lookup.key]),
                where=f"{root / lookup.table}:{line}",
                next_step=_("keep one of the two"),
            )
        pairs[row[lookup.key]] = row[lookup.value]
    return pairs


def _accept(con: duckdb.DuckDBPyConnection, dataset: Dataset) -> None:
    """Split ``tipado`` into ``aceito`` and rejects; a value column's failure is left to its own values."""
    values = {indicator.value for indicator in dataset.indicators}
    row_fields = [f.name for f in dataset.fields if f.name not in values]
    failed = [(failure(name), name) for name in row_fields]
    column = "CASE " + " ".join(f"WHEN {f} IS NOT NULL THEN {literal(n)}" for f, n in failed) + " END"
    text = "CASE " + " ".join(f"WHEN {f} IS NOT NULL THEN {raw(n)}" for f, n in failed) + " END"
    reason = f"coalesce({', '.join(f for f, _name in failed)}, NULL)"
    con.execute(f"""
        INSERT INTO recusado SELECT _r, _arquivo, _linha, {column}, {text}, {reason} FROM tipado
        WHERE {reason} IS NOT NULL
    """)
    con.execute(f"CREATE TABLE aceito AS SELECT * FROM tipado WHERE {reason} IS NULL")
    con.execute("DROP TABLE tipado")


def _place(
    con: duckdb.DuckDBPyConnection, root: Path, key: str, dataset: Dataset, params: dict[str, ParamValue]
) -> list[str]:
    """Make ``localizado`` and return the copied blocks that were rejected on the way."""
    locality = dataset.locality
    if locality is None:
        nowhere = "NULL AS _id_local, NULL AS _relacao, NULL AS _nome"
        con.execute(f"CREATE TABLE localizado AS SELECT *, {nowhere} FROM aceito")
        return []
    directory = root / config.load_params(root).datasets[key].lista
    places.locate(con, places.Places(directory, locality, root))
    copied: list[str] = []
    for check in dataset.checks:
        if isinstance(check, RepeatedBlockCheck):
            length = config.resolve(check.minimum, params, "checks.repeated_block.minimum")
            if length:
                copied += blocks.reject_copies(con, check, locality, int(length))
    places.reject_unplaced(con, locality)
    return copied


def _build(con: duckdb.DuckDBPyConnection, dataset: Dataset) -> list[str]:
    if dataset.kind == "referencia":
        return tables.reference(con, dataset)
    named = tables.indicators(con, dataset)
    return named + (tables.observations(con, dataset) if dataset.kind == "observacao" else [])


def _count(con: duckdb.DuckDBPyConnection, query: str) -> int:
    return int(con.execute(query).fetchall()[0][0])


def _report(
    con: duckdb.DuckDBPyConnection,
    dataset: Dataset,
    params: dict[str, ParamValue],
    collected: Collected,
    copied: list[str],
    named: list[str],
) -> Report:
    result = {"observacao": "observacao", "referencia": "referencia", "catalogo": "indicador"}[dataset.kind]
    kept_in = "celula" if dataset.kind == "observacao" else "localizado"
    kept = _count(con, f"SELECT count(DISTINCT _r) FROM {kept_in}")
    rejected = _count(con, f"SELECT count(DISTINCT _r) FROM recusado ANTI JOIN {kept_in} USING (_r)")
    if collected.rows_read != kept + rejected:
        raise AssertionError(f"{collected.rows_read} rows read, {kept} kept, {rejected} rejected")
    by_reason = dict(
        con.execute("SELECT motivo, count(DISTINCT _r) FROM recusado GROUP BY ALL ORDER BY ALL").fetchall()
    )
    rate = _match_rate(con, dataset, by_reason)
    rows = _count(con, f"SELECT count(*) FROM {result}")
    results = checks.run(con, dataset.checks, params, checks.Facts(rows, dataset.primaryKey, rate, copied))
    results.append(checks.duplicates(named, by_reason.get(tables.DUPLICATE, 0)))
    return Report(
        rows_read=collected.rows_read,
        rows_kept=kept,
        rows_rejected=rejected,
        rejected_by_reason=by_reason,
        match_rate=rate,
        rows=rows,
        observations=rows if dataset.kind == "observacao" else None,
        divergences=_count(con, "SELECT count(*) FROM divergencia") if dataset.kind == "referencia" else None,
        ignored_columns={name: columns for name, columns in sorted(collected.ignored.items()) if columns},
        checks=results,
        snapshot={},
    )


def _match_rate(con: duckdb.DuckDBPyConnection, dataset: Dataset, by_reason: dict[str, int]) -> float | None:
    """Return the share of the rows that name a place which were given one; a copied block's rows have none."""
    if dataset.locality is None:
        return None
    asked = _count(con, "SELECT count(DISTINCT _r) FROM aceito")
    unplaced = sum(by_reason.get(reason, 0) for reason in (*places.REASONS, blocks.REASON))
    return round(1 - unplaced / asked, 6) if asked else 0.0


def _stop_on_fatal(key: str, results: list[CheckResult]) -> None:
    broken = [result for result in results if not result.passed and result.level == "fatal"]
    if not broken:
        return
    lines = [
        _("check {check}: found {found}, limit {limit}, {failed} failing").format(
            check=b.title(), found=b.found, limit=b.limit, failed=b.failed
        )
        + "".join(f"\n      {row}" for row in b.sample)
        for b in broken
    ]
    raise DataError(
        _("{key} breaks checks that are fatal:").format(key=key) + "".join(f"\n    {line}" for line in lines),
        where=str(config.dataset_path(key)),
        next_step=_("look at the source; if it is right, change the check or its param, then dvc repro"),
    )


def _write(con: duckdb.DuckDBPyConnection, root: Path, key: str, dataset: Dataset, report: Report) -> None:
    work = root / WORK / key
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    _write_tables(con, work, dataset)
    (work / "relatorio.json").write_text(_json(report.as_dict()), encoding="utf-8")
    target = root / paths.INGESTED / key
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.exists():
        shutil.rmtree(target)
    work.rename(target)
    metrics = root / paths.METRICS / "ingest" / f"{key}.json"
    metrics.parent.mkdir(parents=True, exist_ok=True)
    source, _slash, name = key.partition("/")
    metrics.write_text(_json({source: {name: report.metrics()}}), encoding="utf-8")


def _write_tables(con: duckdb.DuckDBPyConnection, work: Path, dataset: Dataset) -> None:
    columns = f"arquivo, linha, coluna, left(texto, {_TEXT_LIMIT}) AS texto, motivo"
    _copy(con, f"SELECT {columns} FROM recusado ORDER BY ALL", work / "rejeitado.parquet")
    if dataset.kind == "referencia":
        key = ", ".join(map(ident, dataset.primaryKey))
        _copy(con, f"SELECT * FROM referencia ORDER BY {key}", work / "referencia.parquet")
        _copy(con, f"SELECT * FROM divergencia ORDER BY {key}, coluna, arquivo, linha", work / "divergencia.parquet")
        return
    _copy(con, "SELECT * FROM indicador ORDER BY id_indicador", work / "indicador.parquet")
    for indicator in dataset.indicators:
        chosen = f"SELECT * FROM observacao WHERE id_indicador = {literal(indicator.id)}"
        path = work / "observacao" / f"{indicator.id}.parquet"
        _copy(con, f"{chosen} ORDER BY id_municipio, data_referencia", path)


def _copy(con: duckdb.DuckDBPyConnection, query: str, path: Path) -> None:
    parquet.write(con.sql(query).to_arrow_table(), path)


def _json(content: object) -> str:
    return json.dumps(content, indent=2, ensure_ascii=False, sort_keys=True) + "\n"
