"""Whether the warehouse file on this machine is the version the outputs are of.

The file is no output (its bytes are not reproducible), so neither ``git checkout`` nor ``dvc checkout`` brings
an older one back, and an up-to-date ``transform`` does not look at it. Beside it stands what it was built from.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from observatudo import paths

WAREHOUSE = Path(".observatudo/warehouse.duckdb")
BUILT_FROM = Path(".observatudo/warehouse.receipt")


def mark(root: Path) -> None:
    """Note that the warehouse has just been built from the load's receipt that is there now."""
    (root / BUILT_FROM).write_text(_receipt(root), encoding="utf-8")


def is_current(root: Path) -> bool:
    """Say whether the warehouse file is there and was built from the receipt that is there now, if there is one."""
    receipt, built = _receipt(root), root / BUILT_FROM
    if not receipt:
        return True
    return (root / WAREHOUSE).is_file() and built.is_file() and built.read_text(encoding="utf-8") == receipt


def _receipt(root: Path) -> str:
    path = root / paths.WAREHOUSE / "recibo.json"
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
