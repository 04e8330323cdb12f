"""The Portuguese catalogue is whole and compiled, and no text reaches a user past it."""

from __future__ import annotations

import ast
import io
import os
import re
import string
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from observatudo.i18n import language
from tests.conftest import ROOT
from tests.contract import modules

PO = ROOT / "observatudo/locale/pt_BR/LC_MESSAGES/observatudo.po"
CODE = {path: ast.parse(path.read_text(encoding="utf-8")) for path in modules.find(ROOT).values()}
VARIABLES = ("OBSERVATUDO_LANG", "LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG")

# What says something to a user: what prints, what raises, what heads a column or explains an option.
SPEAKING = re.compile(
    r"(?:^|\.)(?:echo|print|say|warn|add_column|add_task|status|Argument|Option|command|Finding|SystemExit"
    r"|(?:Observatudo|Config|Snapshot|Data)Error|stderr\.write)$"
)
PHRASE = re.compile(r"[^\W\d_]{2,}[,;:]? [^\W\d_]{2,}")
COMMANDS = (
    "observatudo ",
    "dvc ",
    "git ",
    "make ",
    "sudo ",
    "uv pip ",
    "export ",
    "touch ",
    "iconv ",
    "python -m ",
    "gcloud ",
    "bq ",
)


def catalogue() -> Catalog:
    with PO.open("rb") as file:
        return read_po(file)


def translated() -> dict[str, str]:
    return {str(message.id): str(message.string) for message in catalogue() if message.id}


def fields(text: str) -> Counter[tuple[str, str | None, str | None]]:
    """Count the placeholders of a text, each with its format and conversion."""
    return Counter((name, spec, conversion) for _text, name, spec, conversion in string.Formatter().parse(text) if name)


