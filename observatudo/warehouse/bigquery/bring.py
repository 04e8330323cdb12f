"""Bring the version in hand into BigQuery: table by table, as a difference where that can be, all or nothing each.

What is there is looked at first. A table that another hand has changed is refused, or replaced where params.yaml says
so; one that holds the version in hand, though the ledger does not say so, is only noted.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from observatudo import dvccache
from observatudo.cloud import clients, uploads
from observatudo.i18n import _
from observatudo.warehouse.bigquery import delta, ledger, plan, statements, tables
from observatudo.warehouse.bigquery.fingerprint import Fingerprint, of_files
from observatudo.warehouse.bigquery.jobs import Overtaken, Runner, Value, connect, job_name, overtaken
from observatudo.warehouse.bigquery.ledger import Ledger, Load, Mode
from observatudo.warehouse.bigquery.plan import Step
from observatudo.warehouse.bigquery.sent import Sent
from observatudo.warehouse.bigquery.statements import Place
from observatudo.warehouse.bigquery.telling import By, Watch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from observatudo.cloud.settings import Settings
    from observatudo.config import WarehouseParams


def bring(
    root: Path, sent: Sequence[Sent], settings: Settings, params: WarehouseParams, by: By, watch: Watch
) -> list[Load]:
    """Bring these tables into the warehouse; return the newest load of each, in order of name.

    Raises ObservatudoError when something is in the way; a table is then as it was or as it is to be, never between.
    """
    runner = connect(settings, by, watch.job)
    place = Place(settings.project, settings.raw_dataset)
    tables.check_dataset(runner, settings, settings.raw_dataset)
    ledger.make(runner, place)
    known = ledger.read(runner, place)
    steps = plan.steps(root, runner, place, sent, known, params)
    tables.sweep(runner, place)
    bucket = uploads.Uploads(clients.storage(settings), settings.bucket, settings.deadline_s)
    work = _Work(root, runner, place, by, bucket, watch.said)
    found = []
    for number, step in enumerate(steps):
        watch.progress(number, len(steps))
        load, known = _one(work, step, known)
        if step.mode is not None:
            watch.loaded(load)
        found.append(load)
    watch.progress(len(steps), len(steps))
    return found


@dataclass(frozen=True)
class _Work:
    root: Path
    runner: Runner
    place: Place
    by: By
    bucket: uploads.Uploads
    say: Callable[[str], None]


def _one(work: _Work, step: Step, known: Ledger) -> tuple[Load, Ledger]:
    """Bring one table; return its newest load and the ledger then."""
    if step.mode is None:
        assert step.known is not None
        return step.known, known
    newest = known.newest.get(step.sent.name)
    if newest is not None and newest != step.known:  # another load was at work since this one looked
        if ledger.is_present(newest, step.sent):
            return newest, known
        raise overtaken(step.sent.name)
    if step.found is None:
        tables.make(work.runner, work.place, step.sent)
    try:
        load = _done(work, step, known.sequence + 1)
    except Overtaken:
        again = ledger.read(work.runner, work.place)
        newest = again.newest.get(step.sent.name)
        if newest is None or not ledger.is_present(newest, step.sent):
            raise
        return newest, again  # the other one brought the same
    return load, Ledger({**known.newest, load.table: load}, load.sequence)


def _done(work: _Work, step: Step, sequence: int) -> Load:
    with tempfile.TemporaryDirectory(prefix="carga-", dir=delta.scratch(work.root)) as folder:
        if step.mode == "reconciliada":
            return _noted(work, step, sequence)
        change = _difference(work, step, Path(folder)) if step.mode == "diferenca" else None
        return _whole(work, step, sequence) if change is None else _changed(work, step, change, sequence)


def _difference(work: _Work, step: Step, folder: Path) -> delta.Delta | None:
    """Return what changed; None, which is said, where this machine no longer has the bytes of the version before."""
    assert step.known is not None
    change = delta.since(step.known, step.sent, work.root, folder, dvccache.folder(work.root))
    if change is None:
        said = _("{table}: this machine does not have the version that BigQuery has; the table is sent whole")
        work.say(said.format(table=step.sent.name))
    return change


def _load_row(work: _Work, step: Step, sequence: int, mode: Mode, after: Fingerprint) -> Load:
    sent = step.sent
    return Load(
        id=f"{sequence}-{sent.name}-{sent.version[:12]}",
        sequence=sequence,
        table=sent.name,
        version=sent.version,
        previous=step.known.version if step.known else "",
        mode=mode,
        rows=after.rows,
        inserted=0,
        updated=0,
        removed=0,
        fingerprint=after,
        columns=sent.columns,
        files=sent.files,
        sent_bytes=0,
        commit=work.by.commit,
        run=work.by.run,
        who=work.by.who,
        started=datetime.now(UTC),
    )


def _noted(work: _Work, step: Step, sequence: int) -> Load:
    load = _load_row(work, step, sequence, "reconciliada", step.now)
    _run(work, step, load, statements.note_only(work.place, step.sent), {})
    return load


def _changed(work: _Work, step: Step, change: delta.Delta, sequence: int) -> Load:
    """Merge a difference; one without rows is only noted: the files differ, and no row does."""
    load = replace(
        _load_row(work, step, sequence, "diferenca", change.after),
        inserted=change.inserted,
        updated=change.updated,
        removed=change.removed,
    )
    if not change.rows:
        _run(work, step, load, statements.note_only(work.place, step.sent), {})
        return load
    uploaded = work.bucket.put(change.file, change.sha256)
    load = replace(load, sent_bytes=uploaded.sent)
    days: dict[str, tuple[str, Value]] = {}
    if change.days is not None:
        days = {name: ("DATE", day) for name, day in zip(("primeiro", "ultimo"), change.days, strict=True)}
    with _staged(work, step, sequence, [uploaded.uri], is_delta=True) as staging:
        _run(work, step, load, statements.apply_delta(work.place, step.sent, staging), days)
    return load


def _whole(work: _Work, step: Step, sequence: int) -> Load:
    sent = step.sent
    with delta.worked_out(sent.name):
        after = of_files([work.root / file.path for file in sent.files], sent.columns)
    uploaded = [work.bucket.put(work.root / file.path, file.sha256) for file in sent.files]
    load = replace(
        _load_row(work, step, sequence, "completa", after),
        inserted=after.rows,
        removed=step.now.rows,
        sent_bytes=sum(file.sent for file in uploaded),
    )
    with _staged(work, step, sequence, [file.uri for file in uploaded], is_delta=False) as staging:
        if step.is_new_shape:
            # no transaction may make a table; cut off behind this, the next load finds what it wants and notes it
            is_replaceable = step.found is not None and step.found.is_laid_out(sent)
            script = statements.recreate(work.place, sent, staging, is_replaceable=is_replaceable)
            name = job_name(sent.name, "recria", sequence, sent.version, work.place.dataset)
            work.runner.script(script, {"sequencia": ("INT64", sequence)}, name, sent.name, lambda: False)
            _run(work, step, load, statements.note_only(work.place, sent), {})
        else:
            _run(work, step, load, statements.replace_rows(work.place, sent, staging), {})
    return load


@contextmanager
def _staged(work: _Work, step: Step, sequence: int, uris: Sequence[str], *, is_delta: bool) -> Iterator[str]:
    """Load files into a table of their own, which goes afterwards; yield its name."""
    from google.cloud.bigquery import LoadJobConfig, SourceFormat, WriteDisposition

    sent = step.sent
    columns = (*sent.columns, (delta.OPERATION, "string")) if is_delta else sent.columns
    name = job_name(sent.name, "envio", sequence, work.place.dataset, *uris)
    staging = f"{tables.STAGING}{name.rpartition('_')[2]}"
    target = f"{work.place.project}.{work.place.dataset}.{staging}"
    config = LoadJobConfig(
        source_format=SourceFormat.PARQUET,
        schema=tables.schema(columns),
        write_disposition=WriteDisposition.WRITE_TRUNCATE,
    )
    if uris:
        work.runner.load(uris, target, config, name, sent.name)
    else:
        tables.make_staging(work.runner, target, columns)
    tables.expire(work.runner, target)
    yield staging
    tables.drop(work.runner, target)


def _run(work: _Work, step: Step, load: Load, script: str, more: Mapping[str, tuple[str, Value]]) -> None:
    parameters = load.parameters(load.sequence - 1) | dict(more)
    name = job_name(load.table, load.mode, load.sequence, load.version, load.previous, work.place.dataset)
    work.runner.script(
        script,
        parameters,
        name,
        step.sent.name,
        is_kept=lambda: ledger.has(work.runner, work.place, load),
        is_late=lambda: ledger.turn_of(work.runner, work.place) >= load.sequence,
    )
