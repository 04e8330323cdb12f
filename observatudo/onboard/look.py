"""What a file is, found in its bytes: its format, the member of a zip that holds the table, its encoding."""

from __future__ import annotations

import re
import zipfile
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Final, Literal

from observatudo.errors import DataError
from observatudo.i18n import _
from observatudo.ingest.readers.encoding import open_text
from observatudo.ingest.readers.raw import first_bytes, is_xlsx, open_raw
from observatudo.resource import Resource

Format = Literal["csv", "json", "xlsx", "parquet"]
_TABULAR: Final = (".csv", ".txt", ".tsv", ".xlsx", ".json", ".parquet", ".tab")
_LETTERS = re.compile("[àáâãäçéêíóôõöúüÀÁÂÃÇÉÊÍÓÔÕÚÜñªº°]")
_ODD = re.compile("[‡‚ƒ„†ˆ‰Š‹Œ¡¢£¤¥¦§¨«¬¯±²³´µ¶¸¹»¼½¾¿ÆÐØÞßåæðøþŽžŸ›œš˜“”•—–]")
_LONGEST = 4 << 20


@dataclass
class Look:
    """How the bytes are to be read; ``guesses`` are sentences on what was not certain, by key of the resource."""

    path: Path
    format: Format
    innerpath: str = ""
    encoding: str | None = None
    guesses: dict[str, str] = field(default_factory=dict)

    def resource(self) -> Resource:
        """Return the resource that opens the file as text, before its table is known."""
        return Resource(
            path=self.path.name,
            format=self.format,
            encoding=self.encoding,
            innerpath=self.innerpath,
            records="*" if self.format == "json" else "",
        )


def look(path: Path) -> Look:
    """Find out what the file is.

    Raises DataError for what is no table: an empty file, a web page, a PDF, a workbook of before 2007.
    """
    if not path.is_file():
        raise DataError(_("there is no file {file}").format(file=path))
    if path.stat().st_size == 0:
        raise DataError(_("the file is empty"), where=str(path))
    found = Look(path, "csv")
    if is_xlsx(path):
        found.format = "xlsx"
        return found
    if first_bytes(path).startswith(b"PK"):
        found.innerpath = _member(path, found)
    return _inside(found)


def _member(path: Path, found: Look) -> str:
    """Return the member to read, "" where there is only one."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = [m for m in archive.infolist() if not m.is_dir() and not m.filename.startswith("__MACOSX/")]
    except zipfile.BadZipFile as error:
        raise DataError(_("the zip cannot be opened: {error}").format(error=error), where=str(path)) from None
    if len(members) == 1:
        return ""
    tables = [m for m in members if m.filename.lower().endswith(_TABULAR)]
    if not tables:
        names = ", ".join(m.filename for m in members[:10]) or "–"
        raise DataError(_("the zip holds no table; its members are: {names}").format(names=names), where=str(path))
    chosen = max(tables, key=lambda m: (not _is_about(m.filename), m.file_size))
    found.guesses["innerpath"] = _("{name}, because of {n} members it is the largest table").format(
        name=chosen.filename, n=len(members)
    )
    return chosen.filename


def _is_about(name: str) -> bool:
    """Say whether a member tells about the data rather than holds it."""
    return re.search(r"dicion|leia|readme|metadad|layout|nota", PurePosixPath(name).name.lower()) is not None


def _inside(found: Look) -> Look:
    raw = open_raw(found.path, found.innerpath)
    try:
        head = raw.read(1 << 16)
    finally:
        raw.close()
    for magic, kind in ((b"%PDF", "PDF"), (b"\xd0\xcf\x11\xe0", "XLS"), (b"7z\xbc\xaf", "7z"), (b"Rar!", "RAR")):
        if head.startswith(magic):
            raise DataError(
                _("this is a file of the format {kind}, which is not read").format(kind=kind),
                where=str(found.path),
                next_step=_("save its table as XLSX or CSV, and give that file"),
            )
    if head.startswith(b"PAR1"):
        found.format = "parquet"
    elif head.startswith(b"PK"):
        found.format = "xlsx"
    else:
        _text(found)
    return found


def _text(found: Look) -> None:
    text = _decoded(found)
    start = text[:2000].lstrip("\ufeff \t\r\n").lower()
    if start.startswith(("<!doctype", "<html", "<head", "<?xml", "<table")):
        raise DataError(
            _("this is a web page or XML, not a table"),
            where=str(found.path),
            next_step=_("look for the link to the file itself (CSV, XLSX, JSON), and give that"),
        )
    if start.startswith(("{", "[")) and not re.match(r"\[?[^\[{\"]*;", start):
        found.format = "json"


def _decoded(found: Look) -> str:
    """Return the beginning of the text, having found the encoding in which the whole file can be read."""
    first: DataError | None = None
    for encoding in (None, "latin-1", "cp1252"):
        try:
            text = _read(found, encoding)
        except DataError as error:
            first = first or error
            continue
        found.encoding = encoding
        if encoding is not None:
            found.encoding, text = _dos_or_mac(found, encoding, text)
            found.guesses["encoding"] = _("{name}, because the bytes are not UTF-8 and read well so").format(
                name=found.encoding
            )
        return text
    assert first is not None
    raise first


def _read(found: Look, encoding: str | None) -> str:
    resource = found.resource().model_copy(update={"encoding": encoding})
    parts, size = [], 0
    for chunk, _newlines in open_text(found.path, resource).chunks():
        if size < _LONGEST:
            parts.append(chunk)
            size += len(chunk)
    return b"".join(parts).decode(errors="ignore")


def _dos_or_mac(found: Look, encoding: str, text: str) -> tuple[str, str]:
    """Return the encoding under which the text looks most like Portuguese: files of DOS and old Macs fit cp1252 too."""
    best = (_odd(text), encoding, text)
    for other in ("cp850", "mac_roman"):
        try:
            read = _read(found, other)
        except DataError:
            continue
        best = min(best, (_odd(read), other, read), key=lambda each: each[0])
    return best[1], best[2]


def _odd(text: str) -> int:
    return len(_ODD.findall(text)) - len(_LETTERS.findall(text))
