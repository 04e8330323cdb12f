"""What a run with nothing to do costs: ``record`` over ``dvc repro`` without it, ``make repro`` over ``dvc repro``.

Targets: record 0.6 s, make 0.5 s of wall time.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from tests.conftest import ROOT, clone_to

TRIALS = 7
COMMANDS = {
    "dvc repro transform": "dvc repro -q transform",
    "dvc repro": "dvc repro -q",
    "make repro": "make -s repro HOOKS=0",
}


def wall(command: str, where: Path, environment: dict[str, str]) -> float:
    """Return the seconds one shell command takes."""
    start = time.monotonic()
    subprocess.run(["bash", "-c", command], cwd=where, env=environment, check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - start


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        clone = clone_to(Path(name) / "clone")
        (clone / ".venv").symlink_to(ROOT / ".venv")
        environment = os.environ | {
            "PATH": f"{ROOT / '.venv/bin'}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(clone),
            "DVC_SITE_CACHE_DIR": f"{name}/dvc",
        }
        wall("dvc repro -q", clone, environment)
        seconds: dict[str, list[float]] = {name: [] for name in COMMANDS}
        for _trial in range(TRIALS):
            for label, command in COMMANDS.items():
                seconds[label].append(wall(command, clone, environment))
    print(f"nothing to do, wall seconds, median of {TRIALS}")
    previous = 0.0
    for label, trials in seconds.items():
        median = statistics.median(trials)
        print(f"  {label:<20} {median:6.2f}  {median - previous:+6.2f}")
        previous = median


if __name__ == "__main__":
    main()
