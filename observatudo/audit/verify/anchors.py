"""Anchors: what the records are held against that this clone cannot rewrite by itself.

A remote's branch as last fetched, a signed tag, or a head that was exported and kept elsewhere. The format of an
exported head is this project's own: commit, number of records, and the SHA-256 of the sorted lines
``<blob>  <path>\\n`` of all records.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from observatudo.audit.verify.gitdata import Blob, GitData
from observatudo.audit.verify.ledger import AUDIT
from observatudo.audit.verify.report import Finding
from observatudo.errors import ObservatudoError
from observatudo.i18n import _
from observatudo.runs.inputs import listing_sha256

_SHORT = 8
_MOST = 20  # remote branches looked at when none is the branch's own


class Head(BaseModel):
    """An exported head."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal["observatudo-head/1"] = "observatudo-head/1"
    commit: str = Field(pattern="^[0-9a-f]{40}$")
    records: int
    sha256: str = Field(pattern="^[0-9a-f]{64}$")


@dataclass(frozen=True)
class Anchor:
    """A commit that something outside this clone remembers; ``kind`` says what."""

    name: str
    commit: str
    kind: Literal["remote", "tag", "given"]
    head: Head | None = None


def head_of(git: GitData, commit: str) -> Head:
    """Return what is exported of a commit."""
    tree = _records(git, commit)
    sha256 = listing_sha256({path: blob.sha for path, blob in tree.items()})
    return Head(commit=commit, records=len(tree), sha256=sha256)


def _records(git: GitData, commit: str) -> dict[str, Blob]:
    return {path: blob for path, blob in git.tree(commit, AUDIT).items() if path.endswith(".json")}


def given(git: GitData, name: str) -> Anchor | Finding:
    """Return the anchor that a file or revision is, or what is wrong with it.

    Raises ObservatudoError for a file that is no exported head and for a name that is neither.
    """
    path = Path(name)
    if not path.is_file():
        commit = git.commit(name)
        if commit is None:
            raise ObservatudoError(
                _("“{name}” is neither a file nor a revision").format(name=name),
                next_step="observatudo verify --export-head FILE",
            )
        return Anchor(name, commit, "given")
    try:
        head = Head.model_validate(json.loads(path.read_bytes()))
    except (ValueError, ValidationError):
        raise ObservatudoError(
            _("this is no exported head"), where=str(path), next_step="observatudo verify --export-head FILE"
        ) from None
    if git.commit(head.commit) is not None:
        return Anchor(name, head.commit, "given", head)
    shallow = git.run("rev-parse", "--is-shallow-repository").strip() == b"true"
    what = _("the commit {commit} of the exported head is not in this clone").format(commit=head.commit[:_SHORT])
    if shallow:
        return Finding("note", "anchor", what, name, "git fetch --unshallow")
    return Finding("tampered", "anchor", what, name, _("git fetch --all   (else its history was rewritten)"))


def remotes(git: GitData) -> list[Anchor]:
    """Return the remote branches to hold against: the upstream, else those of the same name, else a few of any."""
    upstream = (
        git.ask("rev-parse", "--verify", "--quiet", "--symbolic-full-name", "@{upstream}").stdout.decode().strip()
    )
    listed = git.lines("for-each-ref", "--format=%(refname) %(objectname) %(symref)", "refs/remotes")
    found = dict(line.split(" ")[:2] for line in listed if line.endswith(" "))
    branch = _branch(git)
    own = [name for name in found if name == upstream]
    same = [name for name in found if branch and name.split("/", 3)[-1] == branch.removeprefix("refs/heads/")]
    chosen = own or same or list(found)[:_MOST]
    return [Anchor(name.removeprefix("refs/remotes/"), found[name], "remote") for name in chosen]


def tags(git: GitData) -> Iterator[Anchor | Finding]:
    """Give the tags whose signatures are good as anchors, and say which are bad or cannot be verified."""
    form = "%(refname:short) %(*objectname) %(if)%(contents:signature)%(then)signed%(end)"
    for line in git.lines("for-each-ref", f"--format={form}", "refs/tags"):
        name, commit, signed = [*line.split(" "), "", ""][:3]
        if signed != "signed":
            continue
        state = _signature(git, "verify-tag", name)
        if state == "good":
            yield Anchor(name, commit, "tag")
        else:
            yield _unsigned(state, _("tag {name}").format(name=name), f"git verify-tag {name}")


