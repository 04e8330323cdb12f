"""What the Compare screen has found: the command that compares, its answers, and which of them are kept."""

from __future__ import annotations

import asyncio
import glob
import re
import shlex
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING

from observatudo import figures
from observatudo.i18n import _
from observatudo.journal import Json
from tui.jobs import Failed, result

if TYPE_CHECKING:
    from pathlib import Path

    from observatudo.compare.model import Comparison, Sample, Side, Table
    from observatudo.compare.show.blocks import Report

EXAMPLES = 200  # of each kind of change, when more are asked for
MOST_EXAMPLES = 10_000  # that the command gives
_KEPT = 6  # comparisons
_COMMIT = re.compile(r"[0-9a-f]{40}")
_UNFIT = re.compile(r"[^\w.]+")  # for the name of a file
_FINE = (0, 1, 2)  # 1: a rule is broken, 2 with a result: not comparable in part
_TRACE = "Traceback (most recent call last)"
Tell = Callable[[str], None]


@dataclass(frozen=True)
class Found:
    """One comparison, and all that a report would say of it. ``examples`` are those fetched later, by what they are of.

    The comparison is the library's pydantic model rather than plain data, since every word for it takes that: its
    import is 0.2 s and 9 MB, once, in a thread, and only here.
    """

    comparison: Comparison
    report: Report
    examples: dict[tuple[str, ...], list[Sample]] = field(default_factory=dict)

    def table(self, name: str) -> Table:
        """Return one of the tables."""
        return self.comparison.rows[name]


async def compared(root: Path, a: str, b: str, tell: Tell) -> Found:
    """Return what ``observatudo diff`` finds; raises Failed with what it said where it found nothing."""
    content = await result(root, ["diff", "--json", "--", a, b], fine=_FINE, tell=tell)
    return await asyncio.to_thread(_found, content)


def _found(content: Json) -> Found:
    from observatudo.compare.model import Comparison
    from observatudo.compare.show.blocks import Limits
    from observatudo.compare.show.build import report

    import_module("tui.screens.compare_panes")  # here and now, where nobody waits: it imports the model too
    try:
        comparison = Comparison.model_validate(content)
    except ValueError as error:
        raise Failed(0, _("this is no comparison that this dashboard knows: {error}").format(error=error)) from None
    most = 1_000_000
    everything = Limits(
        tables=most, details=most, columns=most, segments=most, transitions=most, drift=most, samples=0, keys=most,
        flips=0, length=200,
    )  # fmt: skip
    return Found(comparison, report(comparison, everything))


async def examples(root: Path, found: Found, table: str, of: Mapping[str, str], tell: Tell) -> list[Sample]:
    """Return rows of a table that differ and belong to ``of`` (``--samples-of``); kept for the next time."""
    asked = of_key(table, of)
    if asked not in found.examples:
        content = await result(root, examples_command(found, table, of), fine=_FINE, tell=tell)
        made = await asyncio.to_thread(_found, content)
        again = made.comparison.rows.get(table)
        found.examples[asked] = again.samples if again else []
    return found.examples[asked]


def of_key(table: str, of: Mapping[str, str]) -> tuple[str, ...]:
    """Return under what the examples of a part of a table are kept."""
    return (table, *(f"{kind}={name}" for kind, name in sorted(of.items())))


def examples_command(found: Found, table: str, of: Mapping[str, str], most: int = EXAMPLES) -> list[str]:
    """Return the arguments that give examples of a part of a table, as JSON."""
    taken = [f"--samples-of={kind}={name}" for kind, name in of.items()]
    sides = [exact(found.comparison.a), exact(found.comparison.b)]
    return ["diff", "--table", glob.escape(table), "--samples", str(most), *taken, "--json", "--", *sides]


def exact(side: Side) -> str:
    """Return a name of a side that stays the same when branches move."""
    return side.commit if side.kind in ("commit", "experiment") and side.commit else side.name


def short(name: str) -> str:
    """Return a name as a head shows it: of a commit's 40 digits the first."""
    return name[: figures.SHORT] if _COMMIT.fullmatch(name) else name


def said(failed: Failed, arguments: list[str]) -> list[str]:
    """Return what a command said when it failed; of an error nobody foresaw its last line, and how to see it all."""
    lines = str(failed).splitlines()
    if _TRACE not in str(failed):
        return lines
    again = typed(*arguments)
    return [_("this should not have happened: {error}").format(error=lines[-1]), f"  → {again}"]


def typed(*arguments: str) -> str:
    """Return a command line as one would type it."""
    return shlex.join(["observatudo", *arguments])


# --- the row behind it all


def blame_arguments(found: Found, table: str, key: Mapping[str, object]) -> list[str]:
    """Return the arguments of ``observatudo blame`` for a row: up to the newer side; to the work tree for a run."""
    newer = _newer(found.comparison)
    until = [exact(newer)] if newer.kind in ("commit", "experiment") else []
    keys = [word for column, value in key.items() for word in ("--key", f"{column}={_written(value)}")]
    return [table, *until, *keys]


def _written(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def why_no_blame(found: Found) -> str:
    """Say why the rows of a comparison have no history; empty where they have."""
    is_path = "path" in (found.comparison.a.kind, found.comparison.b.kind)
    return _("files that are compared by their path have no history") if is_path else ""


def _newer(comparison: Comparison) -> Side:
    """Return the side whose history holds the other's: swapping the sides makes no change of a cell unknown."""
    a, b = comparison.a, comparison.b
    both_dated = a.kind in ("commit", "experiment") and b.kind in ("commit", "experiment") and a.date and b.date
    if both_dated:
        from datetime import datetime

        return a if datetime.fromisoformat(str(a.date)) > datetime.fromisoformat(str(b.date)) else b
    return a if a.kind in ("workspace", "run") else b


def file_name(comparison: Comparison, form: str) -> str:
    """Return a name for the file that a comparison is written to."""
    names = [side.commit[:8] if side.commit else side.name for side in (comparison.a, comparison.b)]
    return f"comparison-{'-'.join(_UNFIT.sub('_', name) for name in names)}.{form}"


# --- what is kept


class Kept:
    """The last few comparisons, by what their sides are."""

    def __init__(self) -> None:
        self._found: OrderedDict[tuple[str, str], Found] = OrderedDict()

    def get(self, a: str | None, b: str | None) -> Found | None:
        """Return the comparison of two sides, by commits or run ids."""
        if a is None or b is None or (a, b) not in self._found:
            return None
        self._found.move_to_end((a, b))
        return self._found[a, b]

    def put(self, found: Found) -> None:
        """Keep a comparison unless one of its sides is files that may change."""
        a, b = found.comparison.a, found.comparison.b
        if {a.kind, b.kind} <= {"commit", "experiment", "run"}:
            self._found[exact(a), exact(b)] = found
            while len(self._found) > _KEPT:
                self._found.popitem(last=False)
