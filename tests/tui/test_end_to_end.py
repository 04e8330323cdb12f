"""The dashboard as its users have it: in a real terminal, and in Chromium; over what the product itself made."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import ROOT, run_in
from tests.tui.browser import Chromium
from tests.tui.conftest import wait_for
from tests.tui.observed import AFTER, BEFORE, PLACE, SNAPSHOT
from tests.tui.pilot import SIZES
from tests.tui.serving import served
from tests.tui.terminal import Terminal, terminal

OBSERVATUDO = str(ROOT / ".venv/bin/observatudo")
CORRECTED = "Population of"
SCREENS = {
    "en": {
        "1": ("success", "failed", "interrupted"),
        "2": ("dvc repro",),
        "3": ("registro_civil/obito", "siconfi/ente"),
        "4": ("HEAD~1",),
        "5": ("448", "regra"),
        "6": ("116", "stg_ibge__municipio"),
        "7": ("success", "failed", "interrupted"),
        "8": ("8 Alerts", "· 2 recovered"),
    },
    "pt_BR": {
        "1": ("sucesso", "falhou", "interrompida"),
        "2": ("dvc repro",),
        "3": ("registro_civil/obito", "siconfi/ente"),
        "4": ("HEAD~1",),
        "5": ("448", "regra"),
        "6": ("116", "stg_ibge__municipio"),
        "7": ("sucesso", "falhou", "interrompida"),
        "8": ("8 Alert", "· 2 "),
    },
}


@contextmanager
def tui(root: Path, size: tuple[int, int], **environment: str) -> Iterator[Terminal]:
    """Yield the terminal in which ``observatudo tui`` shows a repository, with that repository's own code."""
    own = {name: value for name, value in os.environ.items() if name.startswith(("GIT_", "DVC_", "OBSERVATUDO_"))}
    with terminal([OBSERVATUDO, "tui"], root, size, **own | {"PYTHONPATH": str(root)} | environment) as screen:
        yield screen


@pytest.mark.needs("tmux")
@pytest.mark.parametrize("language", SCREENS)
def test_every_screen_at_every_size(observed: Path, language: str) -> None:
    with tui(observed, SIZES[0], OBSERVATUDO_LANG=language, COLUMNS="80", LINES="24") as screen:
        for size in SIZES:
            screen.resize(*size)
            for key, words in SCREENS[language].items():
                screen.keys(key)
                shown = screen.wait(*words)
                assert "Traceback" not in shown
                assert max(map(len, shown.splitlines())) <= size[0]
        rules = observed / "configs/alerts.yaml"
        rules.write_text(rules.read_text().replace("below_gb: 2}", "below_gb: 1000000000}"))
        screen.keys("1", "8")  # whoever comes back to it sees what holds now
        screen.wait("!1", "· 2 ", "disk")
        screen.keys("q")
        screen.wait("ended with 0")


@pytest.mark.needs("tmux")
def test_two_marked_versions_lead_by_keys_to_one_cell_and_its_blame(observed: Path) -> None:
    with tui(observed, (100, 30)) as screen:
        screen.wait("interrupted")
        screen.keys("v")
        screen.wait(CORRECTED)
        screen.keys("j", "Space", "Space")
        screen.wait("2 marked")
        screen.keys("c")
        screen.wait("changed: 1 row in sidra/populacao/observacao")
        screen.keys("Enter")
        screen.wait("valor_original", "1.67%")
        screen.keys("Enter")
        screen.wait("state", "SP")
        screen.keys("Enter")
        screen.wait(f"{BEFORE} → {AFTER}")
        screen.keys("Enter")
        screen.wait(PLACE, "difference")
        screen.keys("b")
        screen.wait(f"{BEFORE} → {AFTER}", "Maria Teste", "data/raw/sidra/populacao")


@pytest.mark.needs("tmux")
def test_going_back_does_what_its_preview_said(observed: Path) -> None:
    target = _git(observed, "rev-parse", "HEAD~2")
    with tui(observed, (100, 40)) as screen:
        screen.wait("interrupted")
        screen.keys("7")
        screen.wait("records")
        screen.keys("p")
        screen.wait("what going back would change", target[:8])
        screen.keys("j", "j", "Enter")
        screen.wait_until(
            lambda text: "configuration and data go back" in text and _says(text, "225,495 → 225,495 +0 −0 ~1"),
            what="the rows of fact_indicador that change",
        )
        assert _git(observed, "status", "--porcelain", "dvc.lock", "data") == "", "a preview changes nothing"
        screen.keys("B")
        screen.wait("short hash")
        screen.type("00000000")
        screen.keys("Enter")
        screen.wait("that is not")
        assert _git(observed, "rev-parse", "HEAD~2") == target, "the wrong hash does nothing"
        screen.keys("C-u")
        screen.wait("short hash", gone="00000000")
        screen.type(target[:8])
        screen.wait_until(lambda text: f"short hash    {target[:8]}" in text, what="the hash in its field")
        screen.keys("Enter")
        screen.wait("done; esc goes back")
    assert _git(observed, "diff", "--stat", target, "HEAD", "--", "dvc.lock", "data/metrics", "data/raw") == ""
    compared = run_in(observed, "observatudo diff HEAD~1 HEAD --json --counts")
    tables = json.loads(compared.stdout)["rows"]
    days = {_fetched_on(observed, version) for version in ("HEAD~1", "HEAD")}
    assert {name: table["changed"] for name, table in tables.items() if table["changed"]} == {
        # both tables of the dataset bear the day of its snapshot, only the observations its content
        "sidra/populacao/observacao": 1, "audit_volumetria": 1, "carga": len(days), "fact_indicador": 1,
    }  # fmt: skip
    assert json.loads(run_in(observed, "dvc status --json").stdout) == {"record": ["always changed"]}


