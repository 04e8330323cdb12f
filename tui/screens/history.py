"""Screen 1, History: runs and versions, newest first; mark two and compare them; enter shows all of one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.timer import Timer
from textual.widget import Widget

from observatudo import figures
from observatudo.history.model import Run, VersionRow
from observatudo.i18n import _
from tui.actions import Action, bindings
from tui.clean import Static
from tui.screens.base import Base
from tui.table import Column, VirtualTable
from tui.textview import TextView
from tui.tones import TONES

if TYPE_CHECKING:
    from observatudo.history.view import View

ACTIONS = (
    Action("history.mark", "space", lambda: _("mark"), "mark_row", hint=True),
    Action("history.compare", "c", lambda: _("compare"), "compare", hint=True),
    Action("history.sort", "s", lambda: _("sort"), "sort", hint=True),
    Action("history.reverse", "S", lambda: _("the other way round"), "reverse"),
    Action("history.versions", "v", lambda: _("runs or versions"), "switch", hint=True),
    Action("history.mlflow", "o", lambda: _("open in MLflow"), "mlflow"),
)


def _stages(run: Run) -> str:
    """Return the datasets that a run touched, and beside them how many stages it ran."""
    verbs: dict[str, int] = {}
    for name in run.stages:
        verb = name.partition("@")[0]
        verbs[verb] = verbs.get(verb, 0) + 1
    told = " ".join(verb if number == 1 else f"{verb}×{number}" for verb, number in verbs.items())
    return f"{', '.join(run.touched)} · {told}" if 0 < len(run.touched) <= 2 else told or figures.NONE


def _commit(run: Run) -> str:
    return (run.commit or figures.NONE)[: figures.SHORT] + ("+" if run.dirty else "")


RUNS: tuple[Column[Run], ...] = (
    Column(lambda: _("status"), 14, lambda r: figures.status(r.status), tone=lambda r: TONES[r.status], sort="status"),
    Column(lambda: _("started"), 16, lambda r: figures.moment(r.started), sort="started"),
    Column(lambda: _("took"), 10, lambda r: figures.duration(r.duration_s), right=True, sort="duration"),
    Column(lambda: _("rows kept"), 13, lambda r: figures.count(r.rows_kept), right=True, keep=2, sort="rows_kept"),
    Column(lambda: _("rejected"), 10, lambda r: figures.count(r.rows_rejected), True, keep=3, sort="rows_rejected"),
    Column(lambda: _("commit"), 9, _commit, keep=1),
    Column(lambda: _("branch"), 12, lambda r: r.experiment or r.branch or figures.NONE, keep=5, sort="branch"),
    Column(lambda: _("who"), 12, lambda r: r.who or figures.NONE, keep=6, sort="who"),
    Column(lambda: _("what ran"), 14, _stages, keep=4, flex=True),
)  # fmt: skip
VERSIONS: tuple[Column[VersionRow], ...] = (
    Column(lambda: _("commit"), 9, lambda v: v.commit[: figures.SHORT], tone=lambda _v: "accent"),
    Column(lambda: _("date"), 16, lambda v: figures.moment(v.date), sort="date"),
    Column(lambda: _("changed"), 19, lambda v: " ".join(v.changed) or figures.NONE, keep=3),
    Column(lambda: _("names"), 12, lambda v: ", ".join(v.refs), keep=2, tone=lambda _v: "ok"),
    Column(lambda: _("author"), 14, lambda v: v.author, keep=4, sort="author"),
    Column(lambda: _("runs"), 4, lambda v: str(len(v.runs) or ""), keep=5, right=True),
    Column(lambda: _("subject"), 20, lambda v: v.subject, flex=True),
)
_BESIDE_S = 0.04  # what stands beside the list waits so long for the next key: the cursor does not wait for it
_ORDERS = {"runs": [c.sort for c in RUNS if c.sort], "versions": [c.sort for c in VERSIONS if c.sort]}
_FIRST_ORDER = {"runs": "started", "versions": "date"}


class _RunSource:
    """Runs as the index has them, filtered and sorted by it."""

    def __init__(self, view: View, wanted: str, order: tuple[str, bool]) -> None:
        self._view, self._asked = view, (wanted, *order)

    def first(self, most: int) -> Sequence[int]:
        return self._view.first_runs(most, *self._asked)

    def ids(self) -> Sequence[int]:
        return self._view.run_ids(*self._asked)

    def rows(self, ids: Sequence[int]) -> Sequence[Run]:
        return self._view.runs(ids)


class VersionSource:
    """Versions, likewise."""

    def __init__(self, view: View, wanted: str, order: tuple[str, bool]) -> None:
        self._view, self._asked = view, (wanted, *order)

    def first(self, most: int) -> Sequence[int]:
        return self._view.first_versions(most, *self._asked)

    def ids(self) -> Sequence[int]:
        return self._view.version_ids(*self._asked)

    def rows(self, ids: Sequence[int]) -> Sequence[VersionRow]:
        return self._view.versions(ids)


class HistoryScreen(Base):
    """Runs, or versions; beside them, on a wide terminal, what one is."""

    MODE = "history"
    ACTIONS: ClassVar[tuple[Action, ...]] = ACTIONS
    BINDINGS: ClassVar[list[BindingType]] = bindings(ACTIONS)
    CSS = """
    HistoryScreen #lists { width: 2fr; }
    HistoryScreen #aside { width: 1fr; max-width: 60; border-left: solid $panel; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._kind = "runs"
        self._soon = Timer(self, _BESIDE_S)
        self._damaged = self._counted = 0
        self._order = {kind: (order, True) for kind, order in _FIRST_ORDER.items()}

    def body(self) -> Iterable[Widget]:
        self._runs: VirtualTable[Run] = VirtualTable(RUNS, id="runs", marks=2, key=name_of)
        self._versions: VirtualTable[VersionRow] = VirtualTable(VERSIONS, id="versions", marks=2, key=name_of)
        self._versions.display = False
        yield Static("", id="about", classes="title")
        yield Horizontal(
            Vertical(self._runs, self._versions, id="lists"),
            Vertical(TextView(id="details"), id="aside", classes="wide-only"),
        )

    @property
    def _table(self) -> VirtualTable[Run] | VirtualTable[VersionRow]:
        return self._runs if self._kind == "runs" else self._versions

    def load(self) -> None:
        self._damaged = len(self.context.view.damaged())
        self._show(anew=False)

    def _show(self, *, anew: bool) -> None:
        view, order = self.context.view, self._order[self._kind]
        if self._kind == "runs":
            self._runs.sorted_by = order
            self._runs.show(_RunSource(view, self.wanted, order), anew=anew)
            self._runs.empty = view.problem or (_("no run fits") if self.wanted else _("no run yet; type: dvc repro"))
        else:
            self._versions.sorted_by = order
            self._versions.show(VersionSource(view, self.wanted, order), anew=anew)
            self._versions.empty = no_version(view, self.wanted)
        self._title()

    def _title(self) -> None:
        view, table = self.context.view, self._table
        what = _("Runs") if self._kind == "runs" else _("Versions")
        self._counted = len(table)
        number = figures.count(len(table)) if table.is_whole else "…"
        parts = [f"{what} {number}", f"/{self.wanted}" if self.wanted else ""]
        parts.append(_("{count} marked").format(count=len(table.marked)) if table.marked else "")
        damaged = _("{count} damaged: observatudo verify").format(count=self._damaged) if self._damaged else ""
        parts += [damaged, view.problem or (view.note() if self._kind == "versions" else "")]
        self.query_one("#about", Static).update(Text("  ".join(filter(None, parts)), no_wrap=True))

    def filtered(self, wanted: str, is_kept: bool) -> None:
        self._show(anew=True)

    def on_virtual_table_highlighted(self, _message: VirtualTable.Highlighted) -> None:
        if len(self._table) != self._counted:
            self._title()
        self._beside_soon()

    def on_resize(self) -> None:
        self.call_after_refresh(self._beside_soon)  # there may be room for it now

    def _beside_soon(self) -> None:
        if self.query_one("#aside").display:
            self._soon.stop()
            self._soon = self.set_timer(_BESIDE_S, self._beside)

    def _beside(self) -> None:
        from tui.screens.run import in_short

        row = self._table.row
        self.query_one("#details", TextView).show(in_short(row, self.context.view) if row else [])

    def on_virtual_table_marked(self, _message: VirtualTable.Marked) -> None:
        self._title()

    def on_virtual_table_opened(self, _message: VirtualTable.Opened) -> None:
        from tui.screens.run import RunScreen, VersionScreen

        row = self._table.row
        if isinstance(row, Run):
            self.app.push_screen(RunScreen(row))
        elif row is not None:
            self.app.push_screen(VersionScreen(row))

    def copied(self) -> str:
        row = self._table.row
        return "" if row is None else name_of(row)

    def action_mark_row(self) -> None:
        self._table.action_mark()

    def action_switch(self) -> None:
        self._kind = "versions" if self._kind == "runs" else "runs"
        self._runs.display, self._versions.display = self._kind == "runs", self._kind == "versions"
        self._table.focus()
        self._show(anew=False)

    def action_sort(self) -> None:
        orders, (now, _descending) = _ORDERS[self._kind], self._order[self._kind]
        following = orders[(orders.index(now) + 1) % len(orders)]
        self._order[self._kind] = (following, following not in ("who", "branch", "author", "status"))
        self._show(anew=True)

    def action_reverse(self) -> None:
        now, descending = self._order[self._kind]
        self._order[self._kind] = (now, not descending)
        self._show(anew=True)

    def action_compare(self) -> None:
        """Compare the two that are marked, or the marked one with the one under the cursor; the older one first."""
        marked: list[Run | VersionRow] = [*self._runs.marked, *self._versions.marked]
        row = self._table.row
        if len(marked) == 1 and row is not None and name_of(row) != name_of(marked[0]):
            marked.append(row)
        if len(marked) != 2:
            self.notify(_("mark two with the space bar, then c"), severity="warning")
            return
        older, newer = sorted(marked, key=_when)
        self._runs.unmark()
        self._versions.unmark()
        self._title()
        self.dashboard.compare(name_of(older), name_of(newer))

    def action_mlflow(self) -> None:
        row = self._table.row
        if isinstance(row, Run):
            self.dashboard.open_mlflow(row.run_id)
        else:
            self.notify(_("MLflow knows runs; versions are Git's"), severity="warning")


def no_version(view: View, wanted: str) -> str:
    """Return what stands in the place of versions where there is none: why, or what to do."""
    return view.problem or view.note() or (_("no version fits") if wanted else _("no commit yet; type: git commit"))


def name_of(row: Run | VersionRow) -> str:
    """Return the name under which every command knows a run or version."""
    return row.run_id if isinstance(row, Run) else row.commit


def _when(row: Run | VersionRow) -> str:
    when = datetime.fromisoformat(row.started if isinstance(row, Run) else row.date)
    return when.astimezone(UTC).isoformat()
