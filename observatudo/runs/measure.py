"""What a stage costs: wall time, processor time and memory, children included."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

_STATUS = Path("/proc/self/status")
_MB = 1024 * 1024


def _cpu_seconds() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _usage_bytes(who: int) -> int:
    import resource

    peak = resource.getrusage(who).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def peak_mb() -> float | None:
    """Return the most memory this process, or its largest child, has held (MiB); None on Windows.

    Linux hands a process the peak of whoever started it (DVC's, here) in ``ru_maxrss``; ``VmHWM`` is its own.
    """
    if sys.platform == "win32":
        return None
    import resource

    if _STATUS.is_file():
        line = next(line for line in _STATUS.read_text().splitlines() if line.startswith("VmHWM"))
        own = int(line.split()[1]) * 1024
    else:
        own = _usage_bytes(resource.RUSAGE_SELF)
    return round(max(own, _usage_bytes(resource.RUSAGE_CHILDREN)) / _MB, 1)


@dataclass(frozen=True)
class Meter:
    """Measures from its creation on."""

    _wall: float = field(default_factory=time.perf_counter)
    _cpu: float = field(default_factory=_cpu_seconds)

    def read(self) -> dict[str, float | None]:
        """Return ``wall_s``, ``cpu_s`` (self and children) and ``peak_mb``."""
        return {
            "wall_s": round(time.perf_counter() - self._wall, 3),
            "cpu_s": round(_cpu_seconds() - self._cpu, 3),
            "peak_mb": peak_mb(),
        }
