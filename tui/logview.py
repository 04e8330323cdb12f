"""The log as it grows: lines are added at the end and leave at the beginning, and only those that are seen are drawn.

A line is measured once, when it comes. All of them are measured anew only for another width or another filter.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import ClassVar

from rich.cells import cell_len, chop_cells
from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual.geometry import Size
from textual.message import Message
from textual.strip import Strip

from observatudo import figures
from observatudo.history.store import fold
from observatudo.live.events import LEVELS, Event, Level
from tui.textview import TextView

MOST = 5_000  # events that are kept
_MARKS = {"info": " ", "warning": "!", "error": "✗"}
_TIME = 8
_HEAD = _TIME + 3  # the time of day, the level's mark, spaces
_NARROWEST = 10


class LogView(TextView):
    """Events, the newest last. While it follows, the newest is seen; any move upwards ends that."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"log--time", "log--info", "log--warning", "log--error", "log--match"}
    DEFAULT_CSS = """
    LogView { overflow-y: scroll; }
    LogView .log--time { color: $text-muted; }
    LogView .log--warning { color: $text-warning; }
    LogView .log--error { color: $text-error; text-style: bold; }
    LogView .log--match { text-style: reverse; }
    """

    class Changed(Message):
        """There are other lines, or it follows now and did not before, or the other way round."""

    def __init__(self, *, most: int = MOST, id: str | None = None) -> None:
        """``most`` is the number of events that are kept."""
        super().__init__(id=id)
        self.is_following = True
        self._most = most
        self._events: list[Event] = []
        self._gone = 0  # the number of the first event that is kept: events are counted from the first ever
        self._numbers: list[int] = []  # of the events that fit the filter, and the row that each begins at
        self._starts: list[int] = []
        self._end = 0
        self._least = 0
        self._words: tuple[list[str], list[str]] = ([], [])
        self._sought: list[str] = []
        self._match: int | None = None
        self._room = _NARROWEST

    # --- what is in it

    def append(self, events: Sequence[Event]) -> None:
        """Add events at the end; the oldest leave when they are too many. What is looked at stays in its place."""
        first = self._gone + len(self._events)
        self._events += events
        for number, event in enumerate(events, first):
            self._place(number, event)
        gone = self._forget()
        self._settle(self.scroll_offset.y - gone)

    def filter(self, least: Level, wanted: str) -> None:
        """Show only events of this level or above with all words of ``wanted``, and without those after a ``-``."""
        words = fold(wanted).split()
        self._least = LEVELS.index(least)
        self._words = ([w for w in words if w[0] != "-"], [w[1:] for w in words if w[0] == "-" and w[1:]])
        if self._words[0]:
            self._sought = self._words[0]
        self._wrap()

    def follow(self, is_wanted: bool = True) -> None:
        """Show the newest event from now on, or stay where it is."""
        if is_wanted:
            self.scroll_to(y=self.max_scroll_y, animate=False, force=True)
        if is_wanted != self.is_following:
            self.is_following = is_wanted
            self.post_message(self.Changed())

    def forget_words(self) -> None:
        """Mark no words any more."""
        self._sought, self._match = [], None
        self.refresh()

    def __len__(self) -> int:
        """Return the number of events that fit the filter."""
        return len(self._numbers)

    @property
    def total(self) -> int:
        """Return the number of events that are kept."""
        return len(self._events)

    @property
    def below(self) -> int:
        """Return the number of events under the last line that is seen."""
        last = int(self.scroll_offset.y) + self.scrollable_content_region.height
        return len(self._starts) - bisect_left(self._starts, self._base + last)

    @property
    def text(self) -> str:
        return "\n".join(f"{e.time} {e.level} {e.text}" for e in map(self._event, self._numbers))

    def _event(self, number: int) -> Event:
        return self._events[number - self._gone]

    def _fits(self, event: Event) -> bool:
        if LEVELS.index(event.level) < self._least:
            return False
        wanted, unwanted = self._words
        if not wanted and not unwanted:
            return True
        text = fold(f"{event.stage} {event.text}")
        return all(word in text for word in wanted) and not any(word in text for word in unwanted)

    # --- where it stands

    @property
    def _base(self) -> int:
        return self._starts[0] if self._starts else self._end

    def _place(self, number: int, event: Event) -> None:
        if self._fits(event):
            self._numbers.append(number)
            self._starts.append(self._end)
            self._end += len(wrapped(event.text, self._room))

    def _forget(self) -> int:
        """Let the oldest go; return how many rows that takes from above."""
        excess = max(0, len(self._events) - self._most)
        before = self._base
        del self._events[:excess]
        self._gone += excess
        leaving = bisect_left(self._numbers, self._gone)
        del self._numbers[:leaving], self._starts[:leaving]
        if self._match is not None and self._match < self._gone:
            self._match = None
        return self._base - before

    def _wrap(self) -> None:
        """Measure all events: the width or the filter is another. The line on top stays there."""
        top = self._index_at(int(self.scroll_offset.y))
        number = self._numbers[top] if top < len(self._numbers) else self._gone
        self._room = max(_NARROWEST, self.scrollable_content_region.width - _HEAD)
        self._numbers, self._starts, self._end = [], [], 0
        for at, event in enumerate(self._events, self._gone):
            self._place(at, event)
        index = bisect_left(self._numbers, number)
        self._settle(self._starts[index] if index < len(self._starts) else self._end)

    def _settle(self, top: float) -> None:
        self.virtual_size = Size(self._room + _HEAD, self._end - self._base)
        self.scroll_to(y=self.max_scroll_y if self.is_following else max(0, top), animate=False, force=True)
        self.refresh()
        self.post_message(self.Changed())

    def _index_at(self, row: int) -> int:
        return max(0, bisect_right(self._starts, self._base + row) - 1)

    # --- drawing

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_content_region.width
        row = int(self.scroll_offset.y) + y
        base = self.rich_style
        if self._base + row >= self._end:
            return Strip.blank(width, base)
        index = self._index_at(row)
        number = self._numbers[index]
        event = self._event(number)
        part = self._base + row - self._starts[index]
        tone = base + self._style(event.level)
        head = Segment(f"{figures.moment(event.time, seconds=True)[-_TIME:]} ", base + self._style("time"))
        segments = [head, Segment(f"{_MARKS[event.level]} ", tone)] if part == 0 else [Segment(" " * _HEAD, base)]
        pieces = wrapped(event.text, self._room)
        line = self._marked(pieces[part] if part < len(pieces) else "", is_match=number == self._match)
        line.end = ""
        segments += [
            Segment(segment.text, tone + (segment.style or Style()))
            for segment in line.render(self.app.console)
            if segment.text
        ]
        return Strip(segments).crop_extend(0, width, base)

    def _style(self, name: str) -> Style:
        return self.get_component_rich_style(f"log--{name}", partial=True)

    def _marked(self, piece: str, *, is_match: bool) -> Text:
        line = Text(piece)
        if is_match:
            line.stylize(self._style("match"))
        for word in self._sought:
            self._wanted = word
            self._highlight(line)
        return line

    # --- moving

    def find(self, wanted: str, step: int = 0) -> bool:
        """Go to the next event with the words that are marked (``step`` 1) or the one before (-1).

        Beyond the last one it begins anew. ``wanted`` are other words to mark, or empty.
        """
        self._sought = fold(wanted).split() or self._sought
        hits = [number for number in self._numbers if self._has_sought(self._event(number))]
        if not hits:
            return False
        self._match = hits[self._next_of(hits, step) % len(hits)]
        self.follow(False)
        start = self._starts[bisect_left(self._numbers, self._match)] - self._base
        top, height = int(self.scroll_offset.y), self.scrollable_content_region.height
        if not top <= start < top + height:
            self.scroll_to(y=max(0, start - height // 2), animate=False, force=True)
        self.refresh()
        return True

    def _next_of(self, hits: Sequence[int], step: int) -> int:
        """Return which hit follows the current one; without one, the next to what is seen: the last when it follows."""
        if self._match is not None:
            return bisect_right(hits, self._match) if step > 0 else bisect_left(hits, self._match) - 1
        row = int(self.scroll_offset.y) + (self.scrollable_content_region.height if step < 0 else 0)
        here = self._numbers[min(len(self._numbers) - 1, self._index_at(row))]
        return bisect_right(hits, here) - 1 if step < 0 else bisect_left(hits, here)

    def _has_sought(self, event: Event) -> bool:
        text = fold(f"{event.stage} {event.text}")
        return bool(self._sought) and all(word in text for word in self._sought)

    def action_move(self, step: int) -> None:
        self._leave(step)
        super().action_move(step)

    def action_page(self, step: int) -> None:
        self._leave(step)
        super().action_page(step)

    def action_edge(self, end: int) -> None:
        self.follow(bool(end))
        super().action_edge(end)

    def _leave(self, step: int) -> None:
        if step < 0:
            self.follow(False)

    def on_mouse_scroll_up(self) -> None:
        self.follow(False)

    def on_scroll_up(self) -> None:
        self.follow(False)

    def on_scroll_to(self) -> None:
        self.follow(False)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        self.post_message(self.Changed())


def wrapped(text: str, width: int) -> list[str]:
    """Return text in lines of at most ``width`` cells, broken at spaces where that can be."""
    if cell_len(text) <= width:
        return [text]
    lines, line, taken = [], "", 0
    for word in text.split(" "):
        size = cell_len(word)
        if line and taken + 1 + size <= width:
            line, taken = f"{line} {word}", taken + 1 + size
            continue
        if line:
            lines.append(line)
        *whole, line = chop_cells(word, width) or [""]
        lines += whole
        taken = cell_len(line)
    return [*lines, line]
