"""Numbers, times and the words for states as people read them, in the language of the messages.

Counts, shares and differences follow it (1,234.5 or 1.234,5), and so do dates (2026-11-23 or 23/11/2026); data files,
logs and JSON never pass through here. Standard library only.
"""

from __future__ import annotations

import math
from datetime import datetime

from observatudo.i18n import _, language

NONE = "–"
SHORT = 8  # characters of a commit or hash that are shown
_DIGITS = 6
_LARGE, _SMALL = 1e15, 1e-4
_SWAPPED = str.maketrans(",.", ".,")
_KIB = 1024
GLYPHS = {
    "success": "✓", "failed": "✗", "interrupted": "◌", "noop": "=", "running": "▶", "unchanged": "=",
    "pass": "✓", "warn": "!", "fail": "✗", "error": "✗", "skipped": "·",
}  # fmt: skip


def is_portuguese() -> bool:
    """Say whether people read Portuguese here."""
    return language() == "pt_BR"


def local(text: str) -> str:
    """Return a number written as in English with the separators of the user's language."""
    return text.translate(_SWAPPED) if is_portuguese() else text


def count(number: int | None) -> str:
    """Return a count with its thousands grouped; a dash for one that is not known."""
    return NONE if number is None else local(f"{number:,}")


def percent(share: float | None) -> str:
    """Return a share of 100 with two decimals; one that only rounds to 0 or 100 is said to be below or above."""
    if share is None or not math.isfinite(share):
        return special(share)
    if 0 < share < 0.01:
        return "<" + local("0.01%")
    if 99.99 < share < 100:
        return ">" + local("99.99%")
    return local(f"{share:,.2f}%")


def decimal(number: float | None) -> str:
    """Return a number with six significant digits, whole ones in full."""
    if number is None or not math.isfinite(number):
        return special(number)
    size = abs(number)
    if size and (size >= _LARGE or size < _SMALL):
        return local(f"{number:.{_DIGITS}g}")
    decimals = max(0, _DIGITS - 1 - math.floor(math.log10(size))) if size else 0
    text = f"{number:,.{decimals}f}"
    return local(text.rstrip("0").rstrip(".") if "." in text else text)


def signed(number: float | None) -> str:
    """Return a difference, with its sign."""
    text = decimal(number)
    return f"+{text}" if number is not None and number > 0 else text


def signed_percent(fraction: float | None) -> str:
    """Return a relative difference (0.5 is 50 %), with its sign."""
    text = percent(abs(fraction) * 100) if fraction is not None else NONE
    if fraction is None or math.isnan(fraction) or not fraction:
        return text
    return ("+" if fraction > 0 else "-") + text


def special(number: float | None) -> str:
    """Return the sign for a number that is none or not finite."""
    if number is None:
        return NONE
    return "NaN" if math.isnan(number) else "∞" if number > 0 else "-∞"


def printable(text: str) -> str:
    """Return text on one line in which every invisible or controlling character is spelled out (``\\n``, ``\\x1b``)."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def moment(iso: str, *, seconds: bool = False) -> str:
    """Return an ISO 8601 time as local date and time of day; other text as it is."""
    try:
        when = datetime.fromisoformat(iso).astimezone()
    except (ValueError, OverflowError):  # the latter: the first or last day there is, in another time zone
        return iso
    day = "%d/%m/%Y" if is_portuguese() else "%Y-%m-%d"
    return when.strftime(f"{day} %H:%M{':%S' if seconds else ''}")


def duration(seconds: float | None) -> str:
    """Return a duration: ``2.3 s``, ``1 min 05 s``, ``2 h 07 min``."""
    if seconds is None:
        return NONE
    if seconds < 60:
        return local(f"{seconds:.1f} s")
    minutes, rest = divmod(round(seconds), 60)
    hours, left = divmod(minutes, 60)
    return f"{hours} h {left:02d} min" if hours else f"{minutes} min {rest:02d} s"


def size(octets: float | None) -> str:
    """Return a number of bytes in the binary unit that fits."""
    if octets is None:
        return NONE
    for unit in ("B", "KiB", "MiB"):
        if octets < _KIB:
            return local(f"{octets:.0f} {unit}" if unit == "B" else f"{octets:.1f} {unit}")
        octets /= _KIB
    return local(f"{octets:.1f} GiB")


def word(name: str) -> str:
    """Return the word for a status (of runs, of dbt) or kind of run; records, logs, JSON and CSV have the English."""
    words = {
        "success": _("success"),
        "failed": _("failed"),
        "interrupted": _("interrupted"),
        "noop": _("noop"),
        "running": _("running"),
        "unchanged": _("unchanged"),
        "hand": _("hand"),
        "experiment": _("experiment"),
        "pass": _("pass"),
        "warn": _("warn"),
        "fail": _("fail"),
        "error": _("error"),
        "skipped": _("skipped"),
    }
    return words.get(name, name)


def freshness(age_days: int | None, limit_days: int | None, late: bool | None) -> str:
    """Return how fresh a snapshot is, as glyph and word: of what is published once, and of unknown age, neither."""
    if age_days is None:
        return f"· {NONE}"
    if limit_days is None:
        return "· " + _("once")
    return "! " + _("late") if late else "✓ " + _("fresh")


def status(name: str) -> str:
    """Return a status of a run or of dbt as glyph and word; a dash for none."""
    return f"{GLYPHS.get(name, '?')} {word(name)}" if name else NONE
