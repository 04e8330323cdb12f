"""A graph from one of its nodes on, as the lines of a tree."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence


def branches(name: str, next_to: Callable[[str], Sequence[str]]) -> Iterator[str]:
    """Give the lines below a node; what was shown with its branches once has “…” for them after that."""
    return _branches(name, next_to, set())


def _branches(name: str, next_to: Callable[[str], Sequence[str]], seen: set[str]) -> Iterator[str]:
    own = next_to(name)
    for number, other in enumerate(own):
        is_last = number == len(own) - 1
        again = other in seen and bool(next_to(other))
        yield ("└─ " if is_last else "├─ ") + other + (" …" if again else "")
        if other not in seen:
            seen.add(other)
            yield from (("   " if is_last else "│  ") + line for line in _branches(other, next_to, seen))
