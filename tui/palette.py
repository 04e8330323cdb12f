"""The palette of all actions: Textual's, without the two ends of the app that keys typed fast come to there."""

from __future__ import annotations

from contextlib import suppress

from textual.await_complete import AwaitComplete
from textual.command import CommandPalette


class Palette(CommandPalette):
    """See the module."""

    def _action_command_list(self, action: str) -> None:
        with suppress(KeyError):  # of a list that is hidden or was just filled, Textual does not know the lines
            super()._action_command_list(action)

    def dismiss(self, result: None = None) -> AwaitComplete:
        """Close it, once: a second enter would take away the screen that the first one led to."""
        return super().dismiss(result) if self.is_active else AwaitComplete()
