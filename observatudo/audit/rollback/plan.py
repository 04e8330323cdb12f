"""The effect of a rollback, worked out before anything is touched; every reason to refuse is found here."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import yaml

from observatudo import paths
from observatudo.audit.rollback import guard, held, merge, moved, places, rows
from observatudo.audit.rollback.model import (
    Blob,
    Effect,
    FileChange,
    HeldFile,
    Moved,
    OutChange,
    Plan,
    Request,
    Warehouse,
)
from observatudo.audit.rollback.plumbing import Plumbing
from observatudo.audit.rollback.wanted import Wanted
from observatudo.errors import ObservatudoError
from observatudo.i18n import _
from observatudo.versions import Out, Version, Versions, read_lock
from observatudo.versions.lock import FILE
from observatudo.warehouse import presence
from observatudo.yamlfile import plain

_SHORT = 8
_TRANSFORM = "transform"
_METRICS = (paths.METRICS / "transform.json").as_posix()


def effect(root: Path, request: Request, told: Callable[[str], None] = lambda _table: None) -> Effect:
    """Return what a rollback would do, with its rows; only missing objects are pulled into the cache for it.

    ``told`` hears of each table before it is read. Raises ObservatudoError for every reason to refuse: see ``guard``,
    ``held`` and ``wanted``.
    """
    made = _made(root, request)
    tables = rows.count(made.now, made.then, made.have, made.want, told) if request.data else {}
    versions = Versions(root)
    git = Plumbing(versions.repo, versions.prefix)
    merged = merge.preview(root, git, made.plan, made.then, made.want)
    return Effect(made.plan, made.then.subject or "", made.then.date or "", tables, made.pulled, merged)


def plan(root: Path, request: Request) -> Plan:
    """Return the plan alone, as it would be now; used to see that nothing moved since it was shown."""
    return _made(root, request).plan


@dataclass(frozen=True)
class _Made:
    plan: Plan
    now: Version
    then: Version
    have: Mapping[str, Out]
    want: Mapping[str, Out]
    pulled: int


def _made(root: Path, request: Request) -> _Made:
    versions = Versions(root)
    branch = guard.branch(versions)
    now, then = versions.commit("HEAD"), _target(versions, request.revision)
    records = guard.new_records(versions)
    _require_there(now, then, request)
    git = Plumbing(versions.repo, versions.prefix)
    before, after = (_files(git, version, request) for version in (now, then))
    wanted = Wanted(git, now, then, request)
    files = wanted.changes(before, after)
    have = held.of_version(now, before, request, declared=False)
    want = held.of_version(then, after, request, declared=True)
    pulled = held.pull_listings(then.store, want)
    on_disk = held.differing(root, then.store, have, want)
    pulled += held.pull_files(then.store, on_disk, want)
    _require_safe(root, then, files, on_disk, have, want)
    result = Plan(
        request=request,
        branch=branch,
        start=str(now.commit),
        target=str(then.commit),
        files=files,
        outs=_outs(have, want),
        held=on_disk,
        moved=_moved(root, git, wanted, now, then, files, on_disk),
        warehouse=Warehouse("untouched"),
        records=records,
        notes=(*wanted.notes, *_answers_left(files, now)),
        texts=wanted.texts,
    )
    return _Made(_with_warehouse(root, result, now, then), now, then, have, want, pulled)


def _target(versions: Versions, revision: str) -> Version:
    found = versions.find(revision)
    if found.kind not in ("commit", "experiment"):
        ledger = f"{places.LEDGER}/runs/*/*/{found.name}.json" if found.kind == "run" else ""
        raise ObservatudoError(
            _("a rollback goes to a commit, and “{name}” is none").format(name=revision),
            where=found.kind,
            next_step=f"git log --oneline -- '{ledger}'" if ledger else "git log --oneline",
        )
    return found


def _require_there(now: Version, then: Version, request: Request) -> None:
    """Refuse a version that does not have what is asked for."""
    if request.config and then.text(places.PARAMS) is None:
        raise ObservatudoError(
            _("{name} is from before the observatory: it has no params.yaml").format(name=request.revision),
            where=f"{request.revision}:{places.PARAMS}",
            next_step=f"git log --oneline -- {places.PARAMS}",
        )
    if request.data and then.text(FILE) is None:
        raise ObservatudoError(
            _("{name} has no dvc.lock: no data had been made by then").format(name=request.revision),
            where=f"{request.revision}:{FILE}",
            next_step=f"observatudo rollback {request.revision} --config-only",
        )
    key = request.dataset
    if not key or key in _datasets(then):
        return
    known = key in _datasets(now)
    raise ObservatudoError(
        _("{name} has no dataset “{key}”").format(name=request.revision, key=key),
        where=f"{request.revision}:{places.PARAMS}",
        next_step=f"observatudo remove {key}" if known else "observatudo datasets",
    )


def _answers_left(files: Sequence[FileChange], now: Version) -> Iterator[str]:
    """Say how to get answers back that were paid for and that the older version did not have."""
    gone = sum(file.new is None and _is_in(file.path, paths.ANSWERS.as_posix()) for file in files)
    if gone:
        text = _(
            "{count} file(s) of models' answers go too; to keep what was paid for: git checkout {commit} -- {path}"
        )
        yield text.format(count=gone, commit=str(now.commit)[:_SHORT], path=paths.ANSWERS)


def _datasets(version: Version) -> set[str]:
    try:
        content = plain(version.text(places.PARAMS) or b"")
    except yaml.YAMLError:
        return set()
    found = content.get("datasets") if isinstance(content, dict) else None
    return set(map(str, found)) if isinstance(found, dict) else set()


def _files(git: Plumbing, version: Version, request: Request) -> dict[str, Blob]:
    """Return all files of Git that a rollback can touch, in one version."""
    outs = list(version.lock.outs) if request.data else []
    return git.files(str(version.commit), [*places.CONFIG, *places.RESULTS, *places.GENERATED, *outs])


def _outs(have: Mapping[str, Out], want: Mapping[str, Out]) -> tuple[OutChange, ...]:
    def md5(found: Mapping[str, Out], path: str) -> str | None:
        return found[path].md5 if path in found else None

    changes = (OutChange(path, md5(have, path), md5(want, path)) for path in sorted({*have, *want}))
    return tuple(change for change in changes if change.old != change.new)


def _require_safe(
    root: Path,
    then: Version,
    files: tuple[FileChange, ...],
    on_disk: tuple[HeldFile, ...],
    have: Mapping[str, Out],
    want: Mapping[str, Out],
) -> None:
    guard.refuse_foreign(root, [*(file.path for file in files), *(file.path for file in on_disk)])
    _refuse_in_the_way(root, files, {*have, *want})
    held.require_safe(then.store, on_disk)
    touched = {path: out for path, out in want.items() if any(_is_in(file.path, path) for file in on_disk)}
    held.require_recorded(then, touched)


def _is_in(path: str, out: str) -> bool:
    return path == out or path.startswith(f"{out}/")


def _refuse_in_the_way(root: Path, files: tuple[FileChange, ...], outs: set[str]) -> None:
    """A file that Git ignores stands where an older version had one of its own."""
    for file in files:
        there = (root / file.path).exists() and not any(_is_in(file.path, out) for out in outs)
        if file.old is None and there:
            raise ObservatudoError(
                _("a file that Git does not know stands where one has to be written"),
                where=file.path,
                next_step=_("move it elsewhere, then type the command again"),
            )


def _moved(
    root: Path,
    git: Plumbing,
    wanted: Wanted,
    now: Version,
    then: Version,
    files: tuple[FileChange, ...],
    on_disk: tuple[HeldFile, ...],
) -> tuple[Moved, ...]:
    changes: dict[str, str | None] = {file.path: file.new for file in on_disk}
    texts = {file.path: git.content(file.new, wanted.texts) for file in files if file.new}
    changes |= {file.path: None for file in files if file.new is None}
    changes |= {path: hashlib.md5(text, usedforsecurity=False).hexdigest() for path, text in texts.items()}
    lock = texts.get(FILE) or now.text(FILE)
    params = texts.get(places.PARAMS) or now.text(places.PARAMS) or b""
    return moved.find(root, read_lock(lock, FILE), moved.After(root, changes, params))


def _with_warehouse(root: Path, made: Plan, now: Version, then: Version) -> Plan:
    """Add what becomes of the warehouse file: it is one of everything, so one dataset's data do not move it."""
    if not made.request.data or made.request.dataset or _TRANSFORM not in {*_stages(now), *_stages(then)}:
        return made
    if _about(now) == _about(then) and presence.is_current(root):
        return made
    stale = {stage.stage for stage in made.moved}
    can = _TRANSFORM in _stages(then) and _TRANSFORM not in stale
    return replace(made, warehouse=Warehouse("rebuilt" if can else "dropped", _mart_rows(then)))


def _stages(version: Version) -> set[str]:
    return set(version.lock.deps)


def _about(version: Version) -> tuple[object, ...]:
    """Return what transform was made from and made, in a version."""
    lock = version.lock
    made = {path: out.md5 for path, out in lock.outs.items() if lock.made_by[path] in (_TRANSFORM, "load")}
    return lock.deps.get(_TRANSFORM), lock.params.get(_TRANSFORM), made


def _mart_rows(version: Version) -> int | None:
    try:
        content = json.loads(version.text(_METRICS) or b"")
        return sum(int(count) for count in content[_TRANSFORM]["rows"].values())
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
