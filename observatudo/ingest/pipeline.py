"""One dataset, from its snapshot to its tables: read, type, place, check, write.

Rows read = rows kept + rows rejected, always; the code stops when they are not. A row is kept when at
least one value of it reached the result. Output is made in a folder aside and put in place at the end,
so that whatever goes wrong leaves the previous output as it was.
"""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from observatudo import config, parquet, paths, snapshots
from observatudo.config import Dataset, Lookup, ParamValue, RepeatedBlockCheck
from observatudo.errors import ConfigError, DataError
from observatudo.i18n import _
from observatudo.ingest import blocks, casts, checks, corrected, nulls, observations, places, reviewed, rows, tables
from observatudo.ingest.collect import Collected, collect
from observatudo.ingest.sql import ident

if TYPE_CHECKING:
    from collections.abc import Callable

    import duckdb
    import numpy as np
    from numpy.typing import NDArray

    from observatudo.ingest.checks import CheckResult

WORK = Path(".observatudo/ingest")
RESULT = "saida"
# above this the reject's text is cut in the file; the line number leads to the whole
_TEXT_LIMIT = 1000
# of the database engine; what is more goes to a file aside, so that a dataset of any size can be ingested. One thread,
# beside the reader's: a second costs a tenth more processor time, and another dataset makes better use of the core
_BOUNDS: dict[str, str | bool | int | float | list[str]] = {"memory_limit": "400MB", "threads": 1}


