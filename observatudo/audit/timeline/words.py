"""The words of a history: what ``observatudo blame`` and ``log`` say, line by line, for a terminal and for screens."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from observatudo import figures
from observatudo.i18n import _

if TYPE_CHECKING:
    from observatudo.audit.timeline.model import Blame, Cause, Cell, Entry, FileChange, Log, Made, Step

Colour = Literal["green", "red", "yellow", "cyan"]
_SHORT = figures.SHORT
_AUTHOR = 20
_FILES = 4  # of one folder
_CODE = 4  # places of code
_NAMED = 2  # causes of one kind
_COUNT = 11  # characters of a count


@dataclass(frozen=True)
class Line:
    """One line: it begins at column ``start``; where it is too long, the next ones begin at ``indent``.

    ``colour`` is a terminal's name for one. ``cell`` is the column of the table that a line of values is of.
    """

    text: str = ""
    start: int = 0
    indent: int | None = None
    bold: bool = False
    colour: Colour | None = None
    cell: str = ""

    def wrapped(self, width: int) -> list[str]:
        """Return the line as lines of at most ``width`` columns; a word that is longer stays whole."""
        text = "".join(sign if sign.isprintable() else "�" for sign in self.text.replace("\n", " "))
        if self.text.startswith(" "):  # a head of columns
            return [text]
        rest = " " * (self.start + 2 if self.indent is None else self.indent)
        return textwrap.wrap(
            text, width, initial_indent=" " * self.start, subsequent_indent=rest, break_long_words=False,
            break_on_hyphens=False, drop_whitespace=True,
        ) or [""]  # fmt: skip


def blame(found: Blame) -> Iterator[Line]:
    """Yield the history of a cell."""
    asked = " ".join(f"{name}={value}" for name, value in found.asked.items())
    yield Line(f"{found.table} · {asked}", bold=True)
    lost = sum(bool(_only_unreadable(entry)) for entry in found.entries)
    yield Line(_counted(len(found.entries) - lost, lost, found.versions))
    for entries in _grouped(found.entries):
        yield Line()
        if len(entries) > 1:
            yield _unreadable(entries)
        else:
            yield from _entry(entries[0], found)
    yield from _end(found.cut, found.next_step)


def _counted(changes: int, lost: int, versions: int) -> str:
    told = _("{changes} change(s) in {versions} version(s), newest first").format(changes=changes, versions=versions)
    unread = _("{count} cannot be read").format(count=lost)
    return f"{told}; {unread}" if lost else told


def _grouped(entries: Iterable[Entry]) -> list[list[Entry]]:
    """Put versions together that follow each other and cannot be read for one reason."""
    groups: list[list[Entry]] = []
    for entry in entries:
        last = groups[-1][0] if groups else None
        if last and _only_unreadable(last) and _only_unreadable(entry) == _only_unreadable(last):
            groups[-1].append(entry)
        else:
            groups.append([entry])
    return groups


def _only_unreadable(entry: Entry) -> str:
    return "" if entry.cells or entry.label else entry.unreadable


def _unreadable(entries: list[Entry]) -> Line:
    return Line(
        _("{newest} … {oldest}: {count} versions cannot be read: {why}").format(
            newest=commit(entries[0].commit), oldest=commit(entries[-1].commit), count=len(entries),
            why=entries[0].unreadable,
        ),
        indent=2,
        colour="yellow",
    )  # fmt: skip


def _entry(entry: Entry, found: Blame) -> Iterator[Line]:
    yield from _head(entry)
    if entry.cut:
        yield _cut(2)
    if entry.unreadable:
        yield Line(_("cannot be read: {why}").format(why=entry.unreadable), start=2, colour="yellow")
    for cell in entry.cells:
        yield from _cell(cell, found.asked)
    if not entry.unreadable:
        yield from _doubt(entry.or_in, entry.before)
    yield from _causes(entry.causes, entry)
    if entry.label_unreadable:
        yield Line(_("its label cannot be read: {why}").format(why=entry.label_unreadable), start=2, colour="yellow")
    if entry.label:
        yield Line(_("label  {a} → {b}").format(a=entry.label.a or "–", b=entry.label.b or "–"), start=2, colour="cyan")
        if entry.label_or_in != entry.or_in:
            yield from _doubt(entry.label_or_in, entry.before)
        yield from _causes([cause for cause in entry.label_causes if cause not in entry.causes], entry)


def _cut(start: int) -> Line:
    text = _("the history of this clone begins here: what it shows may be older")
    return Line(text, start=start, colour="yellow")


def _doubt(or_in: list[str], before: str | None) -> Iterator[Line]:
    """Say that a change may be that of versions before, which cannot be read."""
    if not or_in:
        return
    names = ", ".join(commit(name) for name in or_in[:3]) + (" …" if len(or_in) > 3 else "")
    if before is None:
        text = _("the first version that can be read; it may be older: {names}").format(names=names)
    else:
        text = _("here, or in a version before it that cannot be read: {names}").format(names=names)
    yield Line(text, start=2, colour="yellow")


def _head(made: Made) -> Iterator[Line]:
    when = figures.moment(made.date) if made.date else _("not committed yet")
    run = _("run {run}").format(run=made.run) if made.run else _("no run recorded")
    yield Line("  ".join(filter(None, [commit(made.commit), when, _who(made, _AUTHOR), run])), bold=True)
    if made.subject:
        yield Line(made.subject, start=_SHORT + 2)


def _who(made: Made, width: int) -> str:
    return made.author if len(made.author) <= width else f"{made.author[: width - 1]}…"


def commit(name: str | None) -> str:
    """Return a commit's short name."""
    return name[:_SHORT] if name else _("(work tree)")


