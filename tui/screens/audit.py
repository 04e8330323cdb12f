"""Screen 7, Audit: what was recorded, whether it is as it was made, who changed a cell, and the way back."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual import work
from textual.binding import BindingType
from textual.widget import Widget

from observatudo import figures
from observatudo.audit.rollback.unfinished import INTENT
from observatudo.history.model import VersionRow
from observatudo.i18n import _
from tui.actions import Action, bindings
from tui.clean import Static
from tui.jobs import Failed, command, result
from tui.panes import Pane, Panes
from tui.screens import audit_ledger, audit_rollback, audit_verify
from tui.screens.audit_blame import BlameForm
from tui.screens.audit_ledger import Entry, LedgerSource
from tui.screens.audit_verify import FindingScreen, Verified, VerifyPane
from tui.screens.base import Base
from tui.screens.choice import ChoiceScreen
from tui.screens.history import VERSIONS, VersionSource, no_version
from tui.screens.output import OutputScreen
from tui.table import VirtualTable

if TYPE_CHECKING:
    from textual.worker import Worker

MODE = "audit"
OWN = (
    Action("audit.verify", "V", lambda: _("verify"), "verify", hint=True),
    Action("audit.ask", "e", lambda: _("ask who changed a cell"), "ask", hint=True),
    Action("audit.continue", "C", lambda: _("finish the rollback that was cut off"), "finish_rollback", changes=True),
    Action("audit.abort", "A", lambda: _("undo the rollback that was cut off"), "undo_rollback", changes=True),
)
ACTIONS = (*OWN, *audit_rollback.ACTIONS)
_INGEST = "data/metrics/ingest/"


class AuditScreen(Base):
    """The ledger, verify, blame and rollback, as panes."""

    MODE = MODE
    ACTIONS: ClassVar[tuple[Action, ...]] = OWN
    BINDINGS: ClassVar[list[BindingType]] = bindings(OWN)
    CSS = "AuditScreen #cut-off { height: auto; padding: 0 1; background: $warning-muted; color: $text-warning; }"

    def __init__(self) -> None:
        super().__init__()
        self._wanted_of: dict[str, str] = {}
        self._others: list[Entry] = []
        self._oldest = ""
        self._verified: Verified | None = None
        self._verifying: Worker[None] | None = None

    def body(self) -> Iterable[Widget]:
        self._ledger: VirtualTable[Entry] = VirtualTable(audit_ledger.COLUMNS, id="ledger")
        self._versions: VirtualTable[VersionRow] = VirtualTable(VERSIONS, id="back")
        self._verify = VerifyPane()
        yield Static("", id="cut-off")
        yield Static("", id="about", classes="title")
        yield Panes(
            [
                Pane("ledger", lambda: _("ledger"), lambda: self._ledger),
                Pane("verify", lambda: _("verify"), lambda: self._verify),
                Pane("blame", lambda: _("blame"), lambda: BlameForm(self._datasets())),
                Pane("rollback", lambda: _("rollback"), self._make_versions),
            ]
        )

    @property
    def _pane(self) -> str:
        return self.query_one(Panes).current

    def _make_versions(self) -> Widget:
        self.call_after_refresh(self._show_versions)
        return self._versions

    def _datasets(self) -> list[str]:
        """Return the datasets that any version has figures of."""
        names = [path for path in self.context.view.metrics() if path.startswith(_INGEST)]
        return [path.removeprefix(_INGEST).removesuffix(".json") for path in names]

    # --- showing

    def load(self) -> None:
        self._say_cut_off()
        self._read_ledger()
        if self._versions.is_attached:
            self._show_versions()
        self._title()

    def on_screen_resume(self) -> None:
        super().on_screen_resume()
        self._say_cut_off()

    @property
    def is_cut_off(self) -> bool:
        """Say whether a rollback is neither done nor undone."""
        return (self.context.root / INTENT).is_file()

    def _say_cut_off(self) -> None:
        line = self.query_one("#cut-off", Static)
        line.display = self.is_cut_off
        told = _("! a rollback was cut off here: files and data may be of two versions")
        keys = "" if self.context.is_read_only else _("C finishes it, A undoes it")
        line.update(Text("  ".join(filter(None, [told, keys]))))

    @work(thread=True, exclusive=True, group="ledger")
    def _read_ledger(self) -> None:
        from observatudo.audit.rollback import ledger

        records, damaged = ledger.recorded(self.context.root)
        view = self.context.view
        (oldest,) = view.runs(view.first_runs(1, audit_ledger.RECORDED, "started", False)) or (None,)
        others = [*(Entry(rollback=record) for record in records), *(Entry(damaged=each) for each in damaged)]
        since = [oldest.started] if oldest else []
        self.app.call_from_thread(
            self._take_ledger, others, min([*since, *(record.when for record in records)], default="")
        )

    def _take_ledger(self, others: list[Entry], oldest: str) -> None:
        if self.is_attached:
            self._others, self._oldest = others, oldest
            self._show_ledger()

    def _show_ledger(self, *, anew: bool = False) -> None:
        wanted = self._wanted_of.get("ledger", "")
        self._ledger.show(LedgerSource(self.context.view, wanted, self._others), anew=anew)
        nothing = _("no record fits") if wanted else _("nothing is recorded yet; type: dvc repro")
        self._ledger.empty = self.context.view.problem or nothing
        self._title()

    def _show_versions(self, *, anew: bool = False) -> None:
        order = ("date", True)
        self._versions.sorted_by = order
        wanted = self._wanted_of.get("rollback", "")
        self._versions.show(VersionSource(self.context.view, wanted, order), anew=anew)
        self._versions.empty = no_version(self.context.view, wanted)
        self._title()

    def _title(self) -> None:
        parts = {"ledger": self._about_ledger, "rollback": self._about_versions, "blame": self._about_blame}
        told = parts.get(self._pane, self._about_verify)()
        wanted = self._wanted_of.get(self._pane, "")
        told += [f"/{wanted}"] if wanted else []
        line = Text("  ".join(filter(None, [*told, self.context.view.problem])), no_wrap=True)
        self.query_one("#about", Static).update(line)

    def _about_ledger(self) -> list[str]:
        number = figures.count(len(self._ledger)) if self._ledger.is_whole else "…"
        since = _("since {date}").format(date=figures.moment(self._oldest)[:10]) if self._oldest else ""
        damaged = len(self.context.view.damaged()) + sum(entry.damaged is not None for entry in self._others)
        told = _("{count} damaged: V verifies").format(count=figures.count(damaged)) if damaged else ""
        return [_("{count} records").format(count=number), since, told, self._how_anchored()]

    def _how_anchored(self) -> str:
        if self._verified is None:
            return _("not verified yet: V")
        names = ", ".join(self._verified.report.anchors)
        when = figures.moment(self._verified.when)[-5:]
        return (_("anchored by {names} ({when})") if names else _("not anchored ({when})")).format(
            names=names, when=when
        )

    def _about_versions(self) -> list[str]:
        number = figures.count(len(self._versions)) if self._versions.is_whole else "…"
        return [_("{count} versions").format(count=number), _("enter shows what going back would change")]

    def _about_blame(self) -> list[str]:
        return [_("Who changed a cell, in which version, and why")]

    def _about_verify(self) -> list[str]:
        return [_("Is everything still what was made?"), _("esc stops it") if self._verifying else ""]

    def on_panes_switched(self, _message: Panes.Switched) -> None:
        self.wanted = self._wanted_of.get(self._pane, "")
        self._title()

    def on_virtual_table_highlighted(self, _message: VirtualTable.Highlighted) -> None:
        self._title()

    def filtered(self, wanted: str, is_kept: bool) -> None:
        self._wanted_of[self._pane] = wanted
        if self._pane == "ledger":
            self._show_ledger(anew=True)
        elif self._pane == "rollback":
            self._show_versions(anew=True)
        elif self._pane == "verify":
            self._verify.narrow(wanted)
            self._title()

    def copied(self) -> str:
        if self._pane == "ledger":
            return self._ledger.row.name if self._ledger.row else ""
        if self._pane == "rollback":
            return f"observatudo rollback {self._versions.row.commit}" if self._versions.row else ""
        finding = self._verify.finding if self._pane == "verify" else None
        return finding.next_step if finding else ""

    # --- opening

    def on_virtual_table_opened(self, message: VirtualTable.Opened) -> None:
        message.stop()
        if self._pane == "ledger":
            self._open_entry(self._ledger.row)
        elif self._pane == "rollback" and self._versions.row:
            datasets = self._datasets()
            self.app.push_screen(audit_rollback.PreviewScreen(self._versions.row, datasets))
        elif self._pane == "verify" and self._verify.finding:
            self.app.push_screen(FindingScreen(self._verify.finding))

    def _open_entry(self, entry: Entry | None) -> None:
        if entry and entry.run:
            self.app.push_screen(audit_ledger.LedgerRunScreen(entry.run))
        elif entry and entry.rollback:
            self.app.push_screen(audit_ledger.RollbackRecordScreen(entry.rollback))
        elif entry and entry.damaged:
            told = f"{entry.damaged.path}: {entry.damaged.reason}"
            self.notify(told, severity="error", timeout=10)

    # --- blame

    async def action_ask(self) -> None:
        await self.query_one(Panes).see("blame")
        self.query_one(BlameForm).edit()

    def on_blame_form_asked(self, message: BlameForm.Asked) -> None:
        from tui.screens.blame import BlameScreen

        self.app.push_screen(BlameScreen(message.arguments))

    def on_blame_form_wrong(self, message: BlameForm.Wrong) -> None:
        self.notify(message.why, severity="warning")

    # --- verify

    async def action_verify(self) -> None:
        await self.query_one(Panes).see("verify")
        self.app.push_screen(ChoiceScreen(_("Verify what?"), audit_verify.choices(), self._begin))

    def _begin(self, arguments: tuple[str, ...]) -> None:
        self._verifying = self._run_verify(arguments)
        self._title()

    @work(exclusive=True, group="verify")
    async def _run_verify(self, arguments: tuple[str, ...]) -> None:
        self._verify.say(_("verifying …"))
        try:
            content = await result(
                self.context.root, ["verify", *arguments, "--json"], fine=audit_verify.FINE, tell=self._tell
            )
            self._verified = await asyncio.to_thread(audit_verify.read, content, arguments)
        except Failed as failed:
            self._verify.say(str(failed), "bad")
        else:
            self._verify.take(self._verified, self._wanted_of.get("verify", ""))
        finally:
            self._verifying = None
            if self.is_attached:
                self._title()

    def _tell(self, line: str) -> None:
        if self.is_attached:
            self._verify.say("\n".join(filter(None, [_("verifying …"), line])))

    def action_back(self) -> None:
        if self._verifying is not None and self._pane == "verify":
            self._verifying.cancel()
            self._verify.say(_("stopped; nothing was verified"))
        else:
            super().action_back()

    # --- a rollback that was cut off

    def may(self, action: Action) -> bool:
        """Have the ways out of a rollback that was cut off only where there is one."""
        return super().may(action) and (action.id not in ("audit.continue", "audit.abort") or self.is_cut_off)

    def action_finish_rollback(self) -> None:
        self._settle("--continue")

    def action_undo_rollback(self) -> None:
        self._settle("--abort")

    def _settle(self, option: str) -> None:
        if not self.is_cut_off:
            self.notify(_("no rollback was cut off here"), severity="warning")
            return
        if self.is_active:  # not a second time, by a key that comes late
            self.app.push_screen(OutputScreen(command("rollback", option)))
