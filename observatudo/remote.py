"""A place for the data, as DVC's default remote: a folder beside the repository, or a bucket of Google's.

DVC's own ``remote add`` loses a configuration file when the path has an accent, and the file's comments always;
here the file is written whole or not at all, and read back as DVC reads it before it counts.
"""

from __future__ import annotations

import io
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from observatudo import wholefile
from observatudo.errors import ObservatudoError
from observatudo.i18n import _

if TYPE_CHECKING:
    from configobj import ConfigObj
    from dvc.config import Config

    from observatudo.cloud.bucket import Bucket
    from observatudo.cloud.sending import Patience

NAME = "dados"
_SECTION = f'remote "{NAME}"'
_URL = re.compile(r"^\w\w+://")
_OURS = {"files", "runs", "tmp"}  # what DVC makes in a remote that is a folder


@dataclass(frozen=True)
class Remote:
    """DVC's default remote. ``folder`` is None of one that is no folder; ``verify``: what is pulled is hashed."""

    name: str
    url: str
    folder: Path | None
    is_shared: bool
    verify: bool

    def has(self, md5: str) -> bool:
        """Say whether a remote that is a folder holds the object; its bytes are not looked at."""
        return self.folder is not None and (self.folder / "files/md5" / md5[:2] / md5[2:]).is_file()

    def bucket(self, root: Path) -> Bucket | None:
        """Return the bucket that it is, or None. Raises ObservatudoError for an address that cannot be one."""
        from observatudo.cloud import bucket

        return bucket.of(root, self.url) if self.url.startswith(bucket.SCHEME) else None


@dataclass(frozen=True)
class Pushed:
    """What a push sent: objects, of how many that the history names; ``absent`` ones are not in this cache either.

    ``renewed`` of those sent were in the bucket with other bytes than their names promise.
    """

    sent: int
    named: int
    absent: int
    renewed: int = 0


def default_folder(root: Path) -> Path:
    """Return the folder that is taken when none is named: beside the repository, with its name."""
    return root.parent / f"{root.name}-dados"


def current(root: Path) -> Remote | None:
    """Return the remote that DVC uses by default, or None. Raises ObservatudoError when there is no DVC here."""
    config = _config(root)
    name = config["core"].get("remote")
    found = config["remote"].get(name, {})
    if not name or "url" not in found:
        return None
    url = str(found["url"])
    folder = None if _URL.match(url) else Path(url)
    local = config.load_one("local")["core"].get("remote")
    return Remote(name, url, folder, local is None, bool(found.get("verify")))


def _config(root: Path) -> Config:
    from dvc.config import Config, ConfigError

    place = root / ".dvc"
    if not place.is_dir():
        raise ObservatudoError(
            _("this repository has no DVC: there is no folder .dvc"), where=str(root), next_step="dvc init"
        )
    try:
        return Config(dvc_dir=str(place))
    except ConfigError as error:
        raise ObservatudoError(
            _("DVC's configuration cannot be read: {why}").format(why=" ".join(str(error).split())),
            where=str(place),
            next_step="git diff .dvc/config",
        ) from None


def set_up(root: Path, folder: Path, *, shared: bool = False, replace: bool = False) -> Remote:
    """Make the folder and have DVC use it by default: on this machine, or (``shared``) in every clone.

    Raises ObservatudoError, with nothing changed, when another remote is set (unless ``replace``), or the folder
    is inside the repository, a file, or holds something else.
    """
    folder = Path(os.path.abspath(folder.expanduser()))  # noqa: PTH100 a link may be moved to another disk
    before = current(root)
    if before is not None and before.folder != folder and not replace:
        raise _taken(root, before, _quoted(folder))
    _check(root, folder)
    folder.mkdir(parents=True, exist_ok=True)  # before anything names it
    return _set(root, _as_written(root, folder), before, shared)


