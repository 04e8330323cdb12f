"""The command ``observatudo models``: the state of dbt, or one model in detail.

``--json`` prints ``observatudo.warehouse.state.DbtState``: ``target`` (``adapter``, ``configured``, ``file``, ``size``
in bytes, ``is_current``, ``problem``, ``place``); ``problems`` (sentences: what is wrong with the target); ``docs``
(dbt's pages, relative to the repository; null where they are missing); ``built_at`` (ISO 8601, UTC); ``run``;
``tests_by_status`` (counts); ``models`` (``name``, ``kind``, ``layer``, ``materialized``, ``rows``, ``seconds``,
``status``, ``message``, ``file``, ``description``, ``columns`` with ``name``, ``type``, ``description``, and
``depends_on``, ``used_by``: names);
``tests`` (``name``, ``kind``, ``model``, ``column``, ``severity``, ``status``, ``failures`` in rows, ``message``,
``file``, ``header`` and ``rows``: up to five of those rows, ``problem``); ``sources`` (``name``, ``dataset``,
``used_by``, ``fetched_at``, ``frequency``, ``age_days``, ``limit_days``, ``late``). Null is what is not known.

``NAME --json`` prints the model's object with its ``tests`` and all names ``upstream`` and ``downstream`` of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from observatudo import figures
from observatudo.i18n import _

if TYPE_CHECKING:
    from collections.abc import Callable

    from observatudo.warehouse.state import DbtState, Model, Source, Test

_COLOURS = {"pass": "green", "success": "green", "warn": "yellow", "fail": "red", "error": "red", "skipped": "yellow"}
_GOOD = ("pass", "success")


def models(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help=_("One model or seed."))] = None,
    as_json: Annotated[bool, typer.Option("--json", help=_("Print JSON."))] = False,
) -> None:
    """Print the state of dbt: target, models, tests and how fresh its sources are; of one model, its lineage."""
    from observatudo.paths import repository
    from observatudo.warehouse import state

    found = state.state(repository())
    model = state.require(found, name) if name is not None else None
    if as_json:
        _print_json(found.as_dict() if model is None else _detail(found, model))
    elif model is not None:
        _print_model(found, model)
    else:
        _print_target(found)
        _print_models(found)
        _print_tests(found)
        _print_sources(found)


def _print_json(content: object) -> None:
    import json

    typer.echo(json.dumps(content, indent=2, ensure_ascii=False))


def _detail(found: DbtState, model: Model) -> dict[str, object]:
    from dataclasses import asdict

    return asdict(model) | {
        "tests": [asdict(test) for test in found.tests if test.model == model.name],
        "upstream": found.upstream(model.name),
        "downstream": found.downstream(model.name),
    }


def _print_target(found: DbtState) -> None:
    from observatudo.figures import moment, size

    target = found.target
    file = f" · {target.file} ({size(target.size)})" if target.file else ""
    typer.echo(_("target {adapter}{file}").format(adapter=target.adapter, file=file))
    typer.echo(_("built {when} by run {run}").format(when=moment(found.built_at), run=found.run or "–"))
    for problem in found.problems:
        typer.secho(f"! {problem}", fg="yellow")
    typer.echo("")


def _print_models(found: DbtState) -> None:
    from observatudo.cli.table import table
    from observatudo.figures import count, duration

    rows = [
        (
            model.name,
            figures.status(model.status),
            model.materialized or "–",
            count(model.rows),
            duration(model.seconds) if model.status else "–",
        )
        for model in found.models
    ]
    heads = (_("model"), _("status"), _("kind"), _("rows"), _("took"))
    table(heads, rows, [_colour(model.status) for model in found.models], right=(3, 4), flexible=0)


def _print_tests(found: DbtState) -> None:
    from observatudo.figures import count

    typer.echo("")
    told = " · ".join(f"{figures.status(name)} {count(number)}" for name, number in found.tests_by_status.items())
    typer.echo(_("{count} tests: {told}").format(count=count(len(found.tests)), told=told or "–"))
    for test in found.tests:
        if test.status not in ("", *_GOOD):
            _print_test(test)


def _print_test(test: Test) -> None:
    from observatudo.cli.table import WIDTH, short
    from observatudo.figures import count, printable

    typer.secho(f"{figures.status(test.status)}  {test.name}", fg=_colour(test.status) or None)
    where = f"{test.model}.{test.column}" if test.column else test.model
    typer.echo("  " + _("{where}, {count} rows").format(where=where, count=count(test.failures)))
    for row in (test.header, *test.rows) if test.header else ():
        typer.echo("    " + short(printable(" | ".join("–" if cell is None else str(cell) for cell in row)), WIDTH - 4))
    if test.status == "error" or test.kind == "unit_test":
        typer.echo("\n".join(f"    {line}" for line in test.message.splitlines()))
    if test.problem:
        typer.echo(f"    {test.problem}")


def _print_sources(found: DbtState) -> None:
    from observatudo.cli.table import table
    from observatudo.figures import count, moment

    datasets = {source.dataset: source for source in found.sources if source.dataset}
    rows = [
        (
            source.dataset,
            _freshness(source),
            moment(source.fetched_at).split()[0] if source.fetched_at else "–",
            count(source.age_days),
            source.frequency or "–",
        )
        for source in datasets.values()
    ]
    if rows:
        typer.echo("")
        heads = (_("dataset"), _("fresh"), _("snapshot"), _("days"), _("frequency"))
        styles = ["yellow" if source.late else "" for source in datasets.values()]
        table(heads, rows, styles, right=(3,), flexible=0)


def _freshness(source: Source) -> str:
    if source.late is None:
        return "? " + _("unknown")
    return "! " + _("late") if source.late else "✓ " + _("fresh")


def _print_model(found: DbtState, model: Model) -> None:
    from observatudo.cli.table import table
    from observatudo.figures import count, duration

    typer.secho(model.name, bold=True)
    typer.echo(f"{figures.status(model.status)} · {model.materialized} · {duration(model.seconds)} · {model.file}")
    typer.echo(_("{count} rows").format(count=count(model.rows)))
    _print_wrapped(model.description)
    if model.columns:
        typer.echo("")
        rows = [(column.name, column.type.lower(), column.description) for column in model.columns]
        table((_("column"), _("type"), _("description")), rows, flexible=2)
    tests = [test for test in found.tests if test.model == model.name]
    if tests:
        typer.echo("")
        rows = [(test.name, figures.status(test.status), test.severity or "–") for test in tests]
        table((_("test"), _("status"), _("severity")), rows, [_colour(test.status) for test in tests], flexible=0)
        for test in tests:
            if test.status not in ("", *_GOOD):
                _print_test(test)
    above = {own.name: own.depends_on for own in found.models}
    below = {own.name: own.used_by for own in found.models}
    _print_tree(_("made from"), model.name, lambda name: above.get(name, ()))
    _print_tree(_("used by"), model.name, lambda name: below.get(name, ()))


def _print_wrapped(text: str) -> None:
    import textwrap

    from observatudo.cli.table import WIDTH

    for line in textwrap.wrap(text, WIDTH):
        typer.echo(line)


def _print_tree(head: str, name: str, next_to: Callable[[str], tuple[str, ...]]) -> None:
    from observatudo.tree import branches

    if next_to(name):
        typer.echo(f"\n{head}")
        for line in branches(name, next_to):
            typer.echo(line)


def _colour(status: str) -> str:
    return _COLOURS.get(status, "")
