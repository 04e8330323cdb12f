"""Single members taken out of zip and tar archives, without ever unpacking the archive."""

from __future__ import annotations

import difflib
import shutil
import tarfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from observatudo.errors import SnapshotError
from observatudo.i18n import _


def extract(archive: Path, members: dict[str, str], target: Path) -> None:
    """Write each member of ``members`` (local name → path inside) to ``target / local name``.

    Only the named regular files are read, and they are written under names of our own, so nothing in
    the archive can choose where it lands. Raises SnapshotError for an unreadable archive or a missing member.
    """
    try:
        for name, member in members.items():
            with _open(archive, member) as source, (target / name).open("wb") as out:
                shutil.copyfileobj(source, out)
    except (zipfile.BadZipFile, tarfile.TarError, EOFError) as error:
        raise SnapshotError(_("the archive cannot be read: {error}").format(error=error), where=archive.name) from None


@contextmanager
def _open(archive: Path, member: str) -> Iterator[IO[bytes]]:
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as packed:
            names = [entry.filename for entry in packed.infolist() if not entry.is_dir()]
            yield packed.open(_choose(archive, member, names))
    else:
        with tarfile.open(archive) as packed_tar:
            names = [entry.name for entry in packed_tar.getmembers() if entry.isfile()]
            stream = packed_tar.extractfile(_choose(archive, member, names))
            assert stream is not None  # only regular files are offered
            yield stream


def _choose(archive: Path, member: str, names: list[str]) -> str:
    """Find the member, as it is named or below the one folder that source archives put everything in."""
    tops = {name.partition("/")[0] for name in names}
    wanted = {member, *(f"{top}/{member}" for top in tops if len(tops) == 1)}
    found = [name for name in names if name in wanted]
    if found:
        return found[0]
    close = difflib.get_close_matches(member, names, n=3)
    raise SnapshotError(
        _("{archive} holds no file “{member}”").format(archive=archive.name, member=member),
        next_step=_("the nearest names in it: {names}").format(names=", ".join(close)) if close else "",
    )