def set_up_bucket(root: Path, url: str, *, shared: bool = False, replace: bool = False) -> Remote:
    """Have DVC use ``gs://bucket/path`` by default: on this machine, or (``shared``) in every clone.

    Raises ObservatudoError, with nothing changed, when it is no such address, another remote is set (unless
    ``replace``), or the bucket cannot be reached with the credentials at hand.
    """
    from observatudo.cloud import bucket

    place = bucket.of(root, url)
    before = current(root)
    if before is not None and before.url.rstrip("/") != place.url and not replace:
        raise _taken(root, before, place.url)
    place.check()
    return _set(root, place.url, before, shared)


def _taken(root: Path, before: Remote, typed: str) -> ObservatudoError:
    return ObservatudoError(
        _("DVC already has a default remote, {name}: {url}").format(name=before.name, url=before.url),
        where=str(_file(root, before.is_shared)),
        next_step=_("observatudo remote {folder} --replace   (the objects there stay where they are)").format(
            folder=typed
        ),
    )


def _set(root: Path, url: str, before: Remote | None, shared: bool) -> Remote:
    _write(_file(root, shared), url)
    if shared and before is not None and not before.is_shared:
        _forget(_file(root, shared=False))  # what a machine chooses for itself would hide it
    return reachable(root)


def _check(root: Path, folder: Path) -> None:
    inside = folder.resolve()
    if inside.is_relative_to(root.resolve()):
        raise ObservatudoError(
            _("the folder is inside the repository: it would be lost with it"),
            where=str(folder),
            next_step=f"observatudo remote {_quoted(default_folder(root))}",
        )
    if folder.exists() and not folder.is_dir():
        raise ObservatudoError(_("there is a file of that name"), where=str(folder), next_step=_("name a folder"))
    other = sorted(path.name for path in folder.iterdir() if path.name not in _OURS) if folder.is_dir() else []
    if other:
        raise ObservatudoError(
            _("the folder holds something else: {names}").format(names=", ".join(other[:3])),
            where=str(folder),
            next_step=_("name a new or empty folder"),
        )


def _quoted(folder: Path) -> str:
    import shlex

    return shlex.quote(str(folder))


def _file(root: Path, shared: bool) -> Path:
    return root / ".dvc" / ("config" if shared else "config.local")


def _as_written(root: Path, folder: Path) -> str:
    """Return the path as DVC's configuration has it: of a folder beside the repository, relative to ``.dvc``."""
    if folder.is_relative_to(root.parent):
        return Path(os.path.relpath(folder, root / ".dvc")).as_posix()
    return str(folder)


def _write(file: Path, url: str) -> None:
    """Name our remote in a configuration file. Raises ObservatudoError, nothing written, if DVC would misread it."""
    content = _read(file)
    content.setdefault("core", {})["remote"] = NAME
    content[_SECTION] = {"url": url, "verify": "true"}
    _save(file, content, url)


def _forget(file: Path) -> None:
    """Take the choice of a remote, and our own remote, out of a configuration file."""
    content = _read(file)
    content.get("core", {}).pop("remote", None)
    content.pop(_SECTION, None)
    _save(file, content)


def _read(file: Path) -> ConfigObj:
    from configobj import ConfigObj

    return ConfigObj(str(file), encoding="utf-8", interpolation=False)


def _save(file: Path, content: ConfigObj, url: str = "") -> None:
    from configobj import ConfigObj, ConfigObjError

    text = io.BytesIO()
    try:
        content.write(text)
        again = ConfigObj(io.StringIO(text.getvalue().decode()))  # as DVC reads it
        is_kept = not url or again.get(_SECTION, {}).get("url") == url
    except ConfigObjError:
        is_kept = False
    if not is_kept:
        raise ObservatudoError(
            _("DVC's configuration cannot hold this path"),
            where=url,
            next_step=_("choose a path without quotes, % and #"),
        )
    wholefile.write(file, text.getvalue())


def push(root: Path, patience: Patience | None = None, tell: Callable[[int, int], None] | None = None) -> Pushed:
    """Send what the whole history names and this cache has to the default remote; what is there is not sent again.

    That is every branch, tag and experiment, the work tree and the run records: all that a comparison may ask for.
    In a bucket, an object with other bytes than its name promises is put right. ``patience`` is how long a bucket may
    be silent; ``tell`` hears how many of how many have arrived there. Raises ObservatudoError when there is no remote,
    it cannot be reached or falls silent, or something could not be sent.
    """
    remote = reachable(root)
    here, absent = _to_send(root)
    place = remote.bucket(root)
    if place is not None:
        sent, renewed = _push_to(place, here, patience, tell)
    else:
        sent, renewed = _push_by_dvc(root, here), 0
    return Pushed(sent, len(here), absent, renewed)


