"""Events of the log in the reader's language, each on one line. The kinds of events are told in docs/runs.md."""

from __future__ import annotations

import math
from datetime import datetime
from typing import TYPE_CHECKING

from observatudo import figures
from observatudo.i18n import _
from observatudo.runs import log

if TYPE_CHECKING:
    from collections.abc import Callable

    from observatudo.journal import Json

    Fields = dict[str, Json]

_ENVELOPE = {"time", "event", "run", "stage"}
_INTERRUPTIONS = {"KeyboardInterrupt", "Terminated"}


def whole(value: Json) -> int | None:
    """Return a count, or None for what is none."""
    number = _number(value)
    return None if number is None else int(number)


def _number(value: Json) -> int | float | None:
    try:
        is_number = not isinstance(value, bool) and isinstance(value, int | float) and math.isfinite(value)
    except OverflowError:  # whole, and too large for a float
        return None
    return value if is_number and isinstance(value, int | float) else None


def subject(stage: str) -> str:
    """Return what a stage is called in a sentence: its dataset, of a stage without one its name."""
    return stage.partition("@")[2] or stage


def is_interruption(fields: Fields) -> bool:
    """Say whether an ``error`` event is somebody's wish and no fault."""
    return log.text(fields.get("type")) in _INTERRUPTIONS


def line(kind: str, run: str, stage: str, fields: Fields) -> str:
    """Return the event as one line without control characters; a kind unknown here with all its fields."""
    said = _LINES.get(kind, _other)(fields)
    if kind == "closed":
        said = _("run {run}: {what}").format(run=run, what=said)
    elif name := subject(stage) or (_flat(fields.get("dataset")) if kind == log.FETCHED else ""):
        said = _("{stage}: {what}").format(stage=name, what=said)
    return said if said.isprintable() else figures.printable(said)


def _start(fields: Fields) -> str:
    experiment = _flat(fields.get("experiment"))
    if experiment:
        return _("started, in the experiment {name}").format(name=experiment)
    return _("started by hand") if fields.get("kind") == "hand" else _("started")


def _progress(fields: Fields) -> str:
    done, total = whole(fields.get("done")), whole(fields.get("total"))
    if not total or done is None:
        return _("{done} done").format(done=figures.count(done))
    share = figures.local(f"{100 * done / total:.0f}%")
    return _("{done} of {total} ({share})").format(done=figures.count(done), total=figures.count(total), share=share)


def _counts(fields: Fields) -> str:
    return _rows(fields) or _("no counts")


def _rows(counts: Fields) -> str:
    return ", ".join(_counted(name, value) for name, value in counts.items() if name not in _ENVELOPE)


def _counted(name: str, value: Json) -> str:
    number = whole(value)
    if number is None:
        return f"{_flat(name)}={_flat(value)}"
    n = figures.count(number)
    match name:
        case "rows_read":
            return _("{n} rows read").format(n=n)
        case "rows_kept":
            return _("{n} kept").format(n=n)
        case "rows_rejected":
            return _("{n} rejected").format(n=n)
    return f"{n} {_flat(name).replace('_', ' ')}"


def _output(fields: Fields) -> str:
    rows = whole(fields.get("rows"))
    if rows is None:
        return _("wrote {path}").format(path=_flat(fields.get("path")))
    return _("wrote {path} ({n} rows)").format(path=_flat(fields.get("path")), n=figures.count(rows))


def _label(fields: Fields) -> str:
    """Say what a label's classifiers disagree on or did over time; ``kind`` is one of those in docs/runs.md."""
    kinds = {
        "classifiers": _("labels made by {classifier}"),
        "divergence": _("{indicator}: {classifier} says {to}, the label {from}"),
        "oscillation": _("{indicator}: {classifier} goes to and fro, from {from} to {to}"),
        "regression": _("{indicator}: {classifier} was stable on {from} and says {to}"),
        "successor": _("{indicator}: {classifier} said {from} before, under another key, and {to} now"),
    }
    text = kinds.get(_flat(fields.get("kind")))
    if text is None:
        return _other({"event": "label", **fields})
    return text.format(**{name: _flat(fields.get(name)) for name in ("indicator", "classifier", "from", "to")})


