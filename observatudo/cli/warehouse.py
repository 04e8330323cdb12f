"""The command ``observatudo warehouse``: what the warehouse is, what is in it, and whether that is the version in hand.

``--json`` prints, of DuckDB, ``target``, ``file`` (relative to the repository), ``size`` (bytes; null: not there),
``is_current``, ``problems``; of BigQuery, ``observatudo.warehouse.bigquery.state.State``: ``target``, ``environment``,
``project``, ``dataset``, ``raw_dataset``, ``location``, ``bucket``, ``is_emulated``, ``is_current``, ``deep``;
``tables`` (``name``, ``title``, ``status``, ``version_here``, ``version_there``, ``rows_here``, ``rows_there``,
``size`` in bytes, ``load``: the newest one, as in ``loads``); ``loads`` (``sequence``, ``table``, ``version``,
``previous``, ``mode``, ``rows``, ``inserted``, ``updated``, ``removed``, ``bytes_sent``, ``commit``, ``run``, ``who``,
``started``); ``builds`` (``sequence``, ``run``, ``project``, ``built_at``); ``problems`` (``kind``, ``text``,
``next_step``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from observatudo import figures
from observatudo.i18n import _

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from observatudo.warehouse.bigquery.state import Loaded, State, Table

_VERSION = 8  # characters of a content hash that are shown
_COLOURS = {"current": "green", "other": "yellow", "absent": "yellow", "lost": "red", "altered": "red"}


def warehouse(
    as_json: Annotated[bool, typer.Option("--json", help=_("Print JSON."))] = False,
    deep: Annotated[bool, typer.Option("--deep", help=_("Read the tables in BigQuery too, and hold them up."))] = False,
    loads: Annotated[int, typer.Option("--loads", min=0, help=_("How many of the newest loads to list."))] = 10,
    create: Annotated[
        bool, typer.Option("--create", help=_("Make BigQuery's datasets where they are missing."))
    ] = False,
    load: Annotated[bool, typer.Option("--load", help=_("Bring the version in hand now, as the stage does."))] = False,
) -> None:
    """Say what the warehouse is and which version it holds. Exits 1 when that is not the version in hand."""
    from observatudo.config import load_params
    from observatudo.paths import repository
    from observatudo.readonly import require_writable

    if create or load:
        require_writable("warehouse --create" if create else "warehouse --load")
    root = repository()
    if load_params(root).warehouse.target != "bigquery":
        _of_file(root, as_json=as_json, is_asked=create or load or deep)
        return
    if create:
        _create(root)
        if not load:
            return
    if load:
        _load(root)
    _of_bigquery(root, deep=deep, loads=loads, as_json=as_json)


def _of_file(root: Path, *, as_json: bool, is_asked: bool) -> None:
    """Tell of DuckDB's file; what only BigQuery has is refused."""
    from observatudo.errors import ObservatudoError
    from observatudo.paths import PARAMS
    from observatudo.warehouse import presence

    if is_asked:
        raise ObservatudoError(
            _("the warehouse is a file of DuckDB; this is for one in BigQuery"),
            where=f"{PARAMS}: warehouse.target",
            next_step="dvc exp run -S warehouse.target=bigquery",
        )
    file, renew = root / presence.WAREHOUSE, "dvc repro -f -s transform"
    size = file.stat().st_size if file.is_file() else None
    is_current = presence.is_current(root) and size is not None
    told = _("it is of another version than the outputs") if size is not None else _("it is not there")
    problems = (
        [] if is_current else [{"kind": "stale" if size is not None else "lost", "text": told, "next_step": renew}]
    )
    if as_json:
        name = presence.WAREHOUSE.as_posix()
        _print_json({"target": "duckdb", "file": name, "size": size, "is_current": is_current, "problems": problems})
    else:
        octets = figures.size(size) if size is not None else figures.NONE
        typer.echo(_("target duckdb · {file} ({size})").format(file=presence.WAREHOUSE.as_posix(), size=octets))
        if is_current:
            typer.echo(_("✓ it is of the version in hand"))
        for problem in problems:
            _print_problem(problem["text"], problem["next_step"])
    raise typer.Exit(0 if is_current else 1)


def _create(root: Path) -> None:
    from observatudo.cloud import settings
    from observatudo.warehouse.bigquery import state

    made = state.create(settings.require(settings.load(root), "project"))
    for name in made:
        typer.echo(_("made: {name}").format(name=name), err=True)
    if not made:
        typer.echo(_("both datasets are there already"), err=True)


