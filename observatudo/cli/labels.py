"""The commands ``observatudo labels`` and ``observatudo label``: the state of the classification, and a decision.

``labels --json`` prints ``observatudo.classify.state.LabelState``: ``total``; ``by_axis`` and ``by_origin`` (counts of
indicators); ``undefined``; ``low`` (answers of rules and examples whose confidence is under ``below``);
``below``, ``threshold`` (confidences, 0 to 1); ``classifiers`` (versions in the table); ``held_back`` (``texts`` a
count, the others shares from 0 to 1; empty before the first run); ``agreement`` (``pair`` such as ``fonte/regra``,
``compared``, ``agree``: counts); ``problems`` (``kind``, ``id``, ``text``); ``oscillating`` (labels that came back to
an axis they had left); ``versions``, ``skipped`` (tables of labels in the history, and those not on this machine),
``history_problem`` (empty where there is a history); ``axes`` (``key``, ``title``, ``definition``, in the taxonomy's
order); ``indicators``, those that were asked for: ``id``, ``name``, ``dataset``, ``axis``,
``origin``, ``confidence``, ``classifier``, ``taxonomy`` (versions), ``source_axis``, ``override``,
``rule`` (axes or null), ``flips``, ``returns`` (counts over versions).

``labels --history ID --json`` prints ``observatudo.classify.timeline.History``: ``id``, ``versions``, ``skipped``,
``problem``, ``indicator`` (``id``, ``name``, ``description``, ``dataset``, ``source_axis``, ``override``; null where no
dataset has it) and ``steps``, newest first: ``commit`` (empty: not committed yet), ``date`` (ISO 8601), ``author``,
``subject``, ``answer`` (null where the version has no label for it; else ``axis``, ``origin``, ``confidence``,
``classifier``, ``taxonomy``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from observatudo.errors import ObservatudoError
from observatudo.i18n import _

if TYPE_CHECKING:
    from pathlib import Path

    from observatudo.classify.decide import Decision
    from observatudo.classify.state import Labelled, LabelState
    from observatudo.classify.timeline import History

_ORIGINS = ("fonte", "humano", "regra", "modelo")
_MOST = 20  # problems that are printed
_DAY = 10  # characters of a date


def labels(
    words: Annotated[list[str] | None, typer.Argument(help=_("Words of names, ids or datasets; all must fit."))] = None,
    axis: Annotated[str | None, typer.Option("--axis", "--eixo", help=_("Only this axis."))] = None,
    origin: Annotated[
        str | None, typer.Option("--origin", "--origem", metavar="|".join(_ORIGINS), help=_("Only what this decided."))
    ] = None,
    below: Annotated[
        float | None, typer.Option("--below", min=0, max=1, help=_("Only with a confidence below this."))
    ] = None,
    history: Annotated[
        str | None, typer.Option("--history", metavar="ID", help=_("The answers of all versions for one indicator."))
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help=_("Print JSON."))] = False,
) -> None:
    """Print the state of the classification, or the indicators that fit what is asked."""
    from observatudo.paths import repository

    root = repository()
    if origin is not None and origin not in _ORIGINS:
        known = ", ".join(_ORIGINS)
        raise typer.BadParameter(_("the origins are: {names}").format(names=known), param_hint="--origin")
    if history is not None:
        if words or axis or origin or below is not None:
            raise typer.BadParameter(_("--history stands alone"))
        _history(root, history, as_json=as_json)
        return
    from observatudo.classify import state

    found = state.state(root, state.LOW if below is None else below)
    chosen = found.select(words or [], _axis(root, axis), origin, below)
    if as_json:
        _print_json(found.as_dict(chosen))
    elif words or axis or origin or below is not None:
        _print_indicators(chosen)
    else:
        _print_state(found)


def label(
    indicator: Annotated[str, typer.Argument(metavar="ID", help=_("The indicator's id."))],
    axis: Annotated[str | None, typer.Argument(metavar="AXIS", help=_("Its axis: a key, title or alias."))] = None,
    reason: Annotated[str | None, typer.Option("--message", "-m", help=_("Why, in a line."))] = None,
    author: Annotated[str | None, typer.Option("--author", help=_("Who decides (default: Git's user.name)."))] = None,
    remove: Annotated[bool, typer.Option("--remove", help=_("Take the decision back."))] = False,
) -> None:
    """Record which axis an indicator belongs to, with the reason, or take that back."""
    import datetime

    from observatudo.classify import decide
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
        who = _git_name(root) if author is None else author
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


def _git_name(root: Path) -> str:
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


def _print_state(found: LabelState) -> None:
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
    _print_versions(found)
    _print_problems(found)
    typer.echo("")
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


def _print_versions(found: LabelState) -> None:
    typer.echo("")
    if found.history_problem:
        typer.echo(_("no history: {reason}").format(reason=found.history_problem))
        return
    text = _("{count} label(s) came back to an axis they had left, in {versions} version(s)")
    typer.echo(text.format(count=found.oscillating, versions=found.versions - found.skipped))
    _print_skipped(found.skipped)
    restless = sorted((own for own in found.indicators if own.returns), key=lambda own: (-own.returns, -own.flips))
    for own in restless[:_MOST]:
        typer.echo("  " + _("{id}: {flips} change(s), {returns} back").format(**_swing(own)))


def _print_skipped(count: int) -> None:
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


def _print_indicators(chosen: tuple[Labelled, ...]) -> None:
    from observatudo.cli.table import WIDTH, short
    from observatudo.figures import count, printable

    axes = max([len(own.axis) for own in chosen], default=0)
    origins = max(map(len, _ORIGINS))
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
    from observatudo.classify import decide, timeline

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
    from observatudo.classify.entries import catalogue
    from observatudo.classify.taxonomy import load_taxonomy

    entry = catalogue(root)[0].get(indicator)
    if entry is None:
        return None
    try:
        decided = overrides.read(root / paths.OVERRIDES, load_taxonomy(root))
    except ObservatudoError:  # a damaged file of decisions is told by ``labels``; the history is as good without
        decided = {}
    return asdict(entry) | {"override": decided.get(indicator)}


def _print_history(found: History) -> None:
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
    _print_skipped(found.skipped)


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


def _share(part: int, whole: int) -> str:
    from observatudo.figures import percent

    return percent(100 * part / whole) if whole else "–"


def _number(share: float) -> str:
    from observatudo.figures import local

    return local(f"{share:.4f}")
