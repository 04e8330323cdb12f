"""All of one run, or of one version: what ran and when, the numbers, the configs, the error, the log."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual import work
from textual.binding import BindingType
from textual.widget import Widget

from observatudo import figures, history
from observatudo.errors import ObservatudoError
from observatudo.history import changes
from observatudo.history.model import DatasetRun, Run, VersionRow
from observatudo.i18n import _
from tui.actions import Action, bindings
from tui.clean import Static
from tui.panes import Pane, Panes
from tui.screens.base import Base
from tui.table import Column, Rows, VirtualTable
from tui.textview import TextView
from tui.tones import TONES, toned

if TYPE_CHECKING:
    from observatudo.history.view import View
    from observatudo.runs.log import RunLog, StageLog
    from observatudo.runs.model import Record, StageRun

ACTIONS = (
    Action("run.compare", "c", lambda: _("compare with the commit before"), "compare", hint=True),
    Action("run.mlflow", "o", lambda: _("open in MLflow"), "mlflow", hint=True),
)
_BAR = 28
_LOG_LINES = 5_000

DATASETS: tuple[Column[DatasetRun], ...] = (
    Column(lambda: _("dataset"), 20, lambda d: d.dataset, flex=True),
    Column(lambda: _("status"), 14, lambda d: figures.status(d.status), tone=lambda d: TONES.get(d.status, "")),
    Column(lambda: _("read"), 12, lambda d: figures.count(d.rows_read), right=True, keep=2),
    Column(lambda: _("kept"), 12, lambda d: figures.count(d.rows_kept), right=True),
    Column(lambda: _("rejected"), 10, lambda d: figures.count(d.rows_rejected), right=True),
    Column(lambda: _("matched"), 9, lambda d: _share(d.match_rate), right=True, keep=1),
    Column(lambda: _("took"), 9, lambda d: figures.duration(d.wall_s), right=True, keep=3),
    Column(lambda: _("snapshot"), 9, lambda d: (d.snapshot_sha256 or figures.NONE)[: figures.SHORT], keep=4),
)  # fmt: skip


def _share(rate: float | None) -> str:
    return figures.NONE if rate is None else figures.percent(rate * 100)


def in_short(row: Run | VersionRow, view: View) -> list[Text]:
    """Return what the index says of a run or version, a line each."""
    return _run_in_short(row, view) if isinstance(row, Run) else _version_in_short(row)


def _run_in_short(run: Run, view: View) -> list[Text]:
    lines = [Text.assemble((run.run_id, "bold"), "  ", toned(figures.status(run.status), TONES[run.status]))]
    lines += _pairs(
        (_("started"), figures.moment(run.started, seconds=True)),
        (_("took"), figures.duration(run.duration_s)),
        (_("kind"), run.experiment or figures.word(run.kind)),
        (_("commit"), (run.commit or figures.NONE)[:12] + (_(", with changed inputs") if run.dirty else "")),
        (_("branch"), run.branch or figures.NONE),
        (_("who"), run.who or figures.NONE),
        (_("host"), run.host),
    )
    for dataset in view.datasets(run.run_id):
        told = _("{kept} kept").format(kept=figures.count(dataset.rows_kept))
        if dataset.rows_rejected:
            told += ", " + _("{rejected} rejected").format(rejected=figures.count(dataset.rows_rejected))
        glyph = toned(figures.GLYPHS.get(dataset.status, "?"), TONES.get(dataset.status, ""))
        lines.append(Text.assemble(glyph, f" {dataset.dataset}  ", (told, "dim")))
    return lines


def _version_in_short(version: VersionRow) -> list[Text]:
    return [
        Text(version.commit, "bold"),
        Text(version.subject),
        *_pairs(
            (_("date"), figures.moment(version.date, seconds=True)),
            (_("author"), f"{version.author} <{version.email}>" if version.email else version.author),
            (_("names"), ", ".join(version.refs) or figures.NONE),
            (_("changed"), " ".join(version.changed) or figures.NONE),
            (_("parents"), " ".join(parent[: figures.SHORT] for parent in version.parents) or figures.NONE),
            (_("runs"), ", ".join(version.runs) or figures.NONE),
        ),
    ]


def _pairs(*pairs: tuple[str, str]) -> list[Text]:
    width = max(len(name) for name, _value in pairs)
    return [Text.assemble((f"{name:<{width}}  ", "dim"), figures.printable(value)) for name, value in pairs]


class RunScreen(Base):
    """One run in panes: in short, stages on a time line, datasets, outputs and metrics, configs, error, log."""

    ACTIONS: ClassVar[tuple[Action, ...]] = ACTIONS
    BINDINGS: ClassVar[list[BindingType]] = bindings(ACTIONS)

    def __init__(self, run: Run) -> None:
        super().__init__()
        self._run = run

    def body(self) -> Iterable[Widget]:
        yield Static(Text(self._run.run_id), classes="title")
        yield Panes(
            [
                Pane("short", lambda: _("in short"), self._text(self._in_short)),
                Pane("stages", lambda: _("stages"), self._text(self._time_line)),
                Pane("datasets", lambda: _("datasets"), self._datasets),
                Pane("metrics", lambda: _("metrics"), self._text(self._metrics)),
                Pane("config", lambda: _("config"), self._text(self._config)),
                Pane("error", lambda: _("error"), self._text(self._error)),
                Pane("log", lambda: _("log"), self._text(self._log)),
            ]
        )

    def _text(self, lines: Callable[[], Sequence[Text]]) -> Callable[[], Widget]:
        """Return what makes a pane of text; the lines are read in a thread, since files and Git are asked."""

        def make() -> Widget:
            view = TextView([Text(_("reading …"), "dim")])
            self._fill(view, lines)
            return view

        return make

    @work(thread=True, exit_on_error=False)
    def _fill(self, view: TextView, lines: Callable[[], Sequence[Text]]) -> None:
        try:
            found = lines()
        except (ObservatudoError, OSError) as error:
            found = [Text(line, "bold") for line in str(error).splitlines()]
        self.app.call_from_thread(view.show, found)

    def _datasets(self) -> Widget:
        table: VirtualTable[DatasetRun] = VirtualTable(DATASETS, empty=_("this run touched no dataset"))
        self.call_after_refresh(table.show, Rows(self.context.view.datasets(self._run.run_id)))
        return table

    # --- what the panes read (in a thread)

    @cached_property
    def _record(self) -> Record | None:
        """Return the record, which never changes; the log of a run that goes on does."""
        return history.record(self.context.root, self._run)

    @property
    def _logged(self) -> RunLog | None:
        return history.logged(self.context.root, self._run)

    def _in_short(self) -> list[Text]:
        record = self._record
        lines = _run_in_short(self._run, self.context.view)
        if record is None:
            return lines
        more = [(_("command"), record.command), (_("system"), f"{record.where.system}, Python {record.where.python}")]
        more += [(name, ", ".join(values)) for name, values in record.versions.items()]
        more += [(_("changed"), path) for path in record.changed]
        return [*lines, Text(), *_pairs(*more)]

    def _time_line(self) -> list[Text]:
        record = self._record
        logged = None if record else self._logged
        stages: dict[str, StageRun] | dict[str, StageLog] = record.stages if record else logged.work if logged else {}
        return time_line(stages) or [Text(_("nothing ran"), "dim")]

    def _metrics(self) -> list[Text]:
        record = self._record
        if record is None:
            return [Text(_("only runs with a record have outputs and metrics; this one has none"), "dim")]
        lines = [Text(_("Outputs"), "bold")]
        for path, output in record.outputs.items():
            rows = f"{figures.count(output.rows):>13}" if output.rows is not None else " " * 13
            size = f"{figures.size(output.size):>10}"
            lines.append(Text.assemble(rows, f" {size}  ", (output.md5[: figures.SHORT], "dim"), f"  {path}"))
        lines += [Text(), Text("dbt", "bold")]
        lines += [Text(f"{name}: {value}") for name, value in record.dbt.items()]
        return lines

    def _config(self) -> list[Text]:
        record = self._record
        if record is None:
            return [Text(_("only runs with a record keep their configs; this one has none"), "dim")]
        lines = []
        for path, blob in record.configs.items():
            text = changes.blob(self.context.root, blob)
            lines.append(Text.assemble((path, "bold"), "  ", (blob[: figures.SHORT], "dim")))
            if text is None:
                lines.append(Text(_("  this text was never committed; Git does not have it"), "dim"))
            else:
                lines += [Text(f"  {line}") for line in text.splitlines()]
            lines.append(Text())
        return lines

    def _error(self) -> list[Text]:
        logged = self._logged
        record = self._record
        error = logged.error if logged else None
        if error is None and record is not None and record.error is not None:
            error = {key: str(value) for key, value in record.error.model_dump().items()}
        if error is None:
            return [Text(_("no error"), "dim")]
        lines = [toned(f"{error['stage']}: {error['type']}", "bad"), Text(error["message"])]
        lines += _pairs((_("where"), error["where"] or figures.NONE), (_("next"), error["next_step"] or figures.NONE))
        trace = history.traceback(self.context.root, self._run.run_id)
        return [*lines, Text(), *(Text(line, "dim") for line in trace.splitlines())]

    def _log(self) -> list[Text]:
        from observatudo.live.past import of_run

        events = of_run(self.context.root, self._run.run_id, most=_LOG_LINES)
        if not events:
            return [Text(_("this machine's log says nothing of this run"), "dim")]
        tones = {"error": "bad", "warning": "warn"}
        return [
            Text.assemble(
                (figures.moment(event.time, seconds=True)[-8:] + " ", "dim"),
                toned(event.text, tones.get(event.level, "")),
            )
            for event in events
        ]

    def copied(self) -> str:
        panes = self.query_one(Panes)
        return self._run.run_id if panes.current == "short" else super().copied()

    def action_compare(self) -> None:
        if self._run.commit is None:
            self.notify(_("this run began before the first commit"), severity="warning")
            return
        self.dashboard.compare(self._run.commit, self._run.run_id)

    def action_mlflow(self) -> None:
        self.dashboard.open_mlflow(self._run.run_id)


def time_line(stages: dict[str, StageRun] | dict[str, StageLog], width: int = _BAR) -> list[Text]:
    """Return each stage as a bar between the first start and the last end, with its figures behind it."""
    spans = {
        name: (_seconds(stage.started), _seconds(stage.ended or stage.started)) for name, stage in stages.items()
        if stage.started
    }  # fmt: skip
    if not spans:
        return []
    first, last = min(start for start, _end in spans.values()), max(end for _start, end in spans.values())
    whole = max(last - first, 0.001)
    longest = max(map(len, spans))
    lines = []
    for name in sorted(spans, key=lambda name: spans[name]):
        stage, (start, end) = stages[name], spans[name]
        before = min(width - 1, round((start - first) / whole * width))
        length = min(width - before, max(1, round((end - start) / whole * width)))
        tone = TONES.get(stage.status, "")
        bar = Text(" " * before) + toned("█" * length, tone) + Text(" " * (width - before - length))
        glyph = toned(figures.GLYPHS.get(stage.status, "?"), tone)
        lines.append(Text.assemble(glyph, f" {name:<{longest}} ", bar, _cost(stage)))
    return lines


def _cost(stage: StageRun | StageLog) -> str:
    """Return what a stage took: wall, processor, peak memory, warnings."""
    peak = figures.NONE if stage.peak_mb is None else figures.local(f"{stage.peak_mb:,.0f} MiB")
    used = _("CPU {time}").format(time=figures.duration(stage.cpu_s))
    warned = f"  ! {stage.warnings}" if stage.warnings else ""
    return f" {figures.duration(stage.wall_s):>11} {used:>15} {peak:>9}{warned}"


def _seconds(iso: str) -> float:
    return datetime.fromisoformat(iso).timestamp()


class VersionScreen(Base):
    """One version: in short, and the runs that it recorded."""

    ACTIONS: ClassVar[tuple[Action, ...]] = (
        Action("version.compare", "c", lambda: _("compare with its parent"), "compare", hint=True),
    )
    BINDINGS: ClassVar[list[BindingType]] = bindings(ACTIONS)

    def __init__(self, version: VersionRow) -> None:
        super().__init__()
        self._version = version

    def body(self) -> Iterable[Widget]:
        yield Static(Text(f"{self._version.commit[: figures.SHORT]}  {self._version.subject}"), classes="title")
        lines = _version_in_short(self._version)
        for name in self._version.runs:
            run = self.context.view.run(name)
            if run is not None:
                lines += [Text(), *_run_in_short(run, self.context.view)]
        yield TextView(lines)

    def copied(self) -> str:
        return self._version.commit

    def action_compare(self) -> None:
        if not self._version.parents:
            self.notify(_("the first version has nothing before it"), severity="warning")
            return
        self.dashboard.compare(self._version.parents[0], self._version.commit)
