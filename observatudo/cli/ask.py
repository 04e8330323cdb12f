"""``observatudo ask``: put questions to models; the only command that does, with ``prompts ab``."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from observatudo.i18n import _

if TYPE_CHECKING:
    from rich.progress import Progress as Bars
    from rich.progress import TaskID

    from observatudo.ask.campaign import Plan, Plans, Result, Wish
    from observatudo.ask.execution import Progress

BUDGET, FAILED, INTERRUPTED = 2, 1, 130


def ask(
    provider: Annotated[
        list[str] | None,
        typer.Option(
            "--provider", help=_("A model of configs/provedores.yaml; default: all under classify.providers.")
        ),
    ] = None,
    dataset: Annotated[
        list[str] | None, typer.Option("--dataset", help=_("Only indicators of this dataset (fonte/dataset)."))
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help=_("At most so many texts per model."))] = None,
    measure: Annotated[
        bool, typer.Option("--measure", help=_("Ask again what is answered, to see whether answers stay."))
    ] = False,
    rounds: Annotated[int | None, typer.Option(min=1, help=_("With --measure: how often; default: once."))] = None,
    include_stable: Annotated[
        bool, typer.Option("--include-stable", help=_("With --measure: ask what is stable too."))
    ] = False,
    max_calls: Annotated[int | None, typer.Option(min=1, help=_("Stop before more calls than that."))] = None,
    max_cost: Annotated[
        float | None, typer.Option(min=0, help=_("Stop before more cost than that, in the price's currency."))
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help=_("Say what it would take, and call nothing."))] = False,
    as_json: Annotated[bool, typer.Option("--json", help=_("Print JSON."))] = False,
) -> None:
    """Ask models about the indicators that wait for an answer; every answer is kept in data/classified/answers.

    Exits 0 when all is asked, 2 when the budget stopped it (type it again to go on), 1 when something went wrong, 130
    when interrupted.
    """
    from observatudo.ask.campaign import Wish
    from observatudo.readonly import require_writable

    if not measure and (rounds is not None or include_stable):
        raise typer.BadParameter(_("--rounds and --include-stable go with --measure"))
    if not dry_run:
        require_writable("ask")
    wish = Wish(
        providers=provider or (),
        datasets=dataset or (),
        limit=limit,
        rounds=(rounds or 1) if measure else 0,
        include_stable=include_stable,
        max_calls=max_calls,
        max_cost=max_cost,
    )
    raise typer.Exit(_dry(wish, as_json=as_json) if dry_run else _ask(wish, as_json=as_json))


def _dry(wish: Wish, *, as_json: bool) -> int:
    from observatudo.ask import campaign, show
    from observatudo.paths import repository

    plans = campaign.plan(repository(), wish)
    if as_json:
        _print_json(show.plans_as_dict(plans))
        return 0
    _print([line for own in plans.plans for line in show.dry(own)] or show.nobody())
    _print(show.missing(plans))
    return 0


def _ask(wish: Wish, *, as_json: bool) -> int:
    from observatudo.ask import campaign, show
    from observatudo.paths import repository

    with _watching() as tell:
        plans, results = campaign.carry_out(repository(), wish, tell)
    code = _exit_code(results)
    if as_json:
        _print_json(show.as_dict(plans, results, code))
        return code
    _print_results(plans, results)
    return code


def _print_results(plans: Plans, results: list[Result]) -> None:
    from observatudo.ask import show

    if not plans.plans:
        _print(show.nobody())
    for own in results:
        _print([show.head(own.plan), *show.result(own)])
    _print(show.missing(plans))
    following = show.next_steps(results)
    if following:
        typer.echo(following)


def _exit_code(results: list[Result]) -> int:
    ends = [own.outcome.end for own in results if own.outcome is not None]
    if "interrompida" in ends:
        return INTERRUPTED
    failed = any(own.error is not None or (own.outcome is not None and own.outcome.errors) for own in results)
    if failed or "recusada" in ends or "disjuntor" in ends:
        return FAILED
    return BUDGET if "orcamento" in ends else 0


@contextmanager
def _watching() -> Iterator[Callable[[Plan, Progress], None]]:
    """Give what shows how far asking is: a bar on a terminal, a share where one is asked for; messages always."""
    import sys

    from observatudo.cli.progress import progress
    from observatudo.figures import printable

    if sys.stderr.isatty():
        with _bars() as bars:
            yield _on(bars)
        return
    with progress() as share:

        def tell(plan: Plan, told: Progress) -> None:
            share(plan.subject.name, told.done, told.total)
            if told.message:
                typer.echo(f"  {printable(told.message)}", err=True)

        yield tell


def _on(bars: Bars) -> Callable[[Plan, Progress], None]:
    from rich.markup import escape

    from observatudo.figures import printable

    tasks: dict[str, TaskID] = {}
    began = time.monotonic()

    def tell(plan: Plan, told: Progress) -> None:
        name = plan.subject.name
        if name not in tasks:
            tasks[name] = bars.add_task(escape(name), used="")
        used = escape(_used(told, (time.monotonic() - began) / 60))
        bars.update(tasks[name], completed=told.done, total=told.total, used=used)
        if told.message:
            bars.console.print(escape(printable(told.message)), highlight=False)

    return tell


def _used(told: Progress, minutes: float) -> str:
    """Return the rate, what went wrong, and what was used so far."""
    from observatudo.figures import count, decimal

    text = _("{rate}/min, {invalid} invalid, {errors} failed, {tokens} tokens").format(
        rate=count(round(told.done / minutes)) if minutes else "–",
        invalid=count(told.invalid),
        errors=count(told.errors),
        tokens=count(told.tokens_in + told.tokens_out),
    )
    return text if told.cost is None else f"{text}, {told.currency} {decimal(told.cost)}"


def _bars() -> Bars:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    columns = [TextColumn("{task.description}"), BarColumn(bar_width=20), MofNCompleteColumn()]
    return Bars(
        *columns,
        TextColumn("{task.fields[used]}"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )


def _print(lines: list[str]) -> None:
    for line in lines:
        typer.echo(line)


def _print_json(content: object) -> None:
    import json

    typer.echo(json.dumps(content, indent=2, ensure_ascii=False))
