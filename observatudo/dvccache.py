"""Where DVC keeps the bytes of every version of every output, on this machine.

Layout (DVC 3): ``files/md5/<two digits>/<the rest>``.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from observatudo.errors import ObservatudoError
from observatudo.i18n import _


def folder(root: Path) -> Path:
    """Return where the objects are: ``cache.dir`` of DVC's configuration, else ``.dvc/cache``.

    Raises ObservatudoError in a repository without DVC.
    """
    dvc = root / ".dvc"
    if not dvc.is_dir():
        raise ObservatudoError(
            _("this repository has no DVC: there is no folder .dvc"), where=str(root), next_step="dvc init"
        )
    from dvc.config import Config

    chosen = Config(dvc_dir=str(dvc), validate=False).get("cache", {}).get("dir")
    return (dvc / chosen if chosen else dvc / "cache").resolve() / "files" / "md5"


def place(objects: Path, md5: str) -> Path:
    """Return where the object of this hash is, or would be, in the folder of the objects."""
    return objects / md5[:2] / md5[2:]


def md5(path: Path) -> str:
    """Return the file's MD5, DVC's name for its bytes, read in blocks. Raises OSError when unreadable."""
    with path.open("rb") as content:
        return hashlib.file_digest(content, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
