"""Whether a rollback was cut off. Every command asks, so this looks for one file and imports nothing heavy."""

from __future__ import annotations

import sys
from pathlib import Path

from observatudo.i18n import _

INTENT = Path(".observatudo/rollback.json")
FINISH = "observatudo rollback --continue   (--abort)"


def mention(start: Path | None = None) -> None:
    """Say on standard error when a rollback in the repository around ``start`` is neither done nor undone."""
    here = start or Path.cwd()
    for folder in (here, *here.parents):
        if (folder / INTENT).is_file():
            print(_("a rollback was cut off here: files and data may be of two versions"), file=sys.stderr)
            print(f"  → {FINISH}", file=sys.stderr)
            return
