"""The taxonomy (``configs/eixos.yaml``): axes with definitions, examples and weighted rules."""

from __future__ import annotations

import difflib
from functools import cached_property
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator

from observatudo import paths
from observatudo.classify.text import fold, stems
from observatudo.i18n import _
from observatudo.yamlfile import Strict, load

UNDEFINED = "Indefinido"

Text = Annotated[str, Field(min_length=1)]


class RuleGroup(Strict):
    """Words and word sequences that are worth the same number of points.

    With ``form`` they name a means (spending, council, plan) and yield to a subject of another axis.
    """

    weight: Annotated[int, Field(ge=1, le=10)]
    form: bool = False
    terms: Annotated[list[Text], Field(min_length=1)]


class Axis(Strict):
    """One axis. ``key`` is the value in the column ``eixo``; ``aliases`` are names that sources use."""

    key: Text
    title: Text
    aliases: list[Text] = []
    definition: Text
    examples: Annotated[list[Text], Field(min_length=3)]
    rules: Annotated[list[RuleGroup], Field(min_length=1)]

    @model_validator(mode="after")
    def _each_term_once(self) -> Self:
        seen: dict[tuple[str, ...], str] = {}
        for term in (term for group in self.rules for term in group.terms):
            phrase = stems(term)
            if not phrase:
                raise ValueError(_("the rule “{term}” has no word that counts").format(term=term))
            if phrase in seen:
                raise ValueError(
                    _("the rules “{first}” and “{second}” are the same once reduced to stems; keep one").format(
                        first=seen[phrase], second=term
                    )
                )
            seen[phrase] = term
        return self


class Taxonomy(Strict):
    """All axes, in the order in which they are listed and in which ties are broken."""

    version: Text
    axes: Annotated[list[Axis], Field(min_length=2)]

    @model_validator(mode="after")
    def _names_are_clear(self) -> Self:
        seen: dict[str, str] = {}
        for axis in self.axes:
            for name in {fold(name) for name in (axis.key, axis.title, *axis.aliases)}:
                if name in seen:
                    raise ValueError(
                        _("“{name}” names two axes: {first} and {second}").format(
                            name=name, first=seen[name], second=axis.key
                        )
                    )
                seen[name] = axis.key
        if UNDEFINED not in self.keys:
            raise ValueError(_("the axis {name} is missing").format(name=UNDEFINED))
        return self

    @cached_property
    def keys(self) -> list[str]:
        """The axes' keys, in order, Indefinido included."""
        return [axis.key for axis in self.axes]

    @cached_property
    def _names(self) -> dict[str, str]:
        return {fold(name): axis.key for axis in self.axes for name in (axis.key, axis.title, *axis.aliases)}

    def find(self, name: str) -> str | None:
        """Return the key of the axis with this key, title or alias, whatever its case and accents; or None."""
        return self._names.get(fold(name.strip()))

    def nearest(self, name: str) -> str:
        """Return a hint for a name that is no axis: the most similar key, or all keys."""
        close = difflib.get_close_matches(fold(name.strip()), self._names, n=1, cutoff=0.6)
        if close:
            return _("did you mean {name}?").format(name=self._names[close[0]])
        return _("the axes are: {names}").format(names=", ".join(self.keys))


def load_taxonomy(root: Path) -> Taxonomy:
    """Read ``configs/eixos.yaml`` of the repository at ``root``; raises ConfigError."""
    return load(root / paths.TAXONOMY, Taxonomy)
