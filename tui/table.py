"""A table that costs what is visible, not what there is: 100,000 rows are as quick as ten.

Rows come from a ``Source``: the first page at once, the list of all ids from a thread (8 bytes a row), and of the rows
themselves only the pages that are looked at. Lines are drawn by ``render_line``; nothing is a widget of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Generic, Protocol, TypeVar

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual import work
from textual.binding import BindingType
from textual.cache import LRUCache
from textual.events import Click, Resize
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from observatudo.figures import printable
from observatudo.i18n import _
from tui.actions import Action, bindings, moving

PAGE = 64
_GUTTER = 2
Row = TypeVar("Row")
Row_co = TypeVar("Row_co", covariant=True)

ACTIONS = (
    *moving("table"),
    Action("table.left", "left,h", lambda: _("left"), "sideways(-8)"),
    Action("table.right", "right,l", lambda: _("right"), "sideways(8)"),
    Action("table.open", "enter", lambda: _("open"), "open", hint=True),
    Action("table.mark", "space", lambda: _("mark"), "mark"),
)


class Source(Protocol[Row_co]):
    """Where rows come from. ``ids`` may take long and is called in a thread; ``first`` and ``rows`` are quick."""

    def first(self, most: int) -> Sequence[int]: ...  # the first ids

    def ids(self) -> Sequence[int]: ...  # all ids, in order

    def rows(self, ids: Sequence[int]) -> Sequence[Row_co]: ...  # in the order of ids


class Rows(Generic[Row]):
    """A source of rows that are in memory already."""

    def __init__(self, rows: Iterable[Row] = ()) -> None:
        self._rows = list(rows)

    def first(self, most: int) -> Sequence[int]:
        return range(min(most, len(self._rows)))

    def ids(self) -> Sequence[int]:
        return range(len(self._rows))

    def rows(self, ids: Sequence[int]) -> Sequence[Row]:
        return [self._rows[number] for number in ids]


@dataclass(frozen=True)
class Column(Generic[Row]):
    """One column: its head, its width in cells, what a row shows in it, and in which tone.

    Columns with the highest ``keep`` leave first when the terminal is narrow; a ``flex`` one takes what is left over.
    Tones are ``ok``, ``bad``, ``warn``, ``muted``, ``accent`` or empty. ``sort`` names the key the source sorts by.
    """

    head: Callable[[], str]
    width: int
    text: Callable[[Row], str]
    right: bool = False
    tone: Callable[[Row], str] | None = None
    keep: int = 0
    flex: bool = False
    sort: str = ""


class VirtualTable(ScrollView, Generic[Row], can_focus=True):
    """Rows of a source under a cursor; see the module."""

    ACTIONS: ClassVar[tuple[Action, ...]] = ACTIONS
    BINDINGS: ClassVar[list[BindingType]] = bindings(ACTIONS)
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        f"table--{name}" for name in ("head", "cursor", "marked", "ok", "bad", "warn", "muted", "accent")
    }
    DEFAULT_CSS = """
    VirtualTable { height: 1fr; background: $surface; scrollbar-gutter: stable; scrollbar-size: 1 1; }
    VirtualTable .table--head { background: $panel; color: $foreground; text-style: bold; }
    VirtualTable .table--cursor {
        background: $block-cursor-background; color: $block-cursor-foreground; text-style: bold;
    }
    VirtualTable .table--marked { background: $secondary-muted; }
    VirtualTable .table--ok { color: $text-success; }
    VirtualTable .table--bad { color: $text-error; }
    VirtualTable .table--warn { color: $text-warning; }
    VirtualTable .table--muted { color: $text-muted; }
    VirtualTable .table--accent { color: $text-accent; }
    """
    cursor = reactive(0, repaint=False)

    class Highlighted(Message):
        """The cursor is on another row, or the row under it is another."""

        def __init__(self, table: ScrollView) -> None:
            super().__init__()
            self.table = table

        @property
        def control(self) -> ScrollView:
            return self.table

    class Opened(Highlighted):
        """Enter was pressed on a row, or it was clicked twice."""

    class Marked(Highlighted):
        """A row was marked or unmarked."""

    class _Listed(Message):
        def __init__(self, generation: int, ids: Sequence[int]) -> None:
            super().__init__()
            self.generation, self.ids = generation, ids

    def __init__(
        self,
        columns: Sequence[Column[Row]],
        *,
        empty: str = "",
        id: str | None = None,
        marks: int = 0,
        key: Callable[[Row], object] = lambda row: row,
    ) -> None:
        """``empty`` is what stands there without rows; ``marks`` is how many rows can be marked.

        ``key`` is what stays the same of a row when the rest of it is read anew: by it, a mark stays on its row.
        """
        super().__init__(id=id)
        self.columns = columns
        self.empty = empty
        self.sorted_by: tuple[str, bool] = ("", True)
        self.marked: list[Row] = []
        self._key = key
        self._most_marks = marks
        self._source: Source[Row] = Rows()
        self._ids: Sequence[int] = ()
        self._pages: LRUCache[int, Sequence[Row]] = LRUCache(32)
        self._generation = 0
        self._is_whole = True
        self._wants_end = False
        self._layout_of: tuple[tuple[Column[Row], int], ...] = ()
        self._tones: dict[str, Style] = {}

    # --- what is shown

    def show(self, source: Source[Row], *, columns: Sequence[Column[Row]] | None = None, anew: bool = False) -> None:
        """Show another source, or the same with other rows; the cursor stays on its row unless ``anew``."""
        if columns is not None:
            self.columns = columns
        self._generation += 1
        current = None if anew else self._current
        self._wants_end = False
        self._source = source
        first = source.first(PAGE)
        self._is_whole = len(first) < PAGE
        if self._is_whole or current is None or current in first:
            self._take(first, current, anew)
        else:  # far down: what is seen stays until all ids are there
            self._pages.clear()
            self.refresh()
        if not self._is_whole:
            self._list(self._generation, source)

    @work(thread=True, group="table-ids", exclusive=True, exit_on_error=False)
    def _list(self, generation: int, source: Source[Row]) -> None:
        self.post_message(self._Listed(generation, source.ids()))

    def on_virtual_table__listed(self, message: _Listed) -> None:
        if message.generation != self._generation:
            return
        self._is_whole = True
        self._take(message.ids, self._current, False)
        if self._wants_end:
            self.call_after_refresh(self._go, len(self._ids) - 1)
        self._wants_end = False

    @property
    def _current(self) -> int | None:
        """Return the id that the cursor is to stay on; none at the top, where what is new comes."""
        return self._ids[self.cursor] if 0 < self.cursor < len(self._ids) else None

    def _take(self, ids: Sequence[int], current: int | None, anew: bool) -> None:
        self._ids = ids
        self._pages.clear()
        at = 0 if anew else self.cursor
        if current is not None and current in ids:
            at = ids.index(current)
        self._measure()
        self.set_reactive(VirtualTable.cursor, max(0, min(at, len(ids) - 1)))
        self._keep_in_view(self.cursor)
        self.refresh()
        self.post_message(self.Highlighted(self))

    def __len__(self) -> int:
        return len(self._ids)

    @property
    def is_whole(self) -> bool:
        """Say whether all ids are there, not only the first page's."""
        return self._is_whole

    @property
    def row(self) -> Row | None:
        """Return the row under the cursor."""
        return self.row_at(self.cursor)

    def row_at(self, number: int) -> Row | None:
        """Return a row; None outside the table, or for one that is not there any more."""
        if not 0 <= number < len(self._ids):
            return None
        page, offset = divmod(number, PAGE)
        rows = self._pages.get(page)
        if rows is None:
            rows = self._source.rows(self._ids[page * PAGE : (page + 1) * PAGE])
            self._pages[page] = rows
        return rows[offset] if offset < len(rows) else None

    # --- drawing

    def on_resize(self, _event: Resize) -> None:
        self._measure()
        self._keep_in_view(self.cursor)

    def _measure(self) -> None:
        self._layout_of = _laid_out(self.columns, max(1, self.size.width - _GUTTER - self.scrollbar_size_vertical))
        width = _GUTTER + sum(width + 1 for _column, width in self._layout_of)
        self.virtual_size = Size(width, len(self._ids) + 1)

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._tones = {}

    def _tone(self, name: str) -> Style:
        if not self._tones:
            self._tones = {
                key.removeprefix("table--"): self.get_component_rich_style(key, partial=True)
                for key in self.COMPONENT_CLASSES
            } | {"": Style()}
        return self._tones[name]

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_content_region.width
        across, down = self.scroll_offset
        if y == 0:
            return self._head(across, width)
        number = int(down) + y - 1
        base = self.rich_style
        row = self.row_at(number)
        if row is None:
            text = f"  {printable(self.empty)}" if y == 1 and not self._ids else ""
            return Strip([Segment(text, base + self._tone("muted"))]).crop_extend(0, width, base)
        is_current = number == self.cursor
        if is_current:
            base = self._tone("cursor") if self.has_focus else base + Style(bold=True)
        elif self._is_marked(row):
            base = base + self._tone("marked")
        return self._line(row, base, is_current).crop_extend(int(across), int(across) + width, base)

    def _head(self, across: float, width: int) -> Strip:
        style = self._tone("head")
        key, descending = self.sorted_by
        heads = []
        for column, size in self._layout_of:
            arrow = ("▾" if descending else "▴") if key and column.sort == key else ""
            heads.append(_fit(printable(column.head()) + arrow, size, column.right))
        strip = Strip([Segment(" " * _GUTTER + " ".join(heads), style)])
        return strip.crop_extend(int(across), int(across) + width, style)

    def _line(self, row: Row, base: Style, is_current: bool) -> Strip:
        mark = "●" if self._is_marked(row) else " "
        segments = [Segment(("›" if is_current else " ") + mark, base)]
        for column, width in self._layout_of:
            tone = column.tone(row) if column.tone and not (is_current and self.has_focus) else ""
            segments.append(Segment(_fit(printable(column.text(row)), width, column.right), base + self._tone(tone)))
            segments.append(Segment(" ", base))
        return Strip(segments)

    # --- the cursor

    def watch_cursor(self, old: int, new: int) -> None:
        if not self.is_attached:
            return
        self._keep_in_view(new)
        for number in (old, new):
            self.refresh(Region(0, number - int(self.scroll_offset.y) + 1, self.size.width, 1))
        self.post_message(self.Highlighted(self))

    def _keep_in_view(self, number: int) -> None:
        height = max(1, self.scrollable_content_region.height - 1)
        top = int(self.scroll_offset.y)
        if number < top:
            self.scroll_to(y=number, animate=False, force=True)
        elif number >= top + height:
            self.scroll_to(y=number - height + 1, animate=False, force=True)

    def on_focus(self) -> None:
        self.refresh()

    def on_blur(self) -> None:
        self.refresh()

    def _go(self, number: int) -> None:
        self.cursor = max(0, min(len(self._ids) - 1, number))

    def go_to(self, wanted: Callable[[Row], bool], most: int = 10_000) -> bool:
        """Put the cursor on the first row that fits; say whether there is one among so many."""
        for number in range(min(len(self._ids), most)):
            row = self.row_at(number)
            if row is not None and wanted(row):
                self._go(number)
                return True
        return False

    def action_move(self, step: int) -> None:
        self._wants_end = False
        self._go(self.cursor + step)

    def action_page(self, step: int) -> None:
        self._go(self.cursor + step * max(1, self.scrollable_content_region.height - 2))

    def action_edge(self, end: int) -> None:
        self._wants_end = bool(end) and not self._is_whole  # the last row is known once all ids are
        self._go(len(self._ids) - 1 if end else 0)

    def action_sideways(self, step: int) -> None:
        self.scroll_to(x=max(0, self.scroll_offset.x + step), animate=False)

    def action_open(self) -> None:
        if self.row is not None:
            self.post_message(self.Opened(self))

    def action_mark(self) -> None:
        row = self.row
        if row is None or not self._most_marks:
            return
        if self._is_marked(row):
            self.marked = [each for each in self.marked if self._key(each) != self._key(row)]
        else:
            self.marked = [*self.marked, row][-self._most_marks :]
        self.refresh()
        self.post_message(self.Marked(self))
        self._go(self.cursor + 1)

    def _is_marked(self, row: Row) -> bool:
        return any(self._key(each) == self._key(row) for each in self.marked)

    def unmark(self) -> None:
        """Take all marks off."""
        self.marked = []
        self.refresh()

    def on_click(self, event: Click) -> None:
        if event.y > 0:
            self._go(int(self.scroll_offset.y) + event.y - 1)
            if event.chain > 1:
                self.action_open()


def _laid_out(columns: Sequence[Column[Row]], width: int) -> tuple[tuple[Column[Row], int], ...]:
    """Return the columns that fit into ``width`` cells, with the width of each."""
    chosen: set[int] = set()
    taken = 0
    for number, column in sorted(enumerate(columns), key=lambda pair: pair[1].keep):
        if column.keep == 0 or taken + column.width + 1 <= width:
            chosen.add(number)
            taken += column.width + 1
    kept = [column for number, column in enumerate(columns) if number in chosen]
    spare = max(0, width - sum(column.width + 1 for column in kept))
    flexible = [column for column in kept if column.flex]
    share = spare // len(flexible) if flexible else 0
    return tuple((column, column.width + (share if column.flex else 0)) for column in kept)


def _fit(text: str, width: int, right: bool) -> str:
    """Return text in exactly ``width`` cells; what is too long ends in “…”."""
    text = text or ""
    length = cell_len(text)
    if length > width:
        return set_cell_size(text, width - 1) + "…" if width > 1 else set_cell_size(text, width)
    return " " * (width - length) + text if right else text + " " * (width - length)
