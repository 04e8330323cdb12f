"""Clean-up of DVC's cache: what the versions that are kept need stays, and what goes is said before.

Only objects whose name is a hash, in this clone's own cache, are ever deleted; the remote is never touched.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path, PurePosixPath
from stat import S_ISREG
from typing import TYPE_CHECKING

from observatudo import paths
from observatudo.audit.objects import History
from observatudo.errors import ObservatudoError
from observatudo.i18n import _
from observatudo.versions import Store, Version, Versions

if TYPE_CHECKING:
    from observatudo.remote import Remote

_OBJECT = re.compile(r"^[0-9a-f]{2}/[0-9a-f]{30}(\.dir)?$")


@dataclass(frozen=True)
class Wish:
    """Which history is to be kept beside what has a name (branches, tags, experiments, stashes): empty, all of it.

    ``revisions``: these too, ranges (``A..B``) and run ids among them; ``since``: commits from this date (ISO 8601) on;
    ``last``: so many commits back from every branch.
    """

    revisions: tuple[str, ...] = ()
    since: str = ""
    last: int | None = None

    @property
    def is_all(self) -> bool:
        return not (self.revisions or self.since or self.last)


@dataclass(frozen=True)
class Lost:
    """A version that could no longer be compared or restored from this cache; a run, when ``commit`` is empty.

    ``tables`` are those concerned; ``in_remote`` says that all of it can be pulled again.
    """

    commit: str
    run: str
    date: str
    subject: str
    tables: tuple[str, ...]
    in_remote: bool


@dataclass(frozen=True)
class Plan:
    """What a clean-up would do: hash → bytes of what goes, in three groups, and the versions that are hit.

    ``unnamed``: no version, experiment or run names them; ``there``: the remote has them; ``nowhere``: lost for good.
    ``doubtful`` counts folders of versions whose listings are not here: unnamed objects may be theirs, and those that
    the remote lacks count as ``nowhere``.
    """

    versions: int
    kept: int
    unnamed: dict[str, int] = field(default_factory=dict)
    there: dict[str, int] = field(default_factory=dict)
    nowhere: dict[str, int] = field(default_factory=dict)
    lost: tuple[Lost, ...] = ()
    doubtful: int = 0

    @property
    def goes(self) -> dict[str, int]:
        return self.unnamed | self.there | self.nowhere


def plan(root: Path, wish: Wish) -> Plan:
    """Work out what goes when the wish is granted. Deletes nothing.

    Raises ObservatudoError in a shallow clone, for a cache that others may use, while a run is at work, and for a
    revision or date that is none.
    """
    versions = Versions(root)
    _refuse(versions)
    history = History(versions)
    everything = history.everything()
    kept = set(everything) if wish.is_all else _chosen(history, wish)
    needed = history.expand(_needed(history, kept, wish))
    there_are = dict(objects(versions.store))
    goes = {md5: size for md5, size in there_are.items() if md5 not in needed}
    dropped = [commit for commit in everything if commit not in kept]
    named = history.expand(frozenset[str]().union(*(history.named(commit) for commit in dropped)))
    named |= history.expand(_all_recorded(history, everything))
    in_remote = _in_remote(root, goes)
    doubtful = history.unknown
    return Plan(
        versions=len(kept),
        kept=len(there_are) - len(goes),
        unnamed={m: n for m, n in goes.items() if m not in named and (m in in_remote or not doubtful)},
        there={m: n for m, n in goes.items() if m in named and m in in_remote},
        nowhere={m: n for m, n in goes.items() if m not in in_remote and (m in named or doubtful)},
        lost=tuple(_lost(history, dropped, goes, in_remote)),
        doubtful=len(doubtful),
    )


def objects(store: Store) -> Iterator[tuple[str, int]]:
    """Give the hash and size in bytes of every object of a cache; what has another name is none."""
    for path in sorted(store.folder.glob("??/*")):
        stat = path.lstat()
        if S_ISREG(stat.st_mode) and _OBJECT.match(f"{path.parent.name}/{path.name}"):
            yield path.parent.name + path.name, stat.st_size


def _refuse(versions: Versions) -> None:
    from observatudo.audit.busy import at_work

    if versions.is_shallow:
        raise ObservatudoError(
            _("this clone has only a part of the history: what the rest needs is not known"),
            where=str(versions.root),
            next_step="git fetch --unshallow",
        )
    folder, root = versions.store.folder, versions.root.resolve()
    if not folder.is_relative_to(root):
        raise ObservatudoError(
            _("the cache is outside this repository, others may use it: this history alone cannot say what goes"),
            where=str(folder),
            next_step=_("dvc gc --workspace --projects OTHER…   (naming all repositories that use it)"),
        )
    busy = at_work(versions.root)
    if busy:
        raise ObservatudoError(
            _("a run is at work: {what}").format(what=busy),
            where=str(versions.root),
            next_step=_("wait for its end, then type it again"),
        )


def _chosen(history: History, wish: Wish) -> set[str]:
    """Return the commits to keep: those with a name, and what the wish adds."""
    found = set(history.tips())
    branches = ("--branches", "--remotes", "HEAD")
    if wish.last:
        listed = history.versions.repo.git.rev_parse("--revs-only", *branches).split()
        found = found.union(*(history.commits(f"--max-count={wish.last}", tip) for tip in listed))
    if wish.since:
        found |= set(history.commits(f"--since={_date(wish.since)}", *history.tips()))
    for name in wish.revisions:
        found |= set(_revision(history, name))
    return found


def _date(text: str) -> str:
    try:
        return datetime.fromisoformat(text).isoformat()  # Git takes what it cannot read for now
    except ValueError:
        raise ObservatudoError(
            _("“{text}” is no date").format(text=text), where="--since", next_step="observatudo gc --since 2026-01-31"
        ) from None


def _revision(history: History, name: str) -> list[str]:
    if ".." in name and not name.startswith("."):
        a, b = history.versions.pair([name])
        return [commit for commit in (a.commit, *history.commits(f"{a.commit}..{b.commit}")) if commit]
    commit = history.versions.find(name).commit
    return [commit] if commit else []


def _needed(history: History, kept: set[str], wish: Wish) -> set[str]:
    """Return the hashes that kept versions name: their files, the work tree, runs that began from them or are new."""
    found = set(history.workspace())
    for commit in kept:
        found |= history.named(commit)
    committed = history.files("HEAD").records if history.versions.repo.head.is_valid() else frozenset()
    for blob, record in history.records_on_disk().items():
        if wish.is_all or blob not in committed or record.commit in kept or record.run in wish.revisions:
            found |= record.hashes
    for commit in kept:
        for record in history.records(commit):
            if wish.is_all or record.commit in kept or record.run in wish.revisions:
                found |= record.hashes
    return found


def _all_recorded(history: History, commits: Iterable[str]) -> set[str]:
    found = {md5 for record in history.records_on_disk().values() for md5 in record.hashes}
    for commit in commits:
        found = found.union(*(record.hashes for record in history.records(commit)))
    return found


def _in_remote(root: Path, goes: Iterable[str]) -> set[str]:
    """Return which objects the default remote has; none when there is no remote or it does not answer."""
    from observatudo.remote import current

    remote = current(root)
    if remote is None:
        return set()
    if remote.folder is not None:
        return {md5 for md5 in goes if remote.has(md5)}
    return _in_cloud(root, remote, sorted(goes))


def _in_cloud(root: Path, remote: Remote, goes: Sequence[str]) -> set[str]:
    from dvc.repo import Repo

    from observatudo.cloud.bucket import client_errors
    from observatudo.remote import unreachable

    if unreachable(root):
        return set()
    try:
        with Repo(str(root)) as repo:
            return set(repo.cloud.get_remote_odb(remote.name).oids_exist(list(goes)))
    except client_errors():  # unreachable: nothing is known to be there
        return set()


def _lost(history: History, dropped: Iterable[str], goes: dict[str, int], in_remote: set[str]) -> Iterator[Lost]:
    """Give the versions that lose something, newest first, then the runs whose outputs no version has."""
    covered: set[str] = set()
    runs = dict[str, frozenset[str]]()
    for commit in dropped:
        hit = history.expand(history.named(commit)) & goes.keys()
        runs |= {record.run: record.hashes for record in history.records(commit)}
        if hit:
            covered |= hit
            version = history.versions.commit(commit)
            date = (version.date or "")[:10]
            tables = tuple(sorted(set(_tables(version, hit))))
            yield Lost(commit, "", date, version.subject or "", tables, hit <= in_remote)
    runs |= {record.run: record.hashes for record in history.records_on_disk().values()}
    for run, hashes in sorted(runs.items(), reverse=True):
        hit = (history.expand(hashes) & goes.keys()) - covered
        if hit:
            yield Lost("", run, "", "", (), hit <= in_remote)


def _tables(version: Version, hit: set[str]) -> Iterator[str]:
    """Give the tables of which a version loses files; without a lock that can be read, none."""
    try:
        outs = version.lock.outs
    except ObservatudoError:
        return
    for path, out in outs.items():
        if out.is_folder and not version.store.has(out.md5):
            continue
        for entry in version.files(path):
            if entry.md5 in hit:
                yield table_name(path, entry.relpath)


def table_name(out: str, relpath: str) -> str:
    """Return what a table is called, of which a file stands in an output; other files by their path."""
    name = PurePosixPath(relpath)
    if not relpath:
        return PurePosixPath(out).stem if out in (paths.LABELS.as_posix(), paths.EVIDENCE.as_posix()) else out
    if out == paths.MARTS.as_posix():
        return name.stem
    dataset = out.removeprefix(f"{paths.INGESTED.as_posix()}/")
    return f"{dataset}/{name.parts[0] if len(name.parts) > 1 else name.stem}"


def carry_out(root: Path, agreed: Plan, wish: Wish, *, for_good: bool = False) -> tuple[int, int]:
    """Delete what a plan says, and return how many objects and bytes went.

    Everything is worked out again under DVC's lock: what a version has come to need since, stays.
    Raises ObservatudoError, nothing deleted, when something would be lost for good without ``for_good``.
    """
    from observatudo.audit.choose import locked

    if agreed.nowhere and not for_good:
        raise ObservatudoError(
            _("{count} objects are nowhere else and would be lost for good").format(count=len(agreed.nowhere)),
            where=str(root),
            next_step=_("make push   (keeps them in the remote), or the same command with --for-good"),
        )
    with locked(root):
        again = plan(root, wish)
        grown = again.nowhere.keys() - agreed.nowhere.keys()
        if grown:
            raise ObservatudoError(
                _("something changed meanwhile: {count} more objects would be lost").format(count=len(grown)),
                where=str(root),
                next_step=_("the same command again, to see what goes now"),
            )
        return _delete(Store(root), {md5: n for md5, n in agreed.goes.items() if md5 in again.goes})


def _delete(store: Store, victims: dict[str, int]) -> tuple[int, int]:
    count = size = 0
    for md5 in sorted(victims, key=lambda md5: (not md5.endswith(".dir"), md5)):  # no listing outlives its files
        try:
            store.path(md5).unlink()
        except FileNotFoundError:
            continue
        count += 1
        size += victims[md5]
    return count, size
