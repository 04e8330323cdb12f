"""What the screen of an indicator makes of ``observatudo explain ID --json``: who says what of it, and why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.text import Text

from observatudo import figures
from observatudo.classify.names import FIXED, PROMPT_DIGITS
from observatudo.i18n import _
from tui import label_answers
from tui.label_answers import Answer
from tui.label_words import confidence, named, stated, tone_of
from tui.reading import dicts, integer, mapping, number, pair, text_or_none, texts
from tui.tones import toned
from tui.trends import bar

if TYPE_CHECKING:
    from observatudo.journal import Json

_ALL = 100.0
_BAR = 10  # cells


@dataclass(frozen=True)
class Vote:
    """What one classifier said when the label was made, with its evidence; counts are None for what is no model."""

    classifier: str
    axis: str | None
    confidence: float | None
    weight: float | None
    state: str | None
    series: str | None
    answers: int | None
    streak: int | None
    flips: int | None
    invalid: int | None
    detail: dict[str, Json]


@dataclass(frozen=True)
class Link:
    """A series and the one that it follows; ``axis`` and ``before`` are what they say, None for no answer."""

    provider: str
    series: str
    follows: str
    cause: str
    axis: str | None
    before: str | None


@dataclass(frozen=True)
class Evidence:
    """All of it. ``prompts`` are texts by their hash; ``problems`` say what is missing or will change."""

    axis: str
    origin: str
    confidence: float | None
    versions: dict[str, str]
    votes: tuple[Vote, ...]
    answers: tuple[Answer, ...]
    lineage: tuple[Link, ...]
    prompts: dict[str, str]
    problems: tuple[str, ...]


def evidence(content: Json) -> Evidence:
    """Return the evidence out of what the command printed."""
    top = mapping(content)
    versions = {name: str(own) for name, own in mapping(top.get("versions")).items() if own}
    return Evidence(
        axis=str(top.get("axis") or ""),
        origin=str(top.get("origin") or ""),
        confidence=number(top.get("confidence")),
        versions=versions,
        votes=tuple(map(_vote, dicts(top.get("votes")))),
        answers=tuple(label_answers.answers(top.get("answers"))),
        lineage=tuple(map(_link, dicts(top.get("lineage")))),
        prompts={name: str(text) for name, text in mapping(top.get("prompts")).items()},
        problems=texts(top.get("problems")),
    )


def _vote(own: dict[str, Json]) -> Vote:
    return Vote(
        classifier=str(own.get("classifier")),
        axis=text_or_none(own.get("axis")),
        confidence=number(own.get("confidence")),
        weight=number(own.get("weight")),
        state=text_or_none(own.get("state")),
        series=text_or_none(own.get("series")),
        answers=integer(own.get("answers")),
        streak=integer(own.get("streak")),
        flips=integer(own.get("flips")),
        invalid=integer(own.get("invalid")),
        detail=mapping(own.get("detail")),
    )


def _link(own: dict[str, Json]) -> Link:
    return Link(
        provider=str(own.get("provider")),
        series=str(own.get("series")),
        follows=str(own.get("follows")),
        cause=str(own.get("cause")),
        axis=text_or_none(own.get("axis")),
        before=text_or_none(own.get("before")),
    )


# --- in words


def grounds(found: Evidence) -> list[Text]:
    """Return what everybody says with the evidence for it, then the answers of models as sequences."""
    lines = [toned(f"! {problem}", "warn") for problem in found.problems]
    lines += [Text()] if lines else []
    for vote in found.votes:
        lines += [*_voted(vote, found.axis), Text()]
    return [*lines, *sequences(found), *_versions(found.versions)]


def _voted(vote: Vote, axis: str) -> Iterator[Text]:
    line = Text.assemble((f"{named(vote.classifier)}: ", "bold"), vote.axis or _("nothing"))
    if vote.axis and vote.axis != axis:
        line.append(f"  ≠ {axis}", "yellow")
    if vote.confidence is not None:
        line.append(f"  {confidence(vote.confidence)}")
    if vote.state and vote.state != FIXED:
        line.append(f"  {stated(vote.state)}", toned("", tone_of(vote.state)).style)
    yield line
    grounds = {"fonte": _source, "humano": _person, "regras": _rules, "embutido": _examples}.get(vote.classifier)
    yield from grounds(vote.detail) if grounds else _model(vote)


def _source(detail: dict[str, Json]) -> Iterator[Text]:
    yield Text("  " + _("in its words: “{words}”").format(words=detail.get("eixo_fonte")))


def _person(detail: dict[str, Json]) -> Iterator[Text]:
    yield Text(f"  {detail.get('autor')}, {detail.get('data')}: {detail.get('justificativa')}")


def _rules(detail: dict[str, Json]) -> Iterator[Text]:
    for axis, points in mapping(detail.get("pontos")).items():
        yield Text("  " + _("{axis}: {points} point(s)").format(axis=axis, points=figures.decimal(number(points))))
    for hit in dicts(detail.get("termos")):
        where = _("name") if hit.get("onde") == "nome" else _("description")
        told = f"    “{hit.get('termo')}” → {hit.get('eixo')}  {figures.signed(number(hit.get('peso')))}  ({where})"
        yield Text(told, "dim")
    if not detail.get("termos"):
        yield Text("  " + _("no word of it is in the taxonomy"), "dim")


def _examples(detail: dict[str, Json]) -> Iterator[Text]:
    yield from _shares(mapping(detail.get("distribuicao")))
    near = dicts(detail.get("exemplos"))
    if near:
        yield Text("  " + _("most like it, of what it learnt from:"), "dim")
    for own in near:
        told = f"    {figures.percent(_ALL * (number(own.get('semelhanca')) or 0))}  “{own.get('nome')}” → "
        yield Text(f"{told}{own.get('eixo')}  ({own.get('tabela')})", "dim")


def _shares(shares: dict[str, Json]) -> Iterator[Text]:
    width = max(map(len, shares), default=0)
    for axis, own in shares.items():
        share = number(own) or 0.0
        yield Text.assemble(f"  {axis:<{width}}  {figures.percent(_ALL * share):>8}  ", (bar(share, _BAR), "cyan"))


def _model(vote: Vote) -> Iterator[Text]:
    detail = vote.detail
    digest = f"@{detail['digest']}" if detail.get("digest") else ""
    prompt = f"{detail.get('prompt')} {str(detail.get('prompt_hash') or '')[:PROMPT_DIGITS]}"
    yield Text(f"  {detail.get('modelo')}{digest}, " + _("prompt {name}").format(name=prompt), "dim")
    if vote.weight is not None:
        yield pair("  " + _("an answer of it is worth"), figures.decimal(vote.weight))
    counted = _("{answers} answer(s), {invalid} of them none; {flips} change(s), {streak} alike at the end")
    counts = [("answers", vote.answers), ("invalid", vote.invalid), ("flips", vote.flips), ("streak", vote.streak)]
    if vote.answers:
        yield Text("  " + counted.format(**{name: figures.count(own) for name, own in counts}))
    else:
        yield toned("  ◌ " + _("it has not answered yet; type: observatudo ask"), "accent")
    yield from _shares(mapping(detail.get("respostas")))
    parameters = str(detail.get("parametros") or "")
    if parameters:
        yield Text(f"  {parameters}", "dim")


def sequences(found: Evidence) -> list[Text]:
    """Return every model's answers as a sequence per series, with what the letters stand for."""
    if not found.answers:
        return []
    letter = label_answers.letters(found.answers)
    lines = [Text(_("The answers of models, oldest first"), "bold")]
    lines.append(Text("   ".join(f"{own} {axis}" for axis, own in letter.items()), "cyan"))
    lines.append(Text(_("› another axis   ↔ back to one it had left   · no answer   × the call failed"), "dim"))
    for name in dict.fromkeys(own.provider for own in found.answers):
        own = [answer for answer in found.answers if answer.provider == name]
        lines += [Text(name), *_series(own, [link for link in found.lineage if link.provider == name], letter)]
    return [*lines, Text()]


def _series(own: Sequence[Answer], links: Sequence[Link], letter: dict[str, str]) -> Iterator[Text]:
    for key, found in label_answers.by_series(own).items():
        line = Text("  ").append_text(label_answers.sequence(found, letter))
        yield line.append(
            f"   {key[: figures.SHORT]}" + ("" if found[0].is_current else " " + _("(not in force)")), "dim"
        )
    for link in links:
        causes = {"input": _("text"), "taxonomy": _("taxonomy"), "prompt": _("prompt"), "model": _("model")}
        told = _("{series} follows {before}: the {cause} changed").format(
            series=link.series[: figures.SHORT],
            before=link.follows[: figures.SHORT],
            cause=causes.get(link.cause, link.cause),
        )
        if link.axis is None:
            yield toned(f"  {told}; " + _("it said {axis}").format(axis=link.before), "muted")
        else:
            is_other = link.axis != link.before
            yield toned(f"  {told}; {link.before} → {link.axis}", "warn" if is_other else "muted")


def _versions(versions: dict[str, str]) -> Iterator[Text]:
    words = {"classifier": _("classifier"), "model": _("model"), "prompt": _("prompt"), "taxonomy": _("taxonomy")}
    for name, own in versions.items():
        yield pair(words.get(name, name), own)
