"""pyarrow converts without importing pandas, and pandas still works afterwards."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import sys
from observatudo.arrow import skip_pandas
skip_pandas()
import pyarrow as pa, pyarrow.compute as pc
assert pa.array(["a", None]).to_pylist() == ["a", None]
assert pc.count_substring(pa.array(["aa"]), "a").to_numpy(zero_copy_only=False)[0] == 2
assert "pandas" not in sys.modules
import pandas
assert pandas.DataFrame({"a": [1]}).a.sum() == 1
skip_pandas()
assert sys.modules["pandas"] is pandas
"""


def test_no_conversion_imports_pandas() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
