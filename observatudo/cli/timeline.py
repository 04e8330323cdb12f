"""How ``observatudo blame`` and ``observatudo log`` show a history: 80 columns, colour on a terminal only."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import typer

from observatudo.i18n import _

if TYPE_CHECKING:
    from observatudo.audit.timeline.model import Blame, Cause, Cell, Entry, FileChange, Log, Made, Step

_WIDTH = 80
_SHORT = 8  # characters of a commit
_AUTHOR = 20
_FILES = 4  # of one folder
_CODE = 4  # places of code
_NAMED = 2  # causes of one kind
_COUNT = 11  # characters of a count


def blame(found: Blame) -> None:
    """Print the history of a cell."""
    asked = " ".join(f"{name}={value}" for name, value in found.asked.items())
    _say(f"{found.table} · {asked}", bold=True)
    lost = sum(bool(_only_unreadable(entry)) for entry in found.entries)
    _say(_counted(len(found.entries) - lost, lost, found.versions))
    for entries in _grouped(found.entries):
        _say("")
        if len(entries) > 1:
            _say_unreadable(entries)
        else:
            _say_entry(entries[0], found)
    _say_end(found.cut, found.next_step)


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


def _say_unreadable(entries: list[Entry]) -> None:
    _say(
        _("{newest} … {oldest}: {count} versions cannot be read: {why}").format(
            newest=_commit(entries[0].commit), oldest=_commit(entries[-1].commit), count=len(entries),
            why=entries[0].unreadable,
        ),
        indent=2,
        colour="yellow",
    )  # fmt: skip


def _say_entry(entry: Entry, found: Blame) -> None:
    _say_head(entry)
    if entry.cut:
        _say(_("the history of this clone begins here: what it shows may be older"), start=2, colour="yellow")
    if entry.unreadable:
        _say(_("cannot be read: {why}").format(why=entry.unreadable), start=2, colour="yellow")
    for cell in entry.cells:
        _say_cell(cell, found.asked)
    if not entry.unreadable:
        _say_doubt(entry.or_in, entry.before)
    _say_causes(entry.causes, entry)
    if entry.label_unreadable:
        _say(_("its label cannot be read: {why}").format(why=entry.label_unreadable), start=2, colour="yellow")
    if entry.label:
        _say(_("label  {a} → {b}").format(a=entry.label.a or "–", b=entry.label.b or "–"), start=2, colour="cyan")
        if entry.label_or_in != entry.or_in:
            _say_doubt(entry.label_or_in, entry.before)
        _say_causes([cause for cause in entry.label_causes if cause not in entry.causes], entry)


def _say_doubt(or_in: list[str], before: str | None) -> None:
    """Say that a change may be that of versions before, which cannot be read."""
    if not or_in:
        return
    names = ", ".join(_commit(name) for name in or_in[:3]) + (" …" if len(or_in) > 3 else "")
    if before is None:
        text = _("the first version that can be read; it may be older: {names}").format(names=names)
    else:
        text = _("here, or in a version before it that cannot be read: {names}").format(names=names)
    _say(text, start=2, colour="yellow")


def _say_head(made: Made) -> None:
    who = made.author if len(made.author) <= _AUTHOR else f"{made.author[: _AUTHOR - 1]}…"
    when = made.date[:16].replace("T", " ") or _("not committed yet")
    run = _("run {run}").format(run=made.run) if made.run else _("no run recorded")
    _say("  ".join(filter(None, [_commit(made.commit), when, who, run])), bold=True)
    if made.subject:
        _say(made.subject, start=_SHORT + 2)


def _commit(commit: str | None) -> str:
    return commit[:_SHORT] if commit else _("(work tree)")


def _say_cell(cell: Cell, asked: dict[str, str]) -> None:
    own = {column: value for column, value in cell.key.items() if asked.get(column) != value}
    names = ", ".join(f"{column} {value}" for column, value in own.items())
    said = {"added": _("row added"), "removed": _("row removed"), "changed": ""}[cell.change]
    colour = {"added": "green", "removed": "red", "changed": None}[cell.change]
    if said or names:
        _say(": ".join(filter(None, [names, said])), start=2, colour=colour)
    width = max((len(column.column) for column in cell.columns), default=0)
    for column in cell.columns:
        values = [_value(column.a), _value(column.b)]
        text = values[1] if cell.change == "added" else " → ".join(values)
        _say(f"{column.column.ljust(width)}  {text}", start=4, indent=4 + width + 2)


def _value(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    return str(value)


def _say_causes(causes: list[Cause], made: Made) -> None:
    if not causes:
        return
    lines = [(_kind(cause.kind), _cause(cause, made)) for cause in causes if cause.kind != "code"]
    code = [_cause(cause, made) for cause in causes if cause.kind == "code"]
    if code:
        rest = [_("and {count} more").format(count=len(code) - _CODE)] if len(code) > _CODE else []
        lines.append((_kind("code"), ", ".join([*code[:_CODE], *rest])))
    width = max(len(kind) for kind, _text in lines)
    _say(_("because in its inputs this changed:"), start=2)
    for kind, text in lines:
        _say(f"{kind.ljust(width)}  {text}", start=4, indent=4 + width + 2)


def _kind(kind: str) -> str:
    words = {
        "snapshot": _("snapshot"),
        "config": _("config"),
        "params": _("parameter"),
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
    return words[kind]


def _cause(cause: Cause, made: Made) -> str:
    if cause.kind == "unexplained":
        return _("not reproducible: {stage} has the same inputs and another output").format(stage=cause.stage)
    if cause.kind == "stage":
        told = _("{stage} is new") if cause.change == "added" else _("{stage} is gone")
        return told.format(stage=cause.path)
    if cause.kind in ("params", "override") and cause.a != cause.b:
        told = f"{cause.path}: {_value(cause.a)} → {_value(cause.b)}"
        return told + _where(cause.files[:1], made)
    if [file.path for file in cause.files] == [cause.path]:
        return cause.path + _where(cause.files, made)
    own = [file.path.removeprefix(f"{cause.path}/") + _where([file], made) for file in cause.files[:_FILES]]
    rest = [_("and {count} more").format(count=len(cause.files) - _FILES)] if len(cause.files) > _FILES else []
    return f"{cause.path}: {', '.join([*own, *rest])}" if own else cause.path


def _where(files: list[FileChange], made: Made) -> str:
    """Name the commit of a file's change where it came before the version."""
    commits = [file.commit for file in files if file.commit and file.commit != made.commit]
    return f" ({_commit(commits[0])})" if commits else ""