def _job(fields: Fields) -> str:
    """Say what a job of BigQuery took; ``kind`` is ``load`` or ``query``."""
    seconds, read = _number(fields.get("seconds")), whole(fields.get("bytes_processed"))
    took = "" if seconds is None else figures.duration(seconds)
    size = "" if not read else _("{n} bytes read").format(n=figures.count(read))
    failed = _flat(fields.get("error")) if fields.get("status") == log.FAILED else ""
    about = _("BigQuery {kind}, {table}").format(kind=_flat(fields.get("kind")), table=_flat(fields.get("about")))
    return _and([about, _status(fields), took, size, failed])


def _loaded(fields: Fields) -> str:
    numbers = [whole(fields.get(name)) or 0 for name in ("inserted", "updated", "removed", "sent_bytes")]
    inserted, updated, removed, size = map(figures.count, numbers)
    text = _("loaded {table}: {inserted} new, {updated} changed, {removed} removed; {size} bytes sent")
    return text.format(table=_flat(fields.get("table")), inserted=inserted, updated=updated, removed=removed, size=size)


def _fetched(fields: Fields) -> str:
    """Say how a fetch of a dataset went, or what asking for news told."""
    result, message = _flat(fields.get("result")), _flat(fields.get("message"))
    kinds = {
        ("new", True): _("there is news at the source"),
        ("same", True): _("no news at the source"),
        ("new", False): _("fetched, and the snapshot changed"),
        ("same", False): _("fetched, and nothing had changed"),
    }
    said = kinds.get((result, fields.get("checked") is True))
    if result == "refused":
        return _("what came was refused: {message}").format(message=message)
    if result == "failed":
        return _("could not be fetched: {message}").format(message=message)
    return _other({"event": log.FETCHED, **fields}) if said is None else said + (f" ({message})" if message else "")


def _warning(fields: Fields) -> str:
    said = _("warning: {text}").format(text=_flat(fields.get("message")))
    rest = {name: value for name, value in fields.items() if name != "message"}
    return f"{said} ({_pairs(rest)})" if _pairs(rest) else said


def _error(fields: Fields) -> str:
    kind, message = _flat(fields.get("type")), _flat(fields.get("message"))
    where, after = _flat(fields.get("where")), _flat(fields.get("next_step"))
    if is_interruption(fields):
        return _("interrupted")
    if kind == "SystemExit":
        return _("ended with exit code {code}").format(code=message)
    if not where and not after:  # no explanation was made for it: its kind is what helps
        return _("error: {message}").format(message=f"{kind}: {message}" if message else kind)
    said = _("error: {message}").format(message=message)
    return said + (f" @ {where}" if where else "") + (f" → {after}" if after else "")


def _end(fields: Fields) -> str:
    wall, peak = _number(fields.get("wall_s")), _number(fields.get("peak_mb"))
    took = "" if wall is None else figures.duration(wall)
    memory = "" if peak is None else figures.local(f"{peak:,.0f} MiB")
    rows = fields.get("rows")
    facts = [took, memory, _rows(rows) if isinstance(rows, dict) else ""]
    return _and([_status(fields), *facts])


def _closed(fields: Fields) -> str:
    began, ended = log.began(log.text(fields.get("run"))), datetime.fromisoformat(log.text(fields.get("ended")))
    status = _status(fields)
    changed = _("inputs changed since the commit") if fields.get("dirty") is True else ""
    if fields.get("status") == log.NOOP:
        return _("nothing had changed")
    return _and([status, figures.duration(max(0.0, (ended - began).total_seconds())), changed])


def _other(fields: Fields) -> str:
    return _and([_flat(fields.get("event")), _pairs(fields)])


def _status(fields: Fields) -> str:
    return figures.word(log.text(fields.get("status")))


def _and(parts: list[str]) -> str:
    return ", ".join(part for part in parts if part)


def _pairs(fields: Fields) -> str:
    return ", ".join(f"{_flat(name)}={_flat(value)}" for name, value in fields.items() if name not in _ENVELOPE)


def _flat(value: Json) -> str:
    """Return text without line breaks and with single spaces."""
    return " ".join(log.text(value).split())


_LINES: dict[str, Callable[[Fields], str]] = {
    "start": _start,
    "progress": _progress,
    "counts": _counts,
    "output": _output,
    "label": _label,
    "job": _job,
    "loaded": _loaded,
    log.FETCHED: _fetched,
    "warning": _warning,
    "error": _error,
    "end": _end,
    "closed": _closed,
}
