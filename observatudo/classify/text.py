"""Portuguese words reduced to stems, so that accents, case, plurals and gender make no difference to a rule."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

# Longest ending first; each pair is a plural and what stands for it in the singular, both without accents.
_PLURALS = (
    ("coes", "cao"),
    ("oes", "ao"),
    ("aes", "ao"),
    ("ais", "al"),
    ("eis", "el"),
    ("ois", "ol"),
    ("res", "r"),
    ("zes", "z"),
    ("les", "l"),
    ("ns", "m"),
    ("is", "il"),
    ("s", ""),
)
_WORD = re.compile(r"[^\W_]+")
_EMPTY = re.compile(
    r"[ao]s?|e|às?|aos?|uma?|ou|que|se|por|para|com|de|d[ao]s?|em|n[ao]s?",
    re.IGNORECASE,
)
# As words these say nothing; in capitals they are the social assistance system and a tax.
_EMPTY_IN_LOWER_CASE = frozenset({"suas", "isso"})


def fold(text: str) -> str:
    """Return ``text`` in lower case and without accents."""
    decomposed = unicodedata.normalize("NFKD", text).lower()
    return "".join(char for char in decomposed if not unicodedata.combining(char))


@lru_cache(maxsize=50_000)
def stem(word: str) -> str:
    """Return one word without accent, plural ending and final vowel; three letters or fewer stay as they are."""
    word = fold(word)
    if len(word) < 4:
        return word
    for plural, singular in _PLURALS:
        if word.endswith(plural):
            word = word.removesuffix(plural) + singular
            break
    return word[:-1] if len(word) > 3 and word[-1] in "aoe" else word


def stems(text: str) -> tuple[str, ...]:
    """Return the stems of a text in their order, without articles, prepositions and the like."""
    # composed first: a decomposed accent is no letter and would cut a word in two
    words = _WORD.findall(unicodedata.normalize("NFC", text))
    return tuple(stem(word) for word in words if not _EMPTY.fullmatch(word) and word not in _EMPTY_IN_LOWER_CASE)


def sentence(name: str, description: str) -> str:
    """Return what the encoder reads: name and description, without shouting, at most 2,000 characters.

    The limit bounds time and memory; what an indicator is about stands at the beginning.
    """
    parts = [part.capitalize() if part.isupper() else part for part in (name.strip(), description.strip())]
    return ". ".join(part for part in parts if part)[:2000]
