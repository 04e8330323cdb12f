"""Which run a stage belongs to: found from the processes above it, so nothing is passed along.

Stages of one ``dvc repro`` (or ``dvc exp run``, or one task of the queue) have the same *nearest* DVC
process above them. Its start time and process id name the run. Linux answers from /proc for nothing;
elsewhere psutil does. A process that is no DVC but runs stages, as ``observatudo repro`` does, says so in
their environment; it is believed where it is really above them.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from itertools import pairwise
from pathlib import Path, PurePath

OWNER = "OBSERVATUDO_OWNER"  # "<pid>:<start>" of the process that starts the stages and closes their run
_PROC = Path("/proc")
_LINUX = sys.platform.startswith("linux")
_SAME_START_S = 2.0  # a boot time read twice may differ by a rounding
_STATE, _PARENT, _START_TICKS = 0, 1, 19  # fields of /proc/PID/stat after the command's name


@dataclass(frozen=True)
class Process:
    """A running process: its id, its parent's, when it started (seconds since 1970), its words."""

    pid: int
    parent: int
    started: float
    command: tuple[str, ...]


def process(pid: int) -> Process | None:
    """Return the process, or None when it is gone or only waits to be buried (a zombie)."""
    return _from_proc(pid) if _LINUX else _from_psutil(pid)


@cache
def _boot_time() -> int:
    lines = (_PROC / "stat").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("btime")).split()[1])


def _from_proc(pid: int) -> Process | None:
    folder = _PROC / str(pid)
    try:
        stat = (folder / "stat").read_text(errors="replace")
        command = (folder / "cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = stat[stat.rindex(")") + 2 :].split()
    if fields[_STATE] in "ZX":
        return None
    started = _boot_time() + int(fields[_START_TICKS]) / os.sysconf("SC_CLK_TCK")
    words = tuple(word.decode(errors="replace") for word in command.split(b"\0") if word)
    return Process(pid, int(fields[_PARENT]), started, words)


def _from_psutil(pid: int) -> Process | None:
    import psutil

    try:
        found = psutil.Process(pid)
        if found.status() == psutil.STATUS_ZOMBIE:
            return None
        with found.oneshot():
            return Process(pid, found.ppid(), found.create_time(), tuple(found.cmdline()))
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return None


def is_alive(pid: int, started: float) -> bool:
    """Say whether the process that had this id and start time still runs (ids are used again)."""
    found = process(pid)
    return found is not None and abs(found.started - started) < _SAME_START_S


def _ancestors() -> Iterator[Process]:
    pid = os.getppid()
    while pid > 0 and (found := process(pid)) is not None:
        yield found
        pid = found.parent


def dvc_words(command: tuple[str, ...]) -> tuple[str, ...] | None:
    """Return the words after ``dvc`` in a process's command, or None when it is not DVC.

    DVC is started as ``dvc``, by an interpreter (``python /bin/dvc``) or as a module (``python -m dvc``).
    """
    for index, word in enumerate(command[:4]):
        if PurePath(word).name.removesuffix(".exe") == "dvc":
            return command[index + 1 :]
    return None


def _started_this_stage(candidate: Process, stage: str) -> bool:
    """Say whether the process lacks the DVC_STAGE it would have inherited: then it set it."""
    try:
        environment = (_PROC / str(candidate.pid) / "environ").read_bytes()
    except OSError:
        return False
    return f"DVC_STAGE={stage}".encode() not in environment.split(b"\0")


def own() -> Process:
    """Return this process."""
    found = process(os.getpid())
    if found is None:  # a process can always see itself
        raise RuntimeError("this process cannot be read")
    return found


def as_owner() -> dict[str, str]:
    """Return the environment by which stages know this process as the one whose run they belong to."""
    this = own()
    return {OWNER: f"{this.pid}:{this.started!r}"}


def _named(candidate: Process) -> Process | None:
    """Return the process as it names itself in OWNER, or None when another, or none, is named there."""
    pid, _colon, started = os.environ.get(OWNER, "").partition(":")
    try:
        named = replace(candidate, pid=int(pid), started=float(started))
    except ValueError:
        return None
    is_same = named.pid == candidate.pid and abs(named.started - candidate.started) < _SAME_START_S
    return named if is_same else None


def _owner() -> tuple[Process | None, bool]:
    """Return the process whose run this is, and whether it closes the run itself."""
    above = list(_ancestors())
    for candidate in above:
        if (named := _named(candidate)) is not None:
            return named, True
        if dvc_words(candidate.command) is not None:
            return candidate, False
    return _unnamed(above), False


def _unnamed(above: list[Process]) -> Process | None:
    stage = os.environ.get("DVC_STAGE")  # set, and no `dvc` above: a program that uses DVC as a library
    if stage and _LINUX:
        return next((candidate for candidate in above if _started_this_stage(candidate, stage)), None)
    return None


def typed(command: tuple[str, ...]) -> tuple[str, ...]:
    """Return a run's command as somebody would type it, such as ``observatudo repro -j 2``."""
    for index, word in enumerate(command[:4]):
        if PurePath(word).name.partition(".")[0] == "observatudo":  # or as a module, observatudo.cli.app
            return ("observatudo", *command[index + 1 :])
    return ("dvc", *(dvc_words(command) or ()))


def targets(command: tuple[str, ...]) -> tuple[str, ...]:
    """Return the stages that a ``repro`` command asks for; none: all of them, or it is no such command."""
    words = typed(command)[1:]
    if words[:1] != ("repro",):
        return ()
    takes_value = {"-j", "--jobs"}
    return tuple(word for before, word in pairwise(words) if not word.startswith("-") and before not in takes_value)


@dataclass(frozen=True)
class Identity:
    """A run as one of its stages sees it: ``kind`` is ``repro``, ``experiment`` or ``hand``.

    ``is_closed_by_owner``: stages leave the run's record to the owner, since others may still be at work.
    """

    run_id: str
    owner: Process
    kind: str
    experiment: str | None
    is_closed_by_owner: bool = False


def run_id(owner: Process) -> str:
    """Return the id of the run that belongs to a process."""
    began = datetime.fromtimestamp(int(owner.started), UTC)
    return f"{began:%Y%m%dT%H%M%SZ}-{owner.pid}"


def current() -> Identity:
    """Return the identity of the run that this process works for; by hand, a run of its own."""
    owner, closes = _owner()
    experiment = os.environ.get("DVC_EXP_NAME") if owner else None
    kind = "hand" if owner is None else "experiment" if experiment else "repro"
    owner = owner or own()
    return Identity(run_id(owner), owner, kind, experiment, closes)
