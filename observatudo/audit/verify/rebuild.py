"""``verify --rebuild``: a past version run again, in a clone of its own and in that version's environment.

What comes in is what Git holds, and the snapshots that ``.dvc`` files stand for. Nothing of the clone is kept.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from observatudo.audit.verify.gitdata import GitData
from observatudo.errors import ObservatudoError
from observatudo.i18n import _
from observatudo.versions import Store, Versions
from observatudo.versions.lock import FILE, read_lock

_SHORT = 8
_PINS = "requirements.lock"
_WITHOUT = ("DVC_", "GIT_", "MLFLOW_", "PYTHON", "VIRTUAL_ENV")
_PATIENCE_S = 10


@dataclass(frozen=True)
class Rebuilt:
    """One output: what the version says (``then``) and what running it again gave (``now``), as DVC's MD5."""

    output: str
    then: str
    now: str

    @property
    def is_equal(self) -> bool:
        return self.then == self.now


@dataclass(frozen=True)
class Rebuild:
    """A version that was run again; ``environment`` says whether it ran in the present one or in one of its own."""

    commit: str
    environment: Literal["present", "own"]
    outputs: tuple[Rebuilt, ...]

    @property
    def is_equal(self) -> bool:
        return all(output.is_equal for output in self.outputs)

    def as_json(self) -> dict[str, object]:
        return {**asdict(self), "equal": self.is_equal}

    def lines(self) -> Iterator[str]:
        """Give the result as text, the verdict first."""
        differing = [output for output in self.outputs if not output.is_equal]
        names = {"commit": self.commit[:_SHORT], "count": len(self.outputs), "differing": len(differing)}
        if not differing:
            yield _("equal: {commit} run again gave the same bytes in all {count} outputs").format(**names)
        else:
            yield _("different: {commit} run again gave other bytes in {differing} of {count} outputs").format(**names)
        if self.environment == "own":
            yield "  " + _("in an environment of its own, from its requirements.lock")
        for output in differing:
            yield f"✗ {output.output}"
            now = output.now or _("not made")
            yield f"    {output.then} → {now}"


def rebuild(root: Path, revision: str, tell: Callable[[str], None]) -> Rebuild:
    """Run the version ``revision`` of the repository at ``root`` again and compare what it makes with its dvc.lock.

    ``tell`` is given a line whenever something long begins. Raises ObservatudoError for an unknown revision, one
    without a dvc.lock, an environment that cannot be made, and a stage that fails. Whatever happens, the clone is
    deleted.
    """
    versions = Versions(root)
    commit = versions.commit(revision).commit or ""
    git = GitData(root, versions.prefix)
    then = _outputs(git.text(commit, FILE), f"{commit[:_SHORT]}:{FILE}")
    if not then:
        raise ObservatudoError(
            _("{commit} has no outputs: it has no dvc.lock").format(commit=commit[:_SHORT]),
            where=FILE,
            next_step=f"git log -- {FILE}",
        )
    with tempfile.TemporaryDirectory(prefix="observatudo-rebuild-") as folder:
        clone = _clone(git, commit, Path(folder) / "clone") / versions.prefix
        own = git.text(commit, _PINS) != _bytes(root / _PINS)
        environment = _environment(root, clone, Path(folder), own=own, tell=tell)
        _pull(root, clone, environment, tell)
        tell(_("running {commit} again").format(commit=commit[:_SHORT]))
        _run(["dvc", "repro", "--force"], clone, environment)
        now = _outputs(_bytes(clone / FILE), str(clone / FILE))
    outputs = tuple(Rebuilt(path, md5, now.get(path, "")) for path, md5 in sorted(then.items()))
    return Rebuild(commit, "own" if own else "present", outputs)


def _outputs(text: bytes | None, where: str) -> dict[str, str]:
    return {path: out.md5 for path, out in read_lock(text, where).outs.items() if out.md5}


def _clone(git: GitData, commit: str, target: Path) -> Path:
    """Clone without hooks: they belong to the machine's owner, not to the version."""
    quiet = ("-c", "core.hooksPath=/dev/null", "-c", "advice.detachedHead=false")
    top = git.run("rev-parse", "--show-toplevel").decode().rstrip("\n")
    git.run("clone", "--quiet", "--no-checkout", "--shared", top, str(target))
    GitData(target).run(*quiet, "checkout", "--quiet", "--detach", commit)
    return target


def _environment(root: Path, clone: Path, folder: Path, *, own: bool, tell: Callable[[str], None]) -> Mapping[str, str]:
    """Return the variables to run in: the present environment, or one made by the version's own script."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_WITHOUT)}
    kept |= {
        "DVC_SITE_CACHE_DIR": str(folder / "dvc"),
        "DVC_NO_ANALYTICS": "1",
        "DO_NOT_TRACK": "1",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "PYTHONPATH": str(clone),  # before the present environment's own copy
    }
    binaries = Path(sys.executable).parent
    if own:
        script = clone / "scripts/environment"
        if not script.is_file():
            raise ObservatudoError(
                _("this version pins other packages and has no scripts/environment to install them"),
                where=_PINS,
                next_step=f"git diff HEAD -- {_PINS}",
            )
        tell(_("making the environment that the version pins"))
        _run(["sh", str(script)], clone, kept)
        binaries = clone / ".venv/bin"
    return kept | {"PATH": f"{binaries}{os.pathsep}{kept.get('PATH', '')}"}


def _pull(root: Path, clone: Path, environment: Mapping[str, str], tell: Callable[[str], None]) -> None:
    """Bring the files that ``.dvc`` files stand for, from this repository's cache and else from its remote."""
    large = sorted(file.relative_to(clone).as_posix() for file in (clone / "data").rglob("*.dvc"))
    if not large:
        return
    tell(_("bringing {count} large file(s)").format(count=len(large)))
    cache = Store(root).folder.parent.parent  # laid out as a remote is
    _run(["dvc", "remote", "add", "--local", "--force", "observatudo-cache", str(cache)], clone, environment)
    _run(["dvc", "remote", "modify", "--local", "observatudo-cache", "verify", "true"], clone, environment)
    try:
        _run(["dvc", "pull", "--quiet", "--remote", "observatudo-cache", *large], clone, environment)
    except ObservatudoError:
        _run(["dvc", "pull", "--quiet", *large], clone, environment)


def _run(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> None:
    """Run a command to its end in a process group of its own, which does not outlive this process's patience."""
    with _started(command, folder, environment) as process:
        said, _nothing = process.communicate()
    if process.returncode:
        last = [line for line in said.splitlines() if line.strip()][-5:]
        raise ObservatudoError(
            _("{command} failed in the clone: {why}").format(command=" ".join(command[:3]), why="\n  ".join(last)),
            where=str(folder),
            next_step=_("git worktree add ../old REV   (and run it there by hand)"),
        )


@contextmanager
def _started(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        list(command),
        cwd=folder,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            _end(process)


def _end(process: subprocess.Popen[str]) -> None:
    """End a process and what it started: asked first, then made to."""
    for sign in (signal.SIGINT, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, sign)
        with suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=_PATIENCE_S)
            return


def _bytes(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None
