"""When a rollback is refused before anything is touched, and DVC's locks while it works."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from observatudo.audit.rollback import places
from observatudo.errors import ObservatudoError
from observatudo.i18n import _

if TYPE_CHECKING:
    import git

    from observatudo.versions import Versions

_SHOWN = 5
_IN_PROGRESS = {
    "MERGE_HEAD": "git merge",
    "rebase-merge": "git rebase",
    "rebase-apply": "git rebase",
    "CHERRY_PICK_HEAD": "git cherry-pick",
    "REVERT_HEAD": "git revert",
}


def branch(versions: Versions) -> str:
    """Return the full name of the branch that the new commit will be on.

    Raises ObservatudoError before the first commit, on a detached HEAD (a commit there is lost at the next switch), in
    the middle of a merge or rebase, and when Git does not know who commits.
    """
    repo = versions.repo
    if not repo.head.is_valid():
        raise ObservatudoError(_("there is no commit yet"), where=str(versions.root), next_step="git commit")
    _refuse_in_progress(repo)
    refuse_busy_index(repo)
    if repo.head.is_detached:
        raise ObservatudoError(
            _("HEAD is on no branch, and a commit made here would be lost at the next switch"),
            where=repo.head.commit.hexsha[:8],
            next_step="git switch -c NAME",
        )
    _require_identity(repo)
    return str(repo.head.reference.path)


def _refuse_in_progress(repo: git.Repo) -> None:
    for name, command in _IN_PROGRESS.items():
        if Path(repo.git_dir, name).exists():
            raise ObservatudoError(
                _("a {command} is not finished").format(command=command),
                where=str(repo.working_tree_dir),
                next_step=f"{command} --continue   ({command} --abort)",
            )


def refuse_busy_index(repo: git.Repo) -> None:
    """Raise ObservatudoError while Git's index is locked."""
    lock = Path(repo.git_dir, "index.lock")
    if lock.exists():
        raise ObservatudoError(
            _("another Git command is at work, or one was killed"),
            where=str(lock),
            next_step=_("wait until it has ended (killed: remove this file), then type the command again"),
        )


@contextmanager
def explained() -> Iterator[None]:
    """Turn what Git refuses into an ObservatudoError with Git's own words."""
    import git

    try:
        yield
    except git.GitCommandError as error:
        raise ObservatudoError(
            _("Git refused: {why}").format(why=" ".join(str(error.stderr).split())[:300]),
            where=" ".join(map(str, error.command))[:80],
            next_step="git status",
        ) from None


def _require_identity(repo: git.Repo) -> None:
    import git

    try:
        repo.git.var("GIT_COMMITTER_IDENT")
    except git.GitCommandError:
        raise ObservatudoError(
            _("commits have no author yet"),
            where=str(repo.git_dir),
            next_step='git config user.name "…" && git config user.email "…"',
        ) from None


def new_records(versions: Versions) -> tuple[str, ...]:
    """Return the run records that no commit holds yet, which are committed along.

    Raises ObservatudoError, naming the files and the next command, when

    - an input (configuration, code, snapshot, decision) differs from HEAD: the rollback would write over it, or
      leave it mixed with a version it does not belong to;
    - ``dvc.lock`` or metrics do: they are all that names the results of a run nobody committed, and going back would
      lose them without a trace in history;
    - a record in the ledger was changed or removed: it only ever grows.
    """
    records: list[str] = []
    inputs: list[str] = []
    results: list[str] = []
    ledger: list[str] = []
    for state, path in changed(versions):
        if path.startswith(f"{places.LEDGER}/"):
            (records if state in ("??", "A ") else ledger).append(path)
        elif places.is_result(path):
            results.append(path)
        elif places.is_input(path):
            inputs.append(path)
    _refuse(inputs, _("inputs differ from the last commit"), "git stash -u   (or git commit)")
    _refuse(results, _("the results of the last run are not committed"), _commit(results))
    _refuse(ledger, _("records of earlier runs were changed"), f"git checkout HEAD -- {places.LEDGER}")
    return tuple(sorted(path for path in records if path.endswith(".json")))


def _commit(results: list[str]) -> str:
    names = " ".join(dict.fromkeys("data/metrics" if path.startswith("data/metrics/") else path for path in results))
    return f"git add {names} {places.LEDGER} && git commit"


def _refuse(found: list[str], message: str, next_step: str) -> None:
    if found:
        names = ", ".join(found[:_SHOWN]) + ("…" if len(found) > _SHOWN else "")
        raise ObservatudoError(message + f": {names}", where=found[0], next_step=next_step)


def changed(versions: Versions) -> Iterator[tuple[str, str]]:
    """Yield Git's two letters and the path of everything in our places that differs from HEAD."""
    asked = [f"{versions.prefix}{place}" for place in (*places.INPUTS, *places.RESULTS, places.LEDGER)]
    text = versions.repo.git.status("--porcelain", "-z", "--untracked-files=all", "--no-renames", "--", *asked)
    for entry in filter(None, text.split("\0")):
        yield entry[:2], entry[3:].removeprefix(versions.prefix)


@contextmanager
def alone(root: Path) -> Iterator[list[str]]:
    """Hold DVC's locks on the whole repository, and give the kinds of links its settings ask for.

    Raises ObservatudoError while a pipeline or another command works.
    """
    from dvc.lock import LockError
    from dvc.repo import Repo
    from dvc.rwlock import rwlock

    with Repo(str(root)) as repo:
        hardlink = repo.config["core"].get("hardlink_lock", False)
        try:
            with repo.lock, rwlock(repo.tmp_dir, repo.fs, "observatudo rollback", [], [str(root)], hardlink):
                yield list(repo.cache.local.cache_types)
        except LockError:
            raise ObservatudoError(
                _("a pipeline is running in this repository"),
                where=str(root),
                next_step=_("wait until it has ended, then type the command again"),
            ) from None


def refuse_foreign(root: Path, names: list[str]) -> None:
    """Raise ObservatudoError for a path that leads out of the repository through a link."""
    for name in names:
        parent = (root / name).parent.resolve()
        if not parent.is_relative_to(root.resolve()):
            raise ObservatudoError(
                _("this leads out of the repository, and is not written to: {target}").format(target=parent),
                where=name,
                next_step=_("look at what it holds, remove the link by hand, then type the command again"),
            )
