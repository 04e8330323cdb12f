"""A text as weighted pieces of words: what a sentence encoder blurs, and what no list of rules is long enough for."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import pairwise

from observatudo.classify.text import stems

# What an indicator is about stands at the beginning; this also bounds time and memory.
WORDS = 60
SIZES = (3, 4, 5)

Pieces = dict[str, float]


class Vocabulary:
    """How telling each piece is: the rarer among the names learnt from, the more."""

    def __init__(self, names: Iterable[str]) -> None:
        self._texts = 0
        self._with: Counter[str] = Counter()
        for name in names:
            self._texts += 1
            for pieces in (_words(name), _letters(name)):
                self._with.update(set(pieces))

    def pieces(self, name: str, description: str) -> Pieces:
        """Return the pieces of a text with their weights; their squares add up to 2, or 0 where there is no word.

        Words and pairs of words weigh as much as runs of letters, and the name as much as the whole text:
        it stands in both.
        """
        whole = f"{name}. {description}" if description else name
        found: Pieces = {}
        for cut in (_words, _letters):
            both = self._weighted(cut(whole))
            for piece, weight in self._weighted(cut(name)).items():
                both[piece] = both.get(piece, 0.0) + weight
            found |= _unit(both)
        return found

    def _weighted(self, pieces: Iterable[str]) -> Pieces:
        known = Counter(piece for piece in pieces if piece in self._with)
        rarity = {piece: math.log((1 + self._texts) / (1 + self._with[piece])) + 1 for piece in known}
        return _unit({piece: (1 + math.log(count)) * rarity[piece] for piece, count in known.items()})


def _unit(weights: Mapping[str, float]) -> Pieces:
    length = math.sqrt(math.fsum(weight * weight for weight in weights.values()))
    return {piece: weight / length for piece, weight in weights.items()}


def _words(text: str) -> list[str]:
    words = stems(text)[:WORDS]
    return [*words, *(" ".join(pair) for pair in pairwise(words))]


def _letters(text: str) -> list[str]:
    # the marks tell a beginning and an end of a word from its middle, and letters from words
    marked = [f"<{word}>" for word in stems(text)[:WORDS]]
    return [f"-{word[at : at + size]}" for word in marked for size in SIZES for at in range(len(word) - size + 1)]
