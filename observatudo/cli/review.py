"""The command ``observatudo review``: the labels that wait for a person, one after the other.

``--json`` prints ``queue``, in order of ``value``: ``id``, ``name``, ``dataset``, ``axis``, ``confidence`` (0 to 1),
``origin``, ``disagreement`` (0 to 1), ``rows``, ``value`` (observations expected under a wrong axis), ``why`` (words)
and ``votes`` (``classifier``, ``axis``, ``confidence``, ``state``), as ``observatudo.labels.queue.Queued`` has them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from observatudo.errors import ObservatudoError
from observatudo.i18n import _

if TYPE_CHECKING:
    from pathlib import Path

    from observatudo.classify.taxonomy import Taxonomy
    from observatudo.labels.decide import Decision
    from observatudo.labels.explain import Explainer, Explanation
    from observatudo.labels.queue import Queued
    from observatudo.labels.state import Opinion

_INTERRUPTED = 130
_GROUNDS = 3  # lines that are shown of what one classifier says


def review(
    words: Annotated[list[str] | None, typer.Argument(help=_("Words of names, ids or datasets; all must fit."))] = None,
    listed: Annotated[bool, typer.Option("--list", help=_("Print the queue, ask nothing."))] = False,
    as_json: Annotated[bool, typer.Option("--json", help=_("Print JSON."))] = False,
    limit: Annotated[int | None, typer.Option("--limit", min=1, metavar="N", help=_("The first N only."))] = None,
    author: Annotated[str | None, typer.Option("--author", help=_("Who decides (default: Git's user.name)."))] = None,
) -> None:
    """Walk the labels that wait for a person, those first where a wrong axis would cost most."""
    from observatudo.labels import queue, sources, state
    from observatudo.labels.explain import Explainer
    from observatudo.paths import repository

    if listed and as_json:
        raise typer.BadParameter(_("--list and --json exclude each other"))
    asks = not (listed or as_json)
    if asks:
        _require_terminal()
    root = repository()
    who = (author or _name(root)) if asks else ""
    own = sources.load(root)
    fitting = _fitting(queue.waiting(root, state.state(root, sources=own)), words or [])
    found = fitting[:limit]
    if as_json:
        from observatudo.cli.explain import json_text

        typer.echo(json_text({"queue": [one.as_dict() for one in found]}))
    elif listed:
        _print_list(found, len(fitting))
    else:
        _Walk(root, who, found, Explainer(own), own.taxonomy).through()


def _require_terminal() -> None:
    from observatudo.readonly import require_writable

    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise typer.BadParameter(
            _("review asks questions, and there is no terminal; --list or --json prints the queue")
        )
    require_writable("review")


def _name(root: Path) -> str:
    from observatudo.cli.labels import git_name

    return git_name(root)


def _fitting(found: Sequence[Queued], words: Sequence[str]) -> list[Queued]:
    from observatudo.classify.text import fold

    wanted = [fold(word) for word in words]
    return [own for own in found if all(word in fold(f"{own.id} {own.name} {own.dataset}") for word in wanted)]


def _print_list(found: Sequence[Queued], total: int) -> None:
    from observatudo.cli.explain import width
    from observatudo.figures import count
    from observatudo.labels.page import share, wrapped

    for own in found:
        head = f"{own.axis} {share(own.confidence)} ({own.origin})  {own.name or own.id}"
        about = f"{own.id}  " + _("{count} row(s)").format(count=count(own.rows)) + f"  {'; '.join(own.why)}"
        for line in (*wrapped(head, width()), *wrapped(about, width(), 1)):
            typer.echo(line)
    typer.echo(_("{shown} of {count} label(s) that wait for a person").format(shown=len(found), count=count(total)))
    if found:
        typer.echo(_("Next: observatudo review"))


class _Walk:
    """One session: where it is in the queue, and what was decided so far."""

    def __init__(
        self, root: Path, author: str, queue: Sequence[Queued], explainer: Explainer, taxonomy: Taxonomy
    ) -> None:
        self._root = root
        self._author = author
        self._queue = queue
        self._explainer = explainer
        self._taxonomy = taxonomy
        self._at = 0
        self._made: list[tuple[int, Decision]] = []

    def through(self) -> None:
        """Walk until the end of the queue, of the input, or the wish to end; raises Exit (130) where interrupted."""
        try:
            while self._at < len(self._queue) and self._settle():
                pass
        except EOFError:
            typer.echo("")
        except KeyboardInterrupt:
            typer.echo("")
            self._tell()
            raise typer.Exit(_INTERRUPTED) from None
        self._tell()

    def _settle(self) -> bool:
        """Show one label and ask until it is settled; False where the walk is to end."""
        own = self._queue[self._at]
        told = self._explainer.explain(own.id, with_history=False)
        self._say(_shown(own, told, self._at + 1, len(self._queue)))
        self._say((0, line) for line in self._axes())
        self._say([(0, _("Enter skips, e explains, u takes back, q ends"))])
        while True:
            word = _ask(_("axis: "))
            if word.lower() == "q":
                return False
            if word.lower() in ("", "s"):
                self._at += 1
                return True
            if self._answered(word, own):
                return True

    def _answered(self, word: str, own: Queued) -> bool:
        """Do what was typed; say whether that is all for this label."""
        if word.lower() == "e":
            self._explain(own)
            return False
        if word.lower() == "u":
            return self._taken_back()
        axis = self._axis(word)
        if axis is None:
            hint = self._taxonomy.nearest(word)
            self._say([(0, _("“{axis}” is not an axis; {hint}").format(axis=word, hint=hint))])
            return False
        return self._decided(own, axis)

    def _axis(self, word: str) -> str | None:
        keys = self._taxonomy.keys
        if word.isdecimal():
            return keys[int(word) - 1] if 0 < int(word) <= len(keys) else None
        return self._taxonomy.find(word)

    def _decided(self, own: Queued, axis: str) -> bool:
        import datetime

        from observatudo.labels import decide

        reason = _ask(_("{axis}: why? ").format(axis=axis))
        if not reason:
            self._say([(0, _("a decision needs its reason; nothing was recorded"))])
            return False
        today = datetime.datetime.now().astimezone().date()
        try:
            made = decide.record(self._root, own.id, axis, reason, self._author, today)
        except ObservatudoError as error:
            self._say([(0, line) for line in str(error).splitlines()])
            return False
        self._made.append((self._at, made))
        self._at += 1
        self._say([(0, f"+ {made.added}")])
        return True

    def _taken_back(self) -> bool:
        from observatudo.labels import decide

        if not self._made:
            self._say([(0, _("nothing was decided yet"))])
            return False
        at, made = self._made[-1]
        try:
            decide.undo(self._root, made)
        except ObservatudoError as error:
            self._say([(0, line) for line in str(error).splitlines()])
            return False
        self._made.pop()
        self._at = at
        self._say([(0, f"- {made.added}")])
        return True

    def _explain(self, own: Queued) -> None:
        from observatudo.cli.explain import width
        from observatudo.labels.page import page

        for line in page(self._explainer.explain(own.id), width()):
            typer.echo(line)
        typer.echo("")

    def _axes(self) -> Iterator[str]:
        """Give the axes with their numbers, in as many columns as fit."""
        from observatudo.cli.explain import width

        cells = [f"{number:>2} {axis.title}" for number, axis in enumerate(self._taxonomy.axes, start=1)]
        wide = max(map(len, cells)) + 2
        columns = max(1, width() // wide)
        for start in range(0, len(cells), columns):
            yield "".join(cell.ljust(wide) for cell in cells[start : start + columns]).rstrip()

    def _say(self, lines: Iterator[tuple[int, str]] | Sequence[tuple[int, str]]) -> None:
        from observatudo.cli.explain import width
        from observatudo.labels.page import wrapped

        for depth, text in lines:
            for line in wrapped(text, width(), depth):
                typer.echo(line)

    def _tell(self) -> None:
        if not self._queue:
            typer.echo(_("No label waits for a person."))
            return
        left = len(self._queue) - len(self._made)
        typer.echo(_("{count} decided, {left} left").format(count=len(self._made), left=left))
        if self._made:
            typer.echo(_("Next: git diff data/classified/overrides.csv · dvc repro"))


def _ask(prompt: str) -> str:
    """Return a line that a person types, without blanks around it; raises EOFError at the end of the input."""
    try:
        return input(prompt).strip()
    except UnicodeDecodeError:  # a key that is no character here
        return "\ufffd"


def _shown(own: Queued, told: Explanation, number: int, total: int) -> Iterator[tuple[int, str]]:
    """Give what a person needs to decide one label, each line with its depth."""
    from observatudo.figures import count
    from observatudo.labels.page import origin, share

    yield 0, ""
    yield 0, f"[{number}/{total}] {own.name or own.id}"
    rows = _("{count} row(s)").format(count=count(own.rows))
    yield 0, " · ".join([own.id, own.dataset, rows])
    if told.description:
        yield 1, told.description
    yield 0, f"{own.axis} {share(own.confidence)}, {origin(own.origin)}"
    yield 0, "? " + "; ".join(own.why)
    yield from ((0, f"! {problem}") for problem in told.problems)
    for vote in own.votes:
        yield from _vote(vote, told)


def _vote(own: Opinion, told: Explanation) -> Iterator[tuple[int, str]]:
    from itertools import islice

    from observatudo.labels.page import beginning, grounds, stance

    yield 1, stance(own)
    vote = told.vote(own.classifier)
    if vote is not None:
        yield from ((2, line) for line in islice(grounds(vote), _GROUNDS))
    last = next((one for one in told.answers if one.provider == own.classifier and one.is_current), None)
    if last is not None:
        yield from ((2, line) for line in beginning(last.raw))
