"""Labelled texts the classifier learns from: the tables in ``configs/rotulos`` and what the taxonomy itself says."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from observatudo import paths
from observatudo.classify.taxonomy import Axis, Taxonomy
from observatudo.errors import ConfigError
from observatudo.i18n import _

COLUMNS = ["nome", "descricao", "eixo", "eixo_alt"]
# What a source is called whose texts stand in no table: they are never left out to test on.
TAXONOMY = "taxonomia"
PEOPLE = "humano"


@dataclass(frozen=True, order=True)
class Example:
    """A text with its axis; ``alternatives`` would do as well, ``source`` is the table it stands in."""

    nome: str
    descricao: str
    eixo: str
    alternatives: tuple[str, ...] = ()
    source: str = TAXONOMY


def read(root: Path, taxonomy: Taxonomy) -> list[Example]:
    """Return the examples of the repository at ``root``, tables first; a repository may have no table.

    Raises ConfigError, with file and line, for a wrong header, a row with the wrong number of cells,
    an empty name, an axis that is none, and a text that stands twice.
    """
    found: list[Example] = []
    seen: dict[tuple[str, str], str] = {}
    for path in sorted((root / paths.LABELLED).glob("*.csv")):
        for line, example in _table(path, taxonomy):
            text = (example.nome.casefold(), example.descricao.casefold())
            if text in seen:
                raise _error(path, line, _("this text stands already in {where}").format(where=seen[text]))
            seen[text] = f"{path.name}:{line}"
            found.append(example)
    return found + of_taxonomy(taxonomy)


def of_taxonomy(taxonomy: Taxonomy) -> list[Example]:
    """Return the definitions, the examples and the rules' terms of all axes: each is a text about its axis."""
    return [Example(text, "", axis.key) for axis in taxonomy.axes for text in _texts(axis)]


def _texts(axis: Axis) -> Sequence[str]:
    terms = [term for group in axis.rules for term in group.terms]
    return [axis.definition, *axis.examples, *terms]


def _table(path: Path, taxonomy: Taxonomy) -> Iterator[tuple[int, Example]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            if next(reader, None) != COLUMNS:
                raise _error(path, 1, _("the header must be: {header}").format(header=",".join(COLUMNS)))
            for cells in reader:
                if cells:
                    yield reader.line_num, _example(path, reader.line_num, cells, taxonomy)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(_("this is not a CSV in UTF-8: {error}").format(error=error), where=str(path)) from None


def _example(path: Path, line: int, cells: list[str], taxonomy: Taxonomy) -> Example:
    if len(cells) != len(COLUMNS):
        expected = len(COLUMNS)
        raise _error(
            path, line, _("found {found} cells, expected {expected}").format(found=len(cells), expected=expected)
        )
    name, description, axis, others = (cell.strip() for cell in cells)
    if not name:
        raise _error(path, line, _("the cell “{column}” is empty").format(column="nome"))
    axes = [axis, *(other.strip() for other in others.split(";") if other.strip())]
    for given in axes:
        if taxonomy.find(given) is None:
            hint = taxonomy.nearest(given)
            raise _error(path, line, _("“{axis}” is not an axis; {hint}").format(axis=given, hint=hint))
    first, *second = (str(taxonomy.find(given)) for given in axes)
    return Example(name, description, first, tuple(second), path.stem)


def _error(path: Path, line: int, problem: str) -> ConfigError:
    return ConfigError(problem, where=f"{path}:{line}", next_step=_("correct the line"))
