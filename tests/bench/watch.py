"""What a command costs while it runs: memory of its whole process tree, by pipeline stage, and processor time."""

from __future__ import annotations

import itertools
import os
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

_EVERY_S = 0.05
_MB = 1024 * 1024


@dataclass
class Cost:
    """Seconds of wall and processor time, and the most memory (MiB, resident) held at once, children included.

    ``stages`` has the peak of every stage that DVC started, by name and dataset; ``own_mb`` and ``own_cpu_s``
    are those of the command's first process alone.
    """

    wall_s: float = 0.0
    cpu_s: float = 0.0
    peak_mb: float = 0.0
    own_mb: float = 0.0
    own_cpu_s: float = 0.0
    stages: dict[str, float] = field(default_factory=dict)


def run(command: Sequence[str], where: Path, environment: Mapping[str, str]) -> Cost:
    """Run a command to its end and return its cost; raises RuntimeError, with what it said, when it fails."""
    cost, ended = Cost(), threading.Event()
    before, start = os.times(), time.monotonic()
    child = subprocess.Popen(
        command, cwd=where, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    sampler = threading.Thread(target=_sample, args=(psutil.Process(child.pid), cost, ended))
    sampler.start()
    said, _nothing = child.communicate()
    ended.set()
    sampler.join()
    after = os.times()
    cost.wall_s = time.monotonic() - start
    cost.cpu_s = after.children_user + after.children_system - before.children_user - before.children_system
    if child.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {child.returncode}:\n{said}")
    return cost


def _sample(first: psutil.Process, cost: Cost, ended: threading.Event) -> None:
    names: dict[int, str] = {}
    while not ended.wait(_EVERY_S):
        held: dict[int, float] = {}
        parents: dict[int, int] = {}
        for process in _tree(first):
            try:
                with process.oneshot():
                    parents[process.pid] = process.ppid()
                    held[process.pid] = process.memory_info().rss / _MB
                    if not names.get(process.pid):  # a stage is its parent's copy first
                        names[process.pid] = _stage(process.cmdline())
                    if process == first:
                        used = process.cpu_times()
                        cost.own_cpu_s = used.user + used.system
            except psutil.Error:  # it has just ended
                continue
        _add(cost, first.pid, held, parents, names)


def _tree(first: psutil.Process) -> list[psutil.Process]:
    try:
        return [first, *first.children(recursive=True)]
    except psutil.Error:
        return []


def _stage(command: list[str]) -> str:
    """Return ``ingest@fonte/dataset`` for ``python -m stages.ingest fonte/dataset``; empty for anything else."""
    for option, value in itertools.pairwise(command):
        if option == "-m" and value.startswith("stages."):
            return "@".join([value.removeprefix("stages."), *command[command.index(value) + 1 :]])
    return ""


def _add(cost: Cost, first: int, held: dict[int, float], parents: dict[int, int], names: dict[int, str]) -> None:
    sums: dict[str, float] = {}
    for pid, size in held.items():
        if name := _stage_above(pid, parents, names):
            sums[name] = sums.get(name, 0.0) + size
    for name, size in sums.items():
        cost.stages[name] = max(cost.stages.get(name, 0.0), size)
    cost.own_mb = max(cost.own_mb, held.get(first, 0.0))
    cost.peak_mb = max(cost.peak_mb, sum(held.values()))


def _stage_above(pid: int, parents: dict[int, int], names: dict[int, str]) -> str:
    """Return the stage that the process is or belongs to."""
    while pid in parents:
        if names.get(pid):
            return names[pid]
        pid = parents[pid]
    return ""
