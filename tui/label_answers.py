"""What the screens make of models' answers to one text: one by one, and as a sequence that shows changes at a glance.

In a sequence every axis has a letter and every answer is one of them: ``A A›B↔A``. ``›`` is a change, ``↔`` a change
back to an axis that was left before, ``·`` an answer that is none, ``×`` a call that failed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from string import ascii_uppercase
from typing import TYPE_CHECKING

from rich.text import Text

from observatudo import figures
from observatudo.i18n import _
from tui.clean import clean
from tui.label_words import confidence
from tui.reading import dicts, integer, number, pair, text_or_none, texts
from tui.table import Column
from tui.tones import toned

if TYPE_CHECKING:
    from observatudo.journal import Json

_MOST = 60  # answers of a sequence that are shown
_OTHER = "?"  # an axis beyond the letters
_NONE, _FAILED = "·", "×"
_TONES = {"ok": "", "invalida": "warn", "erro": "bad"}


@dataclass(frozen=True)
class Answer:
    """One call to a model: ``time`` is ISO 8601, ``latency_s`` seconds, ``cost`` in ``currency``; None is not known.

    Not ``is_whole``: it was none, and a second attempt followed or was cut off. ``is_current``: its series counts now.
    """

    provider: str
    model: str
    execution: str
    purpose: str
    time: str
    prompt: str
    prompt_hash: str
    series: str
    is_current: bool
    round: int
    attempt: int
    is_whole: bool
    status: str
    axis: str | None
    raw: str | None
    reason: str
    confidence: float | None
    seed: int | None
    order: tuple[str, ...]
    level: str
    latency_s: float | None
    tokens_in: int | None
    tokens_out: int | None
    cost: float | None
    currency: str

    @property
    def said(self) -> str:
        """Return the axis, or why there is none."""
        if self.axis:
            return self.axis
        what = _("failed") if self.status == "erro" else _("no answer") if self.is_whole else _("asked once more")
        return f"{_FAILED if self.status == 'erro' else _NONE} {what}" + (f": {self.reason}" if self.reason else "")

    @property
    def tokens(self) -> str:
        """Return the tokens in and out."""
        if self.tokens_in is None and self.tokens_out is None:
            return figures.NONE
        return f"{figures.count(self.tokens_in)}+{figures.count(self.tokens_out)}"

    @property
    def price(self) -> str:
        """Return what it cost."""
        return figures.NONE if self.cost is None else f"{figures.decimal(self.cost)} {self.currency}".strip()


COLUMNS: tuple[Column[Answer], ...] = (
    Column(lambda: _("time"), 16, lambda a: figures.moment(a.time), tone=lambda _a: "muted"),
    Column(lambda: _("model"), 10, lambda a: a.provider, tone=lambda a: "accent" if a.is_current else "muted"),
    Column(lambda: _("answer"), 20, lambda a: a.said, flex=True, tone=lambda a: _TONES.get(a.status, "")),
    Column(lambda: _("conf."), 6, lambda a: confidence(a.confidence), right=True, keep=1),
    Column(lambda: _("took"), 8, lambda a: figures.duration(a.latency_s), right=True, keep=2),
    Column(lambda: _("tokens"), 9, lambda a: a.tokens, right=True, keep=3),
    Column(lambda: _("cost"), 12, lambda a: a.price, right=True, keep=4),
    Column(lambda: _("series"), 8, lambda a: a.series[: figures.SHORT], keep=5, tone=lambda _a: "muted"),
)


def answers(content: Json) -> list[Answer]:
    """Return the answers out of what ``observatudo explain --json`` printed, newest first."""
    return [_answer(own) for own in dicts(content)]


def _answer(own: dict[str, Json]) -> Answer:
    def text(name: str) -> str:
        return str(own.get(name) or "")

    raw = own.get("raw")
    return Answer(
        provider=text("provider"),
        model=text("model") + (f"@{text('digest')}" if own.get("digest") else ""),
        execution=text("execution"),
        purpose=text("purpose"),
        time=text("time"),
        prompt=text("prompt"),
        prompt_hash=text("prompt_hash"),
        series=text("series"),
        is_current=own.get("is_current") is True,
        round=integer(own.get("round")) or 0,
        attempt=integer(own.get("attempt")) or 1,
        is_whole=own.get("is_whole") is not False,
        status=text("status"),
        axis=text_or_none(own.get("axis")),
        raw=raw if isinstance(raw, str) else None,
        reason=text("reason"),
        confidence=number(own.get("confidence")),
        seed=integer(own.get("seed")),
        order=texts(own.get("order")),
        level=text("level"),
        latency_s=number(own.get("latency_s")),
        tokens_in=integer(own.get("tokens_in")),
        tokens_out=integer(own.get("tokens_out")),
        cost=number(own.get("cost")),
        currency=text("currency"),
    )


def in_full(own: Answer) -> list[Text]:
    """Return all that is known of an answer, what the model said word by word at the end."""
    title = f"{own.provider}  {own.said}"
    lines = [Text(title, "bold"), Text(), pair(_("model"), own.model), pair(_("time"), figures.moment(own.time))]
    lines.append(pair(_("its own confidence"), confidence(own.confidence)))
    if not own.is_whole:
        lines.append(toned(_("it was no answer, and was asked for once more or cut off: it does not count"), "warn"))
    which = _("round {round}, attempt {attempt}").format(round=own.round, attempt=own.attempt)
    lines += [
        pair(_("asked for"), f"{own.purpose}, {which}"),
        pair(_("seed"), figures.NONE if own.seed is None else str(own.seed)),
        pair(_("order of the axes"), ", ".join(own.order)),
        pair(_("form that was asked for"), own.level),
        pair(_("took"), figures.duration(own.latency_s)),
        pair(_("tokens"), own.tokens),
        pair(_("cost"), own.price),
        pair(_("prompt"), f"{own.prompt}  {own.prompt_hash}"),
        pair(_("series"), own.series + ("" if own.is_current else "  " + _("(not in force)"))),
        pair(_("execution"), own.execution),
        Text(),
        Text(_("What it said, word by word"), "bold"),
    ]
    return [*lines, *raw(own)]


def raw(own: Answer) -> Iterator[Text]:
    """Give what a model said as plain text, whatever is in it."""
    if own.raw is None:
        yield Text(_("nothing was stored"), "dim")
    elif not own.raw:
        yield Text(_("nothing"), "dim")
    else:
        yield from (Text(clean(line)) for line in own.raw.replace("\r\n", "\n").split("\n"))


# --- as a sequence


def letters(found: Sequence[Answer]) -> dict[str, str]:
    """Return the letter of every axis that was given, in the order in which they came first."""
    axes = dict.fromkeys(own.axis for own in sorted(found, key=_order) if own.axis and own.is_whole)
    names = [*ascii_uppercase, *ascii_uppercase.lower()]
    return {axis: names[at] if at < len(names) else _OTHER for at, axis in enumerate(axes)}


def sequence(found: Iterable[Answer], letter: dict[str, str]) -> Text:
    """Return answers of one series, oldest first, as letters; the module says what stands between them."""
    line, last, left = Text(), "", set[str]()
    told: list[Text] = []
    for own in sorted((own for own in found if own.is_whole), key=_order):
        if own.axis is None:
            told.append(toned(_FAILED, "bad") if own.status == "erro" else toned(_NONE, "warn"))
            continue
        change = "" if own.axis == last or not last else "↔" if own.axis in left else "›"
        told.append(Text.assemble((change, "bold yellow"), (letter[own.axis], "bold" if change else "")))
        left |= {last} if change else set()
        last = own.axis
    if len(told) > _MOST:
        line.append(_("… {count} before ").format(count=figures.count(len(told) - _MOST)), "dim")
    for at, each in enumerate(told[-_MOST:]):
        line.append(" " if at and each.plain[0] not in "›↔" else "")
        line.append_text(each)
    return line


def by_series(found: Sequence[Answer]) -> dict[str, list[Answer]]:
    """Return one model's answers by series, that in force first, then the newest."""
    ordered = sorted(found, key=lambda own: own.series)
    grouped = {key: list(own) for key, own in groupby(ordered, key=lambda own: own.series)}
    newest = {key: max(map(_order, own)) for key, own in grouped.items()}
    return dict(sorted(grouped.items(), key=lambda item: (item[1][0].is_current, newest[item[0]]), reverse=True))


def _order(own: Answer) -> tuple[str, str, int, int]:
    return own.time, own.execution, own.round, own.attempt
