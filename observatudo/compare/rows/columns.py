"""Which column of one side is compared with which of the other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from observatudo.compare.rows.files import File
from observatudo.compare.rows.options import Options
from observatudo.compare.rows.types import Column, column


def nameless(names: Sequence[str]) -> list[str]:
    """Return the names that do not name one column: empty ones, and all that are alike.

    Upper and lower case of ASCII letters are alike, as they are to DuckDB; those of other letters are not.
    """
    folded = Counter(name.encode().lower() for name in names)
    return [name for name in names if not name or folded[name.encode().lower()] > 1]


def ambiguous(files: Sequence[File]) -> list[str]:
    """Return the names that do not name one column of the first file that has such."""
    return next((found for file in files if (found := nameless(file.schema.names))), [])


def paired(a: Sequence[File], b: Sequence[File], options: Options) -> tuple[list[Column], list[Column]] | str:
    """Return the columns of the key and the others that both sides have; a text names the first that is missing."""
    here = {field.name: field.type for field in a[0].schema}
    there = {field.name: field.type for field in b[0].schema}
    old_name = {new: old for old, new in options.renames.items()}
    keys: list[Column] = []
    for name in options.key:
        old = name if name in here else old_name.get(name, "")
        new = name if name in there else options.renames.get(name, "")
        if old not in here or new not in there:
            return name
        keys.append(column(name, (old, new), (here[old], there[new]), key=True))
    taken_a, taken_b = {key.a for key in keys}, {key.b for key in keys}
    values = []
    for new in there:
        old = old_name.get(new, "" if new in options.renames else new)
        if old in here and old not in taken_a and new not in taken_b:
            values.append(column(new, (old, new), (here[old], there[new]), key=False))
    return keys, values
