"""An explanation as people read it, in lines of any width; what models or sources wrote cannot steer a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from observatudo.classify.names import EMBEDDED, NOT_MODELS, PERSON, PROMPT_DIGITS, RULES, SOURCE
from observatudo.figures import SHORT, count, decimal, duration, local, moment, percent, printable
from observatudo.i18n import _
from observatudo.labels.problems import cause
from observatudo.labels.queue import named

if TYPE_CHECKING:
    from observatudo.journal import Json
    from observatudo.labels.evidence import Vote
    from observatudo.labels.explain import Explanation, Told
    from observatudo.labels.state import Opinion

_STEP = "  "
_RAW_LINES, _RAW_WIDTH = 3, 200  # of an answer, where it is shown short
_TERMS = 6


def page(own: Explanation, width: int, *, raw: bool = False) -> Iterator[str]:
    """Give an explanation line by line, none longer than ``width`` where its words allow; ``raw``: answers in full."""
    for depth, text in _all(own, raw=raw):
        yield from wrapped(text, width, depth)


def wrapped(text: str, width: int, depth: int = 0) -> list[str]:
    """Return a text in lines of ``width`` characters at most, all so many steps to the right."""
    begin = _STEP * depth
    plain = printable(text)
    if not plain:
        return [""]
    return textwrap.wrap(
        plain, max(width, 2 * len(begin) + 10), initial_indent=begin, subsequent_indent=begin + _STEP,
        break_on_hyphens=False,
    )  # fmt: skip


_Line = tuple[int, str]


def _all(own: Explanation, *, raw: bool) -> Iterator[_Line]:
    yield from _head(own)
    deciding = own.grounds
    yield from _section(_("Why"), [line for vote in deciding for line in evidence(vote)])
    others = [vote for vote in own.votes if vote not in deciding]
    yield from _section(_("What others said"), [line for vote in others for line in evidence(vote)])
    said = _("Answers of models, newest first ({count})").format(count=count(len(own.answers)))
    yield from _section(said, [line for answer in own.answers for line in _answer(answer, raw=raw)])
    yield from _section(_("The label over versions, newest first"), list(_history(own)))
    if raw:
        for name, text in own.prompts.items():
            told = _("What models were told by prompt {name}").format(name=name[:PROMPT_DIGITS])
            yield from _section(told, [(0, line) for line in text.splitlines()])


def _section(title: str, lines: Sequence[_Line]) -> Iterator[_Line]:
    if lines:
        yield 0, ""
        yield 0, title
        yield from ((depth + 1, text) for depth, text in lines)


def _head(own: Explanation) -> Iterator[_Line]:
    yield 0, own.name or own.id
    yield 0, " · ".join([own.id, own.dataset or _("no dataset has it any more")])
    if own.description:
        yield 1, own.description
    yield 0, ""
    yield (
        0,
        _("{axis}, decided by: {origin}, with a confidence of {number}").format(
            axis=own.axis, origin=origin(own.origin), number=share(own.confidence)
        ),
    )
    made = own.versions
    yield 1, _("classifier {version}, taxonomy {taxonomy}").format(version=made.classifier, taxonomy=made.taxonomy)
    if made.model:
        yield 1, _("models {models}, prompts {prompts}").format(models=made.model, prompts=made.prompt)
    for problem in own.problems:
        yield 0, f"! {problem}"


def origin(name: str) -> str:
    """Return the words for what decided a label, with the name that stands in the data."""
    words = {
        "fonte": _("its source"),
        "humano": _("a person"),
        "regra": _("the taxonomy's words"),
        "modelo": _("rules and examples"),
        "consenso": _("models with rules and examples"),
    }
    return f"{words[name]} ({name})" if name in words else name


def share(number: float | None) -> str:
    """Return a confidence or weight with up to four decimals, a dash for none."""
    return decimal(None if number is None else round(number, 4))


# --- what one said


def evidence(own: Vote) -> Iterator[_Line]:
    """Give what one classifier said and on what grounds, each line with its depth."""
    yield 0, stance(own)
    yield from ((1, line) for line in grounds(own))


def stance(own: Vote | Opinion) -> str:
    """Return what one classifier says, in a line."""
    told = [named(own.classifier) + ":", own.axis or _("no axis")]
    if own.confidence is not None and own.classifier not in (SOURCE, PERSON):
        told.append(share(own.confidence))
    if own.state and own.classifier not in NOT_MODELS:
        told.append(own.state)
    return " ".join(told)


def grounds(own: Vote) -> Iterator[str]:
    """Give the grounds of what one classifier said, the strongest first."""
    known = {SOURCE: _of_source, PERSON: _of_person, RULES: _of_rules, EMBEDDED: _of_examples}
    yield from known.get(own.classifier, _of_model)(own)


def _of_source(own: Vote) -> Iterator[str]:
    yield _("it says “{text}”").format(text=_text(own.detail.get("eixo_fonte")))


def _of_person(own: Vote) -> Iterator[str]:
    said = own.detail
    yield f"{_text(said.get('autor'))}, {_text(said.get('data'))}: {_text(said.get('justificativa'))}"


def _of_rules(own: Vote) -> Iterator[str]:
    places = {"nome": _("name"), "descricao": _("description")}
    terms = _dicts(own.detail.get("termos"))
    for term in sorted(terms, key=lambda term: -_number(term.get("peso")))[:_TERMS]:
        where = places.get(_text(term.get("onde")), "")
        yield f"“{_text(term.get('termo'))}” ({where}) → {_text(term.get('eixo'))} +{share(_number(term.get('peso')))}"
    if len(terms) > _TERMS:
        yield _("and {count} more").format(count=len(terms) - _TERMS)
    if not terms:
        yield _("none of the taxonomy's words is in it")


def _of_examples(own: Vote) -> Iterator[str]:
    shares = _shares(own.detail.get("distribuicao"))
    if shares:
        yield shares
    for near in _dicts(own.detail.get("exemplos")):
        name, axis = _text(near.get("nome")), _text(near.get("eixo"))
        yield _("{likeness} like “{name}” → {axis} ({table})").format(
            likeness=share(_number(near.get("semelhanca"))), name=name, axis=axis, table=_text(near.get("tabela"))
        )
    if not shares:
        yield _("it has no word that counts")


def _of_model(own: Vote) -> Iterator[str]:
    said = own.detail
    text = _("{answers} answer(s), {streak} equal at the end, {flips} change(s), {invalid} invalid")
    yield text.format(answers=own.answers or 0, streak=own.streak or 0, flips=own.flips or 0, invalid=own.invalid or 0)
    shares = _shares(said.get("respostas"))
    if shares:
        yield shares + "; " + _("an answer is worth {weight}").format(weight=share(own.weight))
    model = "@".join(filter(None, [_text(said.get("modelo")), _text(said.get("digest"))]))
    prompt = f"{_text(said.get('prompt'))} ({_text(said.get('prompt_hash'))[:PROMPT_DIGITS]})"
    yield _("model {model}, prompt {prompt}, {parameters}").format(
        model=model, prompt=prompt, parameters=_text(said.get("parametros"))
    )
    before = said.get("anterior")
    if isinstance(before, dict):
        text = _("it said {axis} in series {series}, before its {cause} changed")
        series = _text(before.get("serie"))[:SHORT]
        yield text.format(axis=_text(before.get("eixo")), series=series, cause=cause(_text(before.get("causa"))))


def _shares(content: Json) -> str:
    found = content if isinstance(content, Mapping) else {}
    ordered = sorted(found.items(), key=lambda item: (-_number(item[1]), item[0]))
    return " · ".join(f"{axis} {percent(100 * _number(part))}" for axis, part in ordered)


def _dicts(content: Json) -> list[dict[str, Json]]:
    return [own for own in content if isinstance(own, dict)] if isinstance(content, list) else []


def _number(content: Json) -> float:
    return content if isinstance(content, int | float) else 0.0


def _text(content: Json) -> str:
    return content if isinstance(content, str) else ""


# --- answers and versions


def _answer(own: Told, *, raw: bool) -> Iterator[_Line]:
    told = own.axis or _status(own.status)
    old = "" if own.is_current else ", " + _("of another series")
    yield 0, f"{moment(own.time, seconds=True)}  {own.provider}: {told} {share(own.confidence)}{old}"
    for line in (own.raw or "–").splitlines() if raw else beginning(own.raw):
        yield 1, line
    if own.reason:
        yield 1, _("no answer: {reason}").format(reason=own.reason)
    yield (
        1,
        _("model {model}, prompt {prompt}, {parameters}").format(
            model="@".join(filter(None, [own.model, own.digest])),
            prompt=f"{own.prompt} ({own.prompt_hash[:PROMPT_DIGITS]})",
            parameters=_("form {level}, seed {seed}, attempt {attempt}").format(
                level=own.level, seed=own.seed, attempt=own.attempt
            ),
        ),
    )
    if raw:
        yield 1, _("axes in the order {axes}").format(axes=", ".join(own.order))
    yield 1, _spent(own)


def _status(name: str) -> str:
    return {"invalida": _("invalid"), "erro": _("failed")}.get(name, name)


def beginning(text: str | None) -> list[str]:
    """Return the first lines of an answer as it came, long ones cut."""
    lines = (text or "").splitlines() or ["–"]
    begin = [line if len(line) <= _RAW_WIDTH else line[:_RAW_WIDTH] + "…" for line in lines[:_RAW_LINES]]
    return begin if len(lines) <= _RAW_LINES else [*begin, "…"]


def _spent(own: Told) -> str:
    parts = [duration(own.latency_s)]
    if own.tokens_in is not None or own.tokens_out is not None:
        parts.append(
            _("{read} tokens read, {written} written").format(read=count(own.tokens_in), written=count(own.tokens_out))
        )
    if own.cost is not None:
        parts.append(f"{local(f'{own.cost:.6f}')} {own.currency}")
    return ", ".join(parts)


def _history(own: Explanation) -> Iterator[_Line]:
    past = own.history
    if past.problem:
        yield 0, _("no history: {reason}").format(reason=past.problem)
    for step in past.steps:
        when = moment(step.date)[: SHORT + 2] if step.date else _("not yet committed")
        said = (
            f"{step.answer.axis} ({step.answer.origin}, {share(step.answer.confidence)})" if step.answer else _("none")
        )
        yield 0, "  ".join(filter(None, [when, said, step.commit[:SHORT], step.author, step.subject]))
    if past.skipped:
        yield (
            0,
            _("{count} version(s) are not here: dvc fetch --all-commits {path}").format(
                count=past.skipped, path="data/classified/rotulo.parquet"
            ),
        )
