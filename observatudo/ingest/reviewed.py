"""Small tables that people review and declarations refer to: lookups, exceptions to matching by name."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

from observatudo.errors import ConfigError
from observatudo.i18n import _

if TYPE_CHECKING:
    from pathlib import Path


def rows(path: Path, columns: set[str]) -> list[dict[str, str]]:
    """Return the rows of a CSV table (UTF-8, comma, a header) that has at least these columns.

    Raises ConfigError for a file that is missing, not UTF-8, without one of the columns, or with a row
    of another length than its header.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            found = list(reader)
            header = reader.fieldnames or []
    except FileNotFoundError:
        raise ConfigError(_("the table the declaration refers to is not there"), where=str(path)) from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(
            _("the table cannot be read as CSV in UTF-8: {error}").format(error=error), where=str(path)
        ) from None
    if missing := sorted(columns - set(header)):
        raise ConfigError(
            _("the table has no column “{name}”").format(name=missing[0]),
            where=f"{path}:1",
            next_step=_("its columns are: {names}").format(names=", ".join(header)),
        )
    for line, row in enumerate(found, start=2):
        if None in row or None in row.values():
            raise ConfigError(_("a row has more or fewer values than the header"), where=f"{path}:{line}")
    return found