@pytest.mark.needs("tmux")
def test_the_live_screen_follows_a_run_in_another_terminal(small: Path) -> None:
    params = small / "params.yaml"
    params.write_text(params.read_text().replace("um: {factor: 2, mode: fine}", "um: {factor: 7, mode: sleep}"))
    with tui(small, (110, 30), PYTHONPATH=str(ROOT)) as screen:
        screen.wait("success")
        screen.keys("2")
        screen.wait("nothing runs")
        (small / "sleep").unlink()  # the pid of the run that was killed
        running = _repro(small)
        screen.wait("▶", "a/um", "started")
        os.kill(int(_written(small / "sleep")), 9)
        screen.wait("◌", gone="▶ running")
        running.wait()
        params.write_text(params.read_text().replace("mode: sleep", "mode: fine"))
        assert _repro(small).wait() == 0
        screen.wait("join", "success", "only one was joined")
        screen.keys("1")
        screen.wait("interrupted")


@pytest.mark.needs("chromium")
def test_the_same_in_a_browser_where_nothing_can_be_changed(observed: Path, tmp_path: Path) -> None:
    lock = _git(observed, "rev-parse", "HEAD")
    own = {"PYTHONPATH": str(observed), "OBSERVATUDO_LANG": "en"}
    with served(tmp_path, module="tui", root=observed, **own) as server, Chromium(tmp_path) as browser:
        browser.open(f"{server.url}?token={server.token}")
        browser.wait_for("interrupted")
        browser.wait_for("read-only")
        for key, words in SCREENS["en"].items():
            if key != "4":
                browser.press(key)
                for word in words:
                    browser.wait_for(word)
        browser.press("1")
        browser.wait_for("noop")
        browser.press("v")
        browser.wait_for(CORRECTED)
        browser.press("j", "space", "space", "c")
        browser.wait_for("changed: 1 row in sidra/populacao/observacao")
        browser.press("enter")
        browser.wait_for("valor_original")
        browser.press("enter")
        browser.wait_for("SP")
        browser.press("enter")
        browser.wait_for(f"{BEFORE} → {AFTER}")
        browser.press("enter")
        browser.wait_for("difference")
        browser.press("b")
        browser.wait_for("Maria Teste")
        browser.press("7")
        browser.wait_for("records")
        browser.press("p")
        browser.wait_for("what going back would change")
        browser.wait_for(_git(observed, "rev-parse", "HEAD~2")[:8])
        browser.press("j", "j", "enter")
        browser.wait_for("configuration and data go back")
        assert "roll back" not in browser.text().splitlines()[-1]
        browser.press("B")
        time.sleep(1)
        assert "short hash" not in browser.text()
        assert browser.outside(server.port) == []
    assert _git(observed, "rev-parse", "HEAD") == lock
    assert _git(observed, "status", "--porcelain", "dvc.lock", "data", "params.yaml") == ""


def _says(text: str, end: str) -> bool:
    """Say whether the line of fact_indicador ends so; a frame may be there in half."""
    return any(" ".join(line.split()).endswith(end) for line in text.splitlines() if "fact_indicador" in line)


def _git(root: Path, *words: str) -> str:
    return subprocess.run(["git", *words], cwd=root, capture_output=True, text=True, check=True).stdout.strip()


def _fetched_on(root: Path, version: str) -> str:
    sidecar = _git(root, "show", f"{version}:{Path(SNAPSHOT).with_name('snapshot.json').as_posix()}")
    return str(json.loads(sidecar)["fetched_at"])[:10]


def _repro(root: Path) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    quiet = subprocess.DEVNULL
    return subprocess.Popen(["dvc", "repro"], cwd=root, env=environment, stdin=quiet, stdout=quiet, stderr=quiet)


def _written(path: Path) -> str:
    wait_for(path)
    return path.read_text()