def _cell(cell: Cell, asked: dict[str, str]) -> Iterator[Line]:
    own = {column: value for column, value in cell.key.items() if asked.get(column) != value}
    names = ", ".join(f"{column} {value}" for column, value in own.items())
    said = {"added": _("row added"), "removed": _("row removed"), "changed": ""}[cell.change]
    colours: dict[str, Colour] = {"added": "green", "removed": "red"}
    if said or names:
        yield Line(": ".join(filter(None, [names, said])), start=2, colour=colours.get(cell.change))
    width = max((len(column.column) for column in cell.columns), default=0)
    for column in cell.columns:
        values = [_value(column.a), _value(column.b)]
        text = values[1] if cell.change == "added" else " → ".join(values)
        text = f"{column.column.ljust(width)}  {text}"
        yield Line(text, start=4, indent=4 + width + 2, cell=column.column)


def _value(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    return str(value)


def _causes(causes: list[Cause], made: Made) -> Iterator[Line]:
    if not causes:
        return
    lines = [(kind(each.kind), cause(each, made)) for each in causes if each.kind != "code"]
    code = [cause(each, made) for each in causes if each.kind == "code"]
    if code:
        rest = [_("and {count} more").format(count=len(code) - _CODE)] if len(code) > _CODE else []
        lines.append((kind("code"), ", ".join([*code[:_CODE], *rest])))
    width = max(len(name) for name, _text in lines)
    yield Line(_("because in its inputs this changed:"), start=2)
    for name, text in lines:
        yield Line(f"{name.ljust(width)}  {text}", start=4, indent=4 + width + 2)


def kind(name: str) -> str:
    """Return the word for a kind of cause."""
    words = {
        "snapshot": _("snapshot"),
        "config": _("config"),
        "params": _("parameter"),
        "correction": _("correction"),
        "override": _("override"),
        "answers": _("answers"),
        "prompt": _("prompt"),
        "taxonomy": _("taxonomy"),
        "examples": _("examples"),
        "code": _("code"),
        "stage": _("stage"),
        "libraries": _("libraries"),
        "unexplained": _("nothing"),
    }
    return words[name]


def cause(found: Cause, made: Made) -> str:
    """Return a cause in words: what changed, from what to what, and in which commit where that came before ``made``."""
    if found.kind == "unexplained":
        return _("not reproducible: {stage} has the same inputs and another output").format(stage=found.stage)
    if found.kind == "stage":
        told = _("{stage} is new") if found.change == "added" else _("{stage} is gone")
        return told.format(stage=found.path)
    if found.kind in ("params", "override") and found.a != found.b:
        told = f"{found.path}: {_value(found.a)} → {_value(found.b)}"
        return told + _where(found.files[:1], made)
    if [file.path for file in found.files] == [found.path]:
        return found.path + _where(found.files, made)
    own = [file.path.removeprefix(f"{found.path}/") + _where([file], made) for file in found.files[:_FILES]]
    rest = [_("and {count} more").format(count=len(found.files) - _FILES)] if len(found.files) > _FILES else []
    return f"{found.path}: {', '.join([*own, *rest])}" if own else found.path


def _where(files: list[FileChange], made: Made) -> str:
    """Name the commit of a file's change where it came before the version."""
    commits = [file.commit for file in files if file.commit and file.commit != made.commit]
    return f" ({commit(commits[0])})" if commits else ""


def log(found: Log) -> Iterator[Line]:
    """Yield the history of a table."""
    yield Line(f"{found.table} · {', '.join(found.key)}", bold=True)
    lost = sum(step.status == "missing" for step in found.entries)
    yield Line(_counted(len(found.entries) + found.more - lost, lost, found.versions))
    heads = (_("rows"), _("added"), _("removed"), _("changed"))
    yield Line(" " * 36 + "".join(head.rjust(_COUNT) for head in heads))
    for step in found.entries:
        yield from _step(step)
    if found.more:
        yield Line(_("and {count} older: -n {all}").format(count=found.more, all=found.more + len(found.entries)))
    yield from _end(found.cut, found.next_step)


def _step(step: Step) -> Iterator[Line]:
    when = figures.moment(step.date)[:10] if step.date else _("not committed")
    head = f"{commit(step.commit)}  {when}  {_who(step, _AUTHOR - 6)}"
    counts = [_number("", step.rows), _number("+", step.added), _number("−", step.removed), _number("~", step.changed)]
    yield Line(head.ljust(36) + "".join(count.rjust(_COUNT) for count in counts), bold=True)
    for text in (step.subject, _("run {run}").format(run=step.run) if step.run else ""):
        if text:
            yield Line(text, start=_SHORT + 2)
    if step.cut:
        yield _cut(_SHORT + 2)
    if step.why:
        yield Line(step.why, start=_SHORT + 2, colour="yellow")
    told = in_short(step)
    if told:
        yield Line(_("because: {causes}").format(causes="; ".join(told)), start=_SHORT + 2)


def in_short(step: Step) -> list[str]:
    """Return the causes by kind: one or two by name, more by their number."""
    kinds: dict[str, list[str]] = {}
    for each in step.causes:
        told = cause(each, step) if each.kind in ("unexplained", "stage") else each.path
        kinds.setdefault(each.kind, []).append(told)
    return [
        f"{kind(name)} {', '.join(paths)}"
        if len(paths) <= _NAMED
        else _("{kind} in {count} places").format(kind=kind(name), count=len(paths))
        for name, paths in kinds.items()
    ]


def _number(sign: str, value: int | None) -> str:
    return figures.NONE if value is None else f"{sign if value else ''}{figures.count(value)}"


def _end(cut: bool, next_step: str) -> Iterator[Line]:
    if cut:
        yield Line()
        text = _("this clone has only a part of the history; the rest: git fetch --unshallow")
        yield Line(text, colour="yellow")
    if next_step:
        yield Line()
        yield Line(f"→ {next_step}")
