"""When a source was last asked, out of the log: the newest that is whole, of each dataset, before a moment."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from observatudo import checks, journal
from observatudo.checks import LastCheck

NOW = datetime(2026, 3, 5, 12, tzinfo=UTC)


def asked(home: Path, when: datetime, dataset: str = "a/um", result: str = "same", **more: object) -> None:
    """Write an event as ``journal.append`` does, at another time than now."""
    path = journal.log_file(home, when)
    path.parent.mkdir(exist_ok=True)
    time = when.astimezone(UTC).isoformat(timespec="milliseconds")
    event = {"time": time, "event": "fetched", "run": "r", "dataset": dataset, "result": result, **more}
    with path.open("a", encoding="utf-8") as log:
        log.write(json.dumps(event, separators=(",", ":")) + "\n")


def test_the_newest_of_each_dataset_is_told_whatever_day_it_was(tmp_path: Path) -> None:
    asked(tmp_path, NOW - timedelta(days=40), "b/dois", "refused", message="it shrank", checked=False)
    asked(tmp_path, NOW - timedelta(hours=3), result="failed", message="no answer", checked=True)
    asked(tmp_path, NOW - timedelta(hours=2), result="new", message="", checked=True)
    asked(tmp_path, NOW - timedelta(hours=1), "c/unknown")
    found = checks.last(tmp_path, ["a/um", "b/dois", "d/never"], NOW)
    assert found == {
        "a/um": LastCheck("2026-03-05T10:00:00.000+00:00", "new", "", True),
        "b/dois": LastCheck("2026-01-24T12:00:00.000+00:00", "refused", "it shrank", False),
    }


@pytest.mark.parametrize("zone", [UTC, timezone(timedelta(hours=-3)), timezone(timedelta(hours=14))], ids=str)
def test_what_came_later_than_the_moment_is_not_known_then_in_any_zone(tmp_path: Path, zone: timezone) -> None:
    asked(tmp_path, NOW - timedelta(hours=1), result="same")
    asked(tmp_path, NOW + timedelta(hours=1), result="new")
    assert checks.last(tmp_path, ["a/um"], NOW.astimezone(zone))["a/um"].result == "same"


def test_a_log_written_by_the_product_is_read(tmp_path: Path) -> None:
    journal.append(tmp_path, "fetched", "r", dataset="a/um", result="same", checked=True, message="")
    assert checks.last(tmp_path, ["a/um"], datetime.now(UTC) + timedelta(minutes=1))["a/um"].only_asked


@pytest.mark.parametrize(
    "line",
    [
        b'{"event":"fetched","dataset":"a/um"',
        b'{"event":"fetched"}',
        b'["event":"fetched"]',
        b'{"time":1,"event":"fetched","dataset":"a/um","result":"new"}',
        b'{"time":"2026-03-05T11:00:00+00:00","event":"fetched","dataset":["a/um"],"result":"new"}',
        b'{"x":"\xff","event":"fetched"}',
        b'{"time":"2026-03-05T11:00:00+00:00","event":"other","of":{"event":"fetched"},"dataset":"a/um","result":"new"}',
        b'{"time":"yesterday","event":"fetched","dataset":"a/um","result":"new"}',
        b'"event":"fetched"' + b"[" * 100_000,
    ],
)
def test_what_is_damaged_is_passed_over(tmp_path: Path, line: bytes) -> None:
    asked(tmp_path, NOW - timedelta(hours=2))
    with journal.log_file(tmp_path, NOW).open("ab") as log:
        log.write(line + b"\n")
    assert checks.last(tmp_path, ["a/um"], NOW)["a/um"].result == "same"


def test_without_a_log_nothing_is_known(tmp_path: Path) -> None:
    assert checks.last(tmp_path, ["a/um"], NOW) == {}


def test_a_message_brings_no_control_characters_to_a_screen(tmp_path: Path) -> None:
    asked(tmp_path, NOW - timedelta(hours=1), result="failed", message="red \x1b[31m\nline")
    assert not any(ord(letter) < 32 for letter in checks.last(tmp_path, ["a/um"], NOW)["a/um"].message)
