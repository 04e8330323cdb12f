"""Human decisions (``data/classified/overrides.csv``): who put which indicator on which axis, when and why."""

from __future__ import annotations

import csv
import datetime
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from observatudo import paths
from observatudo.classify.taxonomy import Taxonomy
from observatudo.errors import ConfigError
from observatudo.i18n import _

COLUMNS = ["id_indicador", "eixo", "autor", "data", "justificativa"]


@dataclass(frozen=True)
class Decision:
    """What a person decided: the axis, who, when (ISO date) and why."""

    eixo: str
    autor: str
    data: str
    justificativa: str


def read(path: Path, taxonomy: Taxonomy) -> dict[str, str]:
    """Return indicator → axis; raises as ``decisions`` does."""
    return {name: own.eixo for name, own in decisions(path, taxonomy).items()}


def decisions(path: Path, taxonomy: Taxonomy) -> dict[str, Decision]:
    """Return indicator → decision.

    Raises ConfigError, with file and line, for a wrong header, a row with the wrong number of
    cells, an empty cell, an axis or a date that is none, and an indicator that stands twice.
    """
    decided: dict[str, Decision] = {}
    lines: dict[str, int] = {}
    for line, cells in _rows(path):
        row = dict(zip(COLUMNS, (cell.strip() for cell in cells), strict=False))
        problem = _problem(row, cells, taxonomy)
        name = row.get("id_indicador", "")
        if not problem and name in lines:
            problem = _("“{name}” stands already on line {line}").format(name=name, line=lines[name])
        if problem:
            raise _error(path, line, problem)
        lines[name] = line
        axis = str(taxonomy.find(row["eixo"]))
        decided[name] = Decision(axis, row["autor"], row["data"], row["justificativa"])
    return decided


def _rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield the line a row ends on, and its cells; blank lines are left out."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            if next(reader, None) != COLUMNS:
                raise _error(path, 1, _("the header must be: {header}").format(header=",".join(COLUMNS)))
            for cells in reader:
                if cells:
                    yield reader.line_num, cells
    except FileNotFoundError:
        raise ConfigError(
            _("the file of human decisions is not there"),
            where=str(path),
            next_step=f"git checkout -- {paths.OVERRIDES}",
        ) from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(_("this is not a CSV in UTF-8: {error}").format(error=error), where=str(path)) from None


def _problem(row: dict[str, str], cells: list[str], taxonomy: Taxonomy) -> str:
    if len(cells) != len(COLUMNS):
        return _("found {found} cells, expected {expected}").format(found=len(cells), expected=len(COLUMNS))
    empty = [column for column in COLUMNS if not row[column]]
    if empty:
        return _("the cell “{column}” is empty").format(column=empty[0])
    if taxonomy.find(row["eixo"]) is None:
        hint = taxonomy.nearest(row["eixo"])
        return _("“{axis}” is not an axis; {hint}").format(axis=row["eixo"], hint=hint)
    try:
        datetime.date.fromisoformat(row["data"])
    except ValueError:
        return _("“{date}” is not a date like 2026-01-31").format(date=row["data"])
    return ""


def _error(path: Path, line: int, problem: str) -> ConfigError:
    return ConfigError(problem, where=f"{path}:{line}", next_step=_("correct the line"))
