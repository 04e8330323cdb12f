"""What leads to versions: branches, remote branches, tags, DVC's experiments and HEAD."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from observatudo import gitread

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_PLACES = ("refs/heads", "refs/remotes", "refs/tags", "refs/exps")
_FORMAT = "%(refname)%00%(objectname)%00%(objecttype)%00%(*objectname)%00%(*objecttype)%00%(symref)"
_KINDS = {"heads": "branch", "remotes": "remote", "tags": "tag"}


class Ref(NamedTuple):
    """A name, what it is (``head``, ``branch``, ``remote``, ``tag``, ``experiment``), and its commit."""

    name: str
    kind: str
    sha: str


@dataclass(frozen=True)
class Refs:
    """Everything that leads to a version, and where history ends in a shallow clone.

    ``note`` is empty, ``none`` (no Git), ``empty`` (no commit), ``shallow``, or what Git complained of.
    """

    refs: frozenset[Ref] = frozenset()
    note: str = ""
    prefix: str = ""
    cut: frozenset[str] = frozenset()

    @property
    def tips(self) -> set[str]:
        return {ref.sha for ref in self.refs}

    @property
    def usual(self) -> set[str]:
        """The commits that something other than an experiment names."""
        return {ref.sha for ref in self.refs if ref.kind != "experiment"}


def read(root: Path) -> Refs:
    """Return what leads to versions now; whatever is wrong with the repository is in its ``note``."""
    try:
        where = gitread.ask(root, "rev-parse", "--show-prefix", "--is-shallow-repository", "--git-common-dir")
    except OSError:  # no Git on this machine, or no such folder
        return Refs(note="none")
    if where.returncode:
        return Refs(note=_complaint(where.stderr))
    prefix, shallow, common = where.stdout.decode(errors="replace").split("\n")[:3]
    listed = gitread.ask(root, "for-each-ref", f"--format={_FORMAT}", *_PLACES)
    if listed.returncode:
        return Refs(note=_complaint(listed.stderr), prefix=prefix)
    head = gitread.ask(root, "rev-parse", "--verify", "--quiet", "HEAD^{commit}").stdout.decode().strip()
    found = set(_named(listed.stdout.decode(errors="replace")))
    if head:
        found.add(Ref("HEAD", "head", head))
    cut = _cut(root / common) if shallow == "true" else frozenset()
    return Refs(frozenset(found), "shallow" if cut else "" if found else "empty", prefix, cut)


def _complaint(stderr: bytes) -> str:
    text = " ".join(stderr.decode(errors="replace").split())
    return "none" if "not a git repository" in text else text or "none"


def _cut(folder: Path) -> frozenset[str]:
    """Return the commits whose parents a shallow clone does not have."""
    try:
        return frozenset((folder / "shallow").read_text().split())
    except OSError:
        return frozenset()


def _named(text: str) -> Iterator[Ref]:
    for line in text.splitlines():
        name, sha, kind, peeled, peeled_kind, symbolic = line.split("\0")
        sha = sha if kind == "commit" else peeled if peeled_kind == "commit" else ""
        _refs, place, rest = name.split("/", 2)
        if not sha or symbolic:
            continue
        if place in _KINDS:
            yield Ref(rest, _KINDS[place], sha)
        elif experiment := _experiment(rest):
            yield Ref(experiment, "experiment", sha)


def _experiment(name: str) -> str:
    """Return an experiment's name from ``ab/cdef…/name``; empty for what else DVC keeps beside them."""
    first, _slash, rest = name.partition("/")
    second, _slash, own = rest.partition("/")
    return own if len(first) == 2 and len(second) == 38 else ""
