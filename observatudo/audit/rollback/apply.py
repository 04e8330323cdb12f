"""A rollback carried out, and one that was cut off finished or undone."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from observatudo.audit.rollback import guard, prepare, status, switch, warehouse
from observatudo.audit.rollback import intent as intents
from observatudo.audit.rollback.intent import Intent
from observatudo.audit.rollback.model import Effect, HeldFile
from observatudo.audit.rollback.plan import plan
from observatudo.audit.rollback.plumbing import Plumbing
from observatudo.errors import ObservatudoError
from observatudo.i18n import _
from observatudo.versions import Versions, disk

_KEPT = Path(".observatudo/kept")


@dataclass(frozen=True)
class Watch:
    """Who is told while a rollback works: ``step`` before each step (tests stop there), ``progress`` of dbt."""

    step: Callable[[str], None] = lambda _name: None
    progress: Callable[[int, int], None] = lambda _done, _total: None


@dataclass
class Done:
    """What happened: the commit, the warehouse's rows (None: not built), the stages DVC calls changed, and remarks.

    ``changed`` is None when DVC could not say. ``commit`` is empty when a rollback was undone.
    """

    commit: str
    warehouse_rows: int | None = None
    changed: dict[str, list[str]] | None = None
    notes: list[str] = field(default_factory=list)


def carry_out(root: Path, effect: Effect, why: str, watch: Watch | None = None) -> Done:
    """Do what the effect says, as one new commit on the branch.

    Nothing is touched when something moved since the effect was worked out, and everything is put back when a step
    fails or is interrupted. Raises ObservatudoError then, and while a pipeline or another rollback is at work.
    """
    watch = watch or Watch()
    versions = Versions(root)
    git = Plumbing(versions.repo, versions.prefix)
    with guard.explained(), guard.alone(root) as links, ExitStack() as undo:
        intents.refuse_another(root)
        if plan(root, effect.plan.request) != effect.plan:
            raise ObservatudoError(
                _("something changed since the preview"),
                where=str(root),
                next_step=_("type the command again and look at the new preview"),
            )
        undo.callback(shutil.rmtree, root / intents.FOLDER, ignore_errors=True)
        watch.step("prepare")
        made = prepare.prepare(root, git, versions.store, effect, why, links)
        watch.step("write intent")
        intents.write(root, made)
        undo.callback(_undo, root, git, made)
        done = _finish(root, git, versions, made, links, watch)
        watch.step("forget intent")
        undo.pop_all()  # from here on what was put aside goes, and nothing can be put back
        intents.forget(root, watch.step)
    return _reported(root, done)


def _undo(root: Path, git: Plumbing, intent: Intent, watch: Watch | None = None) -> None:
    switch.backward(root, git, intent, (watch or Watch()).step)
    intents.forget(root)


def _finish(root: Path, git: Plumbing, versions: Versions, intent: Intent, links: list[str], watch: Watch) -> Done:
    switch.forward(root, git, intent, watch.step)
    _mend(root, versions, intent, links)
    done = Done(intent.commit)
    if intent.warehouse != "untouched":
        watch.step("build warehouse")
        can_build = intent.warehouse == "rebuilt"
        renewed = warehouse.renew(root, intent.rollback_id, intent.when, watch.progress, can_build=can_build)
        done.warehouse_rows = renewed.rows
        done.notes += renewed.notes
    return done


def _mend(root: Path, versions: Versions, intent: Intent, links: list[str]) -> None:
    """Read the outputs as they stand now, and bring again what is not right: somebody else was at work."""
    there = [root / file.path for file in intent.held if (root / file.path).is_file()]
    found = disk.md5s(root, there)
    wrong = [file for file in intent.held if found.get(root / file.path) != file.new]
    prepare.copy(root, versions.store, wrong, links)
    for file in wrong:
        _set(root, file)


def _set(root: Path, file: HeldFile) -> None:
    place = root / file.path
    if file.new is None:
        place.unlink(missing_ok=True)
    else:
        place.parent.mkdir(parents=True, exist_ok=True)
        intents.fresh(root, file.path).replace(place)


def _reported(root: Path, done: Done) -> Done:
    try:
        done.changed = status.changed(root)
    except ObservatudoError as error:
        done.notes.append(error.message)
    return done


def state(root: Path) -> str:
    """Say in a sentence where a rollback that was cut off stands. Raises ObservatudoError when there is none."""
    intent = _intent(root)
    tip = _tip(Versions(root), intent)
    if tip == intent.start:
        return _("cut off before its commit: the branch is at {old}, as before").format(old=intent.start[:8])
    if tip == intent.commit:
        return _("cut off after its commit: the branch is at {new}, as it was to be").format(new=intent.commit[:8])
    return _("cut off, and the branch has moved on since")


def resume(root: Path, watch: Watch | None = None) -> Done:
    """Finish a rollback that was cut off. Raises ObservatudoError when there is none, or the branch moved on since."""
    intent, versions = _intent(root), Versions(root)
    git = Plumbing(versions.repo, versions.prefix)
    guard.refuse_busy_index(versions.repo)
    with guard.explained(), guard.alone(root) as links:
        if _tip(versions, intent) not in (intent.start, intent.commit):
            raise ObservatudoError(
                _("the branch has moved on since the rollback was cut off"),
                where=intent.branch,
                next_step="observatudo rollback --abort",
            )
        kept = _keep_edits(root, git, intent)
        _make_indexes(root, git, intent)
        done = _finish(root, git, versions, intent, links, watch or Watch())
        intents.forget(root)
    done.notes += kept
    return _reported(root, done)


def abort(root: Path, watch: Watch | None = None) -> Done:
    """Undo a rollback that was cut off; where the branch moved on since, only forget it.

    Raises ObservatudoError when there is none.
    """
    intent, versions = _intent(root), Versions(root)
    git = Plumbing(versions.repo, versions.prefix)
    done = Done("")
    guard.refuse_busy_index(versions.repo)
    with guard.explained(), guard.alone(root):
        if _tip(versions, intent) not in (intent.start, intent.commit):
            intents.forget(root)
            done.notes.append(
                _("the branch has moved on since, so no file was touched; look at git status, dvc status")
            )
            return done
        done.notes += _keep_edits(root, git, intent)
        _make_indexes(root, git, intent)
        _undo(root, git, intent, watch)
    if intent.warehouse != "untouched":
        done.notes += warehouse.remarks(root)  # BigQuery may have gone back before it was cut off
    return _reported(root, done)


def _intent(root: Path) -> Intent:
    intent = intents.read(root)
    if intent is None:
        raise ObservatudoError(_("no rollback was cut off here"), where=str(root), next_step="git log --oneline")
    return intent


def _tip(versions: Versions, intent: Intent) -> str | None:
    """Return the commit of the rollback's branch, or None when another branch is checked out."""
    head = versions.repo.head
    if head.is_detached or head.reference.path != intent.branch:
        return None
    return str(head.commit.hexsha)


def _make_indexes(root: Path, git: Plumbing, intent: Intent) -> None:
    for name, commit in (("old", intent.start), ("new", intent.commit)):
        path = intents.index(root, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        git.make_index(path, commit)


def _keep_edits(root: Path, git: Plumbing, intent: Intent) -> list[str]:
    """Copy files that somebody edited since, as they are neither the old nor the new ones and will be written over."""
    notes = []
    for file in intent.files:
        known = {blob.sha for blob in (file.old, file.new) if blob}
        if (root / file.path).is_file() and git.keep_file(file.path).sha not in known:
            copy = root / _KEPT / intent.rollback_id / file.path
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / file.path, copy)
            notes.append(
                _("{path} was edited in between; a copy is in {copy}").format(
                    path=file.path, copy=copy.relative_to(root).as_posix()
                )
            )
    return notes
