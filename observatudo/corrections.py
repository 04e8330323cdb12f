"""Declared corrections of published values: ``configs/corrections/<fonte>/<dataset>.yaml``.

Each says which value is wrong, what is read instead, why, who said so and where that can be looked up. What
is published stays in the snapshot and in ``valor_original``; ``ingest.corrected`` applies them and refuses one
that no longer fits what is published.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import Field as Key

from observatudo import consistency, paths, yamlfile
from observatudo.errors import ConfigError
from observatudo.i18n import _
from observatudo.yamlfile import Strict

if TYPE_CHECKING:
    from observatudo.config import Dataset

# of an observation; other kinds have the primaryKey that they declare
OBSERVATION_KEY = ("id_indicador", "id_municipio", "data_referencia")
Text = Annotated[str, Key(min_length=1)]


class Correction(Strict):
    """One value: ``from_`` is its text as published, ``to`` the text that is read instead, both without blanks around.

    ``key`` names the row in the result. ``field`` is the declared field that is corrected; of an observation it
    may be left out, and is then the one that holds the indicator's value.
    """

    key: Annotated[dict[str, str | int | date], Key(min_length=1)]
    field: str | None = None
    from_: Annotated[str, Key(alias="from")]
    to: str
    reason: Text
    source: Text
    who: Text
    when: date

    def key_text(self) -> dict[str, str]:
        """Return the key's values as texts: a day as YYYY-MM-DD."""
        return {name: str(value) for name, value in self.key.items()}


class Corrections(Strict):
    """The whole file; an empty list says that nothing is corrected."""

    corrections: list[Correction] = []


@dataclass(frozen=True)
class Declared:
    """A correction with the line it begins on, the field it is about, and its key's values in order of the key."""

    line: int
    field: str
    key: tuple[str, ...]
    correction: Correction

    def shown(self) -> str:
        """Return the key as the rejects show one: its values with ``/`` between."""
        return "/".join(self.key)


def path(key: str) -> Path:
    """Return where the corrections of ``fonte/dataset`` stand, relative to the repository."""
    return paths.CORRECTIONS / f"{key}.yaml"


def key_of(dataset: Dataset) -> tuple[str, ...]:
    """Return the columns that name a row of the dataset's result."""
    if dataset.kind == "observacao":
        return OBSERVATION_KEY
    return tuple(dataset.primaryKey) or ("id_indicador",)


def declared(root: Path, key: str, dataset: Dataset) -> list[Declared]:
    """Return the corrections of a dataset, in the order of the file; none without a file.

    Raises ConfigError naming every one that does not fit the declaration, or says the same twice.
    """
    file = root / path(key)
    if not file.is_file():
        return []
    content = yamlfile.load(file, Corrections)
    lines = yamlfile.parse(file)[1]
    found: list[Declared] = []
    problems: list[str] = []
    for number, each in enumerate(content.corrections):
        line = lines.get(("corrections", number), 1)
        wrong = _wrong(dataset, each)
        if not wrong:
            values = each.key_text()
            names = key_of(dataset)
            made = Declared(line, _field(dataset, each) or "", tuple(values[name] for name in names), each)
            earlier = next((one for one in found if (one.field, one.key) == (made.field, made.key)), None)
            if earlier is not None:
                wrong = [_("the same value is corrected on line {line} already").format(line=earlier.line)]
            found.append(made)
        problems += [f"{path(key)}:{line}: {text}" for text in wrong]
    if problems:
        raise ConfigError("\n".join(problems), where=str(path(key)), next_step=_("correct these lines, then dvc repro"))
    return found


def _wrong(dataset: Dataset, correction: Correction) -> list[str]:
    wanted, given = key_of(dataset), tuple(correction.key)
    found: list[str] = []
    if set(wanted) != set(given):
        found.append(
            _("the key of this dataset is {wanted}; found {given}").format(
                wanted=", ".join(wanted), given=", ".join(given)
            )
        )
    elif (unknown := _unknown_indicator(dataset, correction)) is not None:
        found.append(unknown)
    else:
        found += _wrong_field(dataset, _field(dataset, correction))
    if correction.from_ == correction.to:
        found.append(_("“from” and “to” are the same"))
    return found


def _unknown_indicator(dataset: Dataset, correction: Correction) -> str | None:
    ids = [indicator.id for indicator in dataset.indicators]
    named = str(correction.key.get("id_indicador", ""))
    if dataset.kind != "observacao" or not ids or named in ids:
        return None
    return _("no indicator “{id}” in the declaration").format(id=named) + consistency.nearest(named, ids)


def _field(dataset: Dataset, correction: Correction) -> str | None:
    if correction.field is not None or dataset.kind != "observacao":
        return correction.field
    if dataset.indicator_columns is not None:
        return dataset.indicator_columns.value
    named = correction.key["id_indicador"]
    return next(indicator.value for indicator in dataset.indicators if indicator.id == named)


def _wrong_field(dataset: Dataset, name: str | None) -> list[str]:
    read = {field.name: field for field in dataset.fields if field.derive is None}
    if name is None:
        return [_("“field” is required here: the column that is corrected")]
    if name in read:
        return []
    made = next((field for field in dataset.fields if field.name == name), None)
    if made is not None and made.derive is not None:
        names = ", ".join(consistency.made_of(made.derive)) or "–"
        return [
            _("the field “{name}” is made from others: correct the one that is read ({names})").format(
                name=name, names=names
            )
        ]
    return [_("no field “{name}” in the declaration").format(name=name) + consistency.nearest(name, sorted(read))]


EMPTY = """\
# yaml-language-server: $schema=../../schema/corrections.json
# Values that the publisher got wrong, and what is read instead: docs/corrections.md
corrections: []
"""
