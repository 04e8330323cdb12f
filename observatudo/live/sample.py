"""What the stages at work and the machine take of processor and memory, sampled by whoever shows it."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from observatudo.runs import identity

KEPT = 120  # samples in a ring
_SHORTEST_S = 0.1  # below it, the system's ticks (0.01 s) would show as noise: the last share stands
_MIB = 1 << 20


@dataclass(frozen=True)
class Sample:
    """A stage's processes at one moment: per cent of one core (more than 100 on several), resident memory in MiB."""

    cpu_percent: float
    memory_mb: float


@dataclass(frozen=True)
class Machine:
    """The machine at one moment: per cent of all cores, per cent of memory, load (mean of one minute)."""

    cpu_percent: float
    memory_percent: float
    load: float


def _ring() -> deque[float]:
    return deque(maxlen=KEPT)


@dataclass
class History:
    """The last samples, oldest first; units as in Sample or Machine."""

    cpu: deque[float] = field(default_factory=_ring)
    memory: deque[float] = field(default_factory=_ring)

    def add(self, cpu: float, memory: float) -> None:
        self.cpu.append(cpu)
        self.memory.append(memory)


@dataclass
class _Share:
    """A share of the processor, made of two readings of a clock that counts seconds at work."""

    at: float | None = None
    worked: float = 0.0
    share: float = 0.0

    def read(self, at: float, worked: float) -> float:
        """Return the share between the last reading and this one; 0 at the first, and never below."""
        if self.at is None:
            self.at, self.worked = at, worked
        elif at - self.at >= _SHORTEST_S:
            self.share = max(0.0, (worked - self.worked) / (at - self.at))
            self.at, self.worked = at, worked
        return self.share


class Sampler:
    """Samples processes with their children, and the machine; the more evenly it is asked, the truer its shares.

    ``stages`` has each sampled stage's history by name, ``cpu`` and ``memory`` are the machine's, ``machine`` its last
    sample. Not for several threads at once.
    """

    def __init__(self) -> None:
        self.stages: dict[str, History] = {}
        self.machine: Machine | None = None
        self._history = History()
        self._shares: dict[tuple[str, int, float], _Share] = {}
        self._machine_share = _Share()

    @property
    def cpu(self) -> deque[float]:
        return self._history.cpu

    @property
    def memory(self) -> deque[float]:
        return self._history.memory

    def sample(self, pids: Mapping[str, tuple[int, float]]) -> dict[str, Sample]:
        """Sample stages, each given by process id and start (seconds since 1970), and the machine.

        A stage whose process is gone, waits to be buried, has passed its id on or cannot be read is left out. The
        histories of stages that are not asked for are forgotten.
        """
        self._forget(pids)
        self._sample_machine()
        found = {}
        children = _children() if pids else {}
        for name, (pid, started) in pids.items():
            if (one := self._stage(name, pid, started, children)) is not None:
                found[name] = one
                self.stages.setdefault(name, History()).add(one.cpu_percent, one.memory_mb)
        return found

    def _forget(self, pids: Mapping[str, tuple[int, float]]) -> None:
        self._shares = {key: share for key, share in self._shares.items() if pids.get(key[0]) == key[1:]}
        self.stages = {name: history for name, history in self.stages.items() if name in pids}

    def _stage(self, name: str, pid: int, started: float, children: Mapping[int, list[int]]) -> Sample | None:
        if pid <= 0 or not identity.is_alive(pid, started):
            return None
        own = _measure(pid)
        if own is None:
            return None
        below = [taken for child in _below(pid, children) if (taken := _measure(child)) is not None]
        worked, memory = (sum(column) for column in zip(own, *below, strict=True))
        share = self._shares.setdefault((name, pid, started), _Share()).read(time.monotonic(), worked)
        return Sample(100 * share, memory / _MIB)

    def _sample_machine(self) -> None:
        import psutil

        times = psutil.cpu_times()
        idle = times.idle + getattr(times, "iowait", 0.0)
        total = sum(times) - getattr(times, "guest", 0.0) - getattr(times, "guest_nice", 0.0)  # in user and nice too
        share = self._machine_share.read(total / (psutil.cpu_count() or 1), (total - idle) / (psutil.cpu_count() or 1))
        memory = psutil.virtual_memory().percent
        self.machine = Machine(min(100.0, 100 * share), memory, psutil.getloadavg()[0])
        self._history.add(self.machine.cpu_percent, memory)


def _children() -> dict[int, list[int]]:
    """Return the children of every process, in one pass over all."""
    import psutil

    found: dict[int, list[int]] = {}
    for each in psutil.process_iter():
        try:
            found.setdefault(each.ppid(), []).append(each.pid)
        except (psutil.Error, OSError):
            continue
    return found


def _below(pid: int, children: Mapping[int, list[int]]) -> Iterable[int]:
    """Yield the children of a process and theirs, each once."""
    seen, waiting = {pid}, [pid]
    while waiting:
        for child in children.get(waiting.pop(), ()):
            if child not in seen:
                seen.add(child)
                waiting.append(child)
                yield child


def _measure(pid: int) -> tuple[float, float] | None:
    """Return seconds of processor time (with those of buried children) and bytes of memory; None when unreadable."""
    import psutil

    try:
        process = psutil.Process(pid)
        return sum(process.cpu_times()[:4]), float(process.memory_info().rss)
    except (psutil.Error, OSError):
        return None
