"""A comparison into a file: Markdown or HTML, written beside the repository's files or sent to the browser."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import NamedTuple

from rich.text import Text
from textual import work
from textual.widget import Widget
from textual.widgets import Input

from observatudo import figures
from observatudo.i18n import _
from tui.clean import Static
from tui.jobs import Failed, printed
from tui.screens.compare_found import Found, exact, file_name, said
from tui.screens.compare_parts import Listed, PartScreen
from tui.table import Column, VirtualTable
from tui.tones import toned

_COMMIT = 12  # characters: the title of a report is read by people
_WRITTEN = (0, 1, 2)  # 1: a rule is broken, 2: not comparable in part


class Form(NamedTuple):
    """One form of a report: the option of the command, which is the ending of the file too."""

    ending: str
    name: str
    use: str


FORMS: tuple[Column[Form], ...] = (
    Column(lambda: _("form"), 10, lambda f: f.name),
    Column(lambda: _("what for"), 30, lambda f: f.use, flex=True),
)


class ExportScreen(PartScreen):
    """Asks which form, and where to; a browser gets the file as a download."""

    CSS = """
    ExportScreen VirtualTable { height: 4; }
    ExportScreen Input { border: none; height: 1; padding: 0 1; display: none; }
    ExportScreen #told { padding: 1; height: 1fr; }
    """

    def __init__(self, found: Found) -> None:
        super().__init__()
        self._found = found
        self._form = "md"
        self._sure_of = ""

    def body(self) -> Iterable[Widget]:
        forms = [Form("md", "Markdown", _("for a pull request")), Form("html", "HTML", _("one page, with charts"))]
        yield Static(Text(_("Write the comparison to a file")), classes="title")
        yield Listed(FORMS, forms, "")
        yield Input(compact=True, id="where")
        yield Static(Text(_("enter chooses, esc goes back"), "dim"), id="told")

    @property
    def _where(self) -> Input:
        return self.query_one("#where", Input)

    def on_virtual_table_opened(self, _message: VirtualTable.Opened) -> None:
        if not isinstance(self.row, Form):
            return
        self._form = self.row.ending
        name = file_name(self._found.comparison, self._form)
        if self.context.is_served:
            self._write(name)
            return
        self._where.value = name
        self._where.display = True
        self._where.focus()
        self._tell(_("where to: a path from the repository's root; enter writes it"))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        if event.input is not self._where:
            return
        event.stop()
        name = self._where.value.strip()
        if not name:
            return
        if (self.context.root / name).exists() and self._sure_of != name:
            self._sure_of = name
            self._tell(_("{file} exists; enter once more writes over it").format(file=name), "warn")
            return
        self._write(name)

    @work(exclusive=True, group="export")
    async def _write(self, name: str) -> None:
        """Run the command; what it prints is the file where there is a browser to send it to."""
        is_served = self.context.is_served
        comparison = self._found.comparison
        sides = [exact(side)[:_COMMIT] if side.commit else side.name for side in (comparison.a, comparison.b)]
        arguments = ["diff", f"--{self._form}", *([] if is_served else [f"--output={name}"]), "--", *sides]
        self._tell(_("writing {file} …").format(file=name))
        try:
            out, nothing = await printed(self.context.root, arguments, fine=_WRITTEN, tell=self._tell)
            if not out:
                raise nothing
        except Failed as failed:
            self._tell("\n".join(said(failed, arguments)), "bad")
            return
        if not self.is_attached:
            return
        if is_served:
            self.app.deliver_text(io.StringIO(out.decode(errors="replace")), save_filename=name, open_method="download")
        told = _("written: {file}").format(file=name)
        self.app.notify(told, timeout=10)
        self._tell(told)
        self.leave()  # unless another screen is seen by now

    def _tell(self, text: str, tone: str = "") -> None:
        if self.is_attached:
            lines = [toned(figures.printable(line), tone) for line in text.split("\n")]
            self.query_one("#told", Static).update(Text("\n").join(lines))
