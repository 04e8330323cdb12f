"""What services answer: narrowed from JSON, and written as one file whose bytes follow from its content alone."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from pydantic import JsonValue

from observatudo.errors import SnapshotError
from observatudo.i18n import _

Object = dict[str, JsonValue]


def unexpected(url: str, why: str) -> SnapshotError:
    """Return the error of an answer that is not what the service is known to give; ``why`` says what differs."""
    return SnapshotError(
        _("the service does not answer as it used to: {why}").format(why=why),
        where=url,
        next_step=_("try again later; if it stays so, the service has changed: look at the address in a browser"),
    )


def an_object(value: JsonValue, url: str) -> Object:
    """Return a mapping; raises SnapshotError for anything else."""
    if not isinstance(value, dict):
        raise unexpected(url, _("a JSON object was expected, {found} came").format(found=_kind(value)))
    return value


def objects(value: JsonValue, url: str) -> list[Object]:
    """Return a list of mappings; raises SnapshotError for anything else."""
    if not isinstance(value, list):
        raise unexpected(url, _("a JSON list was expected, {found} came").format(found=_kind(value)))
    return [an_object(item, url) for item in value]


def text(value: JsonValue) -> str | None:
    """Return a text or number as text, and None for anything else."""
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def read(path: Path, url: str) -> JsonValue:
    """Return the content of a JSON file that came from ``url``; raises SnapshotError where it is none."""
    try:
        found: JsonValue = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise unexpected(url, _("this is no JSON: {error}").format(error=error)) from None
    return found


def write(path: Path, items: Iterable[JsonValue], under: str = "") -> None:
    """Write a JSON list, an item a line, so that Git shows which items changed; ``under``: inside a mapping's key."""
    lines = ",\n".join(json.dumps(item, ensure_ascii=False, separators=(",", ":")) for item in items)
    whole = f"[\n{lines}\n]" if lines else "[]"
    path.write_text((f"{{{json.dumps(under)}:{whole}}}" if under else whole) + "\n", encoding="utf-8")


def _kind(value: JsonValue) -> str:
    match value:
        case None:
            return "null"
        case dict():
            return _("an object")
        case list():
            return _("a list")
    return json.dumps(value, ensure_ascii=False)[:60]
