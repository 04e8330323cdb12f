"""What each fault showed a user, as a row of docs/faults.md: recorded there, or held against what stands there.

A test provokes a fault and hands over what came out. Paths, process numbers and run ids become words, so that
the row is the same on every machine.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.faults import catalogue
from tests.faults.repository import KEY, Small

PAGE = ROOT / "docs/faults.md"
FOLDER = "OBSERVATUDO_FAULTS"
STOPPED = "The stage stops; the last good output stays, byte for byte."
_WIDEST = 400
_NOISE = re.compile(r"^(Running stage |> python -m |Stage '.*' didn't change|'.*' didn't change|$)")


@dataclass(frozen=True)
class Row:
    """One fault: what a user sees, line by line, and what happens to the data."""

    fault: str
    seen: str
    data: str

    def line(self) -> str:
        """Return the row of the table."""
        seen = "<br>".join(_code(line) for line in self.seen.splitlines())
        return f"| {self.fault} | {seen} | {self.data} |"


def _code(line: str) -> str:
    """Return a line as code in a cell: a bar would end the cell, a backtick the code."""
    indent = "&emsp;" if line.startswith(" ") else ""
    text = line.strip().replace("|", "\\|").replace("`", "'")
    return f"{indent}`{text}`" if text else ""


@dataclass(frozen=True)
class Recorder:
    """Hands what a fault showed in ``repo`` to the page."""

    repo: Small

    def row(self, fault: str, seen: str, data: str) -> None:
        """Record the row; without a folder to record in, fail where docs/faults.md says otherwise."""
        assert fault in catalogue.FAULTS, f"“{fault}” is not in tests/faults/catalogue.py"
        assert not re.search("Traceback|should not have happened", seen), seen
        row = Row(fault, self.normal(seen), data)
        folder = os.environ.get(FOLDER)
        if folder:
            name = f"{catalogue.FAULTS.index(fault):03}.json"
            Path(folder, name).write_text(json.dumps(asdict(row), ensure_ascii=False), encoding="utf-8")
        elif row.line() not in PAGE.read_text(encoding="utf-8").splitlines():
            pytest.fail(f"docs/faults.md does not say (python -m tests.faults.page writes it):\n{row.line()}")

    def stops(self, fault: str, key: str = KEY, *, says: str) -> str:
        """Run the stage, which must stop in words of its own and leave all outputs as they were."""
        before = self.repo.outputs()
        done = self.repo.stage(key)
        assert (done.returncode, says in done.stdout) == (1, True), done.stdout
        assert "  → " in done.stdout, f"no next step:\n{done.stdout}"
        assert self.repo.outputs() == before
        self.row(fault, done.stdout, STOPPED)
        return done.stdout

    def rejects(self, fault: str, reasons: dict[str, int], kept: int) -> list[dict[str, object]]:
        """Run the stage, which must keep and reject so many rows, by reason, and say of each where and why."""
        done = self.repo.stage()
        assert done.returncode == 0, done.stdout
        report, rejects = self.repo.report(), self.repo.rejects()
        rejected = report["rows_rejected"]
        assert report["rejected_by_reason"] == reasons
        assert (report["rows_kept"], report["rows_read"]) == (kept, kept + _int(rejected))
        told = [f"{r['arquivo']}:{r['linha']} {r['coluna']} “{_short(r['texto'])}” {r['motivo']}" for r in rejects]
        rows = "row" if report["rows_read"] == 1 else "rows"
        data = f"Of {report['rows_read']} {rows} {kept} kept, {rejected} rejected, all in `rejeitado.parquet`."
        self.row(fault, "\n".join([*done.stdout.splitlines(), *told]), data)
        return rejects

    def normal(self, text: str) -> str:
        """Return the lines that are the product's or DVC's answer, the same on every machine."""
        text = text.replace(f"{self.repo.root}/", "").replace(str(self.repo.root), "the repository")
        text = re.sub(r"\d{8}T\d{6}Z-\d+", "RUN", text)
        text = re.sub(r"\b[\d,]+ (B|files)\b", r"N \1", text)
        text = re.sub(r"fetch-\w+/", "fetch-…/", text)
        text = re.sub(r"pipeline_\d{8}", "pipeline_YYYYMMDD", text)
        text = re.sub(r"\b[0-9a-f]{64}\b", "HASH", text)
        text = re.sub(r"\b(PID|Pid) \d+", r"\1 N", text)
        text = re.sub(r"[^\s']*/dvc repro", "dvc repro", text)
        # dash dies of the Ctrl-C that its stage has answered already; bash hands on the stage's own 130
        text = text.replace("exited with -2", "exited with 130")
        lines = [line.rstrip()[:_WIDEST] for line in text.splitlines() if not _NOISE.match(line)]
        return "\n".join(lines)


def _int(value: object) -> int:
    assert isinstance(value, int)
    return value


def _short(value: object) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= 40 else f"{text[:40]}…"


def said(done: subprocess.CompletedProcess[str], code: int) -> str:
    """Return what a command said, having ended with this code and no traceback."""
    assert done.returncode == code, done.stdout
    assert "Traceback" not in done.stdout, done.stdout
    return done.stdout
