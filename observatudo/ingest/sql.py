"""Quoting: the only way a name or a value from a declaration enters SQL text."""

from __future__ import annotations


def ident(name: str) -> str:
    """Return the name as a quoted SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(value: str) -> str:
    """Return the text as a quoted SQL string."""
    return "'" + value.replace("'", "''") + "'"


def literals(values: list[str]) -> str:
    """Return the texts as a parenthesised SQL list; an empty list matches nothing."""
    return "(" + (", ".join(literal(value) for value in values) or "NULL") + ")"


def raw(name: str) -> str:
    """Return the quoted column that keeps a field's text as published."""
    return ident(f"texto:{name}")


def given(name: str) -> str:
    """Return the quoted column of a field's text where it is not missing."""
    return ident(f"dado:{name}")


def native(name: str) -> str:
    """Return the quoted column that says whether the file holds the field's text as a number."""
    return ident(f"nativo:{name}")


def published(name: str) -> str:
    """Return the quoted column of a corrected field's text as published, null where it was not corrected."""
    return ident(f"publicado:{name}")


def reason(name: str) -> str:
    """Return the quoted column that says why a field's text was corrected, null where it was not."""
    return ident(f"correcao:{name}")


def failure(name: str) -> str:
    """Return the quoted column that holds why a field could not be taken, or null."""
    return ident(f"falha:{name}")