def commits(git: GitData, wanted: list[str]) -> Iterator[Finding]:
    """Verify the signatures of those commits that have one."""
    for commit, content in git.read(wanted):
        if b"\ngpgsig" in content.partition(b"\n\n")[0]:
            state = _signature(git, "verify-commit", commit)
            if state != "good":
                yield _unsigned(state, _("commit {name}").format(name=commit[:_SHORT]), f"git verify-commit {commit}")


def _signature(git: GitData, command: str, name: str) -> Literal["good", "bad", "unknown"]:
    """Ask Git about a signature; one whose key is not here is unknown, not bad."""
    done = git.ask(command, "--raw", name)
    said = (done.stdout + done.stderr).decode(errors="replace")
    if done.returncode == 0:
        return "good"
    bad = "[GNUPG:] BADSIG" in said or "incorrect signature" in said or "Signature verification failed" in said
    return "bad" if bad else "unknown"


def _unsigned(state: str, what: str, command: str) -> Finding:
    if state == "bad":
        return Finding("tampered", "signature", _("the signature of {what} is bad").format(what=what), "", command)
    return Finding(
        "note", "signature", _("the signature of {what} cannot be verified here").format(what=what), "", command
    )


def _branch(git: GitData) -> str:
    return git.ask("symbolic-ref", "--quiet", "HEAD").stdout.decode().strip()


def hold(git: GitData, anchor: Anchor, head: str) -> Iterator[Finding]:
    """Give what the records of HEAD lack, or have otherwise, of what they were at the anchor."""
    if anchor.head is not None and head_of(git, anchor.commit) != anchor.head:
        what = _("the records at {commit} are not those of the exported head").format(commit=anchor.commit[:_SHORT])
        yield Finding("tampered", "anchor", what, anchor.name, "git fsck", versions=(anchor.commit[:_SHORT],))
    then, now = _records(git, anchor.commit), _records(git, head)
    at = (anchor.commit[:_SHORT],)
    back = f"git checkout {at[0]} -- " + "{path} && git commit"
    for path in sorted(then.keys() & now.keys()):
        if then[path].sha != now[path].sha:
            what = _("a run record is not the one that {anchor} has").format(anchor=anchor.name)
            yield Finding("tampered", "history", what, path, back.format(path=path), versions=at)
    if git.is_ancestor(anchor.commit, head) or git.is_ancestor(head, anchor.commit):
        return  # what a commit in between deleted, the history says; what comes after HEAD is not lost
    lost = sorted(then.keys() - now.keys() - _at_base(git, anchor.commit, head))
    if lost and (anchor.kind == "given" or _was_ours(git, anchor.commit, head)):
        for path in lost:
            what = _("history was rewritten: {anchor} has a run record that HEAD has not").format(anchor=anchor.name)
            yield Finding("tampered", "history", what, path, back.format(path=path), versions=at)
    elif anchor.kind != "tag":
        what = _("HEAD and {anchor} have gone different ways since {base}").format(
            anchor=anchor.name, base=(base(git, anchor.commit, head) or _("the beginning"))[:_SHORT]
        )
        yield Finding("note", "anchor", what, "", f"git merge {anchor.name}", versions=at)


def base(git: GitData, a: str, b: str) -> str:
    """Return the newest commit that both come from, empty when there is none."""
    return git.ask("merge-base", a, b).stdout.decode().strip()


def _at_base(git: GitData, a: str, b: str) -> set[str]:
    """Return the records that the common past had: that HEAD lacks one, a commit since then is to blame for."""
    common = base(git, a, b)
    return set(_records(git, common)) if common else set()


def _was_ours(git: GitData, anchor: str, head: str) -> bool:
    """Say whether this branch once held commits of the anchor's that it holds no more: they were dropped here."""
    branch = _branch(git)
    if not branch:
        return False
    once = git.ask("reflog", "show", "--format=%H", branch, "--").stdout.decode().split()
    theirs = set(git.commits(anchor, f"^{head}"))
    return any(commit in theirs for commit in once)


def holds(git: GitData, anchor: Anchor, head: str) -> bool:
    """Say whether the anchor says anything of HEAD's records: when one comes from the other, or both from a third."""
    return bool(base(git, anchor.commit, head))
