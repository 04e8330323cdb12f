"""Screen 6, dbt: models, tests, how fresh sources are, lineage, rows over versions, the warehouse."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import work
from textual.binding import BindingType
from textual.worker import Worker, get_current_worker

from observatudo import figures, paths
from observatudo.i18n import _
from tui import dbtcloud, dbtstate, dbtwords
from tui.actions import Action, bindings
from tui.dbtstate import Model, Source, Test
from tui.jobs import Failed, result
from tui.panes import Pane, Panes
from tui.screens.fed import Fed
from tui.sift import Item, sifter
from tui.table import Column, Rows, VirtualTable
from tui.textview import TextView
from tui.tones import TONES
from tui.trends import CURVE, Series, Trends, curve

if TYPE_CHECKING:
    from observatudo.journal import Json

ACTIONS = (
    Action("models.sort", "s", lambda: _("sort"), "sort", hint=True),
    Action("models.lineage", "t", lambda: _("lineage of the model"), "lineage", hint=True),
    Action("models.docs", "d", lambda: _("dbt's pages"), "open_docs", hint=True),
)
_TARGET = Path("dbt/target")
_LOADS = "20"  # of BigQuery, that are listed

MODELS: tuple[Column[Model], ...] = (
    Column(lambda: _("layer"), 6, lambda m: m.layer, sort="layer", tone=lambda _m: "muted"),
    Column(lambda: _("model"), 20, lambda m: m.name, flex=True, sort="name"),
    Column(lambda: _("status"), 10, lambda m: figures.status(m.status), tone=lambda m: TONES.get(m.status, "")),
    Column(lambda: _("rows"), 11, lambda m: figures.count(m.rows), right=True, sort="rows"),
    Column(lambda: _("kind"), 6, lambda m: m.materialized, keep=2),
    Column(lambda: _("took"), 8, lambda m: figures.duration(m.seconds), right=True, keep=1, sort="seconds"),
    Column(lambda: _("description"), 30, lambda m: m.description, keep=3, flex=True, tone=lambda _m: "muted"),
)  # fmt: skip
TESTS: tuple[Column[Test], ...] = (
    Column(lambda: _("status"), 10, lambda t: figures.status(t.status), tone=lambda t: TONES.get(t.status, "")),
    Column(lambda: _("rows"), 6, lambda t: figures.count(t.failures), right=True),
    Column(lambda: _("test"), 30, lambda t: t.name, flex=True),
    Column(lambda: _("model"), 24, lambda t: t.model, keep=1, tone=lambda _t: "muted"),
    Column(lambda: _("column"), 16, lambda t: t.column, keep=2, tone=lambda _t: "muted"),
    Column(lambda: _("severity"), 8, lambda t: t.severity, keep=3),
)
SOURCES: tuple[Column[Source], ...] = (
    Column(lambda: _("fresh"), 9, lambda s: s.glyph, tone=lambda s: s.tone),
    Column(lambda: _("source"), 24, lambda s: s.name, flex=True),
    Column(lambda: _("age"), 8, lambda s: dbtwords.days(s.age_days), right=True),
    Column(lambda: _("late after"), 11, lambda s: dbtwords.days(s.limit_days), right=True, keep=1),
    Column(lambda: _("snapshot"), 10, lambda s: figures.moment(s.fetched_at or figures.NONE)[:10], keep=2),
    Column(lambda: _("published"), 12, lambda s: s.frequency or figures.NONE, keep=3),
)
COUNTS: tuple[Column[Series], ...] = (
    Column(lambda: _("rows of"), 20, lambda s: s.name, flex=True, tone=lambda s: s.tone),
    Column(lambda: _("now"), 11, lambda s: s.shown, right=True),
    Column(lambda: _("change"), 10, lambda s: s.second, right=True),
    Column(lambda: _("versions"), CURVE, lambda s: curve(s.points), keep=1, tone=lambda _s: "muted"),
)
_ORDERS = tuple(dbtstate.ORDERS)


class ModelsScreen(Fed):
    """dbt in panes; the model one is on in the first is the one whose lineage is shown."""

    MODE = "models"
    ACTIONS: ClassVar[tuple[Action, ...]] = ACTIONS
    BINDINGS: ClassVar[list[BindingType]] = bindings(ACTIONS)
    FILTER = staticmethod(lambda: _("words, status:fail, layer:stg, model:fact, -word"))
    read_from = (
        *(_TARGET / name for name in ("manifest.json", "run_results.json", "build_results.json", "catalog.json")),
        Path(".observatudo/warehouse.duckdb"),
        Path(".observatudo/warehouse.receipt"),
        paths.PARAMS,
    )  # fmt: skip

    def __init__(self) -> None:
        super().__init__()
        self._state = dbtstate.state({})
        self._past: dbtstate.Past = ()
        self._order = _ORDERS[0]
        self._cloud: dbtcloud.Cloud | None = None
        self._jobs: list[dbtcloud.Job] = []
        self._said = ""
        self._asking: Worker[None] | None = None
        self._is_asked = False

    def asked(self) -> Sequence[str]:
        return ["models"]

    def panes(self) -> Sequence[Pane]:
        self._models: VirtualTable[Model] = VirtualTable(MODELS, empty=_("no model fits"))
        self._tests: VirtualTable[Test] = VirtualTable(TESTS, empty=_("no test fits"))
        self._sources: VirtualTable[Source] = VirtualTable(SOURCES, empty=_("no source fits"))
        self._lineage, self._target = TextView(), TextView()
        self._counts = Trends(COUNTS, empty=_("no version has dbt's figures yet"))
        return [
            Pane("models", lambda: _("models"), lambda: self._models),
            Pane("tests", lambda: _("tests"), lambda: self._tests),
            Pane("sources", lambda: _("sources"), lambda: self._sources),
            Pane("lineage", lambda: _("lineage"), lambda: self._lineage),
            Pane("counts", lambda: _("over versions"), lambda: self._counts),
            Pane("target", lambda: _("warehouse"), lambda: self._target),
        ]

    # --- what there is

    def understood(self, content: Json) -> None:
        self._state = dbtstate.state(content)
        self._is_asked = False

    def past(self) -> None:
        self._past = dbtstate.past(self.context.view)
        self._jobs = dbtcloud.jobs(self.context.view) if self._state.in_bigquery else []

    def heading(self) -> str:
        """Return what matters most first: the rest may be cut off."""
        own = self._state
        tests = own.tests_by_status
        parts = ["dbt" + (f"  /{self.wanted}" if self.wanted else "")]
        parts += [f"! {problem}" for problem in own.problems]
        parts += [
            f"{figures.status(name)} {figures.count(tests[name])}"
            for name in ("fail", "error", "warn", "skipped", "pass")
            if tests.get(name)
        ]
        late = sum(bool(source.late) for source in own.sources)
        if late:
            parts.append(_("{count} late").format(count=late))
        parts.append(f"{own.target.get('adapter') or figures.NONE} {figures.moment(own.built_at)}")
        return " · ".join(parts)

    def fill(self, pane: str) -> None:
        own, fits = self._state, sifter(self.wanted)
        if pane == "models":
            found = sorted((model for model in own.models if fits(_of_model(model))), key=dbtstate.ORDERS[self._order])
            self._models.sorted_by = (self._order, self._order in ("rows", "seconds"))
            self._models.show(Rows(found))
        elif pane == "tests":
            self._tests.show(Rows([test for test in own.tests if fits(_of_test(test))]))
        elif pane == "sources":
            self._sources.show(Rows([source for source in own.sources if fits(_of_source(source))]))
        elif pane == "lineage":
            chosen = self._models.row or next(iter(own.models), None)
            self._lineage.show(dbtwords.lineage(own, chosen.name) if chosen else [])
        elif pane == "counts":
            self._counts.fill(dbtstate.rows_over_versions(self._past))
        else:
            self._ask_bigquery()
            more = dbtcloud.lines(self._cloud, self._said, self._jobs) if own.in_bigquery else []
            self._target.show([*dbtwords.about_target(own), *more], keep=True)

    # --- what is in BigQuery: asked for once the pane is seen

    def _ask_bigquery(self) -> None:
        if self._state.in_bigquery and not self._is_asked and self._asking is None:
            self._is_asked, self._said = True, _("BigQuery is asked …  esc stops it")
            self._asking = self._answered()

    @work(exclusive=True, group="bigquery")
    async def _answered(self) -> None:
        try:
            content = await result(self.context.root, ["warehouse", "--json", "--loads", _LOADS], fine=(0, 1))
            self._cloud, self._said = dbtcloud.understood(content), ""
        except Failed as failed:
            self._cloud, self._said = None, str(failed)
        finally:
            if self._asking is get_current_worker():
                self._asking = None
        self._fill_current()

    def action_back(self) -> None:
        """Stop asking BigQuery before anything else."""
        worker, self._asking = self._asking, None
        if worker is None or len(self.app.screen_stack) > 1:
            self._asking = worker
            super().action_back()
            return
        worker.cancel()
        self._said = _("stopped; r asks again")
        self._fill_current()

    def on_virtual_table_opened(self, message: VirtualTable.Opened) -> None:
        from tui.screens.model import ReadScreen, TestScreen

        if message.table is self._models and self._models.row:
            model = self._models.row
            self.app.push_screen(ReadScreen(model.name, dbtwords.about_model(self._state, model), model.name))
        elif message.table is self._tests and self._tests.row:
            self.app.push_screen(TestScreen(self._tests.row))
        elif message.table is self._sources and self._sources.row:
            source = self._sources.row
            lines = dbtwords.about_source(self._state, source)
            self.app.push_screen(ReadScreen(source.name, lines, source.dataset or source.name))
        elif message.table is self._counts.table and self._counts.table.row:
            model_ = self._state.find(self._counts.table.row.key)
            if model_ is not None:
                lines = dbtwords.about_model(self._state, model_)
                self.app.push_screen(ReadScreen(model_.name, lines, model_.name))

    def copied(self) -> str:
        if self.focused is self._models and self._models.row:
            return self._models.row.name
        if self.focused is self._tests and self._tests.row:
            return self._tests.row.name
        if self.focused is self._sources and self._sources.row:
            return self._sources.row.name
        return super().copied()

    # --- what keys do

    def action_sort(self) -> None:
        self._order = _ORDERS[(_ORDERS.index(self._order) + 1) % len(_ORDERS)]
        self._fill_current()

    async def action_lineage(self) -> None:
        await self.query_one(Panes).see("lineage")

    def action_open_docs(self) -> None:
        """Open dbt's pages where a browser can show them; else say where they are."""
        path = self.context.root / _TARGET / "static_index.html"
        if not path.is_file():
            self.notify(_("dbt's pages are not there; type: dvc repro"), severity="warning")
            return
        self.notify(str(path), timeout=15)
        if not self.context.is_served and _has_desktop():
            self.app.open_url(path.resolve().as_uri())


def _has_desktop() -> bool:
    """Say whether a browser would open beside this terminal; without one, Python may start a browser in it."""
    return sys.platform in ("darwin", "win32") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _of_model(own: Model) -> Item:
    fields = {"status": f"{own.status} {figures.status(own.status)}", "layer": own.layer, "model": own.name}
    return Item(f"{own.name} {own.layer} {own.materialized} {own.status} {own.description}", fields)


def _of_test(own: Test) -> Item:
    fields = {"status": f"{own.status} {figures.status(own.status)}", "model": own.model, "column": own.column}
    return Item(f"{own.name} {own.model} {own.column} {own.status} {own.severity} {own.kind}", fields)


def _of_source(own: Source) -> Item:
    fields = {"dataset": own.dataset, "status": own.glyph, "model": " ".join(own.used_by)}
    return Item(f"{own.name} {own.dataset} {own.glyph} {own.frequency or ''}", fields)
