"""A small repository whose indicators can be asked about, and ``observatudo ask`` as a process in it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from observatudo import paths
from observatudo.classify import answers
from observatudo.classify.answers import Answers, Ended, Observation, Reply
from tests import fixtures_warehouse as fixtures
from tests.conftest import ROOT
from tests.endpoint import MODEL

NAME = "teste"
TAXONOMY = """\
version: "1"
axes:
- {key: Saude, title: Saúde, definition: Hospitais e doenças, examples: [Leitos, Vacinas, Óbitos],
   rules: [{weight: 3, terms: [leito]}]}
- {key: Economia, title: Economia, definition: Produto e renda, examples: [PIB, Empregos, Empresas],
   rules: [{weight: 3, terms: [produto]}]}
- {key: Indefinido, title: Indefinido, definition: Nomes e códigos, examples: [Nome, Código, Data],
   rules: [{weight: 3, terms: [código]}]}
"""
PARAMS = """\
datasets:
  brmunipanel/variavel: {params: brmunipanel.variavel, lista: data/ingested/ibge/municipio}
ds:
  brmunipanel: {variavel: {}}
classify:
  threshold: 0.4
  providers: {teste: 0.8}
  convergence: {stable_after: 3, window: 10, oscillates_at: 3, invalid_after: 3}
warehouse: {target: duckdb}
transform: {threads: 2}
"""
# so small that a test that waits for them is quick, but for the timeout, which no answer may miss on a slow machine
LIMITS = "{concurrency: 1, timeout_s: 60, retries: 2, longest_wait_s: 3, failures: 5, pause_s: 0.1}"
NAMES = ("Leitos hospitalares", "Renda média", "Óbitos infantis", "Empregos formais", "Código da praça", "Vacinas")


@dataclass(frozen=True)
class Asking:
    """A repository with its model ``teste`` behind ``url``."""

    root: Path
    url: str

    def declare(self, limits: str = LIMITS, **more: str) -> None:
        """Write the model's declaration: its limits, and other keys as YAML."""
        keys = {"base_url": self.url, "model": MODEL, "limits": limits, **more}
        lines = "".join(f"    {key}: {value}\n" for key, value in keys.items())
        (self.root / paths.PROVIDERS).write_text(f"providers:\n  {NAME}:\n{lines}", encoding="utf-8")

    def indicators(self, names: Sequence[str]) -> None:
        """Make these the names of the indicators, which are all there is."""
        rows: list[tuple[object, ...]] = [
            (f"brmunipanel_i{number:03}", name, None, None, "unica", None, None) for number, name in enumerate(names)
        ]
        fixtures.indicators(self.root, fixtures.VARIABLES, rows)

    def command(self, *words: str) -> list[str]:
        """Return the arguments of a command of this project."""
        return [sys.executable, "-m", "observatudo.cli.app", *words]

    def environment(self, extra: Mapping[str, str] | None = None) -> dict[str, str]:
        return {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "", **(extra or {})}

    def run(
        self, *words: str, code: int = 0, extra: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end and check its exit code and that it shows no traceback."""
        done = subprocess.run(
            self.command(*words),
            cwd=self.root,
            env=self.environment(extra),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == code, f"{done.returncode}\n{done.stdout}{done.stderr}"
        assert "Traceback" not in done.stdout + done.stderr or "OBSERVATUDO_DEBUG" in (extra or {}), done.stderr
        return done

    def ask(self, *words: str, code: int = 0) -> str:
        """Run ``observatudo ask``; return what it says on both streams."""
        done = self.run("ask", *words, code=code)
        return done.stdout + done.stderr

    def start(self, *words: str, extra: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
        """Start a command in a process group of its own and return at once."""
        return subprocess.Popen(
            self.command(*words),
            cwd=self.root,
            env=self.environment(extra),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    @property
    def answers(self) -> Answers:
        """Return what stands in the answers files, read by the product's own reader."""
        return answers.read(self.root)

    @property
    def replies(self) -> list[Reply]:
        """Return every call that was written down, in the order of their hours."""
        found = [reply for own in self.answers.all() for reply in own.attempts]
        return sorted(found, key=lambda reply: (reply.hora, reply.tentativa))

    def observation(self, nome: str) -> Observation:
        """Return the newest observation about a name."""
        return [own for own in self.answers.all() if own.reply.nome == nome][-1]

    @property
    def labels(self) -> dict[str, str | None]:
        """Return name → axis of the newest whole observation that is no error."""
        own = sorted((own for own in self.answers.all() if own.is_whole), key=lambda own: own.order)
        return {one.reply.nome: one.reply.eixo for one in own if one.reply.status != "erro"}

    @property
    def end(self) -> Ended:
        """Return how the newest execution ended."""
        found = self.answers
        return found.ends[found.executions[-1].execucao]


def make(root: Path, url: str, names: Sequence[str] = NAMES) -> Asking:
    """Make the repository at ``root``: one dataset with these indicators, nothing asked yet."""
    (root / "configs/datasets/brmunipanel").mkdir(parents=True)
    for name in ("configs/datasets/brmunipanel/variavel.yaml", "configs/prompts/eixo.md"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, root / name)
    (root / paths.TAXONOMY).write_text(TAXONOMY, encoding="utf-8")
    (root / paths.PARAMS).write_text(PARAMS, encoding="utf-8")
    (root / "dvc.yaml").write_text("stages: {}\n", encoding="utf-8")
    (root / paths.OVERRIDES).parent.mkdir(parents=True)
    (root / paths.OVERRIDES).write_text("id_indicador,eixo,autor,data,justificativa\n", encoding="utf-8")
    made = Asking(root, url)
    made.declare()
    made.indicators(names)
    return made
