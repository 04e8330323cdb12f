"""CPU seconds a stage's process spends before its work, over a Python that does nothing. Target: 0.6."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
TARGET = 0.6
TRIALS = 7


def cpu(code: str) -> float:
    """Return user and system seconds of one ``python -c`` in the repository."""
    before = os.times()
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def main() -> None:
    codes = {"python -c pass": "pass"}
    codes |= {
        f"stages.{path.stem}": f"import stages.{path.stem}" for path in sorted((ROOT / "stages").glob("[a-z]*.py"))
    }
    reads = "from pathlib import Path; from observatudo import config; config.load_params(Path())"
    codes["and params.yaml"] = f"import stages.ingest; {reads}"
    codes["observatudo"] = "import observatudo.cli.app"
    for code in codes.values():
        cpu(code)  # byte code and disk cache are warm from here on
    # in turns, so that a noisy minute falls on all of them alike
    trials: dict[str, list[float]] = {name: [] for name in codes}
    for _trial in range(TRIALS):
        for name, code in codes.items():
            trials[name].append(cpu(code))
    nothing = statistics.median(trials["python -c pass"])
    print(f"start-up, CPU seconds, median of {TRIALS} (target: {TARGET} over doing nothing)")
    for name, seconds in trials.items():
        over = statistics.median(seconds) - nothing
        print(
            f"  {name:<20} {statistics.median(seconds):6.3f}  {over:+6.3f}  {'' if over <= TARGET else 'over target'}"
        )


if __name__ == "__main__":
    main()
