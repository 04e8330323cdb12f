"""Text as a terminal may have it: nothing in data, names or messages reaches it that would steer it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text
from textual import widgets

if TYPE_CHECKING:
    from textual.visual import VisualType

_KEPT = "\n\t"
_PICTURES = 0x2400  # the control pictures: ␀ for 0, ␛ for 27


def clean(text: str) -> str:
    """Return text with a sign for every character that is not seen; each stays one character, lines stay lines."""
    return text if text.isprintable() else "".join(map(_shown, text))


def cleaned(text: Text) -> Text:
    """Return the text itself where all of it can be seen, else such a one with the same styles."""
    plain = clean(text.plain)
    if plain == text.plain:
        return text
    own = text.copy()
    own.plain = plain
    return own


def _shown(char: str) -> str:
    if char.isprintable() or char in _KEPT:
        return char
    if char.isspace() and ord(char) > 0x9F:  # a space that is no ASCII
        return " "
    return chr(_PICTURES + ord(char)) if ord(char) < 0x20 else "�"


class Static(widgets.Static):
    """Textual's, for text from anywhere: what is in it is shown, never obeyed, neither as markup nor by a terminal."""

    def __init__(self, content: VisualType = "", *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(_made(content), markup=False, id=id, classes=classes)

    def update(self, content: VisualType = "", *, layout: bool = True) -> None:
        """Show something else."""
        super().update(_made(content), layout=layout)


def _made(content: VisualType) -> VisualType:
    if isinstance(content, Text):
        return cleaned(content)
    return clean(content) if isinstance(content, str) else content
