"""The warehouse in BigQuery on the dbt screen: what ``observatudo warehouse --json`` prints, and the log's jobs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.text import Text

from observatudo import figures
from observatudo.i18n import _
from observatudo.live import past
from tui.reading import dicts, integer, mapping, number, pair
from tui.tones import toned

if TYPE_CHECKING:
    from observatudo.history.view import View
    from observatudo.journal import Json

_RUNS, _EVENTS = 10, 2000  # how far back jobs are looked for
_SHOWN = 20
_VERSION = 8
_STATUS = {
    "current": ("✓", "ok"),
    "other": ("!", "warn"),
    "absent": ("!", "warn"),
    "lost": ("✗", "bad"),
    "altered": ("✗", "bad"),
    "undeclared": ("·", "muted"),
}


@dataclass(frozen=True)
class Job:
    """A job of BigQuery, as a run's log has it; None where it does not say."""

    run: str
    kind: str
    about: str
    status: str
    seconds: float | None
    processed: int | None
    billed: int | None
    slot_ms: int | None
    error: str


@dataclass(frozen=True)
class Cloud:
    """What was printed; empty where nothing was understood."""

    content: dict[str, Json]

    @property
    def problems(self) -> list[tuple[str, str]]:
        """Return what is wrong, each with the command that mends it."""
        found = dicts(self.content.get("problems"))
        return [(str(own.get("text") or ""), str(own.get("next_step") or "")) for own in found]


def jobs(view: View) -> list[Job]:
    """Return the jobs of the newest run that had any, oldest first; from the log of this machine."""
    for run in view.runs(view.first_runs(_RUNS)):
        events = past.of_run(view.home, run.run_id, _EVENTS)
        found = [_job(run.run_id, event.fields) for event in events if event.kind == "job"]
        if found:
            return found
    return []


def _job(run: str, fields: dict[str, Json]) -> Job:
    return Job(
        run=run,
        kind=str(fields.get("kind") or ""),
        about=str(fields.get("about") or ""),
        status=str(fields.get("status") or ""),
        seconds=number(fields.get("seconds")),
        processed=integer(fields.get("bytes_processed")),
        billed=integer(fields.get("bytes_billed")),
        slot_ms=integer(fields.get("slot_ms")),
        error=str(fields.get("error") or ""),
    )


def lines(cloud: Cloud | None, said: str, found: Sequence[Job]) -> list[Text]:
    """Return all of it; ``said`` is what the command says where it printed nothing, or that it is at work."""
    shown = [Text()]
    if said:
        shown += [toned(figures.printable(line), "accent" if "→" in line else "warn") for line in said.splitlines()]
    if cloud is not None:
        shown += [*_place(cloud), Text(), *_tables(cloud), Text(), *_loads(cloud)]
    return [*shown, Text(), *_jobs(found)]


def _place(cloud: Cloud) -> Iterator[Text]:
    own = cloud.content
    for text, step in cloud.problems:
        yield toned(f"! {figures.printable(text)}", "warn")
        yield toned(f"  → {figures.printable(step)}", "accent")
    if own.get("is_current") is True:
        yield toned(_("✓ it is of the version in hand"), "ok")
    yield pair(_("environment"), str(own.get("environment") or ""))
    yield pair(_("location"), str(own.get("location") or "") + (_(" (an emulator)") if own.get("is_emulated") else ""))
    yield pair(_("bucket"), str(own.get("bucket") or ""))
    for build in dicts(own.get("builds"))[:1]:
        when = figures.moment(str(build.get("built_at") or figures.NONE))
        told = _("{when}, by run {run}, from load {sequence}")
        run, sequence = str(build.get("run") or figures.NONE), figures.count(integer(build.get("sequence")))
        yield pair(_("models built"), told.format(when=when, run=run, sequence=sequence))


def _tables(cloud: Cloud) -> Iterator[Text]:
    found = dicts(cloud.content.get("tables"))
    yield Text(_("Versions present"), "bold")
    for own in found:
        glyph, tone = _STATUS.get(str(own.get("status")), ("?", "muted"))
        here, there = (str(own.get(name) or figures.NONE)[:_VERSION] for name in ("version_here", "version_there"))
        version = there if here == there else _("{there} there, {here} here").format(there=there, here=here)
        size = number(own.get("size"))
        rows = _("{count} rows").format(count=figures.count(integer(own.get("rows_there"))))
        octets = figures.size(size) if size is not None else figures.NONE
        name = figures.printable(str(own.get("name") or ""))
        yield Text.assemble(toned(glyph, tone), f" {name}  ", (version, "cyan"), f"  {rows}  {octets}")
    if not found:
        yield Text(_("none"), "dim")


def _loads(cloud: Cloud) -> Iterator[Text]:
    found = dicts(cloud.content.get("loads"))
    yield Text(_("Loads"), "bold")
    for own in found:
        counts = [figures.count(integer(own.get(name))) for name in ("inserted", "updated", "removed")]
        sent = figures.size(number(own.get("bytes_sent")) or 0)
        when = figures.moment(str(own.get("started") or figures.NONE))
        table, mode = (figures.printable(str(own.get(name) or "")) for name in ("table", "mode"))
        sequence = figures.count(integer(own.get("sequence")))
        line = f"{sequence}  {when}  {table}  {mode}  +{counts[0]} ~{counts[1]} -{counts[2]}  {sent}"
        yield Text(line)
    if not found:
        yield Text(_("none"), "dim")


def _jobs(found: Sequence[Job]) -> Iterator[Text]:
    yield Text(_("Jobs of the last run that had any"), "bold")
    if not found:
        yield Text(_("none in this machine's log"), "dim")
        return
    failed = [job for job in found if job.status == "failed"]
    processed = sum(job.processed or 0 for job in found)
    billed = sum(job.billed or 0 for job in found)
    slots = sum(job.slot_ms or 0 for job in found) / 1000
    yield pair(_("run"), found[-1].run)
    told = _("{count}, {failed} failed")
    yield pair(_("jobs"), told.format(count=figures.count(len(found)), failed=figures.count(len(failed))))
    yield pair(_("bytes processed"), figures.size(processed))
    yield pair(_("bytes billed"), figures.size(billed))
    yield pair(_("slot time"), figures.duration(slots))
    for job in [*failed, *(job for job in reversed(found) if job.status != "failed")][:_SHOWN]:
        tone = "bad" if job.status == "failed" else "ok"
        size = figures.size(job.processed) if job.processed is not None else figures.NONE
        about = figures.printable(f"{job.kind} {job.about}")
        yield Text.assemble(
            toned(figures.status(job.status), tone), f"  {about}  {figures.duration(job.seconds)}  {size}"
        )
        if job.error:
            yield toned(f"  {figures.printable(job.error)}", "bad")


def understood(content: Json) -> Cloud:
    """Return what the command printed."""
    return Cloud(mapping(content))
