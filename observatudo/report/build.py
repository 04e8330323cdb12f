"""From the facts to what is shown of them: sections of sentences and tables, the same for HTML and Markdown."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from observatudo import checks, figures
from observatudo.alerts import shown
from observatudo.compare.show.blocks import Block, Cell, Grid, Line, Section, Tone
from observatudo.i18n import _

if TYPE_CHECKING:
    from observatudo.alerts.model import Alert
    from observatudo.datasets import DatasetState
    from observatudo.history.model import Run
    from observatudo.journal import Json
    from observatudo.report.facts import Change, Facts

_POINTS = 8  # of a dataset's volumes in its table
_RECOVERED = 10
_TONES: dict[str, Tone] = {"critical": "bad", "warning": "changed", "info": "quiet"}


@dataclass(frozen=True)
class Page:
    """The report: its title, what it is about, and its sections."""

    title: str
    lead: tuple[Line, ...]
    sections: tuple[Section, ...]


def page(facts: Facts) -> Page:
    """Return what to show."""
    return Page(
        _("State of the observatory"),
        tuple(_lead(facts)),
        (
            _section("alerts", _("Alerts"), _alerts(facts)),
            _section("datasets", _("Datasets"), _datasets(facts)),
            _section("freshness", _("Freshness"), _freshness(facts)),
            _section("volumes", _("Volumes over versions"), _volumes(facts)),
            _section("quality", _("Quality"), _quality(facts)),
            _section("classification", _("Classification"), _labels(facts)),
            _section("changes", _("Last changes"), _changes(facts)),
            _section("runs", _("Last runs"), _runs(facts)),
            _section("origin", _("How to get the same"), _origin(facts)),
        ),
    )


def _section(key: str, title: str, blocks: Iterator[Block]) -> Section:
    return Section(key, title, tuple(blocks))


# --- cells


def _plain(text: str, tone: Tone = "") -> Cell:
    return Cell(figures.printable(text), tone=tone)


def _code(text: str) -> Cell:
    return Cell(figures.printable(text), code=True)


def _count(number: int | None, tone: Tone = "") -> Cell:
    return Cell(figures.count(number), raw=number, number=True, tone=tone if number else "")


def _share(fraction: float | None, tone: Tone = "") -> Cell:
    return Cell(figures.percent(None if fraction is None else fraction * 100), raw=fraction, number=True, tone=tone)


def _day(iso: str | None) -> Cell:
    return _plain(_utc(iso)[:10])


def _utc(iso: str | None) -> str:
    """Return a time as people read it, in UTC: the page is the same wherever it is made."""
    try:
        when = datetime.fromisoformat(iso or "")
    except ValueError:
        return iso or figures.NONE
    utc = when.astimezone(UTC) if when.tzinfo else when
    return utc.strftime("%d/%m/%Y %H:%M" if figures.is_portuguese() else "%Y-%m-%d %H:%M")


# --- sections


def _lead(facts: Facts) -> Iterator[Line]:
    late = sum(bool(state.freshness.late) for state in facts.datasets)
    is_open = [alert for alert in facts.alerts.alerts if alert.status == "open"] if facts.alerts else []
    known = [state.rows for state in facts.datasets if state.rows is not None]
    told = _("{datasets} dataset(s), {rows} row(s); {late} late; {alerts} alert(s) open")
    yield Line(
        told.format(
            datasets=figures.count(len(facts.datasets)),
            rows=figures.count(sum(known) if known else None),
            late=figures.count(late),
            alerts=figures.count(len(is_open)),
        ),
        "bad" if is_open else "changed" if late else "added",
    )
    yield Line(_("as of {time} (UTC)").format(time=_utc(facts.at.isoformat())), "quiet")
    if facts.is_dirty:
        yield Line(_("made with changes that are not committed: nobody else can repeat this page"), "changed")
    yield from (Line(figures.printable(problem), "bad") for problem in facts.problems)


def _alerts(facts: Facts) -> Iterator[Block]:
    if facts.alerts is None:
        yield Line(_("alerts could not be read"), "bad")
        return
    is_open = [alert for alert in facts.alerts.alerts if alert.status == "open"]
    over = [alert for alert in facts.alerts.alerts if alert.status == "recovered"]
    if is_open:
        yield _alert_grid("alerts_open", _("open alerts"), is_open)
    else:
        yield Line("✓ " + _("nothing is wrong"), "added")
    if over:
        yield _alert_grid("alerts_recovered", _("recovered"), over[:_RECOVERED], max(0, len(over) - _RECOVERED))


def _alert_grid(name: str, title: str, alerts: list[Alert], more: int = 0) -> Grid:
    heads = (_("severity"), _("about"), _("what"), _("why"), _("found"), _("allowed"), _("since"), _("seen by"))
    rows = tuple(
        (
            _plain(shown.severity(alert.severity), _TONES[alert.severity]),
            _code(shown.about(alert)),
            _plain(alert.message),
            _plain(alert.why),
            _plain(shown.found(alert.bounds)),
            _plain(shown.allowed(alert.bounds)),
            _day(alert.since),
            _plain(alert.acknowledged.who if alert.acknowledged else figures.NONE),
        )
        for alert in alerts
    )
    return Grid(name, title, heads, rows, more)


def _datasets(facts: Facts) -> Iterator[Block]:
    heads = (_("dataset"), _("title"), _("publisher"), _("licence"), _("snapshot of"), _("rows"), _("version"))
    rows = tuple(
        (
            _code(state.dataset),
            _plain(state.title),
            _plain(_said(state.snapshot.get("publisher"))),
            _plain(_said(state.snapshot.get("license"))),
            _day(state.freshness.fetched_at),
            _count(state.rows),
            _code((state.version or figures.NONE)[: figures.SHORT]),
        )
        for state in facts.datasets
    )
    yield Grid("datasets", _("what there is, who publishes it and under which licence"), heads, rows)


def _said(value: object) -> str:
    return str(value) if value else figures.NONE


def _freshness(facts: Facts) -> Iterator[Block]:
    heads = (_("dataset"), _("published"), _("age in days"), _("limit in days"), _("state"), _("last asked"), _("had"))
    yield Grid(
        "freshness",
        _("how old the snapshots are against how often their sources are published"),
        heads,
        tuple(map(_fresh, facts.datasets)),
    )


def _fresh(state: DatasetState) -> tuple[Cell, ...]:
    own, check = state.freshness, state.last_check
    tone: Tone = "bad" if own.late else "quiet" if own.late is None or own.limit_days is None else "added"
    return (
        _code(state.dataset),
        _plain(own.frequency),
        _count(own.age_days),
        _count(own.limit_days),
        _plain(figures.freshness(own.age_days, own.limit_days, own.late), tone),
        _day(check.when if check else None),
        _plain(checks.word(check.result) if check else figures.NONE),
    )


def _volumes(facts: Facts) -> Iterator[Block]:
    heads = (_("version"), _("date"), _("kept"), _("rejected"))
    for key, points in facts.volumes.items():
        rows = tuple(
            (
                _code(point.commit[: figures.SHORT]),
                _day(point.date),
                _count(point.kept),
                _count(point.rejected, "changed"),
            )
            for point in points[-_POINTS:]
        )
        if rows:
            yield Grid("volume", key, heads, rows, max(0, len(points) - len(rows)))
    if not any(facts.volumes.values()):
        yield Line(_("no version has its metrics yet"), "quiet")


def _quality(facts: Facts) -> Iterator[Block]:
    heads = (_("dataset"), _("read"), _("kept"), _("rejected"), "%", _("places matched"), _("empty"), _("warnings"))
    rows = tuple(
        (
            _code(state.dataset),
            _count(state.rows_read),
            _count(state.rows_kept),
            _count(state.rows_rejected, "changed"),
            _share(
                state.rows_rejected / state.rows_read if state.rows_rejected is not None and state.rows_read else None
            ),
            _share(state.match_rate),
            _share(state.null_rate),
            _count(len(state.warnings), "changed"),
        )
        for state in facts.datasets
    )
    yield Grid("quality", _("rows that were read, kept and rejected"), heads, rows)
    reasons = tuple(
        (_code(state.dataset), _code(reason), _count(number))
        for state in facts.datasets
        for reason, number in sorted(state.rejected_by_reason.items(), key=lambda own: (-own[1], own[0]))
    )
    if reasons:
        yield Grid("reasons", _("why rows were rejected"), (_("dataset"), _("reason"), _("rows")), reasons)
    for state in facts.datasets:
        yield from (Line(figures.printable(f"! {state.dataset}: {warning}"), "changed") for warning in state.warnings)
    yield from _tests(facts.tests)


def _tests(tests: object) -> Iterator[Block]:
    own = tests if isinstance(tests, dict) else {}
    names = {"tests_passed": _("passed"), "tests_warned": _("warned"), "tests_failed": _("failed")}
    found = {name: own[name] for name in names if isinstance(own.get(name), int)}
    if found:
        tones: dict[str, Tone] = {"tests_failed": "bad", "tests_warned": "changed"}
        cells = tuple(_count(number, tones.get(name, "")) for name, number in found.items())
        yield Grid("tests", _("tests of the models (dbt)"), tuple(names[name] for name in found), (cells,))


def _labels(facts: Facts) -> Iterator[Block]:
    number = facts.labels.get("indicators")
    if not isinstance(number, int):
        yield Line(_("nothing is classified yet"), "quiet")
        return
    yield Line(_("{count} indicator(s) have a label").format(count=figures.count(number)))
    for key, title, head in (
        ("by_axis", _("indicators by axis"), _("axis")),
        ("by_origin", _("indicators by who decided"), _("origin")),
        ("by_state", _("indicators by state of the models' answers"), _("state")),
    ):
        counted = _counted(facts.labels.get(key))
        if counted:
            rows = tuple((_code(name), _count(own), _share(own / number if number else None)) for name, own in counted)
            yield Grid(key, title, (head, _("indicators"), "%"), rows)


def _counted(value: Json) -> list[tuple[str, int]]:
    own = value if isinstance(value, dict) else {}
    return [(name, count) for name, count in own.items() if isinstance(count, int) and not isinstance(count, bool)]


def _changes(facts: Facts) -> Iterator[Block]:
    heads = (
        _("version"), _("date"), _("subject"), _("dataset"), _("rows before"), _("rows after"), _("added"),
        _("removed"), _("changed"),
    )  # fmt: skip
    rows = tuple(row for change in facts.changes for row in _changed(change))
    if rows:
        yield Grid("changes", _("the newest versions that changed what datasets hold"), heads, rows)
    else:
        yield Line(_("no version has changed what datasets hold"), "quiet")


def _changed(change: Change) -> Iterator[tuple[Cell, ...]]:
    own = change.version
    for row in change.rows:
        yield (
            _code(own.commit[: figures.SHORT]),
            _day(own.date),
            _plain(own.subject),
            _code(row.dataset),
            _count(row.before),
            _count(row.after),
            _count(row.added, "added"),
            _count(row.removed, "removed"),
            _count(row.changed, "changed"),
        )


def _runs(facts: Facts) -> Iterator[Block]:
    heads = (_("run"), _("state"), _("started"), _("took"), _("kept"), _("rejected"), _("commit"))
    if facts.runs:
        yield Grid("runs", _("the newest runs, and how they ended"), heads, tuple(map(_run, facts.runs)))
    else:
        yield Line(_("there is no run yet"), "quiet")


def _run(run: Run) -> tuple[Cell, ...]:
    tones: dict[str, Tone] = {"success": "added", "failed": "bad", "interrupted": "changed"}
    return (
        _code(run.run_id),
        _plain(figures.status(run.status), tones.get(run.status, "quiet")),
        _plain(_utc(run.started)),
        Cell(figures.duration(run.duration_s), raw=run.duration_s, number=True),
        _count(run.rows_kept),
        _count(run.rows_rejected),
        _code((run.commit or figures.NONE)[: figures.SHORT] + ("+" if run.dirty else "")),
    )


def _origin(facts: Facts) -> Iterator[Block]:
    rows = (
        (_plain(_("commit")), _code(facts.commit or figures.NONE)),
        (_plain(_("committed")), _plain(_utc(facts.committed))),
        (_plain(_("SHA-256 of dvc.lock")), _code(facts.lock or figures.NONE)),
        (_plain(_("time of the ages")), _code(facts.at.astimezone(UTC).isoformat(timespec="seconds"))),
    )
    yield Grid("origin", _("what this page was made from"), (_("what"), _("which")), rows)
    at = facts.at.astimezone(UTC).isoformat(timespec="seconds")
    yield Line(_("the same page again: {command}").format(command=f"observatudo report --at {at}"), "quiet")
