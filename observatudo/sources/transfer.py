"""The body of one answer on its way into a file: resumed where the rest can be asked for, measured, and unpacked."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from observatudo.errors import SnapshotError
from observatudo.i18n import _
from observatudo.sources.answers import Again
from observatudo.wholefile import write

if TYPE_CHECKING:
    import httpx

_CHUNK = 1 << 18
_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)")
_PLAIN = ("", "identity")
_GZIP = ("gzip", "x-gzip")
Progress = Callable[[int, int | None], None]  # bytes that are there, and of how many


class Part:
    """The bytes of one answer as they came over the wire, in ``path``; beside it, what the rest is asked for by."""

    def __init__(self, path: Path, limit: int) -> None:
        self._path = path
        self._note = path.with_name(f"{path.name}.json")
        self._limit = limit

    @property
    def size(self) -> int:
        """How many bytes are there."""
        return self._path.stat().st_size if self._path.exists() else 0

    def wish(self) -> dict[str, str]:
        """Return the headers that ask for the rest, if the file is still the same one; none for the whole."""
        note = self._noted()
        if not self.size or not note.get("validator"):
            self.drop()
            return {}
        return {"Range": f"bytes={self.size}-", "If-Range": note["validator"]}

    def receive(self, response: httpx.Response, progress: Progress) -> None:
        """Write an answer of 200 from the beginning, one of 206 behind what is there.

        Raises Again for a body that is cut or a part that does not fit, SnapshotError for one that is too large.
        """
        begin = self._begin(response)
        total = self._total(response, begin)
        self._require_small(total or begin)
        encoding = response.headers.get("content-encoding", "").strip().lower()
        if encoding not in (*_PLAIN, *_GZIP):
            self.drop()
            raise SnapshotError(_("the server sends an encoding nobody asked for: {name}").format(name=encoding))
        if not begin:
            self._path.unlink(missing_ok=True)  # first, or its bytes would pass for those of the new note
            write(self._note, json.dumps({"validator": _validator(response), "encoding": encoding}))
        with self._path.open("ab" if begin else "wb") as out:
            for chunk in response.iter_raw():  # as it comes: what a fixed size keeps back is lost with the connection
                out.write(chunk)
                self._require_small(out.tell())
                progress(out.tell(), total)
        if total is not None and self.size != total:
            raise Again(_("the body was cut: {here} of {total} bytes").format(here=self.size, total=total))

    def unpack(self, target: Path) -> None:
        """Put the whole body in the place of ``target``, decoded. Raises Again for a body that cannot be."""
        if self._noted().get("encoding", "") in _GZIP:
            with target.open("wb") as out:
                for chunk in self._inflated():
                    out.write(chunk)
                    self._require_small(out.tell())
        else:
            self._path.replace(target)
        self.drop()

    def drop(self) -> None:
        """Forget what is there."""
        self._path.unlink(missing_ok=True)
        self._note.unlink(missing_ok=True)

    def _begin(self, response: httpx.Response) -> int:
        if response.status_code != 206:
            return 0
        found = _RANGE.fullmatch(response.headers.get("content-range", ""))
        note, now = self._noted(), _validator(response)
        encoding = response.headers.get("content-encoding", "").strip().lower()
        fits = found is not None and int(found[1]) == self.size and encoding == note.get("encoding")
        if not fits or (now and now != note.get("validator")):
            self.drop()
            raise Again(_("the server sends another part than the one asked for"))
        return self.size

    def _total(self, response: httpx.Response, begin: int) -> int | None:
        if begin:
            total = response.headers.get("content-range", "").rpartition("/")[2]
            return int(total) if total.isdecimal() else None
        length: str = response.headers.get("content-length", "")
        return int(length) if length.isdecimal() and "transfer-encoding" not in response.headers else None

    def _require_small(self, size: int) -> None:
        if size > self._limit:
            self.drop()
            raise SnapshotError(
                _("the file is larger than {limit:,.0f} MB").format(limit=self._limit / 1e6),
                next_step=_("if it is to be so large, set OBSERVATUDO_FETCH_MAX_MB and fetch again"),
            )

    def _inflated(self) -> Iterator[bytes]:
        """Yield what a gzip body holds, a piece at a time however well it was packed; several members in a row too."""
        inflate = zlib.decompressobj(wbits=31)
        with self._path.open("rb") as packed:
            while rest := packed.read(_CHUNK):
                while rest:
                    if inflate.eof:
                        inflate = zlib.decompressobj(wbits=31)
                    yield self._piece(inflate, rest)
                    rest = inflate.unconsumed_tail or inflate.unused_data
        if not inflate.eof:
            self._unreadable(_("it ends too early"))

    def _piece(self, inflate: zlib._Decompress, rest: bytes) -> bytes:
        try:
            return inflate.decompress(rest, _CHUNK)
        except zlib.error as error:
            self._unreadable(str(error))
            raise AssertionError from None  # the line above never returns

    def _unreadable(self, why: str) -> None:
        self.drop()
        raise Again(_("the compressed body cannot be read: {why}").format(why=why))

    def _noted(self) -> dict[str, str]:
        try:
            found = json.loads(self._note.read_bytes())
        except (OSError, ValueError):
            return {}
        return {str(key): str(value) for key, value in found.items()} if isinstance(found, dict) else {}


def _validator(response: httpx.Response) -> str:
    """Return what ``If-Range`` takes: a strong ETag, or else a date (RFC 9110, 13.1.5)."""
    if response.headers.get("accept-ranges", "").strip().lower() == "none":
        return ""
    etag: str = response.headers.get("etag", "")
    date: str = response.headers.get("last-modified", "")
    return etag if etag and not etag.startswith("W/") else date
