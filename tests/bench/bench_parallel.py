"""Six independent stages of 3 CPU seconds each: ``observatudo repro -j 2`` over the limit of two cores. Target: 1.3.

The limit is the same six commands, two at a time, without DVC. All three run in turns, so that a noisy minute
falls on all of them alike; CPU seconds show what the noise does not reach.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.conftest import ROOT

TARGET = 1.3
TRIALS = 3
CPU_S = 3
STAGES = "abcdef"
COMMANDS = {
    "limit": f"printf '%s\\n' {' '.join(STAGES)} | xargs -n 1 -P 2 python work.py",
    "observatudo repro": "python -m observatudo.cli.app repro -j 2",
    "dvc repro": "dvc repro",
    "nothing to do": "python -m observatudo.cli.app repro -j 2",
    "dvc, nothing to do": "dvc repro",
}
PIPELINE = f"""\
vars: [{{keys: [{", ".join(STAGES)}]}}]
stages:
  work:
    foreach: ${{keys}}
    do:
      cmd: python work.py ${{item}}
      deps: [work.py]
      outs: ["out/${{item}}"]
"""
WORK = f"""\
import sys, time
from pathlib import Path
while time.process_time() < {CPU_S}:
    pass
Path("out").mkdir(exist_ok=True)
Path("out", sys.argv[1]).write_text(sys.argv[1])
"""


def measure(command: str, where: Path, environment: dict[str, str]) -> tuple[float, float]:
    """Return the wall and CPU seconds of one shell command."""
    before, start = os.times(), time.monotonic()
    subprocess.run(["bash", "-c", command], cwd=where, env=environment, check=True, stdout=subprocess.DEVNULL)
    after, wall = os.times(), time.monotonic() - start
    return wall, after.children_user + after.children_system - before.children_user - before.children_system


def repository(root: Path, environment: dict[str, str]) -> Path:
    """Make a repository with the six stages, nothing run yet."""
    root.mkdir()
    for name, content in {"dvc.yaml": PIPELINE, "work.py": WORK, "params.yaml": "x: 1\n"}.items():
        (root / name).write_text(content)
    for command in ("git init -q", "dvc init -q"):
        subprocess.run(command.split(), cwd=root, env=environment, check=True)
    return root


def forget(root: Path) -> None:
    """Undo what a run has left."""
    for name in ("out", ".dvc/cache"):
        shutil.rmtree(root / name, ignore_errors=True)
    (root / "dvc.lock").unlink(missing_ok=True)


def main() -> None:
    figures: dict[str, list[tuple[float, float]]] = {label: [] for label in COMMANDS}
    with tempfile.TemporaryDirectory() as name:
        environment = os.environ | {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "DVC_SITE_CACHE_DIR": f"{name}/dvc",
            "DVC_NO_ANALYTICS": "1",
        }
        root = repository(Path(name) / "repository", environment)
        for _trial in range(TRIALS):
            for label, command in COMMANDS.items():
                if "nothing" not in label:
                    forget(root)
                figures[label].append(measure(command, root, environment))
    medians = {label: [statistics.median(values) for values in zip(*figures[label], strict=True)] for label in figures}
    limit = medians["limit"]
    print(f"{len(STAGES)} stages of {CPU_S} CPU seconds, -j 2, medians of {TRIALS} (target: {TARGET} times the limit)")
    print(f"  {'':<20} {'wall s':>7} {'times':>6} {'CPU s':>7} {'more':>6}")
    for label, (wall, cpu) in medians.items():
        times = f"{wall / limit[0]:6.2f}" if "nothing" not in label else f"{'':>6}"
        more = f"{cpu - limit[1]:+6.2f}" if "nothing" not in label else ""
        over = "over target" if label == "observatudo repro" and wall / limit[0] > TARGET else ""
        print(f"  {label:<20} {wall:7.2f} {times} {cpu:7.2f} {more} {over}".rstrip())


if __name__ == "__main__":
    main()
