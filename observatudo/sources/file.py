"""The connector ``file``: a local file becomes one file of a snapshot, the others stay."""

from __future__ import annotations

import fnmatch
import glob
import shutil
from typing import TYPE_CHECKING

from observatudo import snapshots
from observatudo.errors import ObservatudoError
from observatudo.i18n import _
from observatudo.sources import sidecar
from observatudo.sources.address import shown
from observatudo.sources.guard import Refused
from observatudo.sources.take import Fetch, Outcome, is_plain, place

if TYPE_CHECKING:
    from pathlib import Path

    from observatudo.config import Dataset


def take(fetch: Fetch, key: str, dataset: Dataset, file: Path, name: str | None = None) -> Outcome:
    """Take ``file`` as the snapshot's file ``name`` (default: its own name, or the only one there is).

    The sidecar's connector becomes ``file``; the files that came from elsewhere keep their origin. The
    same bytes change nothing. Raises ObservatudoError for a file or name that cannot be, guard.Refused for one that
    shrank or broke, and SnapshotError when the other files of the snapshot are not what their sidecar promises.
    """
    root = fetch.root
    if not file.is_file():
        raise ObservatudoError(_("there is no file {file}").format(file=shown(str(file))))
    before = _standing(root, key)
    name = _name(key, file, name, _known(dataset, before))
    taken = snapshots.describe(file, f"{sidecar.BY_HAND}{file.name}")
    if before is not None and name in before.files and before.files[name].sha256 == taken.sha256:
        return Outcome(before, snapshots.Changes())
    with snapshots.staging(root) as staged:
        shutil.copyfile(file, staged / name)
        files = {**(before.files if before else {}), name: taken}
        try:
            return place(fetch, dataset, _snapshot(key, dataset, files, before), staged)
        except Refused as error:
            error.next_step = _("if it is meant: observatudo fetch {key} --from {file} --as {name} --accept").format(
                key=key, file=file, name=name
            )
            raise


def _standing(root: Path, key: str) -> snapshots.Snapshot | None:
    """The snapshot that is there, checked, or none if there is no sidecar at all."""
    if not (snapshots.folder(root, key) / snapshots.SIDECAR).exists():
        return None
    return snapshots.verify(root, key)


def _known(dataset: Dataset, before: snapshots.Snapshot | None) -> list[str]:
    """Return the names the declaration reads or packages bring, and those that stand there; patterns are kept."""
    read = {resource.path for resource in dataset.resources}
    return sorted({*dataset.snapshot.files(), *(before.files if before else ()), *read})


def _name(key: str, file: Path, name: str | None, known: list[str]) -> str:
    alone = len(known) == 1 and not glob.has_magic(known[0])
    chosen = name or (known[0] if alone else file.name)
    possible = is_plain(chosen) and not glob.has_magic(chosen)
    if not possible or not any(fnmatch.fnmatchcase(chosen, pattern) for pattern in known):
        names = [each for each in known if not glob.has_magic(each)]
        raise ObservatudoError(
            _("the snapshot of “{key}” has no file “{name}”; it has: {known}").format(
                key=key, name=chosen, known=", ".join(known)
            ),
            next_step=f"observatudo fetch {key} --from {file} --as {names[0] if names else 'NAME'}",
        )
    return chosen


def _snapshot(
    key: str, dataset: Dataset, files: dict[str, snapshots.SnapshotFile], before: snapshots.Snapshot | None
) -> snapshots.Snapshot:
    source = before.source if before else {}
    return sidecar.made(key, dataset, "file", {**source, "files": sidecar.by_hand(files)}, files)
