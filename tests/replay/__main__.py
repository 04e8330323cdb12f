"""``python -m tests.replay --port N`` serves the replayed services, and prints the line that leads there."""

from __future__ import annotations

import argparse
import threading

from tests.replay import Replay


def main() -> None:
    """Serve until stopped."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--port", type=int, default=0)
    with Replay(options.parse_args().port) as replay:
        print(f'export OBSERVATUDO_MIRRORS="{replay.mirrors}"', flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
