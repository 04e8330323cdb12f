"""What the screens of datasets make of ``observatudo datasets --json`` and of the metrics in the index."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rich.text import Text

from observatudo import checks, figures
from observatudo.i18n import _
from tui.reading import integer, mapping, number, pair, text_or_none, texts
from tui.tones import toned

if TYPE_CHECKING:
    from observatudo.history.view import View
    from observatudo.journal import Json

_MOST = 500  # versions


@dataclass(frozen=True)
class State:
    """One dataset as it is now; shares are of 100, None where nobody knows."""

    dataset: str
    title: str
    kind: str
    rows_read: int | None
    rows_kept: int | None
    rows_rejected: int | None
    rows: int | None
    matched: float | None
    null_share: float | None
    version: str | None
    fetched_at: str | None
    frequency: str
    age_days: int | None
    limit_days: int | None
    late: bool | None
    reasons: dict[str, int]
    warnings: tuple[str, ...]
    snapshot: dict[str, Json]
    asked: dict[str, Json] = field(default_factory=dict)

    @property
    def rejected_share(self) -> float | None:
        """Return the rejected rows of 100 that were read."""
        return _share(self.rows_rejected, self.rows_read)


@dataclass(frozen=True)
class Point:
    """A dataset at one version; ``commit`` is empty for the work tree, where it is another."""

    commit: str
    label: str
    subject: str
    kept: int | None
    rejected: int | None
    rejected_share: float | None
    null_share: float | None
    matched: float | None
    warnings: int | None


def _share(part: int | None, whole: int | None) -> float | None:
    return None if part is None or not whole else part / whole * 100


def state(item: dict[str, Json]) -> State:
    """Return a dataset's state out of what ``observatudo datasets --json`` says of it."""
    fresh, snapshot = mapping(item.get("freshness")), mapping(item.get("snapshot"))
    late = fresh.get("late")
    return State(
        dataset=str(item.get("dataset", "")),
        title=str(item.get("title", "")),
        kind=str(item.get("kind", "")),
        rows_read=integer(item.get("rows_read")),
        rows_kept=integer(item.get("rows_kept")),
        rows_rejected=integer(item.get("rows_rejected")),
        rows=integer(item.get("rows")),
        matched=_hundred(item.get("match_rate")),
        null_share=_hundred(item.get("null_rate")),
        version=str(item["version"]) if item.get("version") else None,
        fetched_at=str(fresh["fetched_at"]) if fresh.get("fetched_at") else None,
        frequency=str(fresh.get("frequency", "")),
        age_days=integer(fresh.get("age_days")),
        limit_days=integer(fresh.get("limit_days")),
        late=late if isinstance(late, bool) and integer(fresh.get("limit_days")) is not None else None,
        reasons={name: integer(count) or 0 for name, count in mapping(item.get("rejected_by_reason")).items()},
        warnings=texts(item.get("warnings")),
        snapshot=snapshot,
        asked=mapping(item.get("last_check")),
    )


def order(state: State, name: str) -> tuple[float | str, str]:
    """Return what a list of datasets is sorted by: worst or largest first, and by name."""
    keys: dict[str, float | str] = {
        "dataset": state.dataset,
        "age": -(state.age_days or 0) / (state.limit_days or 1e9),
        "kept": -(state.rows_kept or 0),
        "rejected": -(state.rejected_share or 0.0),
        "empty": -(state.null_share or 0.0),
        "matched": 101.0 if state.matched is None else state.matched,
    }
    return keys[name], state.dataset


def points(view: View, dataset: str) -> list[Point]:
    """Return a dataset over the versions up to HEAD that changed its metrics, oldest first; the work tree last."""
    source, _slash, name = dataset.partition("/")
    found = view.measures(f"data/metrics/ingest/{dataset}.json", _MOST)
    return [
        _point(measure.commit, measure.date, measure.subject, mapping(mapping(measure.content.get(source)).get(name)))
        for measure in reversed(found)
    ]