def _push_by_dvc(root: Path, md5s: set[str]) -> int:
    from observatudo.cloud.bucket import client_errors, told
    from observatudo.cloud.sending import transfer

    try:
        done = transfer(root, sorted(md5s))
    except client_errors() as error:
        raise _failed(told(error)) from None
    if done.failed:
        raise _failed(_not_sent(done.failed, done.why))
    return done.arrived


def _push_to(
    place: Bucket, md5s: set[str], patience: Patience | None, tell: Callable[[int, int], None] | None
) -> tuple[int, int]:
    from observatudo.cloud.sending import Patience, send

    there = place.objects()
    wrong = {md5 for md5 in md5s if not there.get(md5, True)}
    lacking = sorted(md5 for md5 in md5s if not there.get(md5, False))
    if not lacking:
        return 0, 0
    place.discard(wrong)
    done = send(place, lacking, patience or Patience(), tell)
    if done.failed:
        raise _failed(_not_sent(done.failed, done.why))
    return done.arrived, len(wrong)


def standing(root: Path, remote: Remote) -> tuple[int, int]:
    """Return how many objects of the history this cache has, and how many of them the folder or the bucket has.

    Of a remote that is neither, none count. Raises ObservatudoError when a bucket cannot be reached.
    """
    here, _absent = _to_send(root)
    place = remote.bucket(root)
    if place is not None:
        sound = {md5 for md5, is_sound in place.objects().items() if is_sound}
        return len(here), len(here & sound)
    return len(here), sum(remote.has(md5) for md5 in here)


def _not_sent(count: int, why: str) -> str:
    if why:
        return _("{count} objects could not be sent, the first of them: {why}").format(count=count, why=why)
    return _("{count} objects could not be sent").format(count=count)


def _failed(why: str) -> ObservatudoError:
    return ObservatudoError(
        _("the push did not end well: {why}").format(why=why),
        next_step=_("make push   (what has arrived is not sent again)"),
    )


def reachable(root: Path) -> Remote:
    """Return the default remote. Raises ObservatudoError when none is set, or its folder is not there."""
    remote = current(root)
    if remote is None:
        raise ObservatudoError(
            _("no place for the data is set: DVC has no default remote"),
            where=str(root / ".dvc"),
            next_step=_("observatudo remote   (makes {folder})").format(folder=_quoted(default_folder(root))),
        )
    if remote.folder is not None and not remote.folder.is_dir():
        raise ObservatudoError(
            _("the folder for the data is not there; is its disk connected?"),
            where=str(remote.folder),
            next_step=_("observatudo remote {folder}   (makes it anew, empty)").format(folder=_quoted(remote.folder)),
        )
    return remote


def unreachable(root: Path) -> str:
    """Return why the default remote, where it is a bucket, cannot be asked now; empty where it can, or is no bucket.

    Besides, what ``.env`` says about Google's credentials counts in this process from then on, for DVC too.
    """
    remote = current(root)
    place = remote.bucket(root) if remote else None
    if place is None:
        return ""
    try:
        place.check()
    except ObservatudoError as error:
        return error.message
    return ""


def _to_send(root: Path) -> tuple[set[str], int]:
    """Return the hashes to send, and how many files of known folders the cache lacks.

    A folder that is not whole here goes without its listing: DVC takes a listing for all its files being there.
    """
    from observatudo.audit.objects import History
    from observatudo.versions import Versions

    history = History(Versions(root))
    store = history.versions.store
    named = history.whole()
    absent, here = set(), set()
    for md5 in named:
        files = history.expand([md5])
        lacking = {one for one in files if not store.has(one)}
        here |= files - lacking - ({md5} if lacking else set())
        absent |= lacking - {md5}
    return here, len(absent)
