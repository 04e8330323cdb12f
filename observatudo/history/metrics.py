"""Metrics files as the index keeps them: which ones, and their content as one JSON mapping."""

from __future__ import annotations

import csv
import io
import json

PLACE = "data/metrics/"
_SUFFIXES = (".json", ".csv")
_LARGEST = 1_000_000  # bytes of a file that is kept


def is_metrics(path: str) -> bool:
    """Say whether a path, relative to the repository, is a metrics file."""
    return path.startswith(PLACE) and path.endswith(_SUFFIXES)


def parsed(path: str, content: bytes) -> str:
    """Return the content as JSON text of a mapping: a CSV's lines under ``rows``; ``{}`` for what is neither."""
    if len(content) > _LARGEST:
        return "{}"
    try:
        text = content.decode("utf-8-sig")
        if path.endswith(".csv"):
            found: object = {"rows": list(csv.DictReader(io.StringIO(text), restkey="", restval=""))}
        else:
            found = json.loads(text, parse_constant=_no_number)
        # ASCII: JSON may spell half a character, which no database stores
        return json.dumps(found, separators=(",", ":")) if isinstance(found, dict) else "{}"
    except (ValueError, RecursionError, csv.Error):
        return "{}"


def _no_number(_name: str) -> None:
    """Read NaN and Infinity, which are no JSON, as null."""
