"""Quoting: the only way a name enters the SQL that is sent to BigQuery; values are bound."""

from __future__ import annotations

import re

from observatudo.ingest.sql import ident

_NAME = re.compile(r"[\w-]+")


def identifier(name: str, dialect: str = "bigquery") -> str:
    """Return the name as a quoted identifier of BigQuery or of DuckDB. Raises ValueError for what BigQuery refuses."""
    if dialect == "duckdb":
        return ident(name)
    if not _NAME.fullmatch(name):
        raise ValueError(f"not an identifier: {name!r}")
    return f"`{name}`"


def table(project: str, dataset: str, name: str) -> str:
    """Return the quoted name of a table. Raises ValueError for what BigQuery refuses."""
    return ".".join(identifier(part) for part in (project, dataset, name))
