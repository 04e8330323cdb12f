"""A small classifier that learns from labelled texts: one ridge regression per axis on meaning and words.

It is fitted anew, in a few seconds, wherever it is used: nothing of it is kept in a file, so it can never
be older than the labels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from observatudo.classify.encoder import Encoder
from observatudo.classify.examples import PEOPLE, TAXONOMY, Example
from observatudo.classify.taxonomy import Taxonomy
from observatudo.classify.words import Pieces, Vocabulary

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Matrix = NDArray[np.float64]

# Shares of meaning (twice: whole text and name), of words and of a constant in the likeness of two texts, and how
# much the fit is held back. Chosen on held-back tables; nothing near them is better by more than a point.
MEANING, WORDS, CONSTANT, RIDGE = 0.2, 0.3, 0.1, 0.3


@dataclass(frozen=True)
class Trial:
    """An example and the scores of all axes (taxonomy's order) by a fit that knew nothing of its table."""

    example: Example
    scores: list[float]


@dataclass(frozen=True)
class Near:
    """An example and how like it a text is: 0 to 1, the share that the fit itself goes by."""

    example: Example
    likeness: float


class Model:
    """A fit on the examples; every axis gets a score, near 1 for a text like its examples, near -1 for others."""

    def __init__(
        self,
        taxonomy: Taxonomy,
        examples: Sequence[Example],
        encoder: Encoder,
        vocabulary: Vocabulary | None = None,
    ) -> None:
        import numpy as np
        from threadpoolctl import threadpool_limits

        self._encoder = encoder
        self._vocabulary = vocabulary or Vocabulary(example.nome for example in examples)
        pieces = [self._vocabulary.pieces(example.nome, example.descricao) for example in examples]
        vectors = encoder.vectors([(example.nome, example.descricao) for example in examples])
        target = np.array([[1.0 if axis == e.eixo else -1.0 for axis in taxonomy.keys] for e in examples])
        with threadpool_limits(limits=1, user_api="blas"):  # products differ in their last digits with the threads
            likeness = WORDS * _products(pieces) + MEANING * (vectors @ vectors.T) + CONSTANT
            self._inverse = np.linalg.inv(likeness + RIDGE * np.eye(len(examples)))
            self._shares = self._inverse @ target
            self._by_vector = MEANING * (vectors.T @ self._shares)
        self._target = target
        self._vectors = vectors
        self._examples = examples
        self._constant = CONSTANT * self._shares.sum(axis=0)
        self._postings = {
            piece: (np.array(rows), np.array(weights)) for piece, (rows, weights) in _postings(pieces).items()
        }
        self._by_piece = _by_piece(self._postings, self._shares)

    def scores(self, name: str, description: str) -> list[float]:
        """Return the score of every axis, in the taxonomy's order."""
        return self._scores(self._vocabulary.pieces(name, description), self._encoder.vector(name, description))

    def regard(self, name: str, description: str, most: int) -> tuple[list[float], list[Near]]:
        """Return the scores, and the examples (``most`` at most) most like the text, the nearest first."""
        pieces, vector = self._vocabulary.pieces(name, description), self._encoder.vector(name, description)
        return self._scores(pieces, vector), self._nearest(pieces, vector, most) if most else []

    def _nearest(self, pieces: Pieces, vector: Matrix, most: int) -> list[Near]:
        import numpy as np

        # not a BLAS product, which may differ with the number of threads
        likeness = MEANING * np.einsum("ij,j->i", self._vectors, vector)
        for piece, weight in pieces.items():
            if piece in self._postings:
                rows, weights = self._postings[piece]
                likeness[rows] += WORDS * weight * weights
        few = np.argsort(-likeness, kind="stable")[: 4 * most].tolist()
        found = [Near(self._examples[row], round(float(likeness[row]), 3)) for row in few]
        return sorted(found, key=lambda near: (-near.likeness, near.example))[:most]

    def _scores(self, pieces: Pieces, vector: Matrix) -> list[float]:
        import numpy as np

        # plain sums of products: a BLAS product may differ with the number of threads
        found = self._constant + (self._by_vector * vector[:, np.newaxis]).sum(axis=0)
        for piece, weight in pieces.items():
            if piece in self._by_piece:
                found = found + weight * self._by_piece[piece]
        scores: list[float] = found.tolist()
        return scores

    def trials(self) -> list[Trial]:
        """Return what each table's examples get when the whole table is held back, in the examples' order.

        One solution per table, in the size of the table, gives exactly what fitting without it would give.
        """
        import numpy as np
        from threadpoolctl import threadpool_limits

        sources = np.array([example.source for example in self._examples])
        found: dict[int, Trial] = {}
        for source in sorted(set(sources.tolist()) - {TAXONOMY, PEOPLE}):
            held = np.flatnonzero(sources == source)
            with threadpool_limits(limits=1, user_api="blas"):
                missing = np.linalg.solve(self._inverse[np.ix_(held, held)], self._shares[held])
            for row, scores in zip(held.tolist(), (self._target[held] - missing).tolist(), strict=True):
                found[row] = Trial(self._examples[row], scores)
        return [found[row] for row in sorted(found)]


def _products(pieces: Sequence[Pieces]) -> Matrix:
    """Return the sums of products of all pairs of texts: only pairs that share a piece are visited."""
    import numpy as np

    found = np.zeros((len(pieces), len(pieces)))
    for rows, weights in _postings(pieces).values():
        if len(rows) > 1:
            found[np.ix_(rows, rows)] += np.outer(weights, weights)
        else:
            found[rows[0], rows[0]] += weights[0] ** 2
    return found


def _by_piece(postings: Mapping[str, tuple[NDArray[np.int_], Matrix]], shares: Matrix) -> dict[str, Matrix]:
    import numpy as np

    return {
        piece: WORDS * (weights[:, np.newaxis] * shares[rows]).sum(axis=0)
        for piece, (rows, weights) in postings.items()
    }


def _postings(pieces: Sequence[Pieces]) -> dict[str, tuple[list[int], list[float]]]:
    found: dict[str, tuple[list[int], list[float]]] = {}
    for row, weights in enumerate(pieces):
        for piece, weight in weights.items():
            rows, values = found.setdefault(piece, ([], []))
            rows.append(row)
            values.append(weight)
    return found
