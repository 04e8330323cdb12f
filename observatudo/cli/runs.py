"""The commands ``observatudo runs`` and ``observatudo show RUN``: the history, and one run of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from observatudo import figures
from observatudo.cli.table import table
from observatudo.i18n import _

if TYPE_CHECKING:
    from observatudo.history import DatasetRun, Run
    from observatudo.runs.log import RunLog
    from observatudo.runs.model import Record

_COLOURS = {"success": "green", "failed": "red", "interrupted": "yellow", "noop": "bright_black", "running": "cyan"}
_DEFAULT_LIMIT = 20
_MB = 1_000_000


def runs(
    as_json: Annotated[bool, typer.Option("--json", help=_("Print JSON: every run, or --limit of them."))] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help=_("Print CSV: one line per run and dataset."))] = False,
    limit: Annotated[
        int | None, typer.Option("--limit", "-n", min=1, help=_("How many of the newest runs to print."))
    ] = None,
) -> None:
    """List the runs, newest first: how each ended, how long it took, what ran."""
    import sys

    from observatudo import history, paths

    if as_json and as_csv:
        raise typer.BadParameter(_("--json and --csv exclude each other"))
    home = paths.home()
    history.close_interrupted(home)
    if as_csv:
        history.write_csv(home, sys.stdout, limit)
    elif as_json:
        _print_json([_as_json(run) for run in history.runs(home, limit)])
    else:
        _print_table(history.runs(home, limit or _DEFAULT_LIMIT))
    for item in history.damaged(home):
        typer.echo(_("warning: {path} cannot be read: {reason}").format(path=item.path, reason=item.reason), err=True)


def show(
    run: Annotated[str, typer.Argument(help=_("A run's id, the beginning of one, or “last”."))],
    as_json: Annotated[bool, typer.Option("--json", help=_("Print the whole record as JSON."))] = False,
) -> None:
    """Show one run: what ran, with what, on what, and how it ended."""
    from observatudo import history, paths

    home = paths.home()
    history.close_interrupted(home)
    found = history.find(home, run)
    record, logged = history.record(home, found), history.logged(home, found)
    if as_json:
        details = record.model_dump(mode="json") if record else _log_as_json(found, logged)
        _print_json(details)
        return
    _print_head(found, record, logged)
    _print_stages(logged, record)
    _print_datasets(history.datasets(home, found))
    if record:
        _print_outputs(record)


def _as_json(run: Run) -> dict[str, object]:
    names = ("run_id", "status", "started", "ended", "duration_s", "commit", "dirty", "kind", "experiment")
    return {name: getattr(run, name) for name in names} | {"stages": list(run.stages)}


def _log_as_json(run: Run, logged: RunLog | None) -> dict[str, object]:
    from dataclasses import asdict

    details = asdict(logged) if logged else {}
    return _as_json(run) | {"stages": details.get("stages", {}), "error": details.get("error")}


def _print_json(content: object) -> None:
    import json

    typer.echo(json.dumps(content, indent=2, ensure_ascii=False))


def _print_table(found: list[Run]) -> None:
    if not found:
        typer.echo(_("no run yet; type: dvc repro"))
        return
    rows = [
        (
            run.run_id,
            figures.status(run.status),
            run.started.replace("T", " ").removesuffix("+00:00"),
            figures.duration(run.duration_s),
            (run.commit or "-")[: figures.SHORT] + ("+" if run.dirty else ""),
            run.experiment or figures.word(run.kind),
            _stages(run.stages),
        )
        for run in found
    ]
    heads = (_("run"), _("status"), _("started (UTC)"), _("took"), _("commit"), _("kind"), _("stages"))
    table(heads, rows, [_COLOURS[run.status] for run in found])
    typer.echo(_("“+” after a commit: an input differed from it. Next: observatudo show RUN"))


def _stages(names: tuple[str, ...]) -> str:
    """Return the stages in few words: those of many datasets by their number."""
    from collections import Counter

    verbs = Counter(name.partition("@")[0] for name in names)
    return " ".join(verb if count == 1 else f"{verb}×{count}" for verb, count in verbs.items()) or "-"


def _print_head(run: Run, record: Record | None, logged: RunLog | None) -> None:
    commit = run.commit or _("none yet")
    lines = [
        (_("run"), f"{run.run_id}  {figures.status(run.status)}"),
        (_("started"), f"{run.started}  ({figures.duration(run.duration_s)})"),
        (_("kind"), run.experiment or figures.word(run.kind)),
        (_("commit"), commit + (_(", with changed inputs") if run.dirty else "")),
        (_("host"), run.host),
    ]
    if record:
        lines.append((_("who"), record.who.name or record.who.login or "-"))
        lines.append((_("command"), record.command))
        lines += [(name, ", ".join(values)) for name, values in record.versions.items()]
        lines += [(_("changed"), path) for path in record.changed]
    if logged and logged.error and run.status != "success":
        error = logged.error
        lines.append((_("error"), f"{error['stage']}: {error['type']}: {error['message']}"))
        lines += [
            (name, text) for name, text in ((_("where"), error["where"]), (_("next"), error["next_step"])) if text
        ]
    elif record and record.error:
        lines.append((_("error"), f"{record.error.stage}: {record.error.type}: {record.error.message}"))
    width = max(len(name) for name, _text in lines)
    for name, text in lines:
        typer.echo(f"{name.ljust(width)}  {text}")


def _print_stages(logged: RunLog | None, record: Record | None) -> None:
    stages = record.stages if record else logged.work if logged else {}
    if not stages:
        return
    rows = [
        (
            name,
            figures.status(stage.status),
            "-" if stage.wall_s is None else figures.duration(stage.wall_s),
            "-" if stage.cpu_s is None else figures.duration(stage.cpu_s),
            "-" if stage.peak_mb is None else f"{stage.peak_mb:.0f} MiB",
            str(stage.warnings or "-"),
        )
        for name, stage in stages.items()
    ]
    typer.echo("")
    heads = (_("stage"), _("status"), _("wall"), _("CPU"), _("peak"), _("warnings"))
    table(heads, rows, [_COLOURS[stage.status] for stage in stages.values()])


def _print_datasets(found: list[DatasetRun]) -> None:
    if not found:
        return
    rows = [
        (
            line.dataset,
            figures.word(line.status),
            figures.count(line.rows_read),
            figures.count(line.rows_kept),
            figures.count(line.rows_rejected),
            "-" if line.match_rate is None else f"{line.match_rate:.2%}",
            (line.snapshot_sha256 or "-")[: figures.SHORT],
        )
        for line in found
    ]
    typer.echo("")
    table((_("dataset"), _("status"), _("read"), _("kept"), _("rejected"), _("matched"), _("snapshot")), rows)


def _print_outputs(record: Record) -> None:
    if not record.outputs:
        return
    rows = [
        (
            path,
            figures.count(output.rows),
            f"{output.size / _MB:.2f} MB",
            output.md5[: figures.SHORT],
            output.sha256[: figures.SHORT],
        )
        for path, output in record.outputs.items()
    ]
    typer.echo("")
    table((_("output"), _("rows"), _("size"), "MD5", "SHA-256"), rows)
