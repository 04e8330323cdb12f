"""A text file's bytes → UTF-8, in chunks, with its encoding proven or declared, and the declaration held against it.

Proof is a byte-order mark, the pattern of null bytes UTF-16 makes of Western text, or a whole file of valid
UTF-8. Single-byte encodings fit any bytes, so they are never assumed: they have to be declared.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from observatudo.errors import DataError
from observatudo.i18n import _
from observatudo.ingest.readers.raw import Raw, open_raw

if TYPE_CHECKING:
    import pyarrow as pa

    from observatudo.resource import Resource

CHUNK_BYTES = 4 << 20

# a chunk of bytes, whether it is the last, the line it starts on → its text in UTF-8
_Decode = Callable[[bytes, bool, int], bytes]

_MARKS: Final = {  # the longer marks first: that of UTF-32 begins like that of UTF-16
    codecs.BOM_UTF32_LE: "utf-32-le",
    codecs.BOM_UTF32_BE: "utf-32-be",
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}
_FAMILIES: Final = {"utf-16": ("utf-16-le", "utf-16-be"), "utf-32": ("utf-32-le", "utf-32-be"), "utf-8-sig": ("utf-8",)}
_SINGLE_BYTE: Final = {"iso8859-1": "latin-1", "cp1252": "cp1252"}
_BINARY: Final = {
    b"PAR1": "Parquet",
    b"%PDF": "PDF",
    b"\xd0\xcf\x11\xe0": "XLS",
    b"7z\xbc\xaf": "7z",
    b"Rar!": "RAR",
}
_SHOWN = 60  # characters each side of the one that does not fit


@dataclass
class Text:
    """An open text: the name of its encoding, where it is, and its content, which can be read once."""

    encoding: str
    where: str
    _raw: Raw
    _head: bytes
    _decode: _Decode

    def chunks(self) -> Iterator[tuple[bytes, int]]:
        """Yield the content as UTF-8 and the number of newlines in it, some MB at a time.

        Raises DataError, with the line, at what the encoding does not allow, and at null characters.
        """
        data, line = self._head, 1
        try:
            while data:
                following = self._raw.read(CHUNK_BYTES)
                decoded = self._decode(data, not following, line)
                if b"\0" in decoded:
                    raise _junk(self.where, line + decoded.count(b"\n", 0, decoded.index(b"\0")))
                newlines = count_newlines(decoded)
                yield decoded, newlines
                line, data = line + newlines, following
        finally:
            self._raw.close()

    def whole(self) -> str:
        """Return the whole content."""
        return b"".join(chunk for chunk, _newlines in self.chunks()).decode()


def open_text(path: Path, resource: Resource) -> Text:
    """Open a file as text; raises DataError when its encoding is neither proven nor declared, or declared wrongly."""
    raw = open_raw(path, resource.innerpath)
    head = raw.read(CHUNK_BYTES)
    if not head:
        raise DataError(_("the file is empty"), where=raw.where, next_step="observatudo fetch")
    _refuse_other_formats(head, raw.where, resource)
    mark, found = _proven(head)
    name = _agreed(resource.encoding, found, bool(mark), raw.where)
    if name in _SINGLE_BYTE.values() and _is_utf8(path, resource.innerpath):
        raise _contradiction(name, _("it is valid UTF-8 from end to end"), "utf-8", raw.where)
    decode = _single_byte(name, raw.where) if name in _SINGLE_BYTE.values() else _other(name, raw.where)
    head = head[len(mark) :]
    if not head:
        raise DataError(_("the file is empty"), where=raw.where, next_step="observatudo fetch")
    return Text(name, raw.where, raw, head, _utf8(raw.where) if name == "utf-8" else decode)


def count_newlines(data: bytes | pa.Buffer) -> int:
    """Return how many newlines there are: three times as fast as ``bytes.count``."""
    import numpy as np

    return int(np.count_nonzero(np.frombuffer(data, np.uint8) == ord("\n")))


def _refuse_other_formats(head: bytes, where: str, resource: Resource) -> None:
    start = head[:200].removeprefix(codecs.BOM_UTF8).lstrip().lower()
    if resource.format != "text" and start.startswith((b"<!doctype html", b"<html")):
        raise DataError(
            _("this is an HTML page where {format} is expected: often a server's message of an error").format(
                format=resource.format.upper()
            ),
            where=where,
            next_step=_("open it in a browser to see what it says, then: observatudo fetch"),
        )
    for magic, kind in _BINARY.items():
        if head.startswith(magic):
            raise DataError(
                _("this is a file of the format {kind}, not text").format(kind=kind),
                where=where,
                next_step=_("correct “format” in the dataset's declaration, or fetch the right file"),
            )


def _proven(head: bytes) -> tuple[bytes, str | None]:
    """Return the byte-order mark and the encoding it or the pattern of null bytes proves."""
    for mark, name in _MARKS.items():
        if head.startswith(mark):
            return mark, name
    pairs = len(head) // 2
    # of a Western character one byte of two is null: always the same one; of a rare one it is the other
    even, odd = head[: 2 * pairs : 2].count(0), head[1 : 2 * pairs : 2].count(0)
    if 2 * odd > pairs and 4 * even < odd:
        return b"", "utf-16-le"
    if 2 * even > pairs and 4 * odd < even:
        return b"", "utf-16-be"
    return b"", None


def _agreed(declared: str | None, found: str | None, marked: bool, where: str) -> str:
    """Return the encoding to read with; raises DataError when the declared one is not the one proven."""
    if declared is None:
        return found or "utf-8"
    name = codecs.lookup(declared).name
    name = _SINGLE_BYTE.get(name, name)
    family = _FAMILIES.get(name, (name,))
    if found in family:
        return found
    if found is not None:
        proof = _("its byte-order mark says otherwise") if marked else _("its pattern of null bytes says otherwise")
        raise _contradiction(declared, proof, found, where)
    if name.startswith("utf-16"):
        raise _contradiction(declared, _("it has no byte-order mark and hardly a null byte"), None, where)
    return family[0]


def _contradiction(declared: str, proof: str, found: str | None, where: str) -> DataError:
    step = _("put into the dataset's declaration: encoding: {encoding}").format(encoding=found)
    return DataError(
        _("the file is not {encoding} text, as declared: {proof}").format(encoding=declared, proof=proof),
        where=where,
        next_step=step if found else _("delete “encoding” in the dataset's declaration, to have it found out"),
    )


def _is_utf8(path: Path, innerpath: str) -> bool:
    """Tell whether a file has characters beyond ASCII, all of them valid UTF-8; stops at the first that is not."""
    raw = open_raw(path, innerpath)
    decoder = codecs.getincrementaldecoder("utf-8")()
    beyond = False
    try:
        while data := raw.read(CHUNK_BYTES):
            beyond = beyond or not data.isascii()
            decoder.decode(data)
        decoder.decode(b"", True)
    except UnicodeDecodeError:
        return False
    finally:
        raw.close()
    return beyond


def _utf8(where: str) -> _Decode:
    import numpy as np
    import pyarrow as pa

    held = b""  # the beginning of a character whose end is in the next chunk

    def decode(data: bytes, final: bool, line: int) -> bytes:
        nonlocal held
        data = held + data if held else data
        cut = len(data) if final else _complete(data)
        held, data = data[cut:], data[:cut]
        if not data.isascii():
            one = [None, pa.py_buffer(np.array([0, len(data)], np.int64)), pa.py_buffer(data)]
            try:
                pa.Array.from_buffers(pa.large_string(), 1, one).validate(full=True)  # Arrow's check is the fastest
            except pa.ArrowInvalid:
                raise _not_utf8(data, where, line) from None
        return data

    return decode


def _complete(data: bytes) -> int:
    """Return the length of ``data`` without a last character that is cut off."""
    for back in range(1, min(4, len(data) + 1)):
        byte = data[-back]
        if byte >= 0xC0:
            length = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            return len(data) - back if length > back else len(data)
        if byte < 0x80:
            break
    return len(data)


def _not_utf8(data: bytes, where: str, line: int) -> DataError:
    try:
        data.decode()
    except UnicodeDecodeError as error:
        at, line = error.start, line + data.count(b"\n", 0, error.start)
        if b"\0" in data:
            return _junk(where, line)
        guess = "cp1252" if _first_control(data) is not None else "latin-1"
        return DataError(
            _(
                "the file is not {encoding} text: byte 0x{byte:02X} on line {line}, which reads as {other}: {text}"
            ).format(encoding="utf-8", byte=data[at], line=line, other="Windows-1252", text=_around(data, at)),
            where=f"{where}:{line}",
            next_step=_(
                "if that reads right, put into the resource in the dataset's declaration: encoding: {encoding}"
            ).format(encoding=guess),
        )
    raise AssertionError("Arrow and Python disagree about UTF-8")


def _single_byte(name: str, where: str) -> _Decode:
    """Latin-1 and Windows-1252 differ in 0x80–0x9F alone: control characters there, quotes and dashes here."""

    def decode(data: bytes, _final: bool, line: int) -> bytes:
        if data.isascii():
            return data
        at = _first_control(data)
        if at is None:
            return data.decode("latin-1").encode()
        if name == "latin-1":
            raise _not_latin(data, at, where, line + data.count(b"\n", 0, at))
        try:
            return data.decode(name).encode()
        except UnicodeDecodeError as error:
            raise _no_character(name, data, error.start, where, line + data.count(b"\n", 0, error.start)) from None

    return decode


def _first_control(data: bytes) -> int | None:
    import numpy as np

    found = np.frombuffer(data, np.int8) < -0x60  # 0x80–0x9F as signed bytes: one comparison
    return int(found.argmax()) if found.any() else None


def _not_latin(data: bytes, at: int, where: str, line: int) -> DataError:
    return DataError(
        _("byte 0x{byte:02X} on line {line} is no character in {encoding}; the line reads as {other}: {text}").format(
            byte=data[at], line=line, encoding="latin-1", other="Windows-1252", text=_around(data, at)
        ),
        where=f"{where}:{line}",
        next_step=_(
            "if that reads right, put into the resource in the dataset's declaration: encoding: {encoding}"
        ).format(encoding="cp1252"),
    )


def _no_character(name: str, data: bytes, at: int, where: str, line: int) -> DataError:
    return DataError(
        _("byte 0x{byte:02X} on line {line} is no character in {encoding}").format(
            byte=data[at], line=line, encoding=name
        ),
        where=f"{where}:{line}",
        next_step=_("correct “encoding” in the dataset's declaration, or mend the file at its source"),
    )


def _around(data: bytes, at: int) -> str:
    start = max(data.rfind(b"\n", 0, at) + 1, at - _SHOWN)
    line = data[start : at + _SHOWN].split(b"\n")[0]
    return "“" + line.decode("cp1252", errors="replace").strip() + "”"


def _other(name: str, where: str) -> _Decode:
    decoder = codecs.getincrementaldecoder(name)()

    def decode(data: bytes, final: bool, line: int) -> bytes:
        try:
            return decoder.decode(data, final).encode()
        except UnicodeDecodeError as error:
            line += error.object[: error.start].decode(name, errors="ignore").count("\n")
            raise _no_character(name, error.object, error.start, where, line) from None

    return decode


def _junk(where: str, line: int) -> DataError:
    return DataError(
        _("binary junk on line {line}: a null character, which no text has").format(line=line),
        where=f"{where}:{line}",
        next_step=_("fetch the file again; if it stays so, mend it at its source"),
    )
