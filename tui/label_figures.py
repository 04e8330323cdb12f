"""How the classifiers do: what each model answered, how right and how steady it is, what it costs; and how they agree.

Where models stand is what is stored now; the curves, and what only a run measures, are of ``data/metrics``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from observatudo import figures
from observatudo.i18n import _
from tui.label_shares import Past
from tui.label_words import STATES, named, stated, tone_of
from tui.reading import mapping, number
from tui.table import Column
from tui.trends import BAR, CURVE, Series, bar, curve

if TYPE_CHECKING:
    from observatudo.journal import Json
    from tui.labelled import Model, State

COLUMNS: tuple[Column[Series], ...] = (
    Column(lambda: _("classifier, figure"), 34, lambda s: s.name, flex=True, tone=lambda s: s.tone),
    Column(lambda: _("now"), 11, lambda s: s.shown, right=True),
    Column("".__str__, 24, lambda s: s.second, keep=2, tone=lambda _s: "muted"),
    Column("".__str__, BAR, lambda s: bar(s.bar), keep=3, tone=lambda _s: "accent"),
    Column(lambda: _("versions"), CURVE, lambda s: curve(s.points), keep=1, tone=lambda _s: "muted"),
)
_ALL = 100.0
_STILL = ("FIXADO", "NOVO")  # states in which nothing is known of how steady a model is
_Points = tuple[tuple[str, float | None], ...]


def rows(state: State, past: Past) -> list[Series]:
    """Return the figures of every model, then those of all classifiers together."""
    return [*(row for model in state.models for row in _model(model, past)), *_together(past, bool(state.models))]


def _model(own: Model, past: Past) -> Iterator[Series]:
    of = _Of(past, ("models", own.name))
    known = sum(own.states.values())
    answered = known - own.waiting
    weight = figures.local(f"{own.weight:g}") if own.weight is not None else figures.NONE
    head = _("{name}: {model}, prompt {prompt}, weight {weight}")
    yield Series(
        head.format(name=own.name, model=own.model, prompt=own.prompt, weight=weight),
        figures.count(answered),
        _("of {count} answered").format(count=figures.count(known)),
        answered / known if known else None,
        of("answered"),
        tone="accent",
    )
    yield _right(own.name, "  " + _("right, of labels that are known (%)"), past)
    yield _steady(own, of)
    yield from _states(own, of)
    yield _waiting(own, of)
    yield _invalid(own, of)
    alpha = of.deeper("rounds")("alpha")
    if any(value is not None for _date, value in alpha):
        yield Series("  " + _("agreement with itself (α)"), figures.decimal(_last(alpha)), points=alpha)
    if own.calls:
        yield from _spent(own, of)


def _right(name: str, title: str, past: Past) -> Series:
    of = _Of(past, ("right", name))
    share, compared = of("share", _ALL), _last(of("compared"))
    told = _("of {count}").format(count=figures.count(round(compared))) if compared else _("nothing to hold it to")
    return _share(title, _last(share), told, share)


def _steady(own: Model, of: _Of) -> Series:
    def share(states: dict[str, Json]) -> float | None:
        counted = {name: number(count) or 0.0 for name, count in states.items() if name not in _STILL}
        total = sum(counted.values())
        return _ALL * counted.get("ESTAVEL", 0.0) / total if total else None

    points = tuple((date, share(mapping(each.get("states")))) for date, each in of.found)
    title, told = "  " + _("steady, of what it answered (%)"), _("not the same as right")
    return _share(title, share({**own.states}), told, points, key="state:ESTAVEL")


def _states(own: Model, of: _Of) -> Iterator[Series]:
    deep = of.deeper("states")
    most = max(own.states.values(), default=0)
    for name in STATES:
        count = own.states.get(name, 0)
        if count:
            yield Series(
                f"  {stated(name)}",
                figures.count(count),
                bar=count / most,
                points=deep(name),
                key=f"state:{name}",
                tone=tone_of(name),
            )


def _waiting(own: Model, of: _Of) -> Series:
    told = "observatudo ask" if own.waiting else ""
    return Series("  " + _("wait for its answer"), figures.count(own.waiting), told, points=of("waiting"),
                  key=f"waits:{own.name}", tone="warn" if own.waiting else "")  # fmt: skip


def _invalid(own: Model, of: _Of) -> Series:
    share = _ALL * own.invalid / own.answers if own.answers else None
    told = _("{count} of {total}").format(count=figures.count(own.invalid), total=figures.count(own.answers))
    tone = "bad" if own.invalid else ""
    return _share("  " + _("invalid answers, %"), share, told, of("invalid_rate", _ALL), tone=tone)


def _spent(own: Model, of: _Of) -> Iterator[Series]:
    cost = figures.NONE if own.cost is None else f"{figures.decimal(own.cost)} {own.currency}".strip()
    yield Series("  " + _("cost of all calls"), cost, points=of("cost"))
    tokens = _("{count} tokens").format(count=figures.count(own.tokens))
    yield Series("  " + _("calls"), figures.count(own.calls), tokens, points=of("calls"))
    if own.errors:
        yield Series("  " + _("failed calls"), figures.count(own.errors), points=of("errors"), tone="warn")
    late = _("95 % within {time}").format(time=figures.duration(own.latency_p95_s)) if own.latency_p95_s else ""
    yield Series("  " + _("time of an answer (median)"), figures.duration(own.latency_median_s), late,
                 points=of("latency_median_s"))  # fmt: skip
    yield Series("  " + _("last answer"), figures.moment(own.last)[:10] if own.last else figures.NONE)


def _together(past: Past, is_asked: bool) -> Iterator[Series]:
    """Give what a run measured of all of them; nothing of versions that did not."""
    of = _Of(past, ())
    coverage = of("coverage", _ALL)
    if _last(coverage) is not None:
        yield _share(_("indicators with an axis, %"), _last(coverage), "", coverage)
    evenness = of("evenness")
    if _last(evenness) is not None:
        told = _("1: all axes alike")
        yield Series(_("evenness over the axes"), figures.decimal(_last(evenness)), told, _last(evenness), evenness)
    if is_asked:
        waiting = of("waiting")
        yield Series(_("wait for a model, at the last run"), figures.decimal(_last(waiting)), points=waiting)
    for name in ("regras", "embutido"):
        if _last(_Of(past, ("right", name))("share")) is not None:
            yield _right(name, _("{classifier}: right, %").format(classifier=named(name)), past)
    yield from _each(past, "agreement", _agreement)
    if is_asked:
        yield from _each(past, "flips", lambda name: _("changed answers: {cause}").format(cause=_cause(name)))


def _each(past: Past, group: str, title: Callable[[str], str]) -> Iterator[Series]:
    """Give every figure that the last version has in a group."""
    of = _Of(past, (group,))
    for name in mapping(of.found[-1][1]) if of.found else ():
        points = of(name)
        yield Series(title(name), figures.decimal(_last(points)), points=points)


def _agreement(name: str) -> str:
    if name == "fleiss":
        return _("agreement of all: Fleiss’ κ")
    if name == "alpha":
        return _("agreement of all: Krippendorff’s α")
    return _("agreement (κ): {pair}").format(pair=name.replace("/", " / "))


def _cause(name: str) -> str:
    words = {
        "input": _("text"),
        "taxonomy": _("taxonomy"),
        "prompt": _("prompt"),
        "model": _("model"),
        "noise": _("no cause"),
    }
    return words.get(name, name)


def _share(title: str, share: float | None, told: str, points: _Points, key: str = "", tone: str = "") -> Series:
    part = None if share is None else share / _ALL
    return Series(title, figures.percent(share), told, part, points, key, tone)


def _last(points: Sequence[tuple[str, float | None]]) -> float | None:
    return points[-1][1] if points else None


class _Of:
    """The values of figures in one place of the metrics, over versions."""

    def __init__(self, past: Past, place: Sequence[str]) -> None:
        self.found = [(date, _inside(content, place)) for date, content in past]

    def deeper(self, name: str) -> _Of:
        """Return the place of this name in it."""
        return _Of(self.found, (name,))

    def __call__(self, name: str, times: float = 1.0) -> _Points:
        values = ((date, number(content.get(name))) for date, content in self.found)
        return tuple((date, None if value is None else value * times) for date, value in values)


def _inside(content: dict[str, Json], place: Sequence[str]) -> dict[str, Json]:
    for name in place:
        content = mapping(content.get(name))
    return content
