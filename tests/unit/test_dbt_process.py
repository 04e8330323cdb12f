"""dbt's own process does not outlive the stage that started it."""

from __future__ import annotations

import os
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
ENDLESS = "import time\nopen('at-work', 'w').close()\ntime.sleep(3600)\n"  # in place of dbt, which would end by itself
_WITHIN_S = 300


def test_a_killed_stage_takes_dbt_with_it(tmp_path: Path) -> None:
    """It would go on writing the warehouse file that the next run makes anew."""
    root = fixtures.build(tmp_path / "repository")
    (tmp_path / "endless/dbt/cli").mkdir(parents=True)
    for name, code in {"__init__.py": "", "cli/__init__.py": "", "cli/main.py": ENDLESS}.items():
        (tmp_path / "endless/dbt" / name).write_text(code)
    environment = {"PYTHONPATH": f"{tmp_path / 'endless'}{os.pathsep}{fixtures.SOURCE}"}
    stage = subprocess.Popen([sys.executable, "-c", STAGE], cwd=root, env=environment)
    children: list[psutil.Process] = []
    try:
        while not (root / "at-work").exists():
            assert stage.poll() is None
            time.sleep(0.02)
        children = psutil.Process(stage.pid).children()
        assert len(children) == 1
        assert children[0].is_running()
        stage.kill()
        stage.wait()
        assert psutil.wait_procs(children, timeout=_WITHIN_S)[1] == []
    finally:
        stage.kill()
        for child in children:
            if child.is_running():
                child.kill()