def log(found: Log) -> None:
    """Print the history of a table."""
    _say(f"{found.table} · {', '.join(found.key)}", bold=True)
    lost = sum(step.status == "missing" for step in found.entries)
    _say(_counted(len(found.entries) + found.more - lost, lost, found.versions))
    heads = (_("rows"), _("added"), _("removed"), _("changed"))
    _say(" " * 36 + "".join(head.rjust(_COUNT) for head in heads))
    for step in found.entries:
        _say_step(step)
    if found.more:
        _say(_("and {count} older: -n {all}").format(count=found.more, all=found.more + len(found.entries)))
    _say_end(found.cut, found.next_step)


def _say_step(step: Step) -> None:
    who = step.author if len(step.author) <= _AUTHOR - 6 else f"{step.author[: _AUTHOR - 7]}…"
    when = step.date[:10] or _("not committed")
    head = f"{_commit(step.commit)}  {when}  {who}"
    counts = [_number("", step.rows), _number("+", step.added), _number("−", step.removed), _number("~", step.changed)]
    _say(head.ljust(36) + "".join(count.rjust(_COUNT) for count in counts), bold=True)
    for text in (step.subject, _("run {run}").format(run=step.run) if step.run else ""):
        if text:
            _say(text, start=_SHORT + 2)
    if step.cut:
        _say(_("the history of this clone begins here: what it shows may be older"), start=_SHORT + 2, colour="yellow")
    if step.why:
        _say(step.why, start=_SHORT + 2, colour="yellow")
    told = _in_short(step)
    if told:
        _say(_("because: {causes}").format(causes="; ".join(told)), start=_SHORT + 2)


def _in_short(step: Step) -> list[str]:
    """Return the causes by kind: one or two by name, more by their number."""
    kinds: dict[str, list[str]] = {}
    for cause in step.causes:
        told = _cause(cause, step) if cause.kind in ("unexplained", "stage") else cause.path
        kinds.setdefault(cause.kind, []).append(told)
    return [
        f"{_kind(kind)} {', '.join(paths)}"
        if len(paths) <= _NAMED
        else _("{kind} in {count} places").format(kind=_kind(kind), count=len(paths))
        for kind, paths in kinds.items()
    ]


def _number(sign: str, value: int | None) -> str:
    return "–" if value is None else f"{sign if value else ''}{value:,}"


def _say_end(cut: bool, next_step: str) -> None:
    if cut:
        _say("")
        _say(_("this clone has only a part of the history; the rest: git fetch --unshallow"), colour="yellow")
    if next_step:
        _say("")
        _say(f"→ {next_step}")


def _say(
    text: str, *, start: int = 0, indent: int | None = None, bold: bool = False, colour: str | None = None
) -> None:
    """Print a text, wrapped at the width of the page, from column ``start``; lines after the first from ``indent``."""
    import os
    import textwrap

    rest = " " * (start + 2 if indent is None else indent)
    clean = "".join(sign if sign.isprintable() else "�" for sign in text.replace("\n", " "))
    lines = textwrap.wrap(
        clean, _WIDTH, initial_indent=" " * start, subsequent_indent=rest, break_long_words=False,
        break_on_hyphens=False, drop_whitespace=True,
    )  # fmt: skip
    if text.startswith(" "):  # a head of columns
        lines = [clean]
    plain = bool(os.environ.get("NO_COLOR"))
    for line in lines or [""]:
        typer.echo(typer.style(line, bold=bold, fg=colour) if bold or colour else line, color=False if plain else None)
