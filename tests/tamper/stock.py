"""What stock DVC notices of the same mutations: its own commands on the same copies, nothing of ours."""

from __future__ import annotations

import random
import shutil
import subprocess
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from tests.tamper import repository
from tests.tamper.mutations import MUTATIONS, Trial
from tests.tamper.repository import Small

COMMANDS = ("dvc status", "dvc status -c", "dvc checkout", "dvc pull")


def score(base: Path, place: Path, trials: list[tuple[str, int]]) -> dict[str, Counter[str]]:
    """Return group of mutations → how many there were (``trials``), how many each command noticed and how many
    any of them did.

    Noticing is an exit code other than 0, or a ``status`` that differs from that of the repository before.
    """
    before = {command: _said(repository.copy(base, place), command) for command in COMMANDS[:2]}
    noticed: dict[str, Counter[str]] = {}
    for name, seed in trials:
        group = noticed.setdefault(name.split(":")[0], Counter())
        group["trials"] += 1
        found = [command for command in COMMANDS if _notices(base, place, name, seed, command, before)]
        group.update(found)
        group["any"] += bool(found)
    return noticed


def _notices(
    base: Path, place: Path, name: str, seed: int, command: str, before: Mapping[str, tuple[int, str]]
) -> bool:
    small = repository.copy(base, place)
    shutil.rmtree(place / "dvc-site", ignore_errors=True)  # a machine that has not seen it yet
    MUTATIONS[name](Trial(small, random.Random(seed)))
    if command == "dvc pull":  # what a colleague does: nothing here yet
        shutil.rmtree(small.root / ".dvc/cache", ignore_errors=True)
    if command in ("dvc checkout", "dvc pull"):
        for output in ("data/ingested", "data/marts", "data/warehouse", "data/classified/rotulo.parquet"):
            path = small.root / output
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    code, said = _said(small, command)
    return code != 0 or (command in before and (code, said) != before[command])


def _said(small: Small, command: str) -> tuple[int, str]:
    done = subprocess.run(
        command.split(), cwd=small.root, env=small.environment, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout


def table(ours: Counter[str], total: Counter[str], noticed: Mapping[str, Counter[str]]) -> str:
    """Return the scores as Markdown; every number is of mutations."""
    heads = ["mutations of", "`verify` located", "DVC noticed", *(f"`{command}`" for command in COMMANDS)]
    lines = [f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}"]
    sums = Counter[str]()
    for group in sorted(total):
        own = noticed.get(group, Counter())
        sums.update(own)
        lines.append(_line(group, f"{ours[group]} of {total[group]}", own))
    lines.append(_line("**all**", f"{sum(ours.values())} of {sum(total.values())}", sums))
    return "\n".join(lines)


def _line(name: str, located: str, own: Counter[str]) -> str:
    cells = [name, located, f"{own['any']} of {own['trials']}", *(str(own[command]) for command in COMMANDS)]
    return f"| {' | '.join(cells)} |"
