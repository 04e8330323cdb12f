"""Reads one file as a resource declares it, for the tests of the readers."""

from __future__ import annotations

from pathlib import Path
from typing import TypedDict, Unpack

import pytest

from observatudo.errors import DataError
from observatudo.ingest.readers import LINE, NATIVE, Source, open_source
from observatudo.resource import Resource


class Declared(TypedDict, total=False):
    """The keys of a resource besides its path."""

    format: str
    encoding: str
    innerpath: str
    dialect: dict[str, object]
    records: str
    pattern: str
    preamble: str
    constants: dict[str, str]


Rows = list[dict[str, str | int | None]]


def number(text: str) -> str:
    """Return what a number that is one in the file is handed back as."""
    return NATIVE + text


def read(path: Path, **declared: Unpack[Declared]) -> tuple[Source, Rows]:
    """Return the source, all its batches read, and their rows."""
    resource = Resource.model_validate({"path": path.name, "format": "csv", **declared})
    source = open_source(path, resource)
    rows: Rows = []
    for batch in source.batches:
        assert batch.schema.names == [*source.columns, LINE]
        rows += batch.to_pylist()
    return source, rows


def refused(path: Path, **declared: Unpack[Declared]) -> DataError:
    """Return the error the file ends in."""
    with pytest.raises(DataError) as error:
        read(path, **declared)
    assert str(path) in error.value.where
    return error.value
