"""Block characters that bars, curves and plots are drawn with, in eighths of a cell."""

from __future__ import annotations

HEIGHTS = " ▁▂▃▄▅▆▇█"
_WIDTHS = " ▏▎▍▌▋▊▉"


def across(eighths: int) -> str:
    """Return a bar from left to right that is so many eighths of a cell long."""
    whole, rest = divmod(eighths, 8)
    return "█" * whole + (_WIDTHS[rest] if rest else "")
