"""``verify``: one verification from beginning to end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from observatudo import paths
from observatudo.audit.verify import anchors, answers, ledger, outputs, records, snapshots, warehouse
from observatudo.audit.verify.anchors import Anchor
from observatudo.audit.verify.cached import Objects
from observatudo.audit.verify.gitdata import GitData
from observatudo.audit.verify.lockcheck import LockCheck
from observatudo.audit.verify.locks import LockAt
from observatudo.audit.verify.memory import Memory
from observatudo.audit.verify.report import Finding, Report
from observatudo.audit.verify.scene import Scene
from observatudo.errors import ObservatudoError
from observatudo.i18n import _
from observatudo.versions import Versions


@dataclass(frozen=True)
class Asked:
    """What is to be verified: a revision, all of history, every byte; against which anchor besides those found."""

    revision: str = "HEAD"
    whole: bool = False
    deep: bool = False
    anchor: str = ""


def verify(root: Path, asked: Asked, progress: Callable[[int], None] | None = None) -> Report:
    """Verify the repository at ``root``; nothing is changed but the memory of what was read.

    ``progress`` is told of bytes as they are read. Raises ObservatudoError for an unknown revision or anchor, and
    outside a repository.
    """
    scene = _scene(root, asked, progress)
    report = Report(head=scene.head or "", deep=asked.deep)
    try:
        report.add(_ledger(scene))
        for anchor in _anchors(scene, asked, report):
            report.anchors.append(anchor.name)
        report.add(_data(scene, report))
        report.add(_settings(scene))
    finally:
        scene.memory.save()
        scene.git.close()
    return report


def _scene(root: Path, asked: Asked, progress: Callable[[int], None] | None) -> Scene:
    versions = Versions(root)
    git = GitData(root, versions.prefix)
    head = git.commit("HEAD")
    chosen = head if asked.revision == "HEAD" else versions.commit(asked.revision).commit
    memory = Memory(root, fresh=asked.deep, progress=progress)
    return Scene(root, git, memory, chosen, work_tree=chosen == head, deep=asked.deep, whole=asked.whole)


def _ledger(scene: Scene) -> Iterator[Finding]:
    if scene.work_tree:
        yield from ledger.work_tree(scene.root, scene.ledger)
    yield from ledger.history(scene.git, scene.ledger, scene.commits)
    if scene.head is not None:
        yield from answers.history(scene.git, scene.commits, scene.head)
        if scene.work_tree:
            yield from answers.work_tree(scene.git, scene.root, scene.head)
    yield from records.check(scene.git, scene.ledger)
    if scene.head is not None:
        yield from anchors.commits(scene.git, scene.commits if scene.whole else [scene.head])


def _anchors(scene: Scene, asked: Asked, report: Report) -> Iterator[Anchor]:
    """Hold the records against every anchor there is, and give those that hold."""
    if scene.head is None:
        return
    found: list[Anchor | Finding] = [*anchors.remotes(scene.git), *anchors.tags(scene.git)]
    if asked.anchor:
        found.append(anchors.given(scene.git, asked.anchor))
    for anchor in found:
        if isinstance(anchor, Finding):
            report.add([anchor])
            continue
        wrong = list(anchors.hold(scene.git, anchor, scene.head))
        report.add(wrong)
        if anchors.holds(scene.git, anchor, scene.head) and not any(item.status == "tampered" for item in wrong):
            yield anchor


def _data(scene: Scene, report: Report) -> Iterator[Finding]:
    locks = scene.locks
    yield from scene.problems
    objects = Objects(scene)
    objects.look()
    yield from objects.findings()
    for lock in locks:
        quiet = lock.commit is not None and lock.commit != scene.head
        yield from LockCheck(scene, objects, lock, quiet=quiet).findings()
    yield from _snapshots(scene)
    if scene.work_tree:
        for lock in (lock for lock in locks if lock.commit is None):
            forged = any(item.kind == "lock" and warehouse.MARTS in item.outputs for item in report.of("tampered"))
            yield from _work_tree(scene, objects, lock, is_forged=forged)
    report.checked.update(
        records=len(scene.ledger.records),
        commits=len(scene.commits),
        locks=len(locks),
        objects=len(objects.names),
        remote_objects=sum(found is not None for found in objects.remote_hashes.values()),
    )


def _snapshots(scene: Scene) -> Iterator[Finding]:
    if scene.head is not None:
        yield from snapshots.committed(scene, scene.head)
    if scene.whole:
        place = f"{scene.git.prefix}{paths.RAW.as_posix()}"
        for commit in scene.git.lines("log", "--format=%H", "--full-history", scene.head or "HEAD", "--", place):
            yield from snapshots.committed(scene, commit)
    if scene.work_tree:
        yield from snapshots.work_tree(scene)


def _work_tree(scene: Scene, objects: Objects, lock: LockAt, *, is_forged: bool) -> Iterator[Finding]:
    yield from outputs.check(scene, objects, lock, _at_work(scene.root))
    if scene.deep and not is_forged:
        yield from warehouse.check(scene, objects, lock)


def _at_work(root: Path) -> set[str]:
    """Return the stages of runs that are not over: what they make is not in the lock yet."""
    from observatudo import history

    try:
        return {stage for run in history.runs(root, 5) if run.status == "running" for stage in run.stages}
    except ObservatudoError:  # a damaged record, which is told of elsewhere
        return set()


def _settings(scene: Scene) -> Iterator[Finding]:
    remote = scene.remote
    if remote is not None and not remote.verifies:
        what = _("DVC takes what the remote {name} sends for whole without looking").format(name=remote.name)
        yield Finding("note", "setting", what, ".dvc/config", f"dvc remote modify {remote.name} verify true")
