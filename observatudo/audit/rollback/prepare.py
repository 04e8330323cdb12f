"""What is made ready before a rollback touches anything: copies of outputs, Git's blobs, the new commit."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

from observatudo import dvccache
from observatudo.audit.rollback import intent as intents
from observatudo.audit.rollback import ledger
from observatudo.audit.rollback.intent import Intent
from observatudo.audit.rollback.model import Blob, Effect, FileChange, HeldFile
from observatudo.audit.rollback.plumbing import Plumbing
from observatudo.audit.rollback.switch import caches
from observatudo.errors import ObservatudoError
from observatudo.i18n import _
from observatudo.runs.inputs import blob_of
from observatudo.versions import Store

_MODE = "100644"


def prepare(root: Path, git: Plumbing, store: Store, effect: Effect, why: str, links: list[str]) -> Intent:
    """Make everything ready and return what is to happen; nothing but dangling objects and our own folder is written.

    ``links`` are DVC's kinds of links, the best first. Raises ObservatudoError when a copy is not whole, OSError when
    there is no room, and GitCommandError when Git cannot write or sign.
    """
    plan = effect.plan
    shutil.rmtree(root / intents.FOLDER, ignore_errors=True)
    copy(root, store, plan.held, links)
    from observatudo.runs.gitstate import who

    made = ledger.record(effect, who(git.repo), why)
    text = ledger.to_text(made)
    files = (*plan.files, FileChange(made.path, None, Blob(_MODE, blob_of(text))))
    for content in (text, *plan.texts.values()):
        git.keep(content)
    records = {path: git.keep_file(path) for path in plan.records}
    indexes = {name: intents.index(root, name) for name in ("old", "new")}
    indexes["new"].parent.mkdir(parents=True, exist_ok=True)
    git.make_index(indexes["old"], plan.start)
    git.make_index(indexes["new"], plan.start, {file.path: file.new for file in files} | records)
    commit = git.commit(git.tree(indexes["new"]), plan.start, ledger.message(made, effect.subject))
    return Intent(
        rollback_id=made.rollback_id,
        when=made.when,
        branch=plan.branch,
        start=plan.start,
        commit=commit,
        target=plan.target,
        files=files,
        records=records,
        held=plan.held,
        warehouse=plan.warehouse.effect,
        caches=tuple(name for name in caches() if (root / name).exists()),
    )


def copy(root: Path, store: Store, files: Iterable[HeldFile], links: list[str]) -> None:
    """Put what is to come beside, as DVC would link it, and read it there. Raises ObservatudoError, OSError."""
    from dvc.fs import localfs
    from dvc_objects.fs.generic import transfer

    for file in files:
        if file.new:
            ready = intents.fresh(root, file.path)
            ready.parent.mkdir(parents=True, exist_ok=True)
            ready.unlink(missing_ok=True)
            transfer(localfs, str(store.path(file.new)), localfs, str(ready), links=list(links))
            if dvccache.md5(ready) != file.new:
                raise ObservatudoError(
                    _("the cache's object of {name} changed while it was copied").format(name=file.path),
                    where=str(store.path(file.new)),
                    next_step="observatudo verify --deep",
                )
