"""How one file of a snapshot is read: an item of ``resources``, in Frictionless' words where it has one."""

from __future__ import annotations

import codecs
import re
from typing import Annotated, Literal, Self

from pydantic import Field as Key
from pydantic import field_validator, model_validator

from observatudo.i18n import _
from observatudo.yamlfile import Strict

Position = Annotated[int, Key(ge=1)]


class Dialect(Strict):
    """The shape of a table in a file; rows and sheets count from 1.

    ``headerRows`` are physical lines of a CSV, rows of a sheet: the first by default, and what stands above is
    the preamble. Of a JSON only ``[1]`` can be given: the first record holds the columns' names.
    Names of several header rows are joined by ``headerJoin``.
    """

    delimiter: Annotated[str, Key(pattern=r"^[\t -~]$")] = ","
    quoteChar: Annotated[str, Key(pattern=r"^[!-~]$")] = '"'
    headerRows: Annotated[list[Position], Key(min_length=1)] | None = None
    headerJoin: str = " "
    sheetName: str | None = None
    sheetNumber: Position | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        rows = self.headerRows or []
        if rows != sorted(set(rows)):
            raise ValueError(_("“headerRows” must be given in ascending order, each once"))
        if self.sheetName is not None and self.sheetNumber is not None:
            raise ValueError(_("give either sheetName or sheetNumber"))
        return self


class Resource(Strict):
    """How one file (or several of one shape: ``path`` may be a glob) of the snapshot is read.

    ``encoding`` is found out where it can be proven, else has to be given. ``innerpath`` names the member
    of a zip that holds several. ``records`` walks JSON (see docs/reading.md). ``pattern`` takes records out
    of other text; its named groups are columns. The named groups of ``preamble``, searched above the header,
    and ``constants`` are columns with one text for all rows.
    ``filter`` keeps rows whose column has one of the values; the others are counted rejects.
    """

    path: str
    format: Literal["csv", "json", "text", "xlsx", "parquet"]
    encoding: str | None = None
    innerpath: str = ""
    dialect: Dialect = Dialect()
    records: str = ""
    pattern: str = ""
    preamble: str = ""
    constants: dict[str, str] = {}
    filter: dict[str, list[str]] = {}

    @field_validator("encoding")
    @classmethod
    def _known(cls, name: str | None) -> str | None:
        try:
            if name is not None:
                codecs.lookup(name)
        except LookupError:
            raise ValueError(_("there is no encoding called “{name}”").format(name=name)) from None
        return name

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.format == "json" and not self.records:
            raise ValueError(_("a json resource needs “records”"))
        if any(":" in step or step == "columns()" for step in self.records.split(".")[:-1]):
            raise ValueError(_("of “records”, “columns()” and “{name:value}” can only be the last step"))
        if self.format == "text" and not self.pattern:
            raise ValueError(_("a text resource needs “pattern”"))
        if self.format == "json" and self.dialect.headerRows not in (None, [1]):
            raise ValueError(_("of a json resource only the first record can be the header: headerRows: [1]"))
        sheet = self.dialect.sheetName is not None or self.dialect.sheetNumber is not None
        if sheet and self.format != "xlsx":
            raise ValueError(_("only xlsx has sheets"))
        if self.preamble and self.format not in ("csv", "xlsx"):
            raise ValueError(_("only csv and xlsx have a preamble"))
        return self

    @model_validator(mode="after")
    def _preamble_names_columns(self) -> Self:
        try:
            groups = re.compile(self.preamble).groupindex
        except re.error as error:
            raise ValueError(_("“preamble” is not a regular expression: {error}").format(error=error)) from None
        if self.preamble and not groups:
            raise ValueError(_("“preamble” needs a named group: (?P<ano>\\d{4})"))
        if twice := sorted(set(groups) & set(self.constants)):
            raise ValueError(_("“preamble” and “constants” both give {names}").format(names=", ".join(twice)))
        return self
