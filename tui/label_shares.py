"""How labels are shared out over axes and origins, now and over versions, and how far those who decide agree."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rich.text import Text

from observatudo import figures
from observatudo.i18n import _
from tui.reading import integer, mapping, number
from tui.trends import Series, bar

if TYPE_CHECKING:
    from observatudo.history.view import View
    from observatudo.journal import Json
    from tui.labelled import Pair, State

METRICS = "data/metrics/classify.json"
_MOST = 500  # versions
Past = Sequence[tuple[str, "dict[str, Json]"]]


def past(view: View) -> Past:
    """Return (date, figures of the classification) of the versions that changed them, oldest first."""
    found = view.measures(METRICS, _MOST)
    return [(figures.moment(own.date)[:10], mapping(own.content.get("classify"))) for own in reversed(found)]


def shares(state: State, past: Past) -> list[Series]:
    """Return the share of each axis and of each origin, with its values over versions."""
    groups = [("axis", "by_axis", state.by_axis), ("origin", "by_origin", state.by_origin)]
    return [
        _share(
            f"{field}:{''.join(name.split())}",
            name,
            count,
            state.total,
            _values(past, group, name),
            max(counts.values()),
        )
        for field, group, counts in groups
        for name, count in counts.items()
    ]


def _share(
    key: str, name: str, count: int, total: int, points: tuple[tuple[str, float | None], ...], most: int
) -> Series:
    share = 100 * count / total if total else None
    tone = "accent" if key.startswith("origin:") else ""
    return Series(name, figures.count(count), figures.percent(share), count / most if most else None, points, key, tone)


def _values(past: Past, group: str, name: str) -> tuple[tuple[str, float | None], ...]:
    found = []
    for label, own in past:
        total, count = integer(own.get("indicators")), integer(mapping(own.get(group)).get(name))
        found.append((label, 100 * count / total if total and count is not None else None))
    return tuple(found)


# --- agreement


def agreement(state: State, past: Past) -> list[Text]:
    """Return how far they agree that said something, and how right the classifier is on texts held back from it."""
    return [*_pairs(state.agreement), Text(), *_held_back(state.held_back), *_held_back_past(past)]


def _pairs(pairs: Sequence[Pair]) -> Iterator[Text]:
    yield Text(_("Both said an axis, and the same"), "bold")
    words = {"fonte": _("source"), "humano": _("human"), "regra": _("rule"), "maquina": _("machine")}
    names = [" / ".join(words.get(name, name) for name in own.name.split("/")) for own in pairs]
    width = max(map(len, names), default=0)
    for name, own in zip(names, pairs, strict=True):
        share = own.agree / own.compared if own.compared else 0.0
        told = _("{agree} of {compared}").format(agree=figures.count(own.agree), compared=figures.count(own.compared))
        yield Text.assemble(
            f"{name:<{width}}  {figures.percent(100 * share):>8}  ", (f"{bar(share):<12}  ", "cyan"), (told, "dim")
        )
    if not pairs:
        yield Text(_("there is no pair to compare yet"), "dim")


def _held_back(found: dict[str, float]) -> Iterator[Text]:
    yield Text(_("On texts held back from the classifier"), "bold")
    if not found:
        yield Text(_("not measured yet"), "dim")
        return
    names = {
        "strict": _("right axis"),
        "acceptable": _("right, or an axis that would do"),
        "answered": _("given an axis at all"),
        "strict_answered": _("right, of those given one"),
    }
    width = max(map(len, names.values()))
    for name, told in names.items():
        if name in found:
            share = found[name]
            yield Text.assemble(f"{told:<{width}}  {figures.percent(100 * share):>8}  ", (bar(share), "cyan"))
    yield Text(_("{count} texts").format(count=figures.count(round(found.get("texts", 0)))), "dim")


def _held_back_past(past: Past) -> Iterator[Text]:
    values = [(label, number(mapping(own.get("held_back")).get("strict_answered"))) for label, own in past]
    known = [(label, share) for label, share in values if share is not None]
    if len(known) > 1:
        yield Text()
        yield Text(_("Right, of those given an axis, over versions"), "bold")
        for label, share in reversed(known[-20:]):
            yield Text.assemble((f"{label}  ", "dim"), f"{figures.percent(100 * share):>8}  ", (bar(share), "cyan"))
