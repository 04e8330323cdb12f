"""A file's bytes, taken out of gzip or zip where they are in one: the first bytes decide, not the file's name."""

from __future__ import annotations

import gzip
import io
import zipfile
import zlib
from pathlib import Path
from typing import BinaryIO, Final, cast

from observatudo.errors import DataError
from observatudo.i18n import _

_GZIP: Final = b"\x1f\x8b"
_ZIP: Final = (b"PK\x03\x04", b"PK\x05\x06")
_WORKBOOK: Final = "[Content_Types].xml"
# deflate packs at most 1:1032, tables seldom 1:100: what goes beyond both limits was made to harm
_MOST_TIMES: Final = 500
_HARMLESS: Final = 1 << 30


class Raw:
    """Readable bytes whose every failure is a DataError. ``where`` names the file, and the member of a zip."""

    def __init__(self, file: BinaryIO, where: str, packed: int | None) -> None:
        self.where = where
        self._file = file
        self._most = None if packed is None else max(packed * _MOST_TIMES, _HARMLESS)
        self._read = 0

    def read(self, size: int = -1) -> bytes:
        """Return ``size`` bytes, fewer only at the end; raises DataError when what they are packed in is damaged."""
        try:
            data = self._file.read(size)
        except (EOFError, zlib.error, gzip.BadGzipFile, zipfile.BadZipFile) as error:
            raise _damaged(self.where, error) from None
        self._read += len(data)
        if self._most is not None and self._read > self._most:
            raise DataError(
                _("the file unpacks to more than {n} times its size").format(n=_MOST_TIMES),
                where=self.where,
                next_step=_("unpack it by hand and look at what is in it"),
            )
        return data

    def close(self) -> None:
        self._file.close()


def open_raw(path: Path, innerpath: str) -> Raw:
    """Open a file for reading; raises DataError for a damaged archive, or for one with several members, none named."""
    start = first_bytes(path)
    size = path.stat().st_size
    if start.startswith(_GZIP):
        return Raw(cast(BinaryIO, gzip.open(path)), str(path), size)
    if start.startswith(_ZIP):
        return _member(path, innerpath, size)
    if innerpath:
        raise DataError(
            _("“innerpath” is given, but the file is no zip"),
            where=str(path),
            next_step=_("delete “innerpath” in the dataset's declaration"),
        )
    return Raw(path.open("rb"), str(path), None)


def first_bytes(path: Path) -> bytes:
    """Return the bytes by which a format is known."""
    with path.open("rb") as file:
        return file.read(8)


def seekable(path: Path, innerpath: str) -> BinaryIO:
    """Open a file whose format needs to be read back and forth: packed ones are unpacked into memory."""
    if first_bytes(path).startswith((_GZIP, *_ZIP)) and not is_xlsx(path):
        raw = open_raw(path, innerpath)
        try:
            return io.BytesIO(raw.read())
        finally:
            raw.close()
    return path.open("rb")


def is_xlsx(path: Path) -> bool:
    """Tell whether the file is a workbook, which is a zip too."""
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return _WORKBOOK in archive.namelist()


def _member(path: Path, innerpath: str, size: int) -> Raw:
    try:
        with zipfile.ZipFile(path) as archive:
            name = _chosen(path, archive, innerpath)
            return Raw(cast(BinaryIO, archive.open(name)), f"{path}/{name}", size)
    except zipfile.BadZipFile as error:
        raise _damaged(str(path), error) from None
    except (RuntimeError, NotImplementedError) as error:  # a password, a compression zipfile does not know
        raise DataError(
            _("the zip cannot be opened: {error}").format(error=error),
            where=str(path),
            next_step=_("unpack it by hand and give what is in it to “observatudo fetch --from”"),
        ) from None


def _chosen(path: Path, archive: zipfile.ZipFile, innerpath: str) -> str:
    # what macOS adds to every zip is not content
    members = [i.filename for i in archive.infolist() if not i.is_dir() and not i.filename.startswith("__MACOSX/")]
    if innerpath in members or (not innerpath and len(members) == 1):
        return innerpath or members[0]
    if _WORKBOOK in members and not innerpath:
        raise DataError(
            _("this is a file of the format {kind}, not text").format(kind="XLSX"),
            where=str(path),
            next_step=_("correct “format” in the dataset's declaration, or fetch the right file"),
        )
    listed = ", ".join(sorted(members)[:20]) or "–"
    if innerpath:
        message = _("the zip has no member “{name}”").format(name=innerpath)
    else:
        message = _("the zip has {n} members, and “innerpath” does not say which to read").format(n=len(members))
    raise DataError(
        message,
        where=str(path),
        next_step=_("name one in the resource's “innerpath”; its members are: {names}").format(names=listed),
    )


def _damaged(where: str, error: Exception) -> DataError:
    return DataError(
        _("the packed file is damaged or cut short: {error}").format(error=error),
        where=where,
        next_step=_("get it again: observatudo fetch"),
    )
