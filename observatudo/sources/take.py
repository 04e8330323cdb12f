"""A dataset's snapshot through all its connectors: taken aside, held against the one that stands, then put in place."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from pydantic import JsonValue

from observatudo import snapshots
from observatudo.errors import ConfigError, SnapshotError
from observatudo.i18n import _
from observatudo.snapshots import SIDECAR, Changes, Snapshot, SnapshotFile
from observatudo.sources import guard, large, package, sidecar
from observatudo.sources.address import clean, is_secret
from observatudo.sources.contract import Client, Report, Taken
from observatudo.yamlfile import Strict

if TYPE_CHECKING:
    from observatudo.config import Dataset, FetchParams

REFUSED = Path(".observatudo/refused")
PARTS = Path(".observatudo/partial")  # unfinished downloads, for the next fetch
_PACKAGE = "package"  # how sidecars call the list ``packages``


@dataclass(frozen=True)
class Fetch:
    """What one fetch goes by: the repository, the way to the network, who hears of it, and what is taken."""

    root: Path
    client: Client
    report: Report
    params: FetchParams
    accept: bool = False


@dataclass(frozen=True)
class Outcome:
    """The snapshot that stands now, what changed in its folder, and what was taken although it looked wrong."""

    snapshot: Snapshot
    changes: Changes
    accepted: list[guard.Finding] = field(default_factory=list)


def take(fetch: Fetch, key: str, dataset: Dataset) -> Outcome:
    """Take the snapshot of a dataset anew, all of its files or none; without a change at the source nothing changes.

    Raises ConfigError where the declaration names no source, guard.Refused for what shrank or broke, and SnapshotError
    or ObservatudoError when a source fails; the snapshot is then as it was.
    """
    _require_source(key, dataset)
    before = snapshots.standing(fetch.root, key)
    with snapshots.staging(fetch.root) as staged:
        files = _files(fetch, dataset, before, staged)
        return place(fetch, dataset, _snapshot(key, dataset, files), staged)


def is_new(fetch: Fetch, key: str, dataset: Dataset) -> bool:
    """Say whether the source has what the snapshot has not; where no connector can tell, all is taken aside.

    Raises as ``take`` does, and changes nothing.
    """
    _require_source(key, dataset)
    before = snapshots.standing(fetch.root, key)
    if before is None:
        return True
    intact = snapshots.intact(fetch.root, before)
    answers = {_news(fetch, spec, name, intact) for name, spec in _specs(dataset)}
    if dataset.snapshot.packages:
        answers.add(package.is_new(dataset.snapshot.packages, intact))
    if True in answers or len(intact) < len(before.files):
        return True
    if answers == {False}:
        return False
    with snapshots.staging(fetch.root) as staged:
        found = _files(fetch, dataset, before, staged)
    return {name: file.sha256 for name, file in found.items()} != {n: file.sha256 for n, file in before.files.items()}


def place(fetch: Fetch, dataset: Dataset, snapshot: Snapshot, staged: Path) -> Outcome:
    """Install a snapshot whose files are in ``staged`` or stand already, if the guard lets it. Raises as ``take``."""
    key = snapshot.dataset
    findings = _findings(fetch, dataset, snapshot, staged)
    if findings and not fetch.accept:
        raise guard.Refused(key, findings, _keep_aside(fetch.root, snapshot, staged))
    shutil.rmtree(fetch.root / REFUSED / key, ignore_errors=True)
    settle = large.settler(fetch.root, fetch.params.git_limit_mb)
    changes = snapshots.install(fetch.root, snapshot, staged, settle)
    return Outcome(snapshots.read(fetch.root, key), changes, findings)


def _require_source(key: str, dataset: Dataset) -> None:
    if dataset.snapshot.is_by_hand():
        raise ConfigError(
            _("the declaration of “{key}” names no source to fetch from").format(key=key),
            next_step=f"observatudo fetch {key} --from FILE",
        )


def _specs(dataset: Dataset) -> Iterator[tuple[str, Strict]]:
    """Yield the name of each list but ``packages``, with each of its items."""
    for name, specs in dataset.snapshot:
        if name != "packages":
            yield from ((name, spec) for spec in specs)


def _news(fetch: Fetch, spec: Strict, name: str, intact: Mapping[str, SnapshotFile]) -> bool | None:
    from observatudo.sources.registry import CONNECTORS

    return CONNECTORS[name].news(spec, fetch.client, intact)


def _files(fetch: Fetch, dataset: Dataset, before: Snapshot | None, staged: Path) -> dict[str, SnapshotFile]:
    """Take every file into ``staged``, but for those that are the same as they stand."""
    known = snapshots.intact(fetch.root, before) if before is not None else {}
    stood = before.files if before is not None else {}
    files: dict[str, SnapshotFile] = {}
    for bring in _bringers(fetch, dataset, known):
        with TemporaryDirectory(prefix=".", dir=staged) as own:
            for taken in bring(Path(own)):
                _require_new_name(taken.name, files)
                files[taken.name] = _described(taken, Path(own) / taken.name, stood)
                if not taken.same:
                    (Path(own) / taken.name).replace(staged / taken.name)
    by_hand = {name: file for name, file in known.items() if file.origin.startswith(sidecar.BY_HAND)}
    return {**by_hand, **files}


def _bringers(
    fetch: Fetch, dataset: Dataset, known: Mapping[str, SnapshotFile]
) -> Iterator[Callable[[Path], list[Taken]]]:
    packages = dataset.snapshot.packages
    if packages:
        yield lambda folder: package.bring(packages, folder, fetch.report)
    for name, spec in _specs(dataset):
        yield partial(_bring, fetch, name, spec, known)


def _bring(fetch: Fetch, name: str, spec: Strict, known: Mapping[str, SnapshotFile], folder: Path) -> list[Taken]:
    from observatudo.sources.registry import CONNECTORS

    return CONNECTORS[name].take(spec, fetch.client, folder, known, fetch.report)


def is_plain(name: str) -> bool:
    """Say whether a file of a snapshot can be called so: one name, seen by all, and none of our own."""
    plain = Path(name).name == name and "\\" not in name and not name.startswith(".") and name.isprintable()
    return plain and name != SIDECAR and not name.endswith(".dvc")


def _require_new_name(name: str, files: Mapping[str, SnapshotFile]) -> None:
    if not is_plain(name):
        raise SnapshotError(_("the source calls a file “{name}”, which is no plain name").format(name=name))
    if name in files:
        raise SnapshotError(
            _("two sources give a file called “{name}”").format(name=name),
            next_step=_("give one of them another name in the declaration, under “snapshot”"),
        )


def _described(taken: Taken, path: Path, stood: Mapping[str, SnapshotFile]) -> SnapshotFile:
    """Return what the sidecar says of a file; of one with the bytes and the origin of before, what it said then.

    A validator alone that moved changes nothing: machines behind one address give different ones for the same bytes.
    """
    old = stood.get(taken.name)
    if taken.same:
        if old is None:
            raise SnapshotError(
                _("the source says that “{name}” has not changed, and it is not there").format(name=taken.name)
            )
        return old
    found = snapshots.describe(path, taken.origin, taken.member)
    if not taken.url:
        return found
    same = old is not None and old.sha256 == found.sha256
    about = {
        "url": clean(taken.url),
        "etag": taken.etag,
        "last_modified": taken.last_modified,
        "version": taken.version,
        "fetched_at": old.fetched_at if old is not None and same and old.fetched_at else snapshots.now(),
    }
    found = found.model_copy(update=about)
    return old if old is not None and same and _origin(old) == _origin(found) else found


def _origin(file: SnapshotFile) -> tuple[str | None, ...]:
    return (file.origin, file.member, file.url, file.version)


def _findings(fetch: Fetch, dataset: Dataset, snapshot: Snapshot, staged: Path) -> list[guard.Finding]:
    """Ask the guard about the files that differ; one that is no longer declared is not missed."""
    before = snapshots.standing(fetch.root, snapshot.dataset)
    here = snapshots.folder(fetch.root, snapshot.dataset)
    new = {name: staged / name for name in snapshot.files if (staged / name).is_file()}
    is_same_source = before is not None and before.source == snapshot.source
    gone = sorted(set(before.files) - set(snapshot.files)) if before is not None and is_same_source else []
    if not new and not gone:
        return []  # every byte of what stands was read already, to see that it is the same
    intact = snapshots.intact(fetch.root, before) if before is not None else {}
    differ = {name: path for name, path in new.items() if _hash(intact.get(name)) != snapshot.files[name].sha256}
    old = {name: here / name for name in intact}
    return guard.check(dataset, old, differ, gone, fetch.params.min_rows_share)


def _hash(file: SnapshotFile | None) -> str | None:
    return file.sha256 if file is not None else None


def _keep_aside(root: Path, snapshot: Snapshot, staged: Path) -> str:
    """Keep what was refused, to be looked at; return where."""
    folder = root / REFUSED / snapshot.dataset
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name in snapshot.files:
        if (staged / name).is_file():
            (staged / name).replace(folder / name)
    return (REFUSED / snapshot.dataset).as_posix()


def _snapshot(key: str, dataset: Dataset, files: dict[str, SnapshotFile]) -> Snapshot:
    lists = {name: specs for name, specs in dataset.snapshot if specs}
    source: dict[str, JsonValue] = {name: [_shown(spec) for spec in specs] for name, specs in lists.items()}
    by_hand = sidecar.by_hand(files)
    if by_hand:
        source["files"] = by_hand
    names = [_PACKAGE if name == "packages" else name for name in lists]
    return sidecar.made(key, dataset, "+".join([*names, *(["file"] if by_hand else [])]), source, files)


def _shown(spec: Strict) -> JsonValue:
    """Return an item of the declaration as sidecars keep it: without secrets, and without what is by default."""
    content: dict[str, JsonValue] = spec.model_dump(mode="json", exclude={"members"}, exclude_defaults=True)
    for name, value in content.items():
        if name in ("url", "site") and isinstance(value, str):
            content[name] = clean(value)
        if isinstance(value, dict):
            content[name] = {key: "***" if is_secret(key) else kept for key, kept in value.items()}
    return content
