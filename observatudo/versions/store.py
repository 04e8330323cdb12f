"""DVC's cache of a repository, read by hash; what is missing there is pulled from the remote.

Layout (DVC 3): ``files/md5/<two digits>/<the rest>``; the object of a folder is a JSON list of ``md5`` and ``relpath``.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from observatudo import dvccache
from observatudo.errors import ObservatudoError
from observatudo.i18n import _


class Entry(BaseModel):
    """One file of a folder, as the folder's listing names it."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    relpath: str
    md5: str


_ENTRIES = TypeAdapter(list[Entry])
_MD5 = re.compile(r"[0-9a-f]{32}(\.dir)?")  # anything else would be a path out of the cache


class Missing(ObservatudoError):
    """Objects that neither the cache nor the remote has; ``md5s`` names them."""

    def __init__(self, md5s: Iterable[str], message: str, *, where: str, next_step: str) -> None:
        super().__init__(message, where=where, next_step=next_step)
        self.md5s = sorted(md5s)


@contextmanager
def _silent() -> Iterator[None]:
    """Keep DVC's log from a user who is told in one message what is missing."""
    logger = logging.getLogger("dvc")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(before)


@dataclass(frozen=True)
class Store:
    """The cache that belongs to the repository at ``root``."""

    root: Path

    @cached_property
    def folder(self) -> Path:
        """Return where the objects are. Raises ObservatudoError in a repository without DVC."""
        return dvccache.folder(self.root)

    def path(self, md5: str) -> Path:
        """Return where the object of this hash is, or would be."""
        return dvccache.place(self.folder, md5)

    def has(self, md5: str) -> bool:
        """Say whether the cache has the object; its bytes are not looked at."""
        return bool(_MD5.fullmatch(md5)) and self.path(md5).is_file()

    def get(self, md5: str, what: str = "") -> Path:
        """Return the object's file, pulled when it is missing. Raises Missing; ``what`` is its name for a person."""
        self.pull([md5], what)
        return self.path(md5)

    def pull(self, md5s: Iterable[str], what: str = "") -> None:
        """Bring the objects that the cache lacks from the default remote, all at once. Raises Missing."""
        lacking = sorted({md5 for md5 in md5s if not self.has(md5)})
        if not lacking:
            return
        why = self._pull(lacking)
        left = [md5 for md5 in lacking if not self.has(md5)]
        if left:
            raise Missing(
                left,
                _("{count} object(s) of {what} are in neither cache nor remote ({why})").format(
                    count=len(left), what=what or left[0], why=why
                ),
                where=str(self.path(left[0])),
                next_step=self._way(),
            )

    def _way(self) -> str:
        """Return what to type when objects are missing."""
        from observatudo.remote import current

        if current(self.root) is None:
            return _("observatudo remote FOLDER   (where whoever ran that version keeps the data)")
        return _("make push   (on the machine that ran that version; then the same command again here)")

    def _pull(self, md5s: list[str]) -> str:
        """Try to pull, and return why it may not have worked."""
        import os

        from dvc.repo import Repo
        from dvc_data.hashfile.hash_info import HashInfo

        from observatudo.cloud.bucket import client_errors
        from observatudo.remote import unreachable

        if why := unreachable(self.root):
            return why
        with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere), _silent():
            try:
                with Repo(str(self.root)) as repo:
                    if not repo.config["core"].get("remote"):
                        return _("no remote is set")
                    repo.cloud.pull([HashInfo("md5", md5) for md5 in md5s if _MD5.fullmatch(md5)])
            except client_errors() as error:
                return " ".join(str(error).split())
        return _("the remote does not have them")

    def listing(self, md5: str, what: str = "") -> list[Entry]:
        """Return the files of the folder whose listing has this hash, in order of name.

        Raises Missing, and ObservatudoError for an object that is no listing.
        """
        path = self.get(md5, what)
        try:
            entries = _ENTRIES.validate_python(json.loads(path.read_bytes()))
            _require_inside(entries)
        except (ValueError, ValidationError) as error:
            raise ObservatudoError(
                _("the cached listing of {what} is damaged: {why}").format(
                    what=what or md5, why=" ".join(str(error).split())[:120]
                ),
                where=str(path),
                next_step="observatudo verify --deep",
            ) from None
        return sorted(entries, key=lambda entry: entry.relpath)


def _require_inside(entries: Iterable[Entry]) -> None:
    """Raise ValueError for a name that leads out of its folder."""
    for entry in entries:
        name = PurePosixPath(entry.relpath)
        if name.is_absolute() or ".." in name.parts or not name.parts:
            raise ValueError(f"{entry.relpath!r} leads out of the folder")
