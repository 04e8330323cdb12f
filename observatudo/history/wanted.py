"""The words that a list is filtered by, as a condition in SQL with bound values.

All words are wanted; each is looked for anywhere, without case and accents; ``field:word`` looks in one field; ``-``
before either wants it absent. A field that is none is part of the word; a field without a word is not yet a wish.
"""

from __future__ import annotations

from typing import NamedTuple

from observatudo.history.store import fold

_REFS = "(SELECT group_concat(name, char(10)) FROM ref WHERE ref.sha = version.sha)"
_RUNS = "(SELECT group_concat(run_id, char(10)) FROM version_run WHERE version_run.sha = version.sha)"
RUN_FIELDS = {
    "status": "run.status",
    "kind": "run.kind",
    "commit": 'run."commit"',
    "branch": "run.branch",
    "who": "run.who",
    "stage": "run.stages",
    "dataset": "run.touched",
    "source": "run.source",
}
VERSION_FIELDS = {
    "commit": "version.sha",
    "author": "version.author",
    "kind": "version.kind",
    "changed": "version.changed",
    "ref": _REFS,
    "run": _RUNS,
}
RUN_TEXT = ("run.words",)
VERSION_TEXT = ("version.words", f"fold(coalesce({_REFS}, ''))", f"coalesce({_RUNS}, '')")


class Word(NamedTuple):
    """One wish: the folded text, the field (empty: any), and whether it must be absent."""

    text: str
    field: str
    is_absent: bool


def parse(wanted: str, fields: dict[str, str]) -> list[Word]:
    """Return the wishes in what somebody typed."""
    found = []
    for word in wanted.split():
        is_absent = word.startswith("-") and len(word) > 1
        word = word[1:] if is_absent else word
        name, colon, text = word.partition(":")
        field = name.lower() if colon and name.lower() in fields else ""
        text = fold(text if field else word)
        if text:
            found.append(Word(text, field, is_absent))
    return found


def condition(wanted: str, fields: dict[str, str], anywhere: tuple[str, ...]) -> tuple[str, list[str]]:
    """Return SQL that follows a WHERE (empty, or ``AND …``) and its values.

    The connection needs the function ``fold``.
    """
    clauses, values = [], []
    for word in parse(wanted, fields):
        places = (f"fold(coalesce({fields[word.field]}, ''))",) if word.field else anywhere
        found = " OR ".join(f"instr({place}, ?) > 0" for place in places)
        clauses.append(f" AND {'NOT ' if word.is_absent else ''}({found})")
        values += [word.text] * len(places)
    return "".join(clauses), values
