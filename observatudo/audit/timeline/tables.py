"""Where a table is in a version: the output that holds it, and its files there."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from observatudo import paths
from observatudo.audit.timeline.past import Past
from observatudo.audit.timeline.walk import Unreadable
from observatudo.errors import ObservatudoError
from observatudo.i18n import _
from observatudo.versions.store import Entry, Missing, Store
from observatudo.versions.tables import of_output
from observatudo.versions.version import Version

LABELS = "rotulo"
_SINGLE = {
    LABELS: paths.LABELS.as_posix(),
    "carga": (paths.WAREHOUSE / "carga.parquet").as_posix(),
}
_FILES = "files"
_KEY = "key"
Files = tuple[tuple[str, str], ...]  # (name in the output, MD5)


@dataclass(frozen=True)
class Place:
    """A table by its name, and the output of dvc.lock that holds it. ``stem`` narrows it to the file of that name."""

    table: str
    out: str
    stem: str = ""

    @property
    def short(self) -> str:
        """The table's name within its output."""
        return self.table.rsplit("/", 1)[-1]

    def holds(self, entry: Entry) -> bool:
        """Say whether a file of the output belongs to the table: as ``versions.tables`` has it."""
        name = PurePosixPath(entry.relpath)
        if not entry.relpath:
            return True
        table = name.stem if self.out == paths.MARTS.as_posix() or len(name.parts) == 1 else name.parts[0]
        return name.suffix == ".parquet" and table == self.short and self.stem in ("", name.stem)


def place(table: str) -> Place:
    """Return where a table of this name is, whether or not there is one."""
    if table in _SINGLE:
        return Place(table, _SINGLE[table])
    if table.count("/") == 2:
        return Place(table, (paths.INGESTED / table).parent.as_posix())
    return Place(table, paths.MARTS.as_posix())


def files(past: Past, store: Store, at: Place, outs: Iterable[str]) -> dict[str, Files | Unreadable]:
    """Return the table's files by MD5 of its output, in order of name; empty where the output has no such table."""
    names = {md5: f"{md5} {at.short} {at.stem}" for md5 in outs}
    kept = past.cache.get(_FILES, names.values())
    found: dict[str, Files | Unreadable] = {}
    fresh: dict[str, str] = {}
    lacking = {md5 for md5, name in names.items() if name not in kept and md5.endswith(".dir")}
    gone = fetch(store, lacking, at.out)
    for md5, name in names.items():
        if name in kept:
            found[md5] = tuple((relpath, file) for relpath, file in json.loads(kept[name]))
        elif md5 in gone:
            found[md5] = gone[md5]
        else:
            found[md5] = own = _listed(store, at, md5)
            if not isinstance(own, Unreadable):
                fresh[name] = json.dumps(own)
    past.cache.put(_FILES, fresh)
    return found


def _listed(store: Store, at: Place, md5: str) -> Files | Unreadable:
    if not md5.endswith(".dir"):
        return (("", md5),)
    try:
        return tuple((entry.relpath, entry.md5) for entry in store.listing(md5, at.out) if at.holds(entry))
    except ObservatudoError as error:
        return Unreadable(md5, error.message)


def fetch(store: Store, md5s: Iterable[str], what: str) -> dict[str, Unreadable]:
    """Bring objects into the cache, all at once; return those that are in neither cache nor remote."""
    lacking = [md5 for md5 in md5s if not store.has(md5)]
    if not lacking:
        return {}
    try:
        store.pull(lacking, what)
    except Missing as missing:
        return {md5: Unreadable(md5, _("its data is in neither cache nor remote")) for md5 in missing.md5s}
    return {}


def how_to_get() -> str:
    """Return what to type where objects are in neither cache nor remote."""
    return _("dvc remote list   (whoever ran that version can type: make push)")


def key(past: Past, store: Store, at: Place) -> tuple[str, ...]:
    """Return the columns that tell the table's rows apart, as the newest version says that has it and can be read.

    Empty where nothing says so. Raises ObservatudoError where no version has the table.
    """
    outs = past.outs(commit.lock for commit in past.commits)
    holding = [commit for commit in past.commits if output(outs, commit.lock, at.out)]
    name = f"{holding[0].lock} {at.table}" if holding else ""
    known = past.cache.get(_KEY, [name])
    if name in known:
        return tuple(json.loads(known[name]))
    seen: set[str] = set()
    for commit in holding:
        md5 = output(outs, commit.lock, at.out)
        found = None if md5 in seen else _key(past, store, at, commit.sha)
        seen.add(md5)
        if found is not None:
            past.cache.put(_KEY, {name: json.dumps(found)})
            return found
    raise _unknown(past, store, at)


def output(outs: Mapping[str, dict[str, str] | str], lock: str, out: str) -> str:
    """Return the MD5 of an output in a dvc.lock; empty where it has none or cannot be read."""
    found = outs.get(lock)
    return found.get(out, "") if isinstance(found, dict) else ""


def _key(past: Past, store: Store, at: Place, sha: str) -> tuple[str, ...] | None:
    try:
        found = of_output(version_at(past, store, sha), at.out)
        return next((table.key for table in found if table.name == at.table), None)
    except ObservatudoError:  # this version cannot be read; an older one may
        return None


def version_at(past: Past, store: Store, sha: str) -> Version:
    """Return one version of the timeline, read by hash, the work tree's too."""
    from observatudo.versions import Versions
    from observatudo.versions.lock import FILE, read_lock

    versions = Versions(past.root)
    if sha:
        return versions.commit(sha)
    text = (past.root / FILE).read_bytes()
    work = versions.workspace()
    return Version(work.name, "run", past.root, work.tree, store, given=read_lock(text, FILE).outs)


def _unknown(past: Past, store: Store, at: Place) -> ObservatudoError:
    from observatudo.versions import tables

    names: list[str] = []
    for commit in past.commits:
        try:
            names = list(tables(version_at(past, store, commit.sha)))
        except ObservatudoError:
            continue
        break
    inside = [name for name in names if name.startswith(f"{at.table}/")]
    near = inside or difflib.get_close_matches(at.table, names, n=1, cutoff=0.4)
    return ObservatudoError(
        _("no version that can be read has a table {table}").format(table=at.table),
        where=_("tables: {names}").format(names=", ".join(names)) if names else at.out,
        next_step=_("did you mean {name}?").format(name=near[0]) if near else "dvc pull",
    )
