"""What a file is by its first bytes: servers answer with error pages, and call them CSV."""

from __future__ import annotations

from pathlib import Path

from observatudo.i18n import _

_HEAD = 2048
_PAGE = (b"<!doctype html", b"<html", b"<head", b"<body", b"<script", b"<title", b"<meta", b"<center", b"<h1")
_MAGIC = {
    ".zip": (b"PK\x03\x04", b"PK\x05\x06"),
    ".xlsx": (b"PK\x03\x04",),
    ".ods": (b"PK\x03\x04",),
    ".xls": (b"\xd0\xcf\x11\xe0", b"\x09\x08", b"PK\x03\x04"),
    ".gz": (b"\x1f\x8b",),
    ".tgz": (b"\x1f\x8b",),
    ".parquet": (b"PAR1",),
}
_TABLES = (".csv", ".tsv")
_PAGES = (".html", ".htm")


def begins(path: Path) -> bytes:
    """Return the first bytes of a file, without a byte order mark, the zeros of UTF-16, and blanks before the rest."""
    with path.open("rb") as file:
        return _bare(file.read(_HEAD))


def is_page(path: Path) -> bool:
    """Say whether the file is a page of HTML, whatever it is called."""
    return looks_like_page(begins(path))


def looks_like_page(head: bytes) -> bool:
    """Say whether these are the first bytes of a page of HTML."""
    head = _bare(head[:_HEAD]).lower()
    while head.startswith(b"<!--"):
        head = head.partition(b"-->")[2].lstrip()
    return head.startswith(_PAGE) or (head.startswith(b"<?xml") and b"<html" in head)


def _bare(head: bytes) -> bytes:
    if head[:4] in (b"PK\x03\x04", b"PAR1", b"\xd0\xcf\x11\xe0"):
        return head
    for mark in (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff"):
        head = head.removeprefix(mark)
    return head.replace(b"\0", b"").lstrip()


def problem(path: Path, name: str) -> str:
    """Say why the file cannot be what its ``name`` says, empty where it can; only the first bytes are looked at."""
    if path.stat().st_size == 0:
        return _("the file is empty")
    suffix = Path(name).suffix.lower()
    if is_page(path) and suffix not in _PAGES:
        return _("a page of HTML came, not data")
    head = begins(path)
    if suffix in _MAGIC and not head.startswith(_MAGIC[suffix]):
        return _("its first bytes are not those of a {suffix} file").format(suffix=suffix)
    if suffix == ".json" and head[:1] not in (b"{", b"["):
        return _("its first bytes are not those of a {suffix} file").format(suffix=suffix)
    if suffix in _TABLES and head.startswith((b"{", b"<?xml")):
        return _("JSON or XML came where a table was expected")
    return ""