def calls(tree: ast.AST) -> Iterator[tuple[ast.Call, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield node, ast.unparse(node.func)


def literals(node: ast.AST) -> Iterator[str]:
    """Yield the texts written out below ``node``, but none that goes through ``_``."""
    if isinstance(node, ast.Call) and ast.unparse(node.func) == "_":
        return
    if isinstance(node, ast.JoinedStr):
        yield "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    inner = [part for part in ast.iter_child_nodes(node) if not isinstance(part, ast.Constant)]
    for part in inner if isinstance(node, ast.JoinedStr) else ast.iter_child_nodes(node):
        yield from literals(part)


def spoken(tree: ast.AST) -> list[str]:
    """Return the phrases that the code says to a user in one language only."""
    return [
        f"line {call.lineno}: {text}"
        for call, name in calls(tree)
        if SPEAKING.search(name)
        for argument in [*call.args, *(keyword.value for keyword in call.keywords)]
        for text in literals(argument)
        if PHRASE.search(text) and not text.lstrip(" →").startswith(COMMANDS)
    ]


def test_the_catalogue_holds_the_messages_of_the_code_and_no_others() -> None:
    found = {
        message
        for package in modules.PACKAGES
        for _file, _line, message, _comments, _context in extract_from_dir(ROOT / package)
    }
    assert found == set(translated()), "type: make messages"


def test_every_message_is_translated() -> None:
    assert len(translated()) > 200
    assert not [message.id for message in catalogue() if message.id and (not message.string or message.fuzzy)]


def test_translations_keep_placeholders_quotes_and_lines() -> None:
    changed = [
        original
        for original, text in translated().items()
        if fields(original) != fields(text)
        or [original.count(sign) for sign in "“”→✗\n"] != [text.count(sign) for sign in "“”→✗\n"]
        or re.findall(r"^\s*|\s*$", original) != re.findall(r"^\s*|\s*$", text)
    ]
    assert not changed


def test_commands_and_files_stay_as_they_are_typed() -> None:
    typed = re.compile(r"--[a-z]+|\b(?:dvc|make) [a-z]+|\bgit [a-z]+|observatudo [a-z]+|[\w./]+\.(?:yaml|lock|yml)\b")
    prose = {"make room", "make repro writes"}  # begin like a command
    changed = {
        original: sorted(lost)
        for original, text in translated().items()
        if not any(original.startswith(words) for words in prose)
        and (lost := set(typed.findall(original)) - set(typed.findall(text)))
    }
    assert not changed


def test_the_compiled_catalogue_is_the_committed_one() -> None:
    fresh = io.BytesIO()
    write_mo(fresh, catalogue())
    assert fresh.getvalue() == PO.with_suffix(".mo").read_bytes(), "type: make messages"


def test_no_message_stands_inside_an_f_string_where_nothing_collects_it() -> None:
    found = {
        f"{path.relative_to(ROOT)}:{call.lineno}"
        for path, tree in CODE.items()
        for text in ast.walk(tree)
        if isinstance(text, ast.JoinedStr)
        for call, name in calls(text)
        if name == "_"
    }
    assert not found


def test_no_phrase_reaches_a_user_in_one_language_only() -> None:
    found = {str(path.relative_to(ROOT)): phrases for path, tree in CODE.items() if (phrases := spoken(tree))}
    assert not found, "wrap it in _() and type: make messages"


def test_what_is_to_be_translated_is_written_out() -> None:
    """A text made at run time is no key of the catalogue."""
    made = [
        f"{path.relative_to(ROOT)}:{call.lineno}"
        for path, tree in CODE.items()
        for call, name in calls(tree)
        if name == "_" and [type(getattr(argument, "value", None)) for argument in call.args] != [str]
    ]
    assert not made


@pytest.mark.parametrize(
    ("code", "count"),
    [
        ('typer.echo("no run yet")', 1),
        ('raise DataError(_("the file is empty"), next_step=f"look at {path} again")', 1),
        ('typer.Option("--json", help="Print JSON.")', 1),
        ('console.print("; ".join([f"{count} rows kept"]))', 1),
        ('raise DataError(_("the file is empty"), next_step=f"dvc repro ingest@{key}")', 0),
        ('typer.echo(_("no run yet") + f"  {run}")', 0),
        ('con.execute("SELECT motivo FROM recusado")', 0),
    ],
)
def test_the_rule_finds_what_is_not_wrapped(code: str, count: int) -> None:
    assert len(spoken(ast.parse(code))) == count


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, "en"),
        ({"LANG": "pt_BR.UTF-8"}, "pt_BR"),
        ({"LANG": "pt_PT"}, "pt_BR"),
        ({"LANG": "C.UTF-8", "LC_ALL": ""}, "en"),
        ({"LANG": "pt_BR.UTF-8", "LC_ALL": "C"}, "en"),
        ({"LANG": "pt_BR.UTF-8", "OBSERVATUDO_LANG": "en"}, "en"),
        ({"LANG": "C", "OBSERVATUDO_LANG": "pt"}, "pt_BR"),
    ],
)
def test_the_language_is_that_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], expected: str
) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert language() == expected


def observatudo(folder: Path, lang: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "OBSERVATUDO_LANG": lang, "PYTHONPATH": str(ROOT), "COLUMNS": "80"}
    command = [sys.executable, "-m", "observatudo.cli.app", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, encoding="utf-8")


@pytest.mark.parametrize(("lang", "expected"), [("pt_BR", "Lista as execuções"), ("en", "List the runs")])
def test_help_comes_in_the_users_language_and_is_not_cut_off(tmp_path: Path, lang: str, expected: str) -> None:
    said = observatudo(tmp_path, lang, "--help").stdout
    assert expected in said
    assert "..." not in said.partition("Commands:")[2]


@pytest.mark.parametrize(
    ("lang", "expected"), [("pt_BR", "isto não é um repositório"), ("en", "this is not an Observatudo repository")]
)
def test_errors_come_in_the_users_language(tmp_path: Path, lang: str, expected: str) -> None:
    done = observatudo(tmp_path, lang, "datasets")
    assert done.returncode == 1
    assert done.stderr.startswith(expected)
