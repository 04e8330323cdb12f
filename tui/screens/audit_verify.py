"""What ``observatudo verify`` found: the verdict in words, the findings in a table, and all of one finding."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widget import Widget

from observatudo import figures
from observatudo.audit.verify import text
from observatudo.audit.verify.report import Finding, Report
from observatudo.i18n import _
from observatudo.journal import Json
from tui.clean import Static
from tui.screens.audit_ledger import part
from tui.screens.base import Base
from tui.sift import words_in
from tui.table import Column, Rows, VirtualTable
from tui.textview import TextView
from tui.tones import toned

_TONES = {"tampered": "bad", "missing": "warn", "stale": "muted", "note": "muted", "fine": "ok", "not anchored": "warn"}
FINE = (0, 1, 2)  # exit codes of a verification that came to an end


@dataclass(frozen=True)
class Verified:
    """A report, the arguments that it was asked with, and when it was there (local time)."""

    report: Report
    arguments: tuple[str, ...]
    when: str


def read(content: Json, arguments: tuple[str, ...]) -> Verified:
    """Return a result as it is kept; in a thread, since findings may be many."""
    from datetime import datetime

    when = datetime.now().astimezone().isoformat(timespec="seconds")
    return Verified(Report.from_json(content), arguments, when)


def choices() -> list[tuple[str, str, tuple[str, ...]]]:
    """Return what can be verified: name, meaning, arguments."""
    return [
        (_("this version"), _("HEAD and the work tree"), ()),
        (_("every version"), _("all that HEAD comes from"), ("--all",)),
        (_("this version, every byte"), _("cache, remote and warehouse are read"), ("--deep",)),
        (_("all of it, every byte"), _("may take long"), ("--all", "--deep")),
    ]


def _versions(finding: Finding) -> str:
    names = [name[: figures.SHORT] for name in finding.versions]
    return " ".join(names) or figures.NONE


COLUMNS: tuple[Column[Finding], ...] = (
    Column(lambda: _("status"), 12, lambda f: _status(f), tone=lambda f: _TONES[f.status]),
    Column(lambda: _("what"), 20, lambda f: f.what, flex=True),
    Column(lambda: _("output"), 16, lambda f: ", ".join(f.outputs) or figures.NONE, keep=1, flex=True),
    Column(lambda: _("where"), 18, lambda f: f.where or figures.NONE, keep=3, flex=True),
    Column(lambda: _("object"), 9, lambda f: f.md5[: figures.SHORT] or figures.NONE, keep=4),
    Column(lambda: _("version"), 9, _versions, keep=5),
    Column(lambda: _("next"), 16, lambda f: f.next_step or figures.NONE, keep=2, flex=True),
)  # fmt: skip


def _status(finding: Finding) -> str:
    return f"{text.SIGNS[finding.status]} {text.word(finding.status)}"


class VerifyPane(Vertical):
    """The verdict on top, what goes on, the findings below."""

    DEFAULT_CSS = "VerifyPane > Static { height: auto; padding: 0 1; }"

    def __init__(self) -> None:
        super().__init__()
        self._verified: Verified | None = None
        self._says: list[Text] = []

    def compose(self) -> ComposeResult:
        """Yield the verdict and the table."""
        yield Static(id="verdict")
        yield VirtualTable(COLUMNS, id="findings", empty="")

    def on_mount(self) -> None:
        if not self._says:
            self.say(_("Nothing was verified since the dashboard was started; V does it."))

    def say(self, told: str, tone: str = "muted") -> None:
        """Show in place of the verdict what goes on, or what went wrong."""
        self._says = [toned(line, tone) for line in told.splitlines()]
        self.query_one("#verdict", Static).update(Text("\n").join(self._says))

    def take(self, verified: Verified, wanted: str) -> None:
        """Show a result."""
        self._verified = verified
        report = verified.report
        self._says = [
            Text.assemble(
                toned(text.verdict(report), _TONES[report.verdict]), (f"  {meaning(report.exit_code)}", "dim")
            ),
            Text(f"{text.counts(report).strip()} · {figures.moment(verified.when)} · {_asked(verified)}", "dim"),
        ]
        self.query_one("#verdict", Static).update(Text("\n").join(self._says))
        self.narrow(wanted)

    def narrow(self, wanted: str) -> None:
        """Show only the findings that have all the words."""
        if self._verified is None:
            return
        fits = words_in(wanted)
        found = [one for one in self._verified.report.findings if fits(_all(one))]
        table = self.query_one(VirtualTable)
        table.empty = _("no finding fits") if wanted.split() else _("no finding")
        table.show(Rows(found))

    @property
    def finding(self) -> Finding | None:
        """Return the finding under the cursor."""
        row = self.query_one(VirtualTable).row
        return row if isinstance(row, Finding) else None


def _asked(verified: Verified) -> str:
    return " ".join(("observatudo verify", *verified.arguments))


def _all(finding: Finding) -> str:
    return " ".join([_status(finding), finding.what, finding.where, finding.md5, *finding.outputs, *finding.versions])


def meaning(code: int) -> str:
    """Return what an exit code of ``observatudo verify`` means."""
    words = {
        0: _("exit code 0: nothing is wrong"),
        1: _("exit code 1: something is not what was made"),
        2: _("exit code 2: something is in no place where it should be"),
    }
    return words[code]


class FindingScreen(Base):
    """All of one finding; ``y`` copies what to type next."""

    MODE = "audit"

    def __init__(self, finding: Finding) -> None:
        super().__init__()
        self._finding = finding

    def body(self) -> Iterable[Widget]:
        found = self._finding
        yield Static(toned(_status(found), _TONES[found.status]), classes="title")
        pairs = [
            (_("where"), found.where),
            (_("object"), found.md5),
            (_("kind"), found.kind),
            (_("next"), found.next_step),
        ]
        width = max(len(head) for head, _value in pairs)
        lines = [Text(figures.printable(found.what), "bold"), Text()]
        lines += [
            Text.assemble((f"{head:<{width}}  ", "dim"), figures.printable(value or figures.NONE))
            for head, value in pairs
        ]
        lines += part(_("outputs: {count}"), found.outputs)
        yield TextView(lines + part(_("versions: {count}"), found.versions))

    def copied(self) -> str:
        return self._finding.next_step
