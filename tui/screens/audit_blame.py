"""The question to ``observatudo blame``: which cell of which table, up to which version."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.events import Key
from textual.message import Message
from textual.suggester import SuggestFromList
from textual.widgets import Input

from observatudo.i18n import _
from tui.clean import Static
from tui.textview import TextView

# id, name, what may stand in it
FIELDS: tuple[tuple[str, Callable[[], str], Callable[[], str]], ...] = (
    ("table", lambda: _("table"), lambda: _("such as fact_indicador, sidra/pib/observacao, rotulo")),
    ("place", lambda: _("place"), lambda: _("its IBGE code, or its name")),
    ("indicator", lambda: _("indicator"), lambda: _("id, or words of its name")),
    ("year", lambda: _("year"), lambda: _("such as 2022")),
    ("key", lambda: _("key"), lambda: _("column=value other=value, of any column")),
    ("revision", lambda: _("up to"), lambda: _("a version; empty: the work tree")),
)
_TABLES = ("fact_indicador", "dim_indicador", "rotulo")


class BlameForm(Vertical):
    """Fields for a question; enter asks it, esc leaves the fields for the words below them."""

    DEFAULT_CSS = """
    BlameForm { padding: 0 1; }
    BlameForm Horizontal { height: 1; }
    BlameForm Horizontal Static { width: 12; }
    BlameForm Horizontal Input { width: 1fr; }
    BlameForm TextView { padding: 0; margin-top: 1; }
    """

    class Asked(Message):
        """A question is complete; its arguments for ``observatudo blame``."""

        def __init__(self, arguments: list[str]) -> None:
            super().__init__()
            self.arguments = arguments

    class Wrong(Message):
        """A question is not complete."""

        def __init__(self, why: str) -> None:
            super().__init__()
            self.why = why

    def __init__(self, datasets: Iterable[str]) -> None:
        """``datasets`` are known ones (fonte/dataset), whose tables are suggested."""
        super().__init__()
        of_datasets = [f"{key}/{table}" for key in datasets for table in ("observacao", "indicador")]
        self._suggester = SuggestFromList([*_TABLES, *of_datasets])

    def compose(self) -> ComposeResult:
        """Yield a line for each field, and what to do with them."""
        for name, head, hint in FIELDS:
            suggester = self._suggester if name == "table" else None
            yield Horizontal(
                Static(head()),
                Input(id=name, placeholder=hint(), compact=True, suggester=suggester, select_on_focus=False),
            )
        yield TextView(
            [
                Text(_("e: fill in the fields; enter asks, esc leaves them."), "dim"),
                Text(_("A table, and at least one of place, indicator, year and key, say which cell."), "dim"),
            ]
        )

    def edit(self) -> None:
        """Go to the first field that is empty, or to the first."""
        fields = list(self.query(Input))
        next((field for field in fields if not field.value), fields[0]).focus()

    def on_key(self, event: Key) -> None:
        """Go up and down between the fields."""
        fields = list(self.query(Input))
        at = next((number for number, field in enumerate(fields) if field.has_focus), None)
        if at is None:
            return
        if event.key == "escape":
            event.stop()
            self.query_one(TextView).focus()
        elif event.key in ("up", "down", "tab", "shift+tab"):
            event.stop()
            event.prevent_default()
            step = -1 if event.key in ("up", "shift+tab") else 1
            fields[(at + step) % len(fields)].focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        values = {field.id or "": field.value.strip() for field in self.query(Input)}
        why = wrong(values)
        self.post_message(self.Wrong(why) if why else self.Asked(arguments(values)))


def wrong(values: dict[str, str]) -> str:
    """Return what a question lacks; empty when it can be asked."""
    if not values["table"]:
        return _("say which table")
    if not any(values[name] for name in ("place", "indicator", "year", "key")):
        return _("say which cell: a place, an indicator, a year or a key")
    try:
        pairs = shlex.split(values["key"])
    except ValueError:
        return _("a quote is not closed: {text}").format(text=values["key"])
    bad = next((pair for pair in pairs if not pair.partition("=")[1] or pair.startswith("=")), "")
    return _("“{text}” is not column=value").format(text=bad) if bad else ""


def arguments(values: dict[str, str]) -> list[str]:
    """Return a question as the command's arguments; a value never passes for an option."""
    options = {"place": "--municipio", "indicator": "--indicador", "year": "--ano"}
    words = [f"{option}={values[name]}" for name, option in options.items() if values[name]]
    words += [f"--key={pair}" for pair in shlex.split(values["key"])]
    named = [values["table"], *([values["revision"]] if values["revision"] else [])]
    return [*words, "--", *named] if any(name.startswith("-") for name in named) else [*named, *words]
