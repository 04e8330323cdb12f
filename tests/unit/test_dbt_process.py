"""dbt's own process does not outlive the stage that started it."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import psutil

from tests import fixtures_warehouse as fixtures

STAGE = """
from pathlib import Path
from observatudo.warehouse import dbt_process
dbt_process.run(Path.cwd(), 1, {}, lambda done, total: None)
"""
_SOON_S = 3  # dbt's imports alone take longer


def test_a_killed_stage_takes_dbt_with_it(tmp_path: Path) -> None:
    """It would go on writing the warehouse file that the next run makes anew."""
    root = fixtures.build(tmp_path)
    stage = subprocess.Popen([sys.executable, "-c", STAGE], cwd=root, env={"PYTHONPATH": str(fixtures.SOURCE)})
    children: list[psutil.Process] = []
    try:
        while not (children := psutil.Process(stage.pid).children()):
            assert stage.poll() is None
            time.sleep(0.01)
        time.sleep(0.5)  # it is on its way
        assert children[0].is_running()
        stage.kill()
        stage.wait()
        assert psutil.wait_procs(children, timeout=_SOON_S)[1] == []
    finally:
        stage.kill()
        for child in children:
            if child.is_running():
                child.kill()
