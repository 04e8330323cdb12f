"""Names of versions: revisions, tags, branches, DVC experiments, run ids, paths, the workspace."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from observatudo import paths
from observatudo.errors import ObservatudoError
from observatudo.i18n import _
from observatudo.versions.lock import Out
from observatudo.versions.store import Store
from observatudo.versions.trees import CommitTree, DiskTree, RecordTree
from observatudo.versions.version import Version

if TYPE_CHECKING:
    import git

    from observatudo.runs.model import Record

WORKSPACE = "workspace"
_RUN = re.compile(r"^(last|\d{8}T\d{6}Z(-\d*)?)$")
_OUTSIDE = ("./", "../", "/", "~")
_EXPERIMENTS = "refs/exps/"
_NOT_EXPERIMENTS = ("refs/exps/exec/", "refs/exps/stash", "refs/exps/celery/")


@dataclass(frozen=True)
class Versions:
    """The versions of the repository at ``root``. ``home`` is where its runs are kept (see ``paths.home``)."""

    root: Path

    @cached_property
    def repo(self) -> git.Repo:
        """The Git repository that holds ``root``. Raises ObservatudoError when there is none."""
        import git

        try:
            return git.Repo(self.root, search_parent_directories=True)
        except git.InvalidGitRepositoryError:
            raise ObservatudoError(
                _("this is not a Git repository"), where=str(self.root), next_step="git init"
            ) from None

    @cached_property
    def store(self) -> Store:
        return Store(self.root)

    @cached_property
    def prefix(self) -> str:
        """Where in Git's repository ours stands: empty, or a path ending in ``/``."""
        inside = self.root.resolve().relative_to(Path(str(self.repo.working_tree_dir)).resolve()).as_posix()
        return "" if inside == "." else f"{inside}/"

    def workspace(self) -> Version:
        """Return the work tree as it stands now, with the commit HEAD names (None before the first one)."""
        head = self.repo.head.commit if self.repo.head.is_valid() else None
        return Version(
            WORKSPACE, "workspace", self.root, DiskTree(self.root), self.store, head.hexsha if head else None
        )

    def commit(self, revision: str, *, name: str = "", kind: str = "commit") -> Version:
        """Return the version of a Git revision. Raises ObservatudoError when there is none."""
        found = self._commit(revision)
        if found is None:
            raise self._unknown(revision)
        return Version(
            name or revision,
            "experiment" if kind == "experiment" else "commit",
            self.root,
            CommitTree(self.repo, found.hexsha, self.prefix),
            self.store,
            commit=found.hexsha,
            date=found.committed_datetime.isoformat(),
            author=str(found.author),
            subject=str(found.summary),
        )

    def find(self, name: str) -> Version:
        """Return the version that ``name`` means.

        Tried in this order: ``workspace``; a path that begins with ``./``, ``../``, ``/`` or ``~``; a run id or the
        beginning of one; a Git revision; a DVC experiment; any other path. Raises ObservatudoError when it is none.
        """
        if not name.strip():
            raise ObservatudoError(_("the name of a version is empty"), next_step="observatudo diff A B")
        if name == WORKSPACE:
            return self.workspace()
        if name.startswith(_OUTSIDE):
            return self.path(name)
        if _RUN.match(name):
            return self.run(name)
        if self._commit(name) is not None:
            return self.commit(name)
        if name in self.experiments:
            return self.commit(self.experiments[name], name=name, kind="experiment")
        if Path(name).exists():
            return self.path(name)
        raise self._unknown(name)

    def pair(self, names: list[str]) -> tuple[Version, Version]:
        """Return the sides that the arguments of ``diff`` mean: none, one (to the workspace), two, ``A...B``, ``A..B``.

        Raises ObservatudoError for more than two, an unknown name, or branches without a common commit.
        """
        if len(names) == 1 and ".." in names[0] and not names[0].startswith(_OUTSIDE):
            return self._range(names[0])
        if len(names) > 2:
            raise ObservatudoError(
                _("two versions can be compared, not {count}").format(count=len(names)),
                next_step="observatudo diff A B",
            )
        a = self.find(names[0]) if names else self.commit("HEAD")
        return a, self.find(names[1]) if len(names) == 2 else self.workspace()

    def _range(self, name: str) -> tuple[Version, Version]:
        dots = "..." if "..." in name else ".."
        left, right = (side or "HEAD" for side in name.split(dots, 1))
        a, b = self.find(left), self.find(right)
        return (self.merge_base(a, b), b) if dots == "..." else (a, b)

    def merge_base(self, a: Version, b: Version) -> Version:
        """Return the newest version that both come from. Raises ObservatudoError when there is none."""
        bases = self.repo.merge_base(a.commit, b.commit) if a.commit and b.commit else []
        if not bases:
            raise ObservatudoError(
                _("{a} and {b} have no commit in common").format(a=a.name, b=b.name),
                next_step="git fetch --unshallow" if self.is_shallow else f"observatudo diff {a.name} {b.name}",
            )
        base = bases[0].hexsha
        return self.commit(base, name=base[:8])

    def path(self, name: str) -> Version:
        """Return what stands at a path: another clone, a folder of tables, or one table. Raises ObservatudoError."""
        place = Path(name).expanduser().resolve()
        if not place.exists():
            raise ObservatudoError(
                _("there is no file or folder {path}").format(path=name),
                where=str(place),
                next_step=_("look at the spelling of its path"),
            )
        kind = "workspace" if (place / "dvc.yaml").is_file() else "path"
        return Version(name, "workspace" if kind == "workspace" else "path", place, DiskTree(place), self.store)

    def run(self, name: str) -> Version:
        """Return what a run used and made: from its record, or, of an experiment, from its commit.

        Raises ObservatudoError when there is no such run, or one that left neither.
        """
        from observatudo import history

        found = history.find(self.root, name)
        record = history.record(self.root, found)
        if record is not None:
            return self._recorded(record)
        if found.experiment and found.experiment in self.experiments:
            return self.commit(self.experiments[found.experiment], name=found.experiment, kind="experiment")
        raise ObservatudoError(
            _("run {run} left no record to compare: {status}").format(run=found.run_id, status=found.status),
            next_step=f"observatudo show {found.run_id}",
        )

    def _recorded(self, record: Record) -> Version:
        outs = {
            path: Out(path=path, md5=out.md5, size=out.size, nfiles=out.files) for path, out in record.outputs.items()
        }
        blobs = {**record.configs, **record.evidence}
        return Version(
            record.run_id,
            "run",
            self.root,
            RecordTree(self.repo, {**self._beside(record), **blobs}, _held(record)),
            self.store,
            commit=record.commit,
            date=record.ended,
            author=record.who.name or record.who.login,
            subject=record.command,
            given=outs,
        )

    def _beside(self, record: Record) -> Mapping[str, str]:
        """Return dbt's files of a run: those of its commit that its record does not say were changed."""
        if record.commit is None or self._commit(record.commit) is None:
            return {}
        tree = CommitTree(self.repo, record.commit, self.prefix)
        return {path: blob for path, blob in tree.paths("dbt").items() if path not in record.changed}

    @cached_property
    def experiments(self) -> dict[str, str]:
        """DVC's experiments: name → commit. Of two with one name, the one whose reference sorts last."""
        return dict(self._experiments())

    def _experiments(self) -> Iterator[tuple[str, str]]:
        listed = self.repo.git.for_each_ref(_EXPERIMENTS, format="%(refname) %(objectname)")
        for line in listed.splitlines():
            reference, commit = line.split(" ")
            if not reference.startswith(_NOT_EXPERIMENTS):
                yield reference.rsplit("/", 1)[-1], commit

    @cached_property
    def is_shallow(self) -> bool:
        """Say whether this clone has only a part of the history."""
        return bool(self.repo.git.rev_parse("--is-shallow-repository") == "true")

    def _commit(self, revision: str) -> git.Commit | None:
        import git

        if revision.startswith("-"):
            return None
        try:
            sha = self.repo.git.rev_parse("--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
        except git.GitCommandError:
            return None
        return self.repo.commit(sha)

    def _unknown(self, name: str) -> ObservatudoError:
        if not self.repo.head.is_valid():
            return ObservatudoError(_("there is no commit yet"), where=name, next_step="git commit")
        references = [str(reference) for reference in self.repo.references]
        near = difflib.get_close_matches(name, [*references, *self.experiments], n=1)
        if near:
            next_step = _("did you mean {name}?").format(name=near[0])
        elif self.is_shallow:
            next_step = _("git fetch --unshallow   (this clone has only a part of the history)")
        else:
            next_step = "git log --oneline"
        return ObservatudoError(
            _("“{name}” is no revision, experiment, run or path").format(name=name), where=name, next_step=next_step
        )


def _held(record: Record) -> dict[str, bytes]:
    """Return transform's metrics of a run, which its record repeats."""
    path = (paths.METRICS / "transform.json").as_posix()
    return {path: json.dumps({"transform": record.dbt}).encode()} if record.dbt else {}
