"""The palette of all actions: Textual's, without the ends of the app that keys typed fast come to there."""

from __future__ import annotations

from contextlib import suppress

from textual import work
from textual.await_complete import AwaitComplete
from textual.command import CommandPalette
from textual.css.query import NoMatches


class Palette(CommandPalette):
    """See the module."""

    def _action_command_list(self, action: str) -> None:
        with suppress(KeyError):  # of a list that is hidden or was just filled, Textual does not know the lines
            super()._action_command_list(action)

    @work(exclusive=True, group=CommandPalette._GATHER_COMMANDS_GROUP)
    async def _gather_commands(self, search_value: str) -> None:
        with suppress(NoMatches):  # it is closed already, and its list gone
            await CommandPalette._gather_commands.__wrapped__(self, search_value)  # type: ignore[attr-defined]

    def dismiss(self, result: None = None) -> AwaitComplete:
        """Close it, once: a second enter would take away the screen that the first one led to."""
        return super().dismiss(result) if self.is_active else AwaitComplete()
