"""What ``observatudo prompts ab`` prints for people; the figures are those of its ``--json``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from observatudo.cli.table import WIDTH, short, table
from observatudo.figures import NONE, count, decimal, duration, local, percent, printable
from observatudo.i18n import _

if TYPE_CHECKING:
    from observatudo.ask.ab import Asked, Comparison
    from observatudo.ask.ab_figures import Difference, Rate, Side, Suggestion

_MOST = 20  # texts that are printed


def show(found: Comparison) -> None:
    """Print a comparison."""
    _sample(found)
    typer.echo("")
    _sides(found)
    typer.echo("")
    _agreement(found)
    _differences(found)
    typer.echo("")
    typer.echo(found.conclusion)
    _waiting(found)
    if found.suggestion is not None:
        _suggest(found.suggestion)
    _next(found)


def _sample(found: Comparison) -> None:
    text = _("{items} texts of {available}, {labelled} with a label, drawn with seed {seed}")
    values = {"items": count(found.items), "available": count(found.available), "labelled": count(found.labelled)}
    typer.echo(text.format(seed=found.seed, **values))
    if found.left_out:
        text = _("{count} others stand word for word in a prompt and were left out")
        typer.echo(text.format(count=count(found.left_out)))
    if found.by_axis and not found.indicators:
        typer.echo(", ".join(f"{axis} {count(number)}" for axis, number in found.by_axis.items()))
    if found.missing:
        typer.echo(_("not ingested here: {names}").format(names=", ".join(found.missing)))


def _sides(found: Comparison) -> None:
    a, b = found.a, found.b
    rows = [
        (_("prompt's hash"), *(own.prompt_hash[:12] for own in (a, b))),
        (_("answered"), count(a.answered), count(b.answered)),
        (_("invalid"), _rate(a.invalid), _rate(b.invalid)),
        (_("right axis"), _rate(a.accuracy), _rate(b.accuracy)),
        (_("right or acceptable"), _rate(a.acceptable), _rate(b.acceptable)),
        (_("calls"), _calls(a, found.asked_a), _calls(b, found.asked_b)),
        (_("tokens in / out"), _tokens(a), _tokens(b)),
        (_("cost"), _cost(a), _cost(b)),
        (_("median latency"), duration(a.latency_median_s), duration(b.latency_median_s)),
        (_("form"), _levels(a), _levels(b)),
    ]
    table(("", f"A {a.name}", f"B {b.name}"), rows)
    typer.echo(
        _("[intervals: 95%, Wilson]; an invalid answer is a wrong one; acceptable: another axis that the table allows")
    )


def _agreement(found: Comparison) -> None:
    own = found.agreement
    text = _("A and B give the same axis to {equal} of {both} texts that both labelled: {share}, Cohen's kappa {kappa}")
    share = NONE if own.share is None else percent(100 * own.share)
    values = {"equal": count(own.equal), "both": count(own.both), "share": share, "kappa": decimal(own.kappa)}
    typer.echo(text.format(**values))
    if own.p is not None:
        from observatudo.ask.ab_figures import p_text

        text = _("Right on one side alone: A {only_a}, B {only_b}; McNemar's exact test: p = {p}")
        typer.echo(text.format(only_a=count(own.only_a), only_b=count(own.only_b), p=p_text(own.p)))


def _differences(found: Comparison) -> None:
    if not found.differences:
        return
    typer.echo("")
    typer.secho(_("{count} answered differently").format(count=count(len(found.differences))), bold=True)
    rows = [_difference(own) for own in found.differences[:_MOST]]
    table((_("label"), "A", "B", _("text")), rows, flexible=3)
    if len(found.differences) > _MOST:
        typer.echo(_("and {count} more: --json").format(count=count(len(found.differences) - _MOST)))


def _difference(own: Difference) -> tuple[str, str, str, str]:
    none = _("invalid")
    return own.label or NONE, own.a or none, own.b or none, short(printable(own.name), WIDTH)


def _waiting(found: Comparison) -> None:
    for own, asked in ((found.a, found.asked_a), (found.b, found.asked_b)):
        if not own.waiting:
            continue
        text = _("{name}: {count} text(s) have no answer yet and are in no figure")
        typer.echo(text.format(name=own.name, count=count(own.waiting)))
        for why in (asked.detail, asked.last_error):
            if why:
                typer.echo(f"  {printable(why)}")


def _suggest(own: Suggestion) -> None:
    typer.echo("")
    typer.echo(_("For params.yaml, if {name} is to count:").format(name=own.side))
    typer.echo(f"  classify:\n    providers: {{{own.model}: {own.weight:g}}}")
    text = _(
        "{weight} is its share of right answers here; the cautious choice is the interval's lower end, {cautious}."
    )
    typer.echo(text.format(weight=local(f"{own.weight:g}"), cautious=local(f"{own.cautious:g}")))
    if not own.is_declared_prompt:
        text = _("In configs/provedores.yaml, {model} needs: prompt: {prompt}")
        typer.echo(text.format(model=own.model, prompt=own.prompt))


def _next(found: Comparison) -> None:
    if found.waiting:
        typer.echo(_("Next: the same command again asks what is missing"))
    if found.asked_a.file or found.asked_b.file:
        typer.echo(_("Next: git add data/classified/answers, and commit: what was answered is not asked again"))


def _rate(own: Rate) -> str:
    if own.share is None or own.interval is None:
        return NONE
    low, high = (local(f"{100 * end:.2f}") for end in own.interval)
    return f"{count(own.count)}/{count(own.of)} {percent(100 * own.share)} [{low}–{high}]"


def _calls(own: Side, asked: Asked) -> str:
    return _("{all}, {now} of them now").format(all=count(own.calls), now=count(asked.calls))


def _tokens(own: Side) -> str:
    return f"{count(own.tokens_in)} / {count(own.tokens_out)}"


def _cost(own: Side) -> str:
    return NONE if own.cost is None else f"{decimal(own.cost)} {own.currency}".rstrip()


def _levels(own: Side) -> str:
    return ", ".join(f"{level} {count(number)}" for level, number in own.levels.items()) or NONE
