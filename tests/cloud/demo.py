"""`make cloud-demo`: the whole way into Google Cloud and back, on emulators, in a clone that is thrown away.

    python -m tests.cloud.demo [FOLDER]

It types what a person types, and shows what comes out. Its steps are what tests/cloud/test_end_to_end.py checks.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from tests.cloud.emulators import UNSET, Cloud, running
from tests.conftest import clone_to
from tests.tui.observed import AFTER, BEFORE, PLACE, SNAPSHOT, YEAR

VALUE = f"observatudo value {PLACE} ibge_populacao_estimada --year {YEAR}"
_SHOWN = 14


class Failed(Exception):
    """A command ended with another exit code than 0; the text is all that it printed."""


@dataclass
class Demo:
    """A clone and the emulators. ``say`` hears of each command and what it printed."""

    root: Path
    cloud: Cloud
    say: Callable[[str], None] = print
    printed: dict[str, str] = field(default_factory=dict)

    def type(self, command: str, *, shown: int = _SHOWN) -> str:
        """Run a command in the clone, show its last lines and return everything. Raises Failed."""
        self.say(f"\n$ {command}")
        environment = {name: value for name, value in os.environ.items() if name not in UNSET}
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=self.root,
            env=environment | self.cloud.environment | {"PYTHONPATH": str(self.root)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode:
            raise Failed(f"{command}: exit code {done.returncode}\n{done.stdout}")
        lines = done.stdout.rstrip().splitlines()
        self.say("\n".join(["…", *lines[-shown:]] if len(lines) > shown else lines))
        self.printed[command] = done.stdout
        return done.stdout

    def commit(self, why: str) -> None:
        """Commit everything, as a person does after a run."""
        self.type(f"git add -A && git commit -q -m '{why}' && git log --oneline -1")

    def marts(self) -> str:
        """Return the MD5 of all marts, as dvc.lock has it."""
        lock = yaml.safe_load((self.root / "dvc.lock").read_text(encoding="utf-8"))
        outs = lock["stages"]["transform"]["outs"]
        return str(next(out["md5"] for out in outs if out["path"] == "data/marts"))


def build_on_this_machine(demo: Demo) -> str:
    """Run the pipeline with DuckDB; return the MD5 of the marts."""
    demo.say("\n== the pipeline on this machine, with DuckDB")
    demo.type("dvc repro -q", shown=4)
    demo.commit("Built with DuckDB")
    return demo.marts()


def push(demo: Demo) -> None:
    """Send the data of all versions to the bucket."""
    demo.say("\n== the data of every version, to the bucket")
    demo.type(f"observatudo remote gs://{demo.cloud.bucket}/dvc --shared")
    demo.type("observatudo remote --push")
    demo.commit("The data are in a bucket")


def build_in_bigquery(demo: Demo) -> str:
    """Change the target, run the pipeline; return the MD5 of the marts, which BigQuery has made."""
    demo.say("\n== the same pipeline with BigQuery: one line of params.yaml")
    demo.type("sed -i 's/  target: duckdb/  target: bigquery/' params.yaml")
    demo.type("observatudo warehouse --create")
    demo.type("dvc repro -q", shown=4)
    demo.commit("Built with BigQuery")
    return demo.marts()


def load_an_increment(demo: Demo) -> str:
    """Fetch a snapshot in which the publisher corrected one number, and run; return what the value is then."""
    demo.say("\n== the publisher corrects one number: what changed is all that is sent")
    text = (demo.root / SNAPSHOT).read_text(encoding="utf-8")
    edited = demo.root.parent / "t6579.json"
    edited.write_text(text.replace(f'"{YEAR}":"{BEFORE}"', f'"{YEAR}":"{AFTER}"'), encoding="utf-8")
    demo.type("observatudo fetch sidra/populacao --from ../t6579.json && dvc repro -q", shown=4)
    demo.commit("Population corrected")
    demo.type("observatudo warehouse --loads 3", shown=40)
    return demo.type(VALUE)


def roll_back(demo: Demo) -> str:
    """Go back to the version before, in Git, in the data and in the warehouse; return what the value is then."""
    demo.say("\n== and takes it back: the same merge backwards")
    demo.type("observatudo rollback HEAD~1 --yes -m 'the publisher took it back'", shown=24)
    demo.type("observatudo warehouse --loads 3", shown=40)
    return demo.type(VALUE)


@contextlib.contextmanager
def prepared(folder: Path, say: Callable[[str], None] = print) -> Iterator[Demo]:
    """Clone this repository into ``folder`` and start the emulators beside it."""
    say("== emulators of BigQuery and Cloud Storage, and a clone of this repository")
    with running(folder / "cloud") as cloud:
        yield Demo(clone_to(folder / "clone"), cloud, say)


def main(folder: Path) -> int:
    """Do all of it; return 0 when both warehouses gave the same bytes, and the rollback brought them back."""
    with prepared(folder) as demo:
        here = build_on_this_machine(demo)
        push(demo)
        there = build_in_bigquery(demo)
        demo.say(
            f"\nmarts by DuckDB {here}, by BigQuery {there}: {'the same bytes' if here == there else 'NOT THE SAME'}"
        )
        load_an_increment(demo)
        corrected = demo.marts()
        roll_back(demo)
        back = demo.marts()
        demo.say(f"\nmarts corrected {corrected}, after the rollback {back}")
        demo.type("observatudo warehouse --deep", shown=30)
        is_well = here == there == back != corrected
    demo.say("\nall of it was thrown away" if is_well else "\nthis is not as it should be")
    return 0 if is_well else 1


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="observatudo-cloud-") as made:
        try:
            sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(made)))
        except Failed as failed:
            sys.exit(str(failed))
