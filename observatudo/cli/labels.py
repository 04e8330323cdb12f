"""The commands ``observatudo labels`` and ``observatudo label``: the state of the classification, and a decision.

``labels --json`` prints ``observatudo.labels.state.LabelState``: ``total``; ``by_axis`` and ``by_origin`` (counts of
indicators); ``undefined``; ``low`` (answers of rules and examples whose confidence is under ``below``);
``below``, ``threshold`` (confidences, 0 to 1); ``classifiers`` (versions in the table); ``held_back`` (``texts`` a
count, the others shares from 0 to 1; empty before the first run); ``agreement`` (``pair`` such as ``fonte/regra``,
``compared``, ``agree``: counts); ``problems`` (``kind``, ``id``, ``text``); ``oscillating`` (labels that came back to
an axis they had left); ``versions``, ``skipped`` (tables of labels in the history, and those not on this machine),
``history_problem`` (empty where there is a history); ``axes`` (``key``, ``title``, ``definition``, in the taxonomy's
order); ``models``, those under ``classify.providers`` (``labels.models.ModelState``); ``waiting`` (indicators that wait
for an answer of a model), ``queue`` (those that wait for a person: ``observatudo review``); ``indicators``, those that
were asked for: ``id``, ``name``, ``dataset``, ``axis``, ``origin``, ``confidence``, ``classifier``, ``taxonomy``
(versions), ``source_axis``, ``override``, ``rule`` (axes or null), ``flips``, ``returns`` (counts over versions),
``state`` (null without a model), ``votes`` (``classifier``, ``axis``, ``confidence``, ``state``), ``waits_for`` (models
that have not answered), ``in_queue``.

``labels --history ID --json`` prints ``observatudo.labels.timeline.History``: ``id``, ``versions``, ``skipped``,
``problem``, ``indicator`` (``id``, ``name``, ``description``, ``dataset``, ``source_axis``, ``override``; null where no
dataset has it) and ``steps``, newest first: ``commit`` (empty: not committed yet), ``date`` (ISO 8601), ``author``,
``subject``, ``answer`` (null where the version has no label for it; else ``axis``, ``origin``, ``confidence``,
``classifier``, ``taxonomy``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from observatudo.classify.names import ORIGINS, STATES
from observatudo.errors import ObservatudoError
from observatudo.i18n import _

if TYPE_CHECKING:
    from pathlib import Path

    from observatudo.labels.decide import Decision
    from observatudo.labels.state import Labelled
    from observatudo.labels.timeline import History

# as ``convergence.STATES`` has them, which imports more than the start of a command line needs
_DAY = 10  # characters of a date


def labels(
    words: Annotated[list[str] | None, typer.Argument(help=_("Words of names, ids or datasets; all must fit."))] = None,
    axis: Annotated[str | None, typer.Option("--axis", "--eixo", help=_("Only this axis."))] = None,
    origin: Annotated[
        str | None, typer.Option("--origin", "--origem", metavar="|".join(ORIGINS), help=_("Only what this decided."))
    ] = None,
    below: Annotated[
        float | None, typer.Option("--below", min=0, max=1, help=_("Only with a confidence below this."))
    ] = None,
    state: Annotated[
        str | None, typer.Option("--state", "--estado", metavar="|".join(STATES), help=_("Only in this state."))
    ] = None,
    history: Annotated[
        str | None, typer.Option("--history", metavar="ID", help=_("The answers of all versions for one indicator."))
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help=_("Print JSON."))] = False,
) -> None:
    """Print the state of the classification, or the indicators that fit what is asked."""
    from observatudo.paths import repository

    root = repository()
    if origin is not None and origin not in ORIGINS:
        known = ", ".join(ORIGINS)
        raise typer.BadParameter(_("the origins are: {names}").format(names=known), param_hint="--origin")
    if state is not None and state.upper() not in STATES:
        known = ", ".join(STATES)
        raise typer.BadParameter(_("the states are: {names}").format(names=known), param_hint="--state")
    narrows = bool(words or axis or origin or state) or below is not None
    if history is not None:
        if narrows:
            raise typer.BadParameter(_("--history stands alone"))
        _history(root, history, as_json=as_json)
        return
    from observatudo.labels.state import LOW
    from observatudo.labels.state import state as present

    found = present(root, LOW if below is None else below)
    chosen = found.select(words or [], _axis(root, axis), origin, below, state.upper() if state else None)
    if as_json:
        _print_json(found.as_dict(chosen))
    elif narrows:
        _print_indicators(chosen)
    else:
        from observatudo.cli.labelstate import print_state

        print_state(found)


def label(
    indicator: Annotated[str, typer.Argument(metavar="ID", help=_("The indicator's id."))],
    axis: Annotated[str | None, typer.Argument(metavar="AXIS", help=_("Its axis: a key, title or alias."))] = None,
    reason: Annotated[str | None, typer.Option("--message", "-m", help=_("Why, in a line."))] = None,
    author: Annotated[str | None, typer.Option("--author", help=_("Who decides (default: Git's user.name)."))] = None,
    remove: Annotated[bool, typer.Option("--remove", help=_("Take the decision back."))] = False,
) -> None:
    """Record which axis an indicator belongs to, with the reason, or take that back."""
    import datetime

    from observatudo.labels import decide
    from observatudo.paths import repository
    from observatudo.readonly import require_writable

    require_writable("label")
    if remove and (axis or reason or author):
        raise typer.BadParameter(_("--remove takes an id alone; say why in the commit"))
    if not remove and not axis:
        raise typer.BadParameter(_("say which axis, or --remove"))
    if not remove and not reason:
        raise typer.BadParameter(_("a decision needs its reason: -m “…”"))
    root = repository()
    if remove:
        _print_decision(decide.remove(root, indicator))
    else:
        who = git_name(root) if author is None else author
        today = datetime.datetime.now().astimezone().date()
        _print_decision(decide.record(root, indicator, axis or "", reason or "", who, today))


def _axis(root: Path, name: str | None) -> str | None:
    from observatudo.classify.taxonomy import load_taxonomy

    if name is None:
        return None
    taxonomy = load_taxonomy(root)
    found = taxonomy.find(name)
    if found is None:
        raise typer.BadParameter(
            _("“{axis}” is not an axis; {hint}").format(axis=name, hint=taxonomy.nearest(name)), param_hint="--axis"
        )
    return found


def git_name(root: Path) -> str:
    """Return the name that Git has for who works here; raises ObservatudoError where it has none."""
    import subprocess

    done = subprocess.run(["git", "config", "user.name"], cwd=root, capture_output=True, text=True, check=False)
    name = done.stdout.strip()
    if not name:
        raise ObservatudoError(
            _("Git does not know who decides"), next_step=_('git config user.name "…"   (or: --author "…")')
        )
    return name


def _print_json(content: object) -> None:
    import json

    typer.echo(json.dumps(content, indent=2, ensure_ascii=False))


def _print_indicators(chosen: tuple[Labelled, ...]) -> None:
    from observatudo.cli.table import WIDTH, short
    from observatudo.figures import count, printable

    axes = max([len(own.axis) for own in chosen], default=0)
    origins = max(map(len, ORIGINS))
    for own in chosen:
        head = f"{own.axis.ljust(axes)}  {own.origin.ljust(origins)}  {_number(own.confidence)}  "
        typer.echo(head + short(printable(own.name or own.id), WIDTH - len(head)))
        typer.secho(f"  {own.id}" + _restless(own), dim=True)
    typer.echo(_("{count} indicator(s)").format(count=count(len(chosen))))


def _restless(own: Labelled) -> str:
    if not own.flips:
        return ""
    return "  " + _("({flips} change(s), {returns} back)").format(flips=own.flips, returns=own.returns)


def _history(root: Path, indicator: str, *, as_json: bool) -> None:
    from observatudo.labels import decide, timeline

    found = timeline.history(root, indicator)
    if not found.steps and not found.problem:
        decide.require_indicator(root, indicator)
    if as_json:
        _print_json(found.as_dict() | {"indicator": _in_words(root, indicator)})
        return
    if found.problem:
        typer.echo(_("no history: {reason}").format(reason=found.problem))
        return
    _print_history(found)
    typer.echo(_("Next: observatudo blame rotulo --indicador {id}   (why)").format(id=indicator))


def _in_words(root: Path, indicator: str) -> dict[str, object] | None:
    from dataclasses import asdict

    from observatudo import paths
    from observatudo.classify import overrides
    from observatudo.classify.taxonomy import load_taxonomy
    from observatudo.labels.entries import catalogue

    entry = catalogue(root)[0].get(indicator)
    if entry is None:
        return None
    try:
        decided = overrides.read(root / paths.OVERRIDES, load_taxonomy(root))
    except ObservatudoError:  # a damaged file of decisions is told by ``labels``; the history is as good without
        decided = {}
    return asdict(entry) | {"override": decided.get(indicator)}


def _print_history(found: History) -> None:
    from observatudo.cli.labelstate import print_skipped
    from observatudo.cli.table import table
    from observatudo.figures import SHORT, moment, printable

    rows = []
    for step in found.steps:
        answer = step.answer
        said = (answer.axis, answer.origin, _number(answer.confidence)) if answer else (_("none"), "–", "–")
        when = moment(step.date)[:_DAY] if step.date else _("not yet")
        rows.append((step.commit[:SHORT] or "–", *said, when, printable(step.author), printable(step.subject)))
    heads = (_("commit"), _("axis"), _("by"), "", _("date"), _("author"), _("subject"))
    table(heads, rows, flexible=len(heads) - 1)
    text = _("{count} answer(s) in {versions} version(s)")
    typer.echo(text.format(count=len(found.steps), versions=found.versions - found.skipped))
    print_skipped(found.skipped)


def _print_decision(made: Decision) -> None:
    typer.echo("data/classified/overrides.csv")
    if not made.is_change:
        typer.echo("  " + _("nothing changes: it says so already"))
        return
    for sign, text, colour in (("-", made.removed, "red"), ("+", made.added, "green")):
        for line in text.splitlines():
            typer.secho(f"{sign} {line}", fg=colour)
    if made.source_axis and made.added:
        text = _("Its source puts it on {axis}, which comes first: the label will not change.")
        typer.echo(text.format(axis=made.source_axis))
    typer.echo(_("Next: git diff data/classified/overrides.csv · dvc repro"))


def _number(share: float) -> str:
    from observatudo.figures import local

    return local(f"{share:.4f}")
