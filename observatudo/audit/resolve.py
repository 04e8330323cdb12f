"""Two branches that both re-ran, merged: dvc.lock, metrics and generated files follow from the merged inputs.

Hashes are never merged line by line: a combination that Git puts together was run by nobody. People merge the inputs;
from there, each stage's entry in dvc.lock is taken from the side that ran it with just these inputs, and what
neither ran is left out, so that ``dvc repro`` runs it.
"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from observatudo import paths
from observatudo.audit import choose, merging
from observatudo.errors import ConfigError, ObservatudoError
from observatudo.i18n import _
from observatudo.versions import Versions, read_lock
from observatudo.versions.lock import FILE

_GENERATED = ("dbt/models/staging/", "dbt/models/colunas.md", "dbt/seeds/", "configs/schema/")
_RECORDS = paths.AUDIT_RUNS.as_posix()


@dataclass(frozen=True)
class Resolved:
    """What a resolution did. ``resolved``: dvc.lock and what was in conflict; ``choice``: what came from where."""

    merge: merging.Merge
    choice: choose.Choice
    resolved: tuple[str, ...]


def resolve(root: Path) -> Resolved:
    """Resolve dvc.lock, metrics and generated files of the merge under way, and ``git add`` them.

    Raises ObservatudoError, with nothing changed, when nothing is under way or inputs are still in conflict, and when
    another DVC command is at work.
    """
    versions = Versions(root)
    merge = merging.under_way(versions)
    if merge is None:
        raise _nothing(versions)
    generated = _inputs_are_merged(root, merge)
    _mend(root, merge)
    with choose.locked(root) as repo:
        made = choose.choose(root, repo, merge.sides)
        made.files |= _orphans(root, merge, made)
        choose.write(root, made)
    add(versions, [FILE, *made.files, *generated])
    return Resolved(merge, made, tuple(sorted(merge.conflicts | {FILE})))


def _nothing(versions: Versions) -> ObservatudoError:
    return ObservatudoError(
        _("no merge, rebase or cherry-pick is under way: there is nothing to resolve"),
        where=str(versions.root),
        next_step=_("dvc status   (stages it lists were not run with these inputs: dvc repro, then commit)"),
    )


def _inputs_are_merged(root: Path, merge: merging.Merge) -> list[str]:
    """Refuse when people have something to decide; write the generated files anew and return those in conflict."""
    made = {FILE} | {path for side in merge.sides for path in read_lock(side.version.text(FILE), FILE).outs}
    left = sorted(path for path in merge.conflicts - made if not path.startswith(f"{_RECORDS}/"))
    generated = [path for path in left if path.startswith(_GENERATED)]
    people = [path for path in left if path not in generated]
    if not people and generated:
        wanted = _generate(root)
        people = [path for path in generated if path not in wanted and (root / path).exists()]
    if people:
        raise ObservatudoError(
            _("{count} input(s) are still in conflict, and only people can merge those").format(count=len(people)),
            where=", ".join(people),
            next_step=_("edit them, git add {paths}, then observatudo resolve").format(paths=" ".join(people)),
        )
    return generated


def _generate(root: Path) -> set[str]:
    """Write the generated files; return the names of all. Raises ObservatudoError for a wrong declaration."""
    from observatudo.generate import generate, wanted

    try:
        generate(root)
        return wanted(root)
    except ConfigError as error:
        raise ObservatudoError(
            _("the generated files cannot be made: {why}").format(why=error.message),
            where=error.where,
            next_step=_("correct the declaration, then observatudo resolve"),
        ) from error


def _mend(root: Path, merge: merging.Merge) -> None:
    """Give DVC a dvc.lock that it can read, in place of one with marks of a conflict."""
    text = merge.sides[0].version.text(FILE)
    (root / FILE).write_bytes(text or choose.EMPTY.encode())


def _orphans(root: Path, merge: merging.Merge, made: choose.Choice) -> dict[str, bytes | None]:
    """Return the outputs in conflict that no stage makes any more: they go."""
    return {path: None for path in merge.conflicts if path not in made.files and _was_output(merge, path)}


def _was_output(merge: merging.Merge, path: str) -> bool:
    return path != FILE and any(path in read_lock(side.version.text(FILE), FILE).outs for side in merge.sides)


def add(versions: Versions, names: list[str]) -> None:
    """Give files to Git, deleted ones too; those that are not there and unknown to it are left out."""
    known = set(versions.repo.git.ls_files("-z", "--", *names).split("\0")) if names else set()
    full = [versions.prefix + name for name in names if name in known or (versions.root / name).exists()]
    if full:
        versions.repo.git.add("--all", "--", *full)


def repro(root: Path) -> int:
    """Run ``dvc repro``, then give dvc.lock, metrics and the run's record to Git; return DVC's exit code."""
    code = subprocess.run([sys.executable, "-m", "dvc", "repro"], cwd=root, check=False).returncode
    if code == 0:
        versions = Versions(root)
        held = [path for path in versions.workspace().lock.outs if not _is_ignored(versions, path)]
        add(versions, [FILE, *held, _RECORDS])
    return code


def _is_ignored(versions: Versions, path: str) -> bool:
    return bool(versions.repo.ignored(versions.prefix + path))


def commit(root: Path, merge: merging.Merge) -> None:
    """End the merge, rebase, cherry-pick or revert with Git's own command. Raises ObservatudoError when Git refuses."""
    command = ["git", "-c", "core.editor=true", *merge.go_on.split()[1:]]
    done = subprocess.run(command, cwd=root, check=False, capture_output=True, text=True)
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()
        raise ObservatudoError(
            _("Git did not end it: {why}").format(why=said[-1] if said else "?"),
            where=str(root),
            next_step="git status",
        )
