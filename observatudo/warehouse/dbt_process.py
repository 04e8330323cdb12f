"""A process of its own for dbt: build the warehouse, write the overview, then the docs site.

dbt keeps its DuckDB connection, its logging and 4 CPU seconds of imports; none of it belongs into a
stage. ``run`` starts this module in the repository's root (dbt's paths are relative to it) and reads
its progress, one JSON line ``{"done": …, "total": …}`` per node, from its standard output.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from observatudo.errors import ObservatudoError
from observatudo.i18n import _
from observatudo.warehouse import engine, presence
from observatudo.warehouse.presence import WAREHOUSE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dbt.cli.main import dbtRunner
    from dbt_common.events.base_types import EventMsg

PROJECT = Path("dbt")
TARGET = PROJECT / "target"
SITE = TARGET / "static_index.html"


@dataclass(frozen=True)
class Aim:
    """Which warehouse dbt builds: ``profile`` is its name in dbt/profiles.yml, ``environment`` what that reads."""

    target: str = engine.DUCKDB
    profile: str = engine.DUCKDB
    environment: Mapping[str, str] = field(default_factory=dict)


def run(
    root: Path,
    threads: int,
    variables: Mapping[str, object],
    progress: Callable[[int, int], None],
    aim: Aim = Aim(),
) -> None:
    """Build the warehouse and its docs, in a child process; ``progress`` is told (done, total).

    A DuckDB file is made from scratch; of BigQuery, ``variables`` say what is built again.

    Models and tests that fail are not raised here: dbt's artifacts hold them. Raises ObservatudoError
    when dbt could not run at all (a model that does not parse, a source that is missing).
    """
    shutil.rmtree(root / TARGET, ignore_errors=True)
    if aim.target == engine.DUCKDB:
        _clear(root)
    command = [sys.executable, "-m", __name__, str(threads), json.dumps(variables), aim.target, aim.profile]
    with (
        tempfile.TemporaryFile("w+", encoding="utf-8") as errors,
        subprocess.Popen(
            command,
            cwd=root,
            env={**_environment(), **aim.environment},
            stdin=subprocess.PIPE,  # never written to: see _end_with_parent
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        ) as child,
    ):
        said = _follow(child, progress)
        errors.seek(0)
        said = errors.read().strip() or said
    if child.returncode:
        raise ObservatudoError(
            _("dbt could not build the warehouse\n{said}").format(said=said),
            where=str(PROJECT),
            next_step=_("mend what it names, then type: dvc repro transform"),
        )
    if aim.target == engine.DUCKDB:
        presence.mark(root)


def _clear(root: Path) -> None:
    warehouse = root / WAREHOUSE
    warehouse.parent.mkdir(exist_ok=True)
    # the receipt first: cut off in here, the next reader must not take half a file for the version it was of
    for leftover in (root / presence.BUILT_FROM, warehouse, warehouse.with_name(warehouse.name + ".wal")):
        leftover.unlink(missing_ok=True)


def _environment() -> dict[str, str]:
    home = str(Path(__file__).resolve().parents[2])
    search = [home, *filter(None, [os.environ.get("PYTHONPATH")])]
    quiet = {"DO_NOT_TRACK": "1", "DBT_SEND_ANONYMOUS_USAGE_STATS": "false"}
    return os.environ | quiet | {"PYTHONPATH": os.pathsep.join(search)}


def _follow(child: subprocess.Popen[str], progress: Callable[[int, int], None]) -> str:
    """Pass progress on until the child ends; return what else it said."""
    assert child.stdout is not None
    said = []
    for line in child.stdout:
        if line.startswith('{"done"'):
            told = json.loads(line)
            progress(told["done"], told["total"])
        elif line.strip():
            said.append(line.rstrip())
    child.wait()
    return "\n".join(said)


def _tell(event: EventMsg) -> None:
    if event.info.name == "LogStartLine":
        told = {"done": event.data.index - 1, "total": event.data.total}
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()


def _options(threads: str, variables: str, profile: str) -> list[str]:
    folders = ["--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT), "--target", profile]
    return [*folders, "--quiet", "--log-level-file", "none", "--threads", threads, "--vars", variables]


def main(threads: str, variables: str, target: str = engine.DUCKDB, profile: str = engine.DUCKDB) -> int:
    """Run dbt in this process; return 0 when the build has left its results, however they are."""
    from dbt.cli.main import dbtRunner

    from observatudo.warehouse import artifacts, overview

    if target != engine.DUCKDB:
        _end_with_bigquery()
    options = _options(threads, variables, profile)
    runner = dbtRunner(callbacks=[_tell])
    if not _invoke(runner, ["build", *options]):
        return 1
    # the docs command writes its own results over the build's
    (TARGET / artifacts.RUN_RESULTS).replace(TARGET / artifacts.BUILD_RESULTS)
    if target == engine.DUCKDB:
        _close_connections()
    overview.write(Path.cwd(), json.loads(variables), target)
    # tests have no page of their own: leaving them out spares compiling them again
    shown = ["--exclude", "resource_type:test", "resource_type:unit_test"]
    return 0 if _invoke(runner, ["docs", "generate", "--static", *shown, *options]) else 1


def _invoke(runner: dbtRunner, command: list[str]) -> bool:
    """Say whether dbt could run; what stopped it goes to standard error."""
    outcome = runner.invoke(command)
    if outcome.exception is not None:
        sys.stderr.write(f"{outcome.exception}\n")
    return outcome.exception is None


def _close_connections() -> None:
    """An in-process dbt keeps its connection open, and DuckDB lets nobody else in."""
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager

    DuckDBConnectionManager.close_all_connections()  # type: ignore[no-untyped-call]


def _end_with_parent() -> None:
    """End this process as soon as standard input ends, which the parent holds open for as long as it lives.

    A stage that is killed cannot stop dbt, which would go on with the file that the next run makes anew.
    """

    def wait() -> None:
        while os.read(0, 1):  # not sys.stdin: its lock would be in the way when the interpreter ends
            pass
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def _end_with_bigquery() -> None:
    """End this process when BigQuery is gone: what dbt has built is there, and what it has not the next build does."""
    from observatudo.cloud import reach, settings

    def lost(host: str) -> None:
        sys.stderr.write(_("{host} cannot be reached any more; dbt was stopped").format(host=host) + "\n")
        sys.stderr.flush()
        os._exit(1)

    reach.watch(settings.load(Path.cwd()), lost)


if __name__ == "__main__":
    _end_with_parent()
    sys.exit(main(*sys.argv[1:]))
