"""What ``observatudo ask`` says, as lines and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict

from observatudo import paths
from observatudo.ask.campaign import Plan, Plans, Result
from observatudo.ask.changes import Changes
from observatudo.ask.execution import Outcome
from observatudo.figures import count, decimal, duration, printable
from observatudo.i18n import _

_MOST = 10

Json = dict[str, object]


def head(plan: Plan) -> str:
    """Return one line that names the model."""
    own = plan.subject
    text = _("{name}: {model}, prompt “{prompt}”")
    return text.format(name=own.name, model=printable(own.provider.model), prompt=own.prompt.name)


def nobody() -> list[str]:
    """Return what is to be said where there is no model to ask."""
    return [
        _("no model is named under classify.providers in params.yaml: nothing is asked"),
        _("the embedded classifier decides, offline; docs/llm.md tells how to ask a model too"),
    ]


def dry(plan: Plan) -> list[str]:
    """Return what asking would take."""
    if not plan.questions:
        return [head(plan), "  " + _("0 calls: everything is answered")]
    tokens_in, tokens_out = plan.tokens
    text = _("about {calls} calls, {tokens_in} tokens in and {tokens_out} out")
    line = text.format(calls=count(plan.total), tokens_in=count(tokens_in), tokens_out=count(tokens_out))
    if plan.cost is not None:
        line += ", " + _money(plan.cost, plan.subject.provider.price.currency if plan.subject.provider.price else "")
    basis = (
        _("by what {number} calls used before").format(number=count(plan.usage.calls))
        if plan.usage.calls
        else _("by the lengths of the texts; repairs, retries and what a model thinks come on top")
    )
    return [head(plan), f"  {line}", f"  {basis}"]


def missing(plans: Plans) -> list[str]:
    """Return a line for each dataset whose indicators are not there."""
    return [f"! {problem.id}: {problem.text}" for problem in plans.missing]


def result(found: Result) -> list[str]:
    """Return what came of asking one model."""
    lines = []
    if found.error is not None:
        lines = [f"✗ {line}" if not at else line for at, line in enumerate(str(found.error).splitlines())]
    elif found.outcome is None:
        lines = [_("0 calls: everything is answered")]
    else:
        lines = [*_outcome(found.outcome)]
    if found.changes is not None:
        lines += _changes(found.changes)
    if found.waiting:
        lines.append(_("{number} indicator(s) still wait for an answer").format(number=count(found.waiting)))
    return [f"  {line}" for line in lines]


def _outcome(own: Outcome) -> Iterator[str]:
    if own.detail:
        yield f"{'!' if own.end in ('orcamento', 'interrompida') else '✗'} {printable(own.detail)}"
    text = _("{asked} asked: {ok} ok, {invalid} invalid, {errors} failed")
    yield text.format(asked=count(own.asked), ok=count(own.ok), invalid=count(own.invalid), errors=count(own.errors))
    text = _("{calls} calls · {tokens_in} tokens in, {tokens_out} out")
    used = text.format(calls=count(own.calls), tokens_in=count(own.tokens_in), tokens_out=count(own.tokens_out))
    money = "" if own.cost is None else " · " + _money(own.cost, own.currency)
    yield f"{used}{money} · {duration(own.seconds)}"
    if own.last_error:
        yield _("the last failure: {why}").format(why=printable(own.last_error))
    if own.asked:
        tried = "".join(f", {probe.nivel}: {probe.resultado}" for probe in own.probes if probe.resultado != "ok")
        yield _("form: {level}").format(level=own.level) + tried
    if own.file:
        yield own.file


def _changes(own: Changes) -> Iterator[str]:
    for (before, after), number in sorted(own.transitions.items()):
        yield f"{before} → {after}: {count(number)}"
    words = {
        "oscilacao": _("oscillates: {name}: {before} → {after}"),
        "regressao": _("was stable and changed: {name}: {before} → {after}"),
    }
    for item, event in own.events[:_MOST]:
        yield "! " + words[event.kind].format(name=printable(item.nome), before=event.de, after=event.para)
    text = _("another label than before ({cause} changed): {name}: {before} → {after}")
    for one in own.relabelled[:_MOST]:
        yield text.format(cause=one.cause, name=printable(one.item.nome), before=one.before, after=one.after)
    hidden = max(0, len(own.events) - _MOST) + max(0, len(own.relabelled) - _MOST)
    if hidden:
        yield _("and {count} more: --json").format(count=count(hidden))


def next_steps(results: list[Result]) -> str:
    """Return what to type next, or an empty text."""
    if not any(own.outcome is not None and own.outcome.file for own in results):
        return ""
    uncounted = sorted(own.plan.subject.name for own in results if not own.plan.counts)
    text = _("Next: git add {folder} && git commit, then dvc repro").format(folder=paths.ANSWERS)
    if uncounted:
        text += "\n" + _("{names}: not under classify.providers in params.yaml, so its answers change no label").format(
            names=", ".join(uncounted)
        )
    return text


def _money(amount: float, currency: str) -> str:
    return f"{currency} {decimal(amount)}"


def plans_as_dict(plans: Plans) -> Json:
    """Return what asking would take, as JSON has it."""
    return {"models": [_plan(own) for own in plans.plans], "not_ingested": [own.id for own in plans.missing]}


def as_dict(plans: Plans, results: list[Result], code: int) -> Json:
    """Return what came of asking, as JSON has it; ``code`` is the command's exit code."""
    return {
        "models": [_plan(own.plan) | _result(own) for own in results],
        "not_ingested": [own.id for own in plans.missing],
        "exit_code": code,
    }


def _plan(own: Plan) -> Json:
    price = own.subject.provider.price
    return {
        "name": own.subject.name,
        "model": own.subject.provider.model,
        "prompt": own.subject.prompt.name,
        "counts": own.counts,
        "questions": own.total,
        "estimate": {
            "tokens_in": own.tokens[0],
            "tokens_out": own.tokens[1],
            "cost": own.cost,
            "currency": price.currency if price else "",
            "measured_on_calls": own.usage.calls,
        },
    }


def _result(own: Result) -> Json:
    found: Json = {"waiting": own.waiting, "error": None if own.error is None else own.error.message}
    if own.outcome is not None:
        found["outcome"] = asdict(own.outcome) | {"probes": [probe.model_dump() for probe in own.outcome.probes]}
    if own.changes is not None:
        found["transitions"] = [
            {"from": before, "to": after, "series": number}
            for (before, after), number in sorted(own.changes.transitions.items())
        ]
        found["events"] = [asdict(event) | {"ids": item.ids} for item, event in own.changes.events]
        found["relabelled"] = [
            {"ids": one.item.ids, "from": one.before, "to": one.after, "cause": one.cause}
            for one in own.changes.relabelled
        ]
    return found
