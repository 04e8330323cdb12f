"""The state of the classification as ``observatudo labels`` prints it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from observatudo.i18n import _

if TYPE_CHECKING:
    from observatudo.labels.state import Labelled, LabelState

_MOST = 20  # problems that are printed


def print_state(found: LabelState) -> None:
    """Print the totals, who agrees with whom, the models, and what is to be looked at."""
    from observatudo.cli.table import table
    from observatudo.figures import count, local, percent

    rows = [(axis, count(number), _share(number, found.total)) for axis, number in found.by_axis.items()]
    table((_("axis"), _("indicators"), "%"), rows, right=(1, 2))
    typer.echo("")
    rows = [(name, count(number), _share(number, found.total)) for name, number in found.by_origin.items()]
    table((_("decided by"), _("indicators"), "%"), rows, right=(1, 2))
    typer.echo("")
    typer.echo(_("{count} of {total} without an axis").format(count=count(found.undefined), total=count(found.total)))
    low = _("{count} with a confidence below {limit}").format(count=count(found.low), limit=local(f"{found.below:g}"))
    typer.echo(low)
    if found.held_back:
        right = percent(100 * found.held_back.get("strict_answered", 0))
        text = _("on held-back texts, {share} of the axes given are right").format(share=right)
        typer.echo(text)
    _print_agreement(found)
    _print_models(found)
    _print_versions(found)
    _print_problems(found)
    typer.echo("")
    if found.queue:
        typer.echo(_("{count} wait for a person: observatudo review").format(count=count(found.queue)))
    typer.echo(_("Next: observatudo labels WORDS · observatudo label ID AXIS -m “why”"))


def _print_agreement(found: LabelState) -> None:
    from observatudo.cli.table import table
    from observatudo.figures import count

    if not found.agreement:
        return
    rows = [
        (
            own.pair.replace("/", " / "),
            count(own.agree),
            count(own.compared),
            _share(own.agree, own.compared),
        )
        for own in found.agreement
    ]
    typer.echo("")
    table((_("both said an axis"), _("the same"), _("of"), "%"), rows, right=(1, 2, 3))


def _print_models(found: LabelState) -> None:
    from observatudo.cli.table import WIDTH, table
    from observatudo.figures import count, local
    from observatudo.labels.page import wrapped

    if not found.models:
        return
    rows = [
        (
            own.name,
            count(own.answers),
            count(own.invalid),
            count(own.waiting),
            "–" if own.cost is None else f"{local(f'{own.cost:.4f}')} {own.currency}",
        )
        for own in found.models
    ]
    heads = (_("model"), _("answers"), _("invalid"), _("waiting"), _("cost"))
    typer.echo("")
    table(heads, rows, right=(1, 2, 3, 4))
    for own in found.models:
        states = ", ".join(f"{state} {count(number)}" for state, number in own.states.items())
        for line in wrapped(f"{own.name}: {states}", WIDTH):
            typer.echo(line)
    if found.waiting:
        text = _("{count} wait for an answer of a model: observatudo ask")
        typer.echo(text.format(count=count(found.waiting)))


def _print_versions(found: LabelState) -> None:
    typer.echo("")
    if found.history_problem:
        typer.echo(_("no history: {reason}").format(reason=found.history_problem))
        return
    text = _("{count} label(s) came back to an axis they had left, in {versions} version(s)")
    typer.echo(text.format(count=found.oscillating, versions=found.versions - found.skipped))
    print_skipped(found.skipped)
    restless = sorted((own for own in found.indicators if own.returns), key=lambda own: (-own.returns, -own.flips))
    for own in restless[:_MOST]:
        typer.echo("  " + _("{id}: {flips} change(s), {returns} back").format(**_swing(own)))


def print_skipped(count: int) -> None:
    """Say how many versions of the labels are not here, and how they come."""
    from observatudo import paths

    if count:
        text = _("{count} version(s) are not here: dvc fetch --all-commits {path}")
        typer.echo(text.format(count=count, path=paths.LABELS))


def _swing(own: Labelled) -> dict[str, object]:
    return {"id": own.id, "flips": own.flips, "returns": own.returns}


def _print_problems(found: LabelState) -> None:
    if not found.problems:
        return
    typer.echo("")
    typer.secho(_("{count} to look at").format(count=len(found.problems)), bold=True)
    for problem in found.problems[:_MOST]:
        typer.echo(f"  {problem.id}\n    {problem.text}")
    if len(found.problems) > _MOST:
        typer.echo("  " + _("and {count} more: --json").format(count=len(found.problems) - _MOST))


def _share(part: int, whole: int) -> str:
    from observatudo.figures import percent

    return percent(100 * part / whole) if whole else "–"