def _point(commit: str, date: str, subject: str, counted: dict[str, Json]) -> Point:
    read, rejected = integer(counted.get("rows_read")), integer(counted.get("rows_rejected"))
    return Point(
        commit=commit,
        label=figures.moment(date)[:10],
        subject=subject or _("not committed yet"),
        kept=None if read is None or rejected is None else read - rejected,
        rejected=rejected,
        rejected_share=_share(rejected, read),
        null_share=_hundred(counted.get("null_rate")),
        matched=_hundred(counted.get("match_rate")),
        warnings=integer(counted.get("warnings")),
    )


def in_short(state: State) -> list[Text]:
    """Return a dataset's state in lines: quality first, then freshness, then where it comes from."""
    lines = [Text(state.dataset, "bold"), Text(state.title), Text()]
    lines += [
        pair(_("rows read"), figures.count(state.rows_read)),
        pair(_("rejected"), f"{figures.count(state.rows_rejected)}  {figures.percent(state.rejected_share)}"),
        *(pair(f"  {reason}", figures.count(count)) for reason, count in sorted(state.reasons.items())),
        pair(_("places matched"), figures.percent(state.matched)),
        pair(_("empty"), figures.percent(state.null_share)),
        *(toned(f"! {warning}", "warn") for warning in state.warnings),
        Text(),
        pair(_("published"), state.frequency),
        pair(_("snapshot of"), figures.moment(state.fetched_at or figures.NONE)),
        toned(freshness(state), "warn" if state.late else ""),
        *_asked(state),
        pair(_("version"), (state.version or figures.NONE).removesuffix(".dir")),
        Text(),
    ]
    return [*lines, *provenance(state)]


def freshness(state: State) -> str:
    """Say how old the snapshot is against how often its source is published."""
    if state.age_days is None:
        return _("nobody knows how old the snapshot is")
    age = _("{days} day(s) old").format(days=figures.count(state.age_days))
    if state.limit_days is None:
        return age
    due = _("the next is due after {days}").format(days=figures.count(state.limit_days))
    return f"{age}; {due}" + (f": observatudo fetch {state.dataset}" if state.late else "")


def age(state: State) -> str:
    """Return how many days old the snapshot is, and behind the stroke how many it may be."""
    if state.age_days is None:
        return figures.NONE
    limit = "" if state.limit_days is None else f"/{figures.count(state.limit_days)}"
    return f"{figures.count(state.age_days)}{limit}"


def _asked(state: State) -> Iterator[Text]:
    """Say when the source was last asked and what it had; what was refused or not answered stands out."""
    result, when = str(state.asked.get("result") or ""), str(state.asked.get("when") or "")
    if not result:
        yield pair(_("last asked"), _("not that the log knows of"))
        return
    told = _("last asked {time}: {result}").format(time=figures.moment(when), result=checks.word(result))
    is_bad = result in ("refused", "failed")
    yield toned(("! " if is_bad else "") + told, "warn" if is_bad else "")
    if state.asked.get("message"):
        yield Text(figures.printable(f"  {state.asked['message']}"), "dim")


def provenance(state: State) -> list[Text]:
    """Return where the snapshot comes from: publisher, licence, citation, hash, and the source as it was asked."""
    lines = [
        pair(_("publisher"), text_or_none(state.snapshot.get("publisher"))),
        pair(_("licence"), text_or_none(state.snapshot.get("license"))),
        pair(_("cite as"), text_or_none(state.snapshot.get("citation"))),
        pair("SHA-256", text_or_none(state.snapshot.get("sha256"))),
    ]
    return [*lines, *(Text(line, "dim") for line in _source(state.snapshot.get("source")))]


def _source(source: Json) -> Iterator[str]:
    if source is not None:
        yield from json.dumps(source, indent=2, ensure_ascii=False).splitlines()


def _hundred(value: Json) -> float | None:
    share = number(value)
    return None if share is None else share * 100
