"""What the dashboard must bear: records and texts as nobody would write them, signals, and hasty hands."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from observatudo import figures
from tests.tui.terminal import Terminal, terminal

COMMAND = [sys.executable, "-m", "tui"]


def _started(screen: Terminal) -> int:
    """Return the process of the dashboard in a terminal, once it shows something."""
    screen.wait("Runs 5")
    shell = screen._tmux("list-panes", "-F", "#{pane_pid}").strip()
    found = subprocess.run(["pgrep", "-P", shell], capture_output=True, text=True, check=True).stdout.split()
    return int(found[0])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_leaves_the_terminal_as_it_was(small: Path, number: signal.Signals) -> None:
    with terminal(COMMAND, small) as screen:
        os.kill(_started(screen), number)
        screen.wait(f"ended with {128 + number}", gone="History")


@pytest.mark.parametrize(
    ("zone", "when"),
    [("America/Sao_Paulo", "0001-01-01T00:00:00+00:00"), ("Asia/Tokyo", "9999-12-31T23:59:59+00:00")],
)
def test_a_time_outside_of_the_calendar_is_shown_as_it_is(
    zone: str, when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", zone)
        time.tzset()
        assert figures.moment(when) == when
    time.tzset()
