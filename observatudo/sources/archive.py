"""Single members taken out of zip and tar archives, without ever unpacking the archive."""

from __future__ import annotations

import difflib
import lzma
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from observatudo.errors import SnapshotError
from observatudo.i18n import _

_CHUNK = 1 << 20
_MAX_BYTES = 4_000_000_000  # of all members together, unpacked
_MAX_ENTRIES = 100_000
# a table of text packs 5 to 20 times smaller; zlib at its best 1,032 times
_MAX_RATIO, _RATIO_FROM = 250, 100_000_000
_UNREADABLE = (
    zipfile.BadZipFile,
    tarfile.TarError,
    EOFError,
    zlib.error,
    lzma.LZMAError,
    NotImplementedError,  # zipfile: a way of packing it does not know
    UnicodeError,
)


def extract(archive: Path, members: dict[str, str], target: Path, limit: int = _MAX_BYTES) -> None:
    """Write each member of ``members`` (local name → path inside) to ``target / local name``.

    Only the named regular files are read, and they are written under names of our own, so nothing in
    the archive can choose where it lands. Raises SnapshotError for an unreadable, encrypted or absurdly large archive
    (``limit``: bytes of all members together), a missing member, and one that is there twice.
    """
    written = 0
    try:
        with _opened(archive, limit) as open_member:
            for name, member in members.items():
                with open_member(member) as source, (target / name).open("wb") as out:
                    written = _copy(archive, source, out, written, limit)
    except _UNREADABLE as error:
        raise _unreadable(archive, error) from None
    except OSError as error:
        if error.errno is not None:  # the disk's, not a decompressor's
            raise
        raise _unreadable(archive, error) from None


def _copy(archive: Path, source: IO[bytes], out: IO[bytes], written: int, limit: int) -> int:
    """Return the bytes of all members so far, this one with them."""
    while chunk := source.read(_CHUNK):
        written += len(chunk)
        _require_sane(archive, written, limit)
        out.write(chunk)
    return written


def _unreadable(archive: Path, error: Exception) -> SnapshotError:
    return SnapshotError(_("the archive cannot be read: {error}").format(error=error), where=archive.name)


def _require_sane(archive: Path, written: int, limit: int) -> None:
    if written > limit or (written > _RATIO_FROM and written > _MAX_RATIO * archive.stat().st_size):
        raise SnapshotError(
            _("the archive unpacks to more than it can honestly hold: {size:,.0f} MB so far").format(
                size=written / 1e6
            ),
            where=archive.name,
            next_step=_("look at it by hand: unzip -l, or tar -tv"),
        )


@contextmanager
def _opened(archive: Path, limit: int) -> Iterator[Callable[[str], IO[bytes]]]:
    """Give what opens one member after the other; the archive is listed once."""
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as packed:
            entries = [entry for entry in packed.infolist() if _is_regular(entry)]
            yield lambda member: _open_zipped(archive, packed, entries, member)
    else:
        with tarfile.open(archive) as packed_tar:
            found = _entries(archive, packed_tar, limit)
            yield lambda member: _open_tarred(archive, packed_tar, found, member)


def _open_zipped(archive: Path, packed: zipfile.ZipFile, entries: Sequence[zipfile.ZipInfo], member: str) -> IO[bytes]:
    entry = entries[_choose(archive, member, [entry.filename for entry in entries])]
    if entry.flag_bits & 1:
        raise SnapshotError(
            _("“{member}” is encrypted").format(member=entry.filename),
            where=archive.name,
            next_step=_("unpack it with its password, then: observatudo fetch FONTE/DATASET --from FILE"),
        )
    return packed.open(entry)


def _open_tarred(archive: Path, packed: tarfile.TarFile, entries: Sequence[tarfile.TarInfo], member: str) -> IO[bytes]:
    extracted = packed.extractfile(entries[_choose(archive, member, [entry.name for entry in entries])])
    assert extracted is not None  # only regular files are offered
    return extracted


def _is_regular(entry: zipfile.ZipInfo) -> bool:
    """Say whether it is a file; what Unix made says so in the upper half of its attributes, others leave that empty."""
    mode = entry.external_attr >> 16
    return not entry.is_dir() and (stat.S_IFMT(mode) == 0 or stat.S_ISREG(mode))


def _entries(archive: Path, packed: tarfile.TarFile, limit: int) -> list[tarfile.TarInfo]:
    """Return the regular files; stops at an archive that is read for ever before its list is known."""
    found: list[tarfile.TarInfo] = []
    for number, entry in enumerate(packed, 1):
        _require_sane(archive, entry.offset_data + entry.size, limit)  # before it is read, to get to the next
        if number > _MAX_ENTRIES:
            raise _too_many(archive)
        found += [entry] if entry.isfile() else []
    _require_whole(archive, packed, limit)
    return found


def _require_whole(archive: Path, packed: tarfile.TarFile, limit: int) -> None:
    """Read what follows the last entry, where tarfile stops: the checksum of gzip and xz stands at the very end."""
    assert packed.fileobj is not None  # opened for reading
    while packed.fileobj.read(_CHUNK):
        _require_sane(archive, packed.fileobj.tell(), limit)


def _too_many(archive: Path) -> SnapshotError:
    return SnapshotError(
        _("the archive holds more than {count:,} files").format(count=_MAX_ENTRIES), where=archive.name
    )


def _choose(archive: Path, member: str, names: list[str]) -> int:
    """Return the position of the member, as it is named or in the one folder that source archives put all in."""
    if len(names) > _MAX_ENTRIES:
        raise _too_many(archive)
    tops = {name.partition("/")[0] for name in names}
    wanted = {member, *(f"{top}/{member}" for top in tops if len(tops) == 1)}
    found = [name for name in names if name in wanted]
    if len(found) != len(set(found)):
        raise SnapshotError(
            _("{archive} holds “{member}” twice; which one is meant nobody can tell").format(
                archive=archive.name, member=member
            )
        )
    if found:
        return names.index(found[0])
    close = difflib.get_close_matches(member, names[:10_000], n=3)
    raise SnapshotError(
        _("{archive} holds no file “{member}”").format(archive=archive.name, member=member),
        next_step=_("the nearest names in it: {names}").format(names=", ".join(close)) if close else "",
    )
