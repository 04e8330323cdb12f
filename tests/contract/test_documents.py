"""What the documents tell a reader to type really runs.

A ```console block holds commands (``$ …``, continued by ``> …``) and what they print. Words after
``console`` say that a block is not for a test to run: ``setup`` (clone, make repro, make test: CI does these),
``serves`` (goes on until it is stopped), ``cloud`` (needs an account or a model of one's own). All other blocks of a
document are run in order, in a clone in which the pipeline has been run. A block opened by ```FORMAT file=NAME is a
file the reader is to write: it is put there before the commands that come after it.

``asks`` says that the commands ask a model: they are run, and the test endpoint stands in for the model. Its address
takes the place of ``DOCUMENTED``, in all commands and files of such a document.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from tests.conftest import ROOT, run_in
from tests.endpoint import Endpoint

DOCUMENTS = sorted(ROOT.glob("README*.md")) + sorted((ROOT / "docs").rglob("*.md"))
NOT_RUN = {"setup", "serves", "cloud"}
ASKS = "asks"
# where Ollama listens, and a model of it with the beginning of its digest
DOCUMENTED, MODEL, DIGEST = "http://127.0.0.1:11434/v1", "qwen3:8b", "500a1f067a9f"
FENCE = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    marks: frozenset[str]
    commands: tuple[str, ...]
    file: str = ""
    content: str = ""

    @property
    def is_run(self) -> bool:
        return not self.marks & NOT_RUN


def blocks(path: Path) -> list[Block]:
    """Return the ``console`` blocks and the files of a document, in order."""
    found = []
    for language, words, body in FENCE.findall(path.read_text(encoding="utf-8")):
        file = re.search(r"\bfile=(\S+)", words)
        if file:
            found.append(Block(frozenset(), (), file[1], body))
        elif language == "console":
            commands = re.findall(r"^\$ (.*(?:\n> .*)*)", body, flags=re.MULTILINE)
            found.append(Block(frozenset(words.split()), tuple(command.replace("\n> ", "\n") for command in commands)))
    return found


@cache
def known_commands() -> set[str]:
    from observatudo.cli import app

    app._register()
    groups = {str(group.name) for group in app.app.registered_groups}
    return groups | {command.callback.__name__ for command in app.app.registered_commands if command.callback}


def names(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", DOCUMENTS, ids=names)
def test_console_blocks_are_well_formed(path: Path) -> None:
    for block in blocks(path):
        unknown = block.marks - NOT_RUN - {ASKS}
        assert not unknown, f"unknown mark: {sorted(unknown)}"
        assert block.commands or block.file, "a console block without a command: use ```text for mere output"


# the README in Portuguese has the commands of the one in English, as another test holds
RUN = [path for path in DOCUMENTS if path.name != "README.pt-BR.md" and any(block.is_run for block in blocks(path))]


@contextmanager
def placed(path: Path) -> Iterator[Callable[[str], str]]:
    """Give what puts the address of the test endpoint into a text; the endpoint serves only where a block asks."""
    if not any(ASKS in block.marks for block in blocks(path)):
        yield str
        return
    with Endpoint() as server:
        server.models = (MODEL,)
        server.ollama = {MODEL: DIGEST}
        yield lambda text: text.replace(DOCUMENTED, server.url)


@pytest.mark.parametrize("path", RUN, ids=names)
def test_the_commands_of_a_document_run(path: Path, built: Path) -> None:
    with placed(path) as place:
        for block in blocks(path):
            if block.file:
                (built / block.file).write_text(place(block.content), encoding="utf-8")
            for command in block.commands if block.is_run else ():
                done = run_in(built, place(command))
                assert done.returncode == 0, f"$ {command}\n{done.stdout}{done.stderr}"


@pytest.mark.parametrize("path", DOCUMENTS, ids=names)
def test_commands_and_targets_that_are_named_exist(path: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    text = path.read_text(encoding="utf-8")
    said = re.findall(r"(?:`|^\$ )(observatudo|make) ([a-z]+(?:-[a-z]+)*)", text, re.MULTILINE)
    assert not [
        f"{tool} {word}" for tool, word in said if word not in (known_commands() if tool == "observatudo" else targets)
    ]


def test_both_readmes_show_the_same_commands() -> None:
    english, portuguese = ROOT / "README.md", ROOT / "README.pt-BR.md"
    if not english.exists() and not portuguese.exists():
        return
    assert [block.commands for block in blocks(english)] == [block.commands for block in blocks(portuguese)]


def test_links_between_documents_lead_somewhere() -> None:
    wrong = [
        f"{names(path)}: {target}"
        for path in DOCUMENTS
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", path.read_text(encoding="utf-8"))
        if not (path.parent / target).exists()
    ]
    assert not wrong
