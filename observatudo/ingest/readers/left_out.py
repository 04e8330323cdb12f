"""The cells of a workbook's sheet that the reader of sheets leaves empty though something is in them.

Errors (``#N/A``), and formulas that no program has worked out yet: whoever writes a workbook without Excel
leaves the latter to whoever opens it.
"""

from __future__ import annotations

import posixpath
import re
import zipfile
from collections.abc import Iterator
from typing import IO, BinaryIO, Final
from xml.etree import ElementTree  # expat itself bounds the growth of entities

_SIGN: Final = re.compile(rb"""["']e["']|<(?:\w+:)?f[\s/>]""")  # t="e" is an error's cell, <f> a formula
_LONGEST_SIGN = 64
_PIECE = 1 << 20
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"


def left_out(file: BinaryIO, index: int) -> dict[int, dict[int, str]]:
    """Return row → column → text, counted from 0, of errors and formulas without a value in the sheet of that position.

    A formula's text begins with ``=``. Raises BadZipFile, KeyError or ParseError when the file is no workbook.
    """
    with zipfile.ZipFile(file) as archive:
        part = _part(archive, index)
        if not _worth_reading(archive, part):
            return {}
        with archive.open(part) as content:
            found: dict[int, dict[int, str]] = {}
            for row, column, text in _found(content):
                found.setdefault(row, {})[column] = text
            return found


def _part(archive: zipfile.ZipFile, index: int) -> str:
    """Return the name of the member that holds the sheet."""
    book = _tree(archive, "xl/workbook.xml")
    relation = [node.get(_RELATION) for node in book.iter() if _tag(node) == "sheet"][index]
    targets = {node.get("Id"): node.get("Target", "") for node in _tree(archive, "xl/_rels/workbook.xml.rels")}
    return posixpath.normpath(posixpath.join("/xl", targets[relation])).lstrip("/")


def _tree(archive: zipfile.ZipFile, name: str) -> ElementTree.Element:
    return ElementTree.fromstring(archive.read(name))  # noqa: S314


def _worth_reading(archive: zipfile.ZipFile, part: str) -> bool:
    with archive.open(part) as content:
        held = b""
        while piece := content.read(_PIECE):
            if _SIGN.search(held + piece):
                return True
            held = piece[-_LONGEST_SIGN:]
    return False


def _found(content: IO[bytes]) -> Iterator[tuple[int, int, str]]:
    row, column = -1, -1
    for event, node in ElementTree.iterparse(content, ("start", "end")):  # noqa: S314
        tag = _tag(node)
        if event == "start" and tag == "row":
            row, column = int(node.get("r", row + 2)) - 1, -1
        elif event == "start" and tag == "c":
            column = _column(node.get("r", "")) if node.get("r") else column + 1
        elif event == "end" and tag == "c" and (text := _text(node)):
            yield row, column, text
        if event == "end" and tag == "row":
            node.clear()


def _text(cell: ElementTree.Element) -> str:
    """Return the error or the formula of a cell, "" for any other; an empty text is a formula's value as well."""
    parts = {_tag(part): part.text or "" for part in cell}
    kind = cell.get("t")
    if kind == "e" and parts.get("v"):
        return parts["v"]
    valued = parts.get("v") or "is" in parts or (kind == "str" and "v" in parts)
    return "=" + parts["f"] if "f" in parts and not valued else ""


def _tag(node: ElementTree.Element) -> str:
    return node.tag.rpartition("}")[2]


def _column(reference: str) -> int:
    """Return the position, from 0, of the column in a reference: ``AB7`` → 27."""
    position = 0
    for letter in re.sub(r"\d", "", reference):
        position = position * 26 + ord(letter) - ord("A") + 1
    return position - 1