def _load(root: Path) -> None:
    """Bring the version in hand while no pipeline of this repository is at work."""
    import os
    from datetime import UTC, datetime

    from observatudo import journal
    from observatudo.audit.rollback import guard
    from observatudo.runs.inputs import head_commit
    from observatudo.warehouse.bigquery import again, state
    from observatudo.warehouse.bigquery.telling import By

    settings = state.required(root)
    by = By(f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{os.getpid()}", head_commit(root) or "", journal.who() or "")
    with guard.alone(root):
        try:
            brought = again.load(root, settings, by, _progress())
        finally:
            _progress()(0, 0)
    typer.echo(brought.told(), err=True)
    if brought.changed:
        typer.echo(f"  → {state.BUILD}", err=True)


def _progress() -> Callable[[int, int], None]:
    """Return what draws how many tables are done on a terminal or for a dashboard; of no tables, it wipes that."""
    import os
    import sys

    from observatudo.cli.progress import ASKED

    is_watched = sys.stderr.isatty() or bool(os.environ.get(ASKED))

    def tell(done: int, total: int) -> None:
        if is_watched:
            told = _("BigQuery: {done} of {total} tables").format(done=done, total=total) if total else ""
            print(f"\r\x1b[K{told}", end="", file=sys.stderr, flush=True)

    return tell


def _of_bigquery(root: Path, *, deep: bool, loads: int, as_json: bool) -> None:
    from observatudo.cloud import settings
    from observatudo.warehouse.bigquery import state

    found = state.look(root, settings.require(settings.load(root), "project"), deep=deep, loads=loads)
    if as_json:
        _print_json(found.as_dict())
    else:
        _print_state(found)
    raise typer.Exit(0 if found.is_current else 1)


def _print_state(found: State) -> None:
    place = f"{found.project}.{found.dataset}"
    emulated = _(" (an emulator)") if found.is_emulated else ""
    typer.echo(_("target bigquery · {place} · {location}").format(place=place, location=found.location) + emulated)
    typer.echo(_("environment {name} · bucket {bucket}").format(name=found.environment, bucket=found.bucket or "–"))
    _print_tables(found.tables)
    _print_loads(found.loads)
    for build in found.builds[:1]:
        told = _("dbt's models: built {when} by run {run}, from load {sequence}")
        typer.echo(told.format(when=figures.moment(build.built_at), run=build.run or "–", sequence=build.sequence))
    if found.is_current:
        told = _("✓ it is of the version in hand, rows and all") if found.deep else _("✓ it is of the version in hand")
        typer.secho(told, fg="green")
    for problem in found.problems:
        _print_problem(problem.text, problem.next_step)


def _print_tables(tables: tuple[Table, ...]) -> None:
    from observatudo.cli.table import table

    if not tables:
        return
    typer.echo("")
    rows = [
        (
            own.name,
            status(own.status),
            (own.version_here or figures.NONE)[:_VERSION],
            (own.version_there or figures.NONE)[:_VERSION],
            figures.count(own.rows_there),
        )
        for own in tables
    ]
    heads = (_("table"), _("status"), _("here"), _("there"), _("rows"))
    table(heads, rows, [_COLOURS.get(own.status, "") for own in tables], right=(4,), flexible=0)


def _print_loads(loads: tuple[Loaded, ...]) -> None:
    from observatudo.cli.table import table

    if not loads:
        return
    typer.echo("")
    rows = [
        (
            str(own.sequence),
            figures.moment(own.started),
            own.table,
            own.mode,
            f"+{figures.count(own.inserted)} ~{figures.count(own.updated)} -{figures.count(own.removed)}",
            figures.size(own.bytes_sent),
        )
        for own in loads
    ]
    heads = (_("load"), _("when"), _("table"), _("mode"), _("rows"), _("sent"))
    table(heads, rows, right=(0, 5), flexible=2)
    last = loads[0]
    told = _("the last one: run {run}, commit {commit}, by {who}")
    typer.echo(told.format(run=last.run or "–", commit=last.commit[: figures.SHORT] or "–", who=last.who or "–"))
    typer.echo("")


def status(name: str) -> str:
    """Return a table's status in words."""
    words = {
        "current": "✓ " + _("current"),
        "other": "! " + _("other version"),
        "absent": "! " + _("not loaded"),
        "lost": "✗ " + _("gone"),
        "altered": "✗ " + _("altered"),
        "undeclared": "· " + _("not declared"),
        "unknown": "? " + _("unknown"),
    }
    return words.get(name, f"? {name}")


def _print_problem(text: str, next_step: str) -> None:
    typer.secho(f"! {text}", fg="yellow")
    typer.echo(f"  → {next_step}")


def _print_json(content: object) -> None:
    import json

    typer.echo(json.dumps(content, indent=2, ensure_ascii=False))
