"""pyarrow without pandas behind it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from types import ModuleType


class _NoPandas(MetaPathFinder):
    """Answers a look for pandas as a machine without it would."""

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None) -> None:
        if fullname == "pandas":
            raise ModuleNotFoundError(fullname)


def skip_pandas() -> None:
    """Have pyarrow decide now that there is no pandas to look for.

    At its first conversion pyarrow imports pandas (1.5 s of CPU in every stage) only to recognise a Series,
    which stages never hand it. Importing pandas afterwards works as ever. Does nothing once pandas is loaded.
    """
    if "pandas" in sys.modules:
        return
    hidden = _NoPandas()
    sys.meta_path.insert(0, hidden)
    try:
        import pyarrow as pa

        pa.array([0])  # the first conversion asks, and remembers the answer
    finally:
        sys.meta_path.remove(hidden)
