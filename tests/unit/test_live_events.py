"""Events as people read them: every kind has its line, and no content of a log breaks one."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from observatudo import figures
from observatudo.journal import Json
from observatudo.live import words
from observatudo.live.events import LEVELS, parse
from observatudo.live.state import State

ROOT = Path(__file__).parents[2]
RUN = "20261123T100000Z-77"
PROCESS: Json = {"pid": 4_000_000, "started": 1.0}
START: dict[str, Json] = {"process": PROCESS, "owner": PROCESS, "kind": "repro", "experiment": None}


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OBSERVATUDO_LANG", "en")


def line(event: Json, /, stage: Json = "ingest@sidra/pib", **fields: Json) -> bytes:
    content = {"time": "2026-11-23T10:00:01.000+00:00", "event": event, "run": RUN, "stage": stage, **fields}
    return json.dumps(content).encode()


def documented() -> list[str]:
    """Return the kinds of events that docs/runs.md tells of."""
    table = (ROOT / "docs/runs.md").read_text().partition("| event | holds |")[2].partition("\n\n")[0]
    return re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)


SAID: list[tuple[str, dict[str, Json], str, str]] = [
    ("start", START, "info", "sidra/pib: started"),
    ("start", START | {"kind": "hand"}, "info", "sidra/pib: started by hand"),
    ("start", START | {"experiment": "try-1"}, "info", "sidra/pib: started, in the experiment try-1"),
    ("progress", {"done": 1500, "total": 6000}, "info", "sidra/pib: 1,500 of 6,000 (25%)"),
    ("progress", {"done": 5, "total": 0}, "info", "sidra/pib: 5 done"),
    ("counts", {"rows_read": 28, "rows_kept": 28}, "info", "sidra/pib: 28 rows read, 28 kept"),
    ("counts", {"rows_rejected": 1000, "null_cells": 2}, "info", "sidra/pib: 1,000 rejected, 2 null cells"),
    ("counts", {}, "info", "sidra/pib: no counts"),
    ("output", {"path": "data/x", "rows": 5571}, "info", "sidra/pib: wrote data/x (5,571 rows)"),
    ("output", {"path": "data/x", "rows": None}, "info", "sidra/pib: wrote data/x"),
    ("label", {"kind": "classifiers", "classifier": "2-use", "models": []}, "info", "sidra/pib: labels made by 2-use"),
    (
        "label",
        {"kind": "divergence", "indicator": "a", "classifier": "m=x", "from": "Saude", "to": "Economia"},
        "info",
        "sidra/pib: a: m=x says Economia, the label Saude",
    ),
    ("label", {"kind": "later", "x": 1}, "info", "sidra/pib: label, kind=later, x=1"),
    (
        "job",
        {"kind": "load", "about": "t", "status": "success", "seconds": 2.0, "bytes_processed": 1500},
        "info",
        "sidra/pib: BigQuery load, t, success, 2.0 s, 1,500 bytes read",
    ),
    (
        "job",
        {"kind": "query", "about": "t", "status": "failed", "seconds": 2.0, "error": "no\nquota"},
        "error",
        "sidra/pib: BigQuery query, t, failed, 2.0 s, no quota",
    ),
    (
        "loaded",
        {"table": "t", "inserted": 1000, "updated": 2, "removed": 0, "sent_bytes": 5000},
        "info",
        "sidra/pib: loaded t: 1,000 new, 2 changed, 0 removed; 5,000 bytes sent",
    ),
    ("fetched", {"result": "new", "checked": True, "message": ""}, "info", "sidra/pib: there is news at the source"),
    ("fetched", {"result": "same", "checked": True, "message": ""}, "info", "sidra/pib: no news at the source"),
    ("fetched", {"result": "new", "message": "a: had 9\nb"}, "info",
     "sidra/pib: fetched, and the snapshot changed (a: had 9 b)"),
    ("fetched", {"result": "same"}, "info", "sidra/pib: fetched, and nothing had changed"),
    ("fetched", {"result": "refused", "message": "less"}, "warning", "sidra/pib: what came was refused: less"),
    ("fetched", {"result": "failed", "message": "503"}, "warning", "sidra/pib: could not be fetched: 503"),
    ("fetched", {"result": "odd", "x": 1}, "info", "sidra/pib: fetched, result=odd, x=1"),
    ("warning", {"message": "two\nlines"}, "warning", "sidra/pib: warning: two lines"),
    ("warning", {"message": "no record", "details": "a\nb"}, "warning", "sidra/pib: warning: no record (details=a b)"),
    (
        "error",
        {"type": "DataError", "message": "bad rows", "where": "f:1", "next_step": "mend f", "traceback": "x\ny"},
        "error",
        "sidra/pib: error: bad rows @ f:1 → mend f",
    ),
    (
        "error",
        {"type": "ValueError", "message": "one\ntwo", "where": "", "next_step": ""},
        "error",
        "sidra/pib: error: ValueError: one two",
    ),
    ("error", {"type": "KeyError", "message": ""}, "error", "sidra/pib: error: KeyError"),
    ("error", {"type": "SystemExit", "message": "3"}, "error", "sidra/pib: ended with exit code 3"),
    ("error", {"type": "Terminated", "message": "told to stop"}, "warning", "sidra/pib: interrupted"),
    (
        "end",
        {"status": "success", "wall_s": 65.2, "peak_mb": 1186.4, "rows": {"rows_read": 3}},
        "info",
        "sidra/pib: success, 1 min 05 s, 1,186 MiB, 3 rows read",
    ),
    ("end", {"status": "failed", "wall_s": 1.5, "peak_mb": None}, "error", "sidra/pib: failed, 1.5 s"),
    ("end", {"status": "interrupted", "wall_s": 1.5}, "warning", "sidra/pib: interrupted, 1.5 s"),
    (
        "closed",
        {"status": "success", "ended": "2026-11-23T10:01:30+00:00", "dirty": True},
        "info",
        f"run {RUN}: success, 1 min 30 s, inputs changed since the commit",
    ),
    ("closed", {"status": "failed", "ended": "2026-11-23T10:00:02+00:00"}, "error", f"run {RUN}: failed, 2.0 s"),
    ("closed", {"status": "interrupted", "ended": "2026-11-23T10:00:02+00:00"}, "warning",
     f"run {RUN}: interrupted, 2.0 s"),
    ("closed", {"status": "noop", "ended": "2026-11-23T10:00:02+00:00"}, "info", f"run {RUN}: nothing had changed"),
    ("paused", {"why": ["a", 1]}, "info", "sidra/pib: paused, why=['a', 1]"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "fields", "level", "text"), SAID)
def test_an_event_is_one_line_that_people_read(kind: str, fields: dict[str, Json], level: str, text: str) -> None:
    event = parse(line(kind, **fields))
    assert event is not None
    assert (event.level, event.text) == (level, text)
    assert (event.run, event.stage, event.kind) == (RUN, "ingest@sidra/pib", kind)


def test_every_kind_that_the_documentation_names_has_its_own_line() -> None:
    assert set(documented()) == set(words._LINES) == {kind for kind, *_rest in SAID} - {"paused"}


def test_a_fetch_names_its_dataset_and_is_no_run() -> None:
    event = parse(line("fetched", "", dataset="sidra/pib", result="same", checked=True, message=""))
    assert event is not None
    assert event.text == "sidra/pib: no news at the source"
    state = State()
    state.fold(event)
    assert list(state) == []


def test_a_stage_without_a_dataset_is_called_by_its_name_and_a_run_by_its_id() -> None:
    assert words.subject("classify") == "classify"
    event = parse(line("output", "classify", path="x", rows=1))
    assert event is not None
    assert event.text == "classify: wrote x (1 rows)"


def test_numbers_are_written_in_the_readers_language(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OBSERVATUDO_LANG", "pt_BR")
    event = parse(line("progress", done=1500, total=6000))
    assert event is not None
    assert "1.500" in event.text


def test_a_log_cannot_write_to_the_terminal() -> None:
    event = parse(line("warning", "x\x1b[2J", message="\x1b]0;title\x07 \u202e"))
    assert event is not None
    assert event.text == figures.printable(event.text)
    assert "\x1b" not in event.text


ANYTHING: st.SearchStrategy[Json] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["success", "failed", RUN]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
KEYS = [
    "stage", "dataset", "kind", "experiment", "process", "owner", "host", "commit", "inputs", "done", "total", "rows",
    "rows_read", "path", "message", "type", "where", "next_step", "traceback", "status", "wall_s", "cpu_s", "peak_mb",
    "outputs", "code", "ended", "dirty", "result", "checked",
]  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(
    kinds=st.lists(st.sampled_from([*words._LINES, "other"]), min_size=1, max_size=6),
    content=st.dictionaries(st.sampled_from(KEYS), ANYTHING),
    is_started=st.booleans(),
)
@example(kinds=["progress"], content={"done": 10**400, "total": 10**400}, is_started=True)
@example(kinds=["end"], content={"status": "success", "wall_s": float("nan"), "rows": [1]}, is_started=True)
@example(kinds=["warning"], content={"message": "\ud800"}, is_started=False)
def test_whatever_a_line_holds_nothing_breaks(kinds: list[str], content: dict[str, Json], is_started: bool) -> None:
    state = State()
    first = [line("start", "x", **START)] if is_started else []
    for each in [*first, *(line(kind, **{"stage": "x"} | content) for kind in kinds)]:
        event = parse(each)
        if event is None:
            continue
        assert event.text == figures.printable(event.text)
        event.text.encode()
        assert event.level in LEVELS
        state.fold(event)
        run = state.current()
        if run is None:
            assert event.kind == "fetched"
            continue
        run.look()
        assert run.status in ("running", "success", "failed", "interrupted", "noop")
        assert all(stage.status for stage in run.in_order())