@dataclass(frozen=True)
class Report:
    """What one ingest did; written as relatorio.json and, its figures, as metrics."""

    rows_read: int
    rows_kept: int
    rows_rejected: int
    rejected_by_reason: dict[str, int]
    match_rate: float | None
    null_rate: float | None
    rows: int
    observations: int | None
    divergences: int | None
    ignored_columns: dict[str, list[str]]
    encodings: dict[str, str]
    checks: list[CheckResult]
    snapshot: dict[str, object]
    corrections: int = 0

    def as_dict(self) -> dict[str, object]:
        """Return what relatorio.json holds; ``corrections`` only where a text was corrected."""
        told = self.__dict__ | {"checks": [check.as_dict() for check in self.checks]}
        return told if self.corrections else {name: value for name, value in told.items() if name != "corrections"}

    def metrics(self) -> dict[str, object]:
        """Return the few figures worth comparing between runs."""
        chosen = {
            "rows_read": self.rows_read,
            "rows_rejected": self.rows_rejected,
            "rows": self.rows,
            "match_rate": self.match_rate,
            "null_rate": self.null_rate,
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
    _declared(root, key)  # what is wrong there is said before what is wrong with the snapshot
    snapshot = snapshots.verify(root, key)
    source: dict[str, object] = {
        "sha256": snapshot.sha256,
        "fetched_at": snapshot.fetched_at,
        "source": snapshot.source,
    }
    files = [snapshots.folder(root, key) / name for name in sorted(snapshot.files)]
    work = root / WORK / key
    shutil.rmtree(work, ignore_errors=True)
    try:
        report = replace(make(root, key, files, work, progress), snapshot=source)
        _install(root, key, work / RESULT, report)
    except OSError as error:
        raise _system_refused(work, error) from error
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return report


def make(
    root: Path,
    key: str,
    files: list[Path],
    work: Path,
    progress: Callable[[int, int], None] = _silent,
    *,
    strict: bool = True,
) -> Report:
    """Make the tables of a dataset from these files, in the folder ``RESULT`` under ``work``; nothing else is written.

    Raises ConfigError and DataError; for a failed check marked fatal only when ``strict``.
    """
    import duckdb

    dataset, section, directory = _declared(root, key)
    settings = _BOUNDS | {"temp_directory": str(work / "cheio")}
    try:
        (work / RESULT).mkdir(parents=True)
        with duckdb.connect(config=settings) as con:
            task = _Task(root, key, dataset, section, directory, work / RESULT)
            report = _run(con, task, files, progress)
            if strict:
                _stop_on_fatal(key, report.checks)
            _write_tables(con, work / RESULT, report, dataset)
        return replace(report, null_rate=nulls.rate(work / RESULT))
    except (duckdb.IOException, duckdb.OutOfMemoryException) as error:
        raise _no_room(work, error) from error
    except OSError as error:
        raise _system_refused(work, error) from error
    except duckdb.Error as error:
        raise _refused(key, error) from error


def _declared(root: Path, key: str) -> tuple[Dataset, dict[str, ParamValue], Path]:
    """Return the declaration, its params and the folder of the list of places; raises ConfigError."""
    params = config.load_params(root)
    section = params.dataset(key)
    dataset = config.load_dataset(root, key)
    config.check_params(key, dataset, section)
    return dataset, section, root / params.datasets[key].lista


@dataclass(frozen=True)
class _Task:
    """One ingest: the repository, what is declared, the official list, and the folder that is written."""

    root: Path
    key: str
    dataset: Dataset
    params: dict[str, ParamValue]
    directory: Path
    folder: Path


def _refused(key: str, error: Exception) -> DataError:
    first, *_rest = str(error).splitlines()
    return DataError(
        _("the database engine cannot do what the declaration asks for: {error}").format(error=first),
        where=str(config.dataset_path(key)),
        next_step=_("look for a pattern, name or number in the declaration that it does not take"),
    )


def _no_room(work: Path, error: Exception) -> DataError:
    first, *_rest = str(error).splitlines()
    return DataError(
        _("the database engine has no room to work: {error}").format(error=first),
        where=str(work),
        next_step=_("make room on the disk, then dvc repro; the previous output is as it was"),
    )


def _system_refused(work: Path, error: OSError) -> DataError:
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    return DataError(
        _("the system refused: {reason}").format(reason=os.strerror(error.errno) if error.errno else error),
        where=str(error.filename2 or error.filename or work),
        next_step=_("make room on the disk, then dvc repro; the previous output is as it was")
        if full
        else _("make room or mend the permissions, then run again"),
    )


def _run(
    con: duckdb.DuckDBPyConnection, task: _Task, files: list[Path], progress: Callable[[int, int], None]
) -> Report:
    dataset = task.dataset
    _lookup_tables(con, task.root, dataset)
    rows.reasons(con)
    if dataset.locality is not None:
        places.prepare(con, task.directory, dataset.locality, task.root)
    corrector = corrected.prepare(con, task.root, task.key, dataset, task.params)
    plan = rows.prepare(con, dataset, task.params, [path.name for path in files], corrector)
    collected = collect(con, files, plan, progress)
    applied = corrector.finish(con, task.key) if corrector else 0
    asked = _rows(con, dataset)
    copied = _settle_places(con, task)
    rate = round(_rows(con, dataset) / asked, 6) if dataset.locality is not None and asked else None
    kept, total, named = _build(con, task, collected.rows_read, corrector.fields if corrector else [])
    return _report(con, task, _Result(collected, rate, kept, total, copied, named, applied))


def _lookup_tables(con: duckdb.DuckDBPyConnection, root: Path, dataset: Dataset) -> None:
    """Load every lookup's pairs into ``tabela``; raises ConfigError for a table that cannot serve."""
    con.execute("CREATE TABLE tabela (_tabela VARCHAR, _chave VARCHAR, _valor VARCHAR)")
    factors = {casts.lookup_name(f.factor) for f in dataset.fields if not isinstance(f.factor, int | float)}
    for name, lookup in casts.lookups(dataset).items():
        pairs = _pairs(root, lookup, factors=name in factors)
        con.executemany("INSERT INTO tabela VALUES (?, ?, ?)", [[name, k, v] for k, v in pairs.items()])


def _pairs(root: Path, lookup: Lookup, *, factors: bool) -> dict[str, str]:
    number = re.compile(casts.grammar_of(".", "", whole_only=False), re.ASCII)
    pairs: dict[str, str] = {}
    for line, row in enumerate(reviewed.rows(root / lookup.table, {lookup.key, lookup.value}), start=2):
        where, key, value = f"{root / lookup.table}:{line}", row[lookup.key], row[lookup.value]
        if key in pairs:
            raise ConfigError(
                _("the lookup's table has “{value}” twice").format(value=key),
                where=where,
                next_step=_("keep one of the two"),
            )
        if factors and not number.fullmatch(value):
            raise ConfigError(
                _("the factor “{value}” is no number").format(value=value),
                where=where,
                next_step=_("write it plainly, as 1000 or 0.001"),
            )
        pairs[key] = value
    return pairs


def _rows(con: duckdb.DuckDBPyConnection, dataset: Dataset) -> int:
    """Return how many rows were accepted; a melted row stands in ``localizado`` several times."""
    return _count(con, f"SELECT {'count(DISTINCT _r)' if dataset.melt else 'count(*)'} FROM localizado")


def _settle_places(con: duckdb.DuckDBPyConnection, task: _Task) -> list[str]:
    """Reject copied blocks and rows without a place; return the blocks, one line each."""
    locality = task.dataset.locality
    if locality is None:
        return []
    copied: list[str] = []
    for check in task.dataset.checks:
        if isinstance(check, RepeatedBlockCheck):
            length = config.resolve(check.minimum, task.params, "checks.repeated_block.minimum")
            if length:
                copied += blocks.reject_copies(con, check, locality, int(length))
    places.reject_unplaced(con, locality)
    return copied


def _build(
    con: duckdb.DuckDBPyConnection, task: _Task, rows_read: int, fields: list[str]
) -> tuple[NDArray[np.bool_], int, list[str]]:
    """Make the result; return which rows reached it, how many rows it has, and the duplicated keys."""
    import numpy as np

    if task.dataset.kind == "observacao":
        tables.indicators(con, task.dataset)
        written = observations.write(con, task.dataset, rows_read, task.folder / "observacao", fields)
        return written.kept, written.rows, written.named
    directory = task.dataset.kind == "referencia"
    named = (tables.reference if directory else tables.indicators)(con, task.dataset)
    kept = np.zeros(rows_read, dtype=np.bool_)
    kept[[row[0] for row in con.execute("SELECT DISTINCT _r FROM localizado").fetchall()]] = True
    return kept, _count(con, f"SELECT count(*) FROM {'referencia' if directory else 'indicador'}"), named


def _count(con: duckdb.DuckDBPyConnection, query: str) -> int:
    return int(con.execute(query).fetchall()[0][0])


@dataclass(frozen=True)
class _Result:
    """What the steps of one ingest found: see ``Report``; ``kept`` says of each row whether it reached the result.

    ``match_rate`` is the share of the rows that name a place which were given one; a copied block's rows have
    none, a melted row is placed when a part of it is. None where no row names a place.
    """

    collected: Collected
    match_rate: float | None
    kept: NDArray[np.bool_]
    rows: int
    copied: list[str]
    named: list[str]
    corrected: int


def _report(con: duckdb.DuckDBPyConnection, task: _Task, result: _Result) -> Report:
    dataset, read = task.dataset, result.collected.rows_read
    rejects = con.execute("SELECT DISTINCT _r FROM recusado").fetchnumpy()["_r"]
    kept, rejected = int(result.kept.sum()), int((~result.kept[rejects]).sum())
    if read != kept + rejected:
        raise AssertionError(f"{read} rows read, {kept} kept, {rejected} rejected")
    by_reason = dict(
        con.execute("SELECT motivo, count(DISTINCT _r) FROM recusado GROUP BY ALL ORDER BY ALL").fetchall()
    )
    facts = checks.Facts(result.rows, result.match_rate, result.copied)
    results = checks.run(con, dataset, task.params, facts)
    ignored = {name: columns for name, columns in sorted(result.collected.ignored.items()) if columns}
    results += checks.always(con, dataset, ignored, result.named, by_reason.get(rows.DUPLICATE, 0))
    return Report(
        rows_read=read,
        rows_kept=kept,
        rows_rejected=rejected,
        rejected_by_reason=by_reason,
        match_rate=result.match_rate,
        null_rate=None,
        rows=result.rows,
        observations=result.rows if dataset.kind == "observacao" else None,
        divergences=_count(con, "SELECT count(*) FROM divergencia") if dataset.kind == "referencia" else None,
        ignored_columns=ignored,
        encodings=dict(sorted(result.collected.encodings.items())),
        checks=results,
        snapshot={},
        corrections=result.corrected,
    )


def _stop_on_fatal(key: str, results: list[CheckResult]) -> None:
    broken = [result for result in results if not result.passed and result.level == "fatal"]
    if not broken:
        return
    lines = [_found(result) + "".join(f"\n      {row}" for row in result.sample) for result in broken]
    raise DataError(
        _("{key} breaks checks that are fatal:").format(key=key) + "".join(f"\n    {line}" for line in lines),
        where=str(config.dataset_path(key)),
        next_step=_("look at the source; if it is right, change the check or its param, then dvc repro"),
    )


def _found(result: CheckResult) -> str:
    if result.found is None or result.limit is None:
        return _("check {check}: {failed} failing").format(check=result.title(), failed=result.failed)
    return _("check {check}: found {found}, limit {limit}, {failed} failing").format(
        check=result.title(), found=f"{result.found:.12g}", limit=f"{result.limit:.12g}", failed=result.failed
    )


def _install(root: Path, key: str, folder: Path, report: Report) -> None:
    """Put the finished folder in the place of the previous output, and write the metrics."""
    (folder / "relatorio.json").write_text(_json(report.as_dict()), encoding="utf-8")
    source, _slash, name = key.partition("/")
    draft = folder.with_name("metrics.json")
    draft.write_text(_json({source: {name: report.metrics()}}), encoding="utf-8")
    # from here on nothing takes room on the disk any more
    target, previous = root / paths.INGESTED / key, folder.with_name("anterior")
    metrics = root / paths.METRICS / "ingest" / f"{key}.json"
    for path in (target, metrics):
        path.parent.mkdir(parents=True, exist_ok=True)
    try:
        if target.exists():
            target.rename(previous)
        folder.rename(target)
    finally:
        if previous.exists() and not target.exists():
            previous.rename(target)
    draft.replace(metrics)


def _write_tables(con: duckdb.DuckDBPyConnection, folder: Path, report: Report, dataset: Dataset) -> None:
    columns = f"arquivo, linha, coluna, left(texto, {_TEXT_LIMIT}) AS texto, motivo"
    _copy(con, f"SELECT {columns} FROM recusado ORDER BY ALL", folder / "rejeitado.parquet")
    if dataset.locality is not None and dataset.locality.name is not None:
        _copy(con, places.MATCHES, folder / "casamento.parquet")
    if report.corrections:
        _copy(con, corrected.APPLIED, folder / corrected.FILE)
    if dataset.kind == "referencia":
        key = ", ".join(map(ident, dataset.primaryKey))
        _copy(con, f"SELECT * FROM referencia ORDER BY {key}", folder / "referencia.parquet")
        _copy(con, f"SELECT * FROM divergencia ORDER BY {key}, coluna, arquivo, linha", folder / "divergencia.parquet")
        return
    _copy(con, "SELECT * FROM indicador ORDER BY id_indicador", folder / "indicador.parquet")


def _copy(con: duckdb.DuckDBPyConnection, query: str, path: Path) -> None:
    reader = con.sql(query).to_arrow_reader(parquet.ROW_GROUP)
    parquet.write_batches(reader, reader.schema, path)


def _json(content: object) -> str:
    return json.dumps(content, indent=2, ensure_ascii=False, sort_keys=True) + "\n"
