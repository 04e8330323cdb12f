"""Whatever happens between two looks, the index is the one that would be made from nothing."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from observatudo import journal
from observatudo.history import store
from observatudo.runs import log as runlog
from observatudo.runs.model import to_text
from tests.histories import a_record, commit, git, keep, log_end, log_start, measured, quiet, refresh, repository, told

_TODAY = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
_IDS = [f"2026010{day}T000000Z-1" for day in range(1, 4)] + ["20260201T000000Z-2", f"{_TODAY}-3", f"{_TODAY}-4"]


class Life:
    """What can happen to a repository; each step gets two numbers to vary by."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.count = 0

    def record(self, which: int, how: int) -> None:
        status = ("success", "failed", "interrupted")[how % 3]
        path = keep(self.home, a_record(_IDS[which % len(_IDS)]))
        draft = path.with_suffix(".tmp")
        draft.write_text(to_text(a_record(path.stem, status=status, duration_s=float(how), branch="main")))
        draft.replace(path)

    def damage(self, which: int, how: int) -> None:
        path = keep(self.home, a_record(_IDS[which % len(_IDS)]))
        path.unlink()
        path.write_text(("", "{", "[]", to_text(a_record("20250101T000000Z-9")))[how % 4])

    def remove(self, which: int, _how: int) -> None:
        journal.record_file(self.home, _IDS[which % len(_IDS)]).unlink(missing_ok=True)

    def remove_month(self, _which: int, _how: int) -> None:
        month = self.home / "audit/runs/2026/02"
        for path in month.glob("*"):
            path.unlink()
        if month.is_dir():
            month.rmdir()

    def settle(self, _which: int, _how: int) -> None:
        """Have time go by: folders are older than what makes them doubtful, each with another time than before."""
        self.count += 1
        for month in (self.home / "audit/runs").glob("*/*"):
            quiet(month, self.count)

    def log(self, which: int, how: int) -> None:
        run_id = _IDS[-1 - which % 2]
        steps: list[Callable[[], None]] = [
            lambda: log_start(self.home, run_id, f"ingest@a/{how}"),
            lambda: log_end(self.home, run_id, f"ingest@a/{how}", "failed"),
            lambda: journal.append(
                self.home, "closed", run_id, status="failed", ended=runlog.began(run_id).isoformat(), dirty=False
            ),
            lambda: journal.append(self.home, "progress", run_id, stage="load", done=1, total=2),
        ]
        steps[how % len(steps)]()

    def half_line(self, which: int, _how: int) -> None:
        """Begin a line that the next step ends, or nobody."""
        event = {"time": "2026-01-01T00:00:00+00:00", "event": "warning", "run": _IDS[-1 - which % 2], "stage": "load"}
        (self.home / "logs").mkdir(exist_ok=True)
        with journal.log_file(self.home, datetime.now(UTC)).open("a") as lines:
            lines.write(json.dumps(event, separators=(",", ":")))

    def end_line(self, _which: int, _how: int) -> None:
        for path in runlog.files(self.home):
            with path.open("a") as lines:
                lines.write("\n")

    def cut_log(self, _which: int, how: int) -> None:
        for path in runlog.files(self.home):
            path.write_bytes(path.read_bytes()[: -(how + 1) * 40])

    def commit(self, which: int, how: int) -> None:
        measured(self.home, which)
        commit(self.home, f"versão {which}", 1_700_000_000 + how)

    def branch(self, which: int, _how: int) -> None:
        git(self.home, "checkout", "-q", "-B", f"b{which % 3}")

    def experiment(self, which: int, how: int) -> None:
        if self._has_commit():
            made = git(self.home, "commit-tree", "-p", "HEAD", "-m", f"exp {how}", "HEAD^{tree}")
            git(self.home, "update-ref", f"refs/exps/ab/{'c' * 38}/exp-{which}", made)

    def rewrite(self, _which: int, how: int) -> None:
        if self._has_commit():
            git(self.home, "commit", "-q", "--amend", "--allow-empty", "-m", f"other {how}", when=1_700_000_000 + how)

    def drop(self, which: int, _how: int) -> None:
        if self._has_commit():
            git(self.home, "checkout", "-q", "--detach")
            for name in (f"refs/heads/b{which % 3}", f"refs/exps/ab/{'c' * 38}/exp-{which}"):
                git(self.home, "update-ref", "-d", name)

    def look(self, _which: int, _how: int) -> None:
        refresh(self.home)

    def _has_commit(self) -> bool:
        return bool(git(self.home, "for-each-ref"))


_STEPS = [name for name in vars(Life) if not name.startswith("_")]
_step = st.tuples(
    st.sampled_from([*_STEPS, "look", "settle", "record", "commit"]), st.integers(0, 7), st.integers(0, 7)
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps=st.lists(_step, min_size=3, max_size=14))
def test_the_index_is_the_one_made_from_nothing(steps: list[tuple[str, int, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        home = repository(Path(folder) / "r")
        life = Life(home)
        for name, which, how in steps:
            getattr(life, name)(which, how)
        refresh(home)
        kept = told(home)
        assert store.delete(home)
        refresh(home)
        assert told(home) == kept
