"""The Live screen's drawings, all of them text: the run, the machine, the stages with bars and sparklines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.text import Text

from observatudo import figures
from observatudo.i18n import _
from observatudo.runs import log
from tui.blocks import HEIGHTS, across
from tui.tones import TONES, toned

if TYPE_CHECKING:
    from observatudo.live.state import Stage
    from tui.screens.live_watch import Picture, RunNow

_HEIGHTS = HEIGHTS[1:]  # also nothing is seen
_FIRST = (log.RUNNING, log.FAILED, log.INTERRUPTED)
_SHORTEST_NAME = 12
_SPARK = 12  # cells of a stage's sparkline


def spark(values: Sequence[float], width: int, top: float = 100.0) -> str:
    """Return the last ``width`` values as columns between 0 and ``top``; what is more is as high as ``top``."""
    last = len(_HEIGHTS) - 1
    return "".join(_HEIGHTS[max(0, min(last, int(value / top * len(_HEIGHTS))))] for value in values[-width:])


def bar(done: int, total: int, width: int) -> str:
    """Return a share of ``width`` cells, in eighths of a cell."""
    drawn = across(round(max(0.0, min(1.0, done / total)) * width * 8))
    return drawn + "░" * (width - len(drawn))


def _share(percent: float) -> str:
    return figures.local(f"{percent:.0f}%")


def _whole(seconds: float) -> str:
    """Return a duration that goes on: without tenths, which would be others at once."""
    return figures.duration(float(int(max(0.0, seconds)))).replace(figures.local(".0"), "")


def _seconds(iso: str) -> float:
    return datetime.fromisoformat(iso).timestamp()


def _fitting(parts: Iterable[Text], width: int) -> Text:
    """Return as many of the parts as fit, the first ones first."""
    line = Text(no_wrap=True, end="", overflow="ellipsis")
    for part in parts:
        if line.cell_len and line.cell_len + 2 + part.cell_len > width:
            continue
        line.append("  " if line.cell_len else "")
        line.append_text(part)
    return line


# --- the run


def about(run: RunNow | None, now: float, width: int) -> Text:
    """Return the run in one line: how it stands, its id, its time, its stages, what somebody typed."""
    if run is None:
        return Text(_("no run yet"))
    glyph = figures.status(run.status) if run.is_over else figures.GLYPHS[log.RUNNING]
    end = _seconds(run.ended) if run.is_over else now
    lasted = max(0.0, end - log.began(run.run_id).timestamp())
    took = figures.duration(lasted) if run.is_over else _whole(lasted)
    told = _counted(run)
    short = f"{_done(run)}/≤{run.most}" if run.most is not None and not run.is_over else ""
    parts = [toned(glyph, TONES.get(run.status, "")), Text(run.run_id), Text(took)]
    used = sum(part.cell_len + 2 for part in parts)
    counted = short if short and used + cell_len(told) > width else told
    command = run.command or figures.word(run.kind)
    return _fitting([*parts, Text(counted), Text(f"$ {command}" if run.command else command, "dim")], width)


def _done(run: RunNow) -> int:
    return sum(stage.status != log.RUNNING for stage in run.stages)


def _counted(run: RunNow) -> str:
    if run.is_over or run.most is None:
        return _("1 stage") if len(run.stages) == 1 else _("{n} stages").format(n=len(run.stages))
    return _("{n} of at most {most} stages").format(n=_done(run), most=run.most)


def machine(picture: Picture, width: int) -> Text:
    """Return what the machine's processor and memory are taken by, as long as it has been looked at."""
    now = picture.machine
    if now is None:
        return Text(_("measuring …"), "dim")
    ends = [_share(now.cpu_percent), _share(now.memory_percent)]
    names = [_("cpu"), _("mem")]
    load = _("load {load}").format(load=figures.local(f"{now.load:.1f}"))
    has_load = width >= 80
    taken = sum(map(len, names)) + len("100%") * 2 + 8 + (len(load) + 2 if has_load else 0)
    room = max(1, (width - taken) // 2)
    line = Text(no_wrap=True, end="")
    for name, values, end in zip(names, (picture.cpu, picture.memory), ends, strict=True):
        line.append(f"{name} ", "dim")
        line.append(spark(values, room), "cyan")
        line.append(f" {end:>4}  ")
    return line.append(load, "dim") if has_load else line


def hint(run: RunNow | None, now: float, width: int, *, may_start: bool) -> list[Text]:
    """Return what somebody can do who sees that nothing runs; nothing while something does."""
    how = _("type: dvc repro or R") if may_start else _("type: dvc repro")
    if run is None:
        return [Text(_("nothing has run here yet; {how}").format(how=how))]
    if not run.is_over:
        return []
    ago = _whole(now - _seconds(run.ended))
    when = figures.moment(run.ended)
    since = _("nothing runs since {when} ({ago}); {how}").format(when=when, ago=ago, how=how)
    if cell_len(since) > width:
        since = _("nothing runs since {when}; {how}").format(when=when, how=how)
    why = {
        log.INTERRUPTED: _("Stopped or killed. What was complete is kept."),
        log.FAILED: _("What was complete is kept; mend the cause and run again."),
        log.NOOP: _("Nothing had changed, so nothing had to run."),
    }
    return [Text(since), *([toned(why[run.status], TONES[run.status])] if run.status in why else [])]


# --- its stages


def stages(picture: Picture, now: float, width: int, height: int, *, is_wide: bool) -> list[Text]:
    """Return the stages in at most ``height`` lines: those at work first, then what went wrong, then the newest.

    ``is_wide`` gives a stage at work a second line, with its processor, memory and rows.
    """
    if picture.run is None:
        return []
    ordered = _ordered(picture.run.stages)
    longest = max((cell_len(stage.name) for stage in ordered), default=0)
    blocks = [list(_block(stage, picture, now, width, longest, is_wide=is_wide)) for stage in ordered]
    shown: list[Text] = []
    for number, block in enumerate(blocks):
        is_last = number == len(blocks) - 1
        if len(shown) + len(block) > height - (not is_last):
            return [*shown, _rest(ordered[number:])][:height]
        shown += block
    return shown


def _ordered(stages: Iterable[Stage]) -> list[Stage]:
    newest = sorted(stages, key=lambda stage: stage.ended, reverse=True)
    return sorted(newest, key=lambda stage: _FIRST.index(stage.status) if stage.status in _FIRST else len(_FIRST))


def _rest(left_out: Sequence[Stage]) -> Text:
    is_done = all(stage.status == log.SUCCESS for stage in left_out)
    text = _("+{count} done") if is_done else _("+{count} more")
    return Text(f"  {text.format(count=len(left_out))}", "dim")


def _block(stage: Stage, picture: Picture, now: float, width: int, longest: int, *, is_wide: bool) -> Iterator[Text]:
    """Yield glyph, name, share or rows, time and memory; on a narrow terminal the last ones are left out."""
    is_running = stage.status == log.RUNNING
    middle = _progress(stage, 8) if is_running else _rows(stage)
    end = [f"{middle:>16}", f"{_took(stage, now):>11}"]
    if is_wide and width >= 70:
        end.append(f"{_memory(stage.peak_mb):>10}")
    room = max(_SHORTEST_NAME, min(longest, width - 2 - 2 - sum(map(len, end))))
    name = _end_of(stage.name, room)
    glyph = toned(figures.GLYPHS.get(stage.status, "?"), TONES.get(stage.status, ""))
    warned = toned(" !" if stage.warnings else "  ", "warn")
    line = Text.assemble(glyph, " ", name, warned, *end, no_wrap=True, end="")
    yield line
    taken = picture.taken.get(stage.name)
    if is_wide and is_running:
        cpu = taken.cpu if taken else ()
        figures_ = f" {_share(cpu[-1]):>5} {_memory(taken.memory_mb):>10}" if taken else ""
        yield Text.assemble("  ", (spark(cpu, _SPARK), "cyan"), figures_, f"  {_rows(stage)}", no_wrap=True, end="")


def _end_of(name: str, width: int) -> str:
    """Return a name in so many cells; of one that is too long its end, which tells it from its neighbours."""
    length = cell_len(name)
    while cell_len(name) >= width < length:
        name = name[1:]
    shown = name if length <= width else f"…{name}"
    return shown + " " * (width - cell_len(shown))


def _took(stage: Stage, now: float) -> str:
    if stage.status == log.RUNNING and stage.started:
        return _whole(now - _seconds(stage.started))
    return "" if stage.wall_s is None else figures.duration(stage.wall_s)


def _memory(mib: float | None) -> str:
    return "" if mib is None else figures.local(f"{mib:,.0f} MiB")


def _progress(stage: Stage, width: int) -> str:
    if not stage.total:
        return figures.count(stage.done) if stage.done else "…"
    return f"{bar(stage.done, stage.total, width)} {_share(100 * stage.done / stage.total):>4}"


def _rows(stage: Stage) -> str:
    """Return rows kept and rejected, ``1,234/5``, or how many were read when no more is known."""
    kept, rejected = stage.rows.get("rows_kept"), stage.rows.get("rows_rejected")
    if kept is None:
        return figures.count(stage.rows["rows_read"]) if "rows_read" in stage.rows else ""
    return figures.count(kept) + (f"/{figures.count(rejected)}" if rejected is not None else "")


# --- what went wrong


def error(told: dict[str, str]) -> list[Text]:
    """Return an error: what happened, where, and what to type next."""
    head = f"✗ {told['stage']}: " if told["stage"] else "✗ "
    is_explained = bool(told["where"] or told["next_step"])
    what = told["message"] if is_explained else f"{told['type']}: {told['message']}".removesuffix(": ")
    lines = [toned(head + _flat(what), "bad")]
    lines += [Text(f"@ {_flat(told['where'])}")] if told["where"] else []
    lines += [Text(f"→ {_flat(told['next_step'])}")] if told["next_step"] else []
    return lines


def _flat(text: str) -> str:
    return figures.printable(" ".join(text.split()))
