"""A small classifier that learns from labelled texts: one ridge regression per axis on meaning and words.

It is fitted anew, in a few seconds, wherever it is used: nothing of it is kept in a file, so it can never
be older than the labels.
"""

from __future__ import annotations

from collections.abc import Sequence
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
        self._examples = examples
        self._constant = CONSTANT * self._shares.sum(axis=0)
        self._by_piece = _by_piece(pieces, self._shares)

    def scores(self, name: str, description: str) -> list[float]:
        """Return the score of every axis, in the taxonomy's order."""
        import numpy as np

        pieces = self._vocabulary.pieces(name, description)
        vector = self._encoder.vector(name, description)
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


def _by_piece(pieces: Sequence[Pieces], shares: Matrix) -> dict[str, Matrix]:
    import numpy as np

    return {
        piece: WORDS * (np.array(weights)[:, np.newaxis] * shares[rows]).sum(axis=0)
        for piece, (rows, weights) in _postings(pieces).items()
    }


def _postings(pieces: Sequence[Pieces]) -> dict[str, tuple[list[int], list[float]]]:
    found: dict[str, tuple[list[int], list[float]]] = {}
    for row, weights in enumerate(pieces):
        for piece, weight in weights.items():
            rows, values = found.setdefault(piece, ([], []))
            rows.append(row)
            values.append(weight)
    return found
