"""Which two to compare: two fields, and below them the names there are."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.events import DescendantFocus
from textual.widget import Widget
from textual.widgets import Input

from observatudo import figures
from observatudo.history.model import Run, VersionRow
from observatudo.i18n import _
from tui.actions import Action, bindings
from tui.clean import Static
from tui.screens.base import Base
from tui.table import Column, Rows, VirtualTable

if TYPE_CHECKING:
    from observatudo.history.view import View

_COMMIT = re.compile(r"[0-9a-f]{7,40}")
_STEPS = re.compile(r"(?P<base>.+?)(?P<steps>(?:~\d*|\^)*)")
_FARTHEST = 50  # parents that are followed
_MANY = 100  # names of a kind


@dataclass(frozen=True)
class Name:
    """One thing that can be compared."""

    name: str
    kind: str
    when: str = ""
    who: str = ""
    what: str = ""


NAMES: tuple[Column[Name], ...] = (
    Column(lambda: _("name"), 22, lambda n: n.name, tone=lambda _n: "accent"),
    Column(lambda: _("what"), 11, lambda n: n.kind, keep=1),
    Column(lambda: _("when"), 16, lambda n: figures.moment(n.when), keep=3),
    Column(lambda: _("who"), 12, lambda n: n.who, keep=4),
    Column(lambda: _("subject"), 14, lambda n: n.what, flex=True, keep=2),
)


def names(view: View, wanted: str = "") -> list[Name]:
    """Return what can be compared, the usual first; with words, what has them."""
    usual = [
        Name("HEAD", _("commit"), what=_("the version that is checked out")),
        Name("HEAD~1", _("commit"), what=_("the version before it")),
        Name("workspace", _("workspace"), what=_("the files as they are now")),
    ]
    versions = view.versions(view.first_versions(_MANY, wanted))
    runs = view.runs(view.first_runs(_MANY, wanted))
    refs = [_of_ref(ref, version) for version in versions for ref in version.refs if ref != "HEAD"]
    commits = [_of_ref(version.commit[: figures.SHORT], version) for version in versions]
    found = [*refs, *map(_of_run, runs), *commits]
    own = [name for name in usual if wanted.casefold() in name.name.casefold()]
    return [*own, *found]


def _of_ref(name: str, version: VersionRow) -> Name:
    kind = _("experiment") if version.kind == "experiment" else _("commit")
    return Name(name, kind, version.date, version.author, version.subject)


def _of_run(run: Run) -> Name:
    return Name(run.run_id, _("run"), run.started, run.who or "", figures.status(run.status))


def resolved(view: View, name: str) -> str | None:
    """Return the commit or run id that a name stands for now, as far as the index knows; else None."""
    if view.run(name) is not None:
        return name
    parts = _STEPS.fullmatch(name)
    if parts is None:
        return None
    version = _named(view, parts["base"])
    for step in re.findall(r"~\d*|\^", parts["steps"]):
        number = int(step[1:] or 1)
        if number > _FARTHEST:
            return None
        for _parent in range(number):
            version = view.version(version.parents[0]) if version and version.parents else None
    return version.commit if version else None


def _named(view: View, name: str) -> VersionRow | None:
    exact = [v for v in view.versions(view.first_versions(_MANY, f"ref:{name}")) if name in v.refs]
    if exact or not _COMMIT.fullmatch(name):
        return exact[0] if exact else None
    found = [v for v in view.versions(view.first_versions(2, f"commit:{name}")) if v.commit.startswith(name)]
    return found[0] if len(found) == 1 else None


ACTIONS = (
    Action("compare_names.type", "e", lambda: _("type a name"), "type_name", hint=True),
    Action("compare_names.list", "down", lambda: _("to the list"), "to_list"),
)


class NamesScreen(Base):
    """Asks for two names, out of the list or typed; ``then`` gets them.

    The list has the keys at first, so that the numbers of the other screens are no text.
    """

    MODE = "compare"
    ACTIONS: ClassVar[tuple[Action, ...]] = ACTIONS
    BINDINGS: ClassVar[list[BindingType]] = bindings(ACTIONS)
    AUTO_FOCUS = "VirtualTable"
    CSS = """
    NamesScreen .side { height: 1; }
    NamesScreen .side Static { width: 9; padding: 0 1; }
    NamesScreen .asked Static { text-style: reverse; }
    NamesScreen .side Input { width: 1fr; border: none; height: 1; padding: 0; }
    """

    def __init__(self, a: str, b: str, then: Callable[[str, str], None]) -> None:
        super().__init__()
        self._sides = {"a": a, "b": b}
        self._then = then
        self._asked = "a"

    def body(self) -> Iterable[Widget]:
        yield Static(Text(_("Compare which two? enter takes a name, esc goes back")), classes="title")
        words = {"a": _("older"), "b": _("newer")}
        for side, value in self._sides.items():
            yield Horizontal(Static(words[side]), Input(value, id=side, compact=True), classes="side")
        self._table: VirtualTable[Name] = VirtualTable(NAMES, empty=_("no such name is known; it may be one anyway"))
        yield self._table

    def load(self) -> None:
        self._table.show(Rows(names(self.context.view, self.wanted)))

    def on_mount(self) -> None:
        super().on_mount()
        self._ask("a")

    def _ask(self, side: str) -> None:
        """Ask for one of the two: the list stands on the name that is there already."""
        self._asked, self.wanted = side, ""
        for own in self._sides:
            parent = self._field(own).parent
            assert isinstance(parent, Horizontal)
            parent.set_class(own == side, "asked")
        self.load()
        value = self._field(side).value
        self._table.go_to(lambda row: row.name == value)

    def on_descendant_focus(self, event: DescendantFocus) -> None:
        if isinstance(event.widget, Input) and event.widget.id in self._sides:
            self._ask(event.widget.id)

    def on_input_changed(self, event: Input.Changed) -> None:
        if event.input.id == self._asked and event.input.has_focus and event.value != self._sides[self._asked]:
            self.wanted = event.value
            self._table.show(Rows(names(self.context.view, self.wanted)), anew=True)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        if event.input.id in self._sides:
            event.stop()
            self._go_on(is_typed=True)

    def on_virtual_table_opened(self, _message: VirtualTable.Opened) -> None:
        row = self._table.row
        if row is not None:
            self._field(self._asked).value = row.name
            self._go_on(is_typed=False)

    def _field(self, side: str) -> Input:
        return self.query_one(f"#{side}", Input)

    def _go_on(self, *, is_typed: bool) -> None:
        """Ask for the other name, or be done."""
        typed = {side: self._field(side).value.strip() for side in self._sides}
        other = "b" if self._asked == "a" or not typed["b"] else "a" if not typed["a"] else ""
        if not other:
            if self.leave():
                self._then(typed["a"], typed["b"])
        elif is_typed:
            self._field(other).focus()
        else:
            self._ask(other)

    def action_type_name(self) -> None:
        self._field(self._asked).focus()

    def action_to_list(self) -> None:
        self._table.focus()

    def filtered(self, wanted: str, is_kept: bool) -> None:
        del is_kept
        self._table.show(Rows(names(self.context.view, wanted)), anew=True)

    def copied(self) -> str:
        return self._table.row.name if self._table.row else ""
