"""How many alerts are open that nobody has acknowledged: the number beside the screen's name, wherever one is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tui import alert_state
from tui.jobs import Failed, result

if TYPE_CHECKING:
    from observatudo.alerts.model import State
    from observatudo.history.view import View
    from tui.context import Context

MODE = "alerts"
RULES = Path("configs/alerts.yaml")
READ = (RULES, Path("logs/alerts.jsonl"), Path("params.yaml"))  # what the command reads beside the history


def newest_run(view: View) -> object:
    """Return what is another when a run was added or has ended."""
    found = view.runs(view.first_runs(1))
    return (found[0].run_id, found[0].status) if found else None


class AlertCount:
    """The number, and when it was last asked for."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._seen: object = None
        self._is_at_work = False
        self.badge = ""

    def take(self, state: State) -> bool:
        """Take the number from a state; say whether it is another one."""
        number = len(alert_state.unseen(state))
        before, self.badge = self.badge, f"!{number}" if number else ""
        return before != self.badge

    async def look(self) -> bool:
        """Ask anew where a run has begun or ended since; say whether the number is another one.

        A repository without rules is never asked, and a command that fails leaves the number as it was: the screen
        itself says why.
        """
        seen = newest_run(self._context.view)
        if self._is_at_work or seen == self._seen or not (self._context.root / RULES).is_file():
            return False
        self._is_at_work, self._seen = True, seen
        try:
            return self.take(alert_state.state(await result(self._context.root, ["alerts", "--json"])))
        except Failed:
            return False
        finally:
            self._is_at_work = False
