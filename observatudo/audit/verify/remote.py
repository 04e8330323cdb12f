"""The default remote: which objects it has, and what their bytes are. Nothing here writes to it or trusts it.

DVC's own question “which of these do you have” deletes objects of a folder remote whose bytes are wrong; so a remote
is asked file by file.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from observatudo.audit.verify import memory
from observatudo.audit.verify.memory import Hashes, Memory

if TYPE_CHECKING:
    from dvc_data.hashfile.db import HashFileDB

_SCHEMES = "://"


@dataclass(frozen=True)
class Remote:
    """The remote ``name``; ``folder`` is where its objects are when it is a folder of this machine."""

    root: Path
    name: str
    folder: Path | None
    verifies: bool

    def has(self, md5s: Iterable[str]) -> set[str]:
        """Return those of the objects that it has. Raises OSError or DvcException when it cannot be asked."""
        wanted = list(md5s)
        if self.folder is not None:
            return {md5 for md5 in wanted if self.path(md5).is_file()}
        if not wanted:
            return set()
        store = self._store()
        answers = store.fs.exists([store.oid_to_path(md5) for md5 in wanted])
        return {md5 for md5, answer in zip(wanted, answers, strict=True) if answer}

    def read(self, md5: str) -> bytes:
        """Return an object's bytes: meant for listings, which are small."""
        if self.folder is not None:
            return self.path(md5).read_bytes()
        store = self._store()
        with store.fs.open(store.oid_to_path(md5), "rb") as stream:
            content: bytes = stream.read()
        return content

    def hashes(self, md5s: Iterable[str], remembered: Memory) -> dict[str, Hashes | None]:
        """Return what the bytes of each object hash to; read in place or streamed, a block at a time."""
        wanted = list(md5s)
        if self.folder is not None:
            local = remembered.files(self.path(md5) for md5 in wanted)
            return {md5: local[self.path(md5)] for md5 in wanted}
        store, answers = self._store(), dict[str, Hashes | None]()
        for md5 in wanted:
            try:
                with store.fs.open(store.oid_to_path(md5), "rb") as stream:
                    answers[md5] = found = memory.of_stream(stream)
            except FileNotFoundError:
                answers[md5] = None
                continue
            if remembered.progress:
                remembered.progress(found.size)
        return answers

    def path(self, md5: str) -> Path:
        """Return where an object is, or would be, in a folder remote."""
        assert self.folder is not None
        return self.folder / md5[:2] / md5[2:]

    def where(self, md5: str) -> str:
        return str(self.path(md5)) if self.folder is not None else f"{self.name}: files/md5/{md5[:2]}/{md5[2:]}"

    def _store(self) -> HashFileDB:
        from dvc.repo import Repo

        from observatudo.remote import unreachable

        if why := unreachable(self.root):
            raise OSError(why)
        with Repo(str(self.root)) as repo:
            store: HashFileDB = repo.cloud.get_remote_odb(self.name)
        return store


def default(root: Path) -> Remote | None:
    """Return the default remote of the repository at ``root``, or None when none is set."""
    from dvc.config import Config

    config = Config(dvc_dir=str(root / ".dvc"), validate=False)
    name = config.get("core", {}).get("remote")
    options = config.get("remote", {}).get(name, {}) if name else {}
    url = options.get("url")
    if not name or not url:
        return None
    folder = None if _SCHEMES in url else Path(root / ".dvc" / url).resolve() / "files" / "md5"
    return Remote(root, name, folder, str(options.get("verify", "")).lower() == "true")
