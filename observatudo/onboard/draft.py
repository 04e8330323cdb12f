"""The parts a proposed declaration is made of, before they are text; each knows what of it was guessed."""

from __future__ import annotations

from dataclasses import dataclass, field

from pydantic import JsonValue

Keys = dict[str, JsonValue]


@dataclass
class Part:
    """A field: its keys as they will stand in the YAML, and what was guessed of it."""

    keys: Keys
    guess: str = ""

    @property
    def name(self) -> str:
        return str(self.keys["name"])


@dataclass
class Place:
    """Which columns say the place, the fields made of them, and the texts of ``column`` that lead to a place."""

    parts: list[Part]
    locality: Keys
    columns: list[str]
    placed: set[str] = field(default_factory=set)
    share: float = 1.0
    guess: str = ""
    constants: dict[str, str] = field(default_factory=dict)


@dataclass
class When:
    """Which columns say the period, and the fields made of them; ``constants`` where no column does.

    ``hollow``: the column of the year is there, and no row of it holds one.
    """

    parts: list[Part]
    period: Keys
    columns: list[str]
    frequency: str = "anual"
    guess: str = ""
    constants: dict[str, str] = field(default_factory=dict)
    preamble: str = ""
    hollow: bool = False


@dataclass
class Wide:
    """Columns that become rows: the pattern, the fields, the columns it takes, and whether they name variables too."""

    melt: Keys
    parts: list[Part]
    columns: list[str]
    when: When | None
    stems: dict[str, list[str]]
    guess: str = ""


@dataclass
class Draft:
    """A whole declaration in parts. ``guesses`` belong to keys of the top level or of the resource."""

    key: str
    title: str
    kind: str
    frequency: str
    snapshot: Keys
    resources: list[Keys]
    parts: list[Part] = field(default_factory=list)
    melt: Keys = field(default_factory=dict)
    primary_key: list[str] = field(default_factory=list)
    locality: Keys = field(default_factory=dict)
    period: Keys = field(default_factory=dict)
    indicators: list[Part] = field(default_factory=list)
    indicator_columns: Keys = field(default_factory=dict)
    ignore: list[str] = field(default_factory=list)
    checks: list[Keys] = field(default_factory=list)
    params: dict[str, float] = field(default_factory=dict)
    guesses: dict[str, str] = field(default_factory=dict)
    publisher: str = ""
    homepage: str = ""
    hollow: bool = False

    def guessed(self) -> list[str]:
        """Return every guess, each with the key it belongs to."""
        parts = [(f"fields.{part.name}", part.guess) for part in self.parts]
        parts += [(f"indicators.{part.keys['id']}", part.guess) for part in self.indicators]
        return [f"{key}: {guess}" for key, guess in [*self.guesses.items(), *parts] if guess]
