"""Which changes are too many: rules, written ``changed>1%,removed>0,schema``, and what a comparison breaks of them.

    rules   = rule { "," rule }
    rule    = counted [ "[" where "]" ] ">" number [ "%" ]
            | flag [ "[" where "]" ]
    counted = "added" | "removed" | "changed" | "labels" | "metrics"
    flag    = "schema" | "config" | "params" | "dbt" | "missing" | "duplicates" | "not_comparable"
    where   = a name or pattern (``*``, ``?``): of a table (``*/observacao``) and, for ``changed``, a column of it
              (``fact_indicador.valor``); for ``config`` of a file or dataset; for ``params`` and ``metrics`` of a key

``%`` is of the rows that the table had (of a column: of the rows on both sides), of the labels compared, of the
metric's old value. A rule without ``where`` holds for every table, metric and so on.
"""

from __future__ import annotations

import difflib
import re
import tempfile
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import BeforeValidator, Field, field_validator

from observatudo.errors import ConfigError, ObservatudoError
from observatudo.i18n import _
from observatudo.yamlfile import Strict
from observatudo.yamlfile import load as load_yaml

if TYPE_CHECKING:
    from observatudo.compare.model import Breach, Comparison
    from observatudo.compare.rows import Tolerance

FILE = Path("configs/diff.yaml")
COUNTED = ("added", "removed", "changed", "labels", "metrics")
FLAGS = ("schema", "config", "params", "dbt", "missing", "duplicates", "not_comparable")
_PLACED = frozenset({*COUNTED, *FLAGS} - {"labels", "missing"})
_TOKEN = re.compile(r"\s*(?:(?P<word>[a-z_]+)|(?P<number>\d+(?:\.\d+)?)|(?P<sign>[\[\]>%,])|(?P<other>\S))")
_PLACE = re.compile(r"\s*([^\]\[]*?)\s*\]")


class PolicyError(ObservatudoError):
    """Rules that cannot be read: wrong usage, exit code 64."""


@dataclass(frozen=True)
class Rule:
    """One rule. ``most`` is how many there may be (None: a flag, none at all); ``where`` is a pattern, empty: all."""

    term: str
    where: str = ""
    most: float | None = None
    is_percent: bool = False
    reason: str = ""

    def __str__(self) -> str:
        """Write the rule as it is read."""
        place = f"[{self.where}]" if self.where else ""
        bound = "" if self.most is None else f">{self.most:.15g}{'%' if self.is_percent else ''}"
        return f"{self.term}{place}{bound}"


def _number(value: object) -> object:
    """YAML reads ``1e-9``, without a point, as text."""
    try:
        return float(value) if isinstance(value, str) else value
    except ValueError:
        return value


Distance = Annotated[float, BeforeValidator(_number), Field(ge=0)]


class Distances(Strict):
    """How far two numbers may lie apart and count as equal: |b − a| ≤ max(absolute, relative · max(|a|, |b|))."""

    absolute: Distance = 0.0
    relative: Distance = 0.0


class RuleLine(Strict):
    """One or more rules, and why they are there."""

    rule: str = Field(description="Rules as --fail-on takes them: changed[*/observacao]>1%, removed>0, schema")
    reason: str = Field(description="Said beside the breach, to whoever has to decide")

    @field_validator("rule")
    @classmethod
    def _can_be_read(cls, text: str) -> str:
        try:
            parse(text)
        except PolicyError as error:
            raise ValueError(f"{error.message} ({error.where}); {error.next_step}") from None
        return text


class PolicyFile(Strict):
    """The file ``configs/diff.yaml``: what ``observatudo diff`` counts as too much, as equal, and as a key."""

    rules: list[RuleLine] = Field(default=[], description="What makes the command exit with 1")
    tolerances: dict[str, dict[str, Distances]] = Field(
        default={},
        description="Table or pattern → column (* for all others) → tolerance; the first that names a column counts",
    )
    keys: dict[str, Annotated[list[str], Field(min_length=1)]] = Field(
        default={}, description="Table or pattern → the columns that tell its rows apart, where nothing else says so"
    )


@dataclass(frozen=True)
class Policy:
    """Rules, tolerances and keys."""

    rules: tuple[Rule, ...] = ()
    file: PolicyFile = field(default_factory=PolicyFile)

    def __str__(self) -> str:
        """Write the rules as they are read."""
        return ", ".join(map(str, self.rules))

    def tolerances(self, table: str) -> dict[str, Tolerance]:
        """Return column (``*``: all others) → tolerance for a table: of the first pattern that names it."""
        from observatudo.compare.rows.options import Tolerance

        found: dict[str, Tolerance] = {}
        for pattern, columns in self.file.tolerances.items():
            if fnmatchcase(table, pattern):
                for column, distances in columns.items():
                    found.setdefault(column, Tolerance(distances.absolute, distances.relative))
        return found

    def key(self, table: str) -> tuple[str, ...]:
        """Return the key declared for a table that has none of its own, by the first pattern that matches; else ()."""
        return next((tuple(key) for pattern, key in self.file.keys.items() if fnmatchcase(table, pattern)), ())


