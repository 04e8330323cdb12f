"""Tones: how well something stands, as a style of text; every one of them goes with a glyph or a word."""

from __future__ import annotations

from rich.text import Text

TONES = {
    "success": "ok", "failed": "bad", "interrupted": "warn", "noop": "muted", "running": "accent", "unchanged": "muted",
    "pass": "ok", "warn": "warn", "fail": "bad", "error": "bad", "skipped": "muted",
}  # fmt: skip
_STYLES = {"ok": "green", "bad": "bold red", "warn": "yellow", "muted": "dim", "accent": "cyan", "": ""}


def toned(text: str, tone: str) -> Text:
    """Return text in a tone: ``ok``, ``bad``, ``warn``, ``muted``, ``accent`` or none."""
    return Text(text, _STYLES[tone])
