"""One ``ask`` at a time in a repository: two would put the same questions twice."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from observatudo.errors import ObservatudoError
from observatudo.i18n import _

LOCK = Path(".observatudo/ask.lock")


@contextmanager
def asking(root: Path) -> Iterator[None]:
    """Keep every other process from asking in the repository at ``root``; may be entered again within itself.

    Raises ObservatudoError at once where another process asks.
    """
    from filelock import FileLock, Timeout

    path = root / LOCK
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path, timeout=0, is_singleton=True)
    try:
        lock.acquire()
    except Timeout:
        raise ObservatudoError(
            _("another process is asking models in this repository"),
            where=str(LOCK),
            next_step=_("wait until it is done; what it is told is kept"),
        ) from None
    try:
        yield
    finally:
        lock.release()