def parse(text: str) -> Policy:
    """Read rules as ``--fail-on`` takes them; no text, no rules.

    Raises PolicyError, which names the position (from 1) and what was expected there.
    """
    return Policy(tuple(_Parser(text).rules()) if text.strip() else ())


def load(root: Path) -> Policy | None:
    """Read ``configs/diff.yaml`` of the repository at ``root``, None where there is none. Raises ConfigError."""
    path = root / FILE
    if not path.is_file():
        return None
    return _of_file(path)


def read(content: bytes, name: str) -> Policy:
    """Read the bytes of a ``configs/diff.yaml`` of another version. Raises ConfigError, which gives ``name``."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / FILE.name
        path.write_bytes(content)
        try:
            return _of_file(path)
        except ConfigError as error:
            message, where = (text.replace(str(path), name) for text in (error.message, error.where))
            raise ConfigError(message, where=where, next_step=error.next_step) from None


def _of_file(path: Path) -> Policy:
    content = load_yaml(path, PolicyFile)
    rules = (
        Rule(rule.term, rule.where, rule.most, rule.is_percent, line.reason)
        for line in content.rules
        for rule in parse(line.rule).rules
    )
    return Policy(tuple(rules), content)


def combined(file: Policy | None, *more: Policy | None) -> Policy:
    """Return the file's policy with the rules of others added, each once; nothing takes a rule of the file away."""
    file = file or Policy()
    rules: dict[Rule, Rule] = {}
    for rule in (rule for policy in (file, *more) if policy for rule in policy.rules):
        rules.setdefault(replace(rule, reason=""), rule)
    return Policy(tuple(rules.values()), file.file)


def check(comparison: Comparison, policy: Policy, *, is_partial: bool = False) -> list[Breach]:
    """Return each place in which the comparison breaks a rule, in the order of the rules.

    What cannot be measured is not let pass: a rule on a table or column that is not there, and a metric that is gone
    or no longer a number, count as breaches. Of a table that is gone all rows count as removed. ``is_partial`` says
    that only some tables were asked for; rules on others are then left alone.
    """
    from observatudo.compare.breaches import find

    return [breach for rule in policy.rules for breach in find(comparison, rule, is_partial=is_partial)]


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def rules(self) -> list[Rule]:
        found = [self._rule()]
        while self._peek() is not None:
            self._expect(",", _("a comma between two rules"))
            found.append(self._rule())
        return found

    def _rule(self) -> Rule:
        term = self._term()
        where = self._where() if term in _PLACED and self._peek() == "[" else ""
        if term in FLAGS:
            return Rule(term, where)
        self._expect(">", _("“>” and a number, as in {example}").format(example=f"{term}>1%"))
        number = self._token()
        if number is None or number["number"] is None:
            raise self._error(number, _("a number, as in {example}").format(example=f"{term}>1%"))
        is_percent = self._peek() == "%"
        if is_percent:
            self._token()
        return Rule(term, where, float(number["number"]), is_percent)

    def _term(self) -> str:
        found = self._token()
        terms = (*COUNTED, *FLAGS)
        if found is not None and found["word"] in terms:
            return found["word"]
        close = difflib.get_close_matches(found["word"] or "" if found else "", terms, n=1, cutoff=0.5)
        hint = _("did you mean “{name}”?").format(name=close[0]) if close else ""
        raise self._error(found, _("one of {names}").format(names=", ".join(terms)), hint)

    def _where(self) -> str:
        self._token()
        found = _PLACE.match(self.text, self.at)
        if not found or not found[1]:
            raise self._error(self._token(), _("a name or pattern and “]”, as in [*/observacao]"))
        self.at = found.end()
        return found[1]

    def _expect(self, sign: str, what: str) -> None:
        found = self._token()
        if found is None or found["sign"] != sign:
            raise self._error(found, what)

    def _peek(self) -> str | None:
        found = _TOKEN.match(self.text, self.at)
        return found[0].strip() if found else None

    def _token(self) -> re.Match[str] | None:
        found = _TOKEN.match(self.text, self.at)
        if found:
            self.at = found.end()
        return found

    def _error(self, found: re.Match[str] | None, expected: str, hint: str = "") -> PolicyError:
        token = found[0].strip() if found else ""
        position = found.end() - len(token) + 1 if found else len(self.text.rstrip()) + 1
        where = _("position {n} of “{text}”").format(n=position, text=self.text)
        seen = _("“{token}”").format(token=token) if token else _("the end")
        message = _("this rule cannot be read: found {seen}, expected {expected}").format(seen=seen, expected=expected)
        return PolicyError(message, where=where, next_step=hint or _("for example: --fail-on 'changed>1%,removed>0'"))
