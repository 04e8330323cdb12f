"""Stage by stage, which side of a merge has what the merged inputs give: DVC itself compares, nothing is run.

An entry of dvc.lock says: this command, on these bytes, with these parameters, made those bytes. It is true on
either side of a merge. It is kept where command, inputs and parameters are those of the merged work tree.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import JsonValue

from observatudo import wholefile
from observatudo.audit.merging import Entry, Side
from observatudo.errors import ObservatudoError
from observatudo.i18n import _
from observatudo.versions.lock import FILE, Out
from observatudo.versions.store import Entry as Stored
from observatudo.versions.store import Missing, Store

if TYPE_CHECKING:
    from dvc.repo import Repo
    from dvc.stage import Stage

EMPTY = "schema: '2.0'\nstages: {}\n"


@dataclass
class Choice:
    """What was chosen: entries of dvc.lock by stage, and from which sides (their place in ``sides``).

    ``to_run``: stages that no side has run with these inputs, in the pipeline's order; ``absent``: those among them of
    which a side has, but whose outputs are in neither cache nor remote. ``files``: outputs that Git holds, those of
    ``to_run`` among them, with the bytes of the side (None: no stage makes them any more).
    """

    entries: dict[str, Entry] = field(default_factory=dict)
    origin: dict[str, frozenset[int]] = field(default_factory=dict)
    to_run: list[str] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)
    files: dict[str, bytes | None] = field(default_factory=dict)


@contextmanager
def locked(root: Path) -> Iterator[Repo]:
    """Hold DVC's lock of the repository. Raises ObservatudoError when another command holds it, or DVC refuses."""
    from dvc.exceptions import DvcException
    from dvc.lock import LockError
    from dvc.repo import Repo, lock_repo

    try:
        with Repo(str(root)) as repo, lock_repo(repo):
            yield repo
    except LockError as error:
        raise ObservatudoError(
            _("another DVC command is at work here"),
            where=str(root),
            next_step=_("wait for its end, then type it again"),
        ) from error
    except DvcException as error:
        causes = [str(cause) for cause in (error, error.__cause__) if cause is not None]
        raise ObservatudoError(": ".join(causes), where=str(root), next_step="dvc status") from error


def choose(root: Path, repo: Repo, sides: Sequence[Side]) -> Choice:
    """Choose for every declared stage, upstream first, and bring the outputs of what is kept into the work tree.

    dvc.lock and the files that Git holds are left for the caller to write. Raises DvcException for a dvc.yaml that
    cannot be read.
    """
    from networkx import dfs_postorder_nodes  # type: ignore[import-untyped]

    made = Choice()
    graph = repo.index.graph
    for stage in dfs_postorder_nodes(graph):
        if stage.is_data_source or Path(stage.path_in_repo).as_posix() != "dvc.yaml":
            continue
        is_known = all(above.name in made.entries for above in graph.successors(stage) if not above.is_data_source)
        if not (is_known and _kept(Store(root), root, stage, sides, made)):
            made.to_run.append(stage.name)
            made.files |= _as_it_was(root, stage, sides)
    return made


def _kept(store: Store, root: Path, stage: Stage, sides: Sequence[Side], made: Choice) -> bool:
    """Take the stage's entry from the first side that fits, if its outputs can be had."""
    for side in sides:
        entry = side.stages.get(stage.name)
        if entry is None or not _fits(stage, entry):
            continue
        files = _held_by_git(root, stage, entry, sides)
        if files is None or not _bring(store, root, stage):
            made.absent.append(stage.name)
            return False
        made.entries[stage.name] = entry
        made.origin[stage.name] = frozenset(n for n, one in enumerate(sides) if one.stages.get(stage.name) == entry)
        made.files |= files
        for path, content in files.items():  # a stage below may read it
            _put(root / path, content)
        return True
    return False


def _fits(stage: Stage, entry: Entry) -> bool:
    """Say whether an entry has the stage's command, inputs, parameters and outputs, as they are in the work tree."""
    from dvc.dependency import ParamsDependency
    from dvc.stage.loader import StageLoader

    read = {dep.def_path for dep in stage.deps if not isinstance(dep, ParamsDependency)}
    same = (
        entry.get("cmd") == stage.cmd,
        {out.path for out in _listed(entry, "deps")} == read,
        {out.path for out in _listed(entry, "outs")} == {out.def_path for out in stage.outs},
    )
    if not all(same):
        return False
    StageLoader.fill_from_lock(stage, dict(entry))
    return not any(dep.status() if isinstance(dep, ParamsDependency) else dep.workspace_status() for dep in stage.deps)


def _listed(entry: Entry, part: str) -> list[Out]:
    items = entry.get(part)
    return [Out.model_validate(item) for item in items] if isinstance(items, list) else []


def _held_by_git(root: Path, stage: Stage, entry: Entry, sides: Sequence[Side]) -> dict[str, bytes] | None:
    """Return the outputs that Git holds, with the very bytes the entry names, or None when no side has them."""
    found = {}
    hashes = {out.path: out.md5 for out in _listed(entry, "outs")}
    for out in stage.outs:
        if out.use_cache:
            continue
        texts = [side.version.text(out.def_path) for side in sides]
        file = root / out.def_path
        texts.append(file.read_bytes() if file.is_file() else None)
        same = [text for text in texts if text is not None and _md5(text) == hashes[out.def_path]]
        if not same:
            return None
        found[out.def_path] = same[0]
    return found


def _md5(text: bytes) -> str:
    return hashlib.md5(text, usedforsecurity=False).hexdigest()


def _bring(store: Store, root: Path, stage: Stage) -> bool:
    """Have the stage's outputs in the work tree as its entry names them. False when their objects are nowhere."""
    changed = [out for out in stage.outs if out.use_cache and out.workspace_status()]
    try:
        for out in changed:
            md5 = str(out.hash_info.value)
            listed = store.listing(md5, out.def_path) if out.hash_info.isdir else [Stored(relpath="", md5=md5)]
            store.pull((one.md5 for one in listed), out.def_path)
    except Missing:
        return False
    for out in changed:
        out.checkout(force=True)
    return True


def _as_it_was(root: Path, stage: Stage, sides: Sequence[Side]) -> dict[str, bytes | None]:
    """Return what Git holds of a stage that is to run: the first side's, until the run writes it anew."""
    found: dict[str, bytes | None] = {}
    for out in stage.outs:
        if not out.use_cache:
            texts = (side.version.text(out.def_path) for side in sides)
            found[out.def_path] = next((text for text in texts if text is not None), None)
    return found


def _put(path: Path, content: bytes | None) -> None:
    """Write a file, or delete it (None), unless it is so already."""
    if content is None:
        path.unlink(missing_ok=True)
    elif not path.is_file() or path.read_bytes() != content:
        path.parent.mkdir(parents=True, exist_ok=True)
        wholefile.write(path, content)


def write(root: Path, made: Choice) -> None:
    """Write dvc.lock, with the kept entries in the pipeline's order, and the files that Git holds."""
    from dvc.utils.serialize import dump_yaml

    for path, content in made.files.items():
        _put(root / path, content)
    stages: Mapping[str, JsonValue] = {name: dict(entry) for name, entry in made.entries.items()}
    part = root / f".{FILE}.part"
    dump_yaml(str(part), {"schema": "2.0", "stages": stages})
    part.replace(root / FILE)
