"""``python -m tests.faults.page``: provoke every fault and write docs/faults.md from what they showed.

Words after it go to pytest, such as ``-n 2``. Every test that says what a user sees holds that row against
the page, so a message that changes without the page being written anew fails its test.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path

import pytest

from tests.faults import catalogue
from tests.faults.record import FOLDER, PAGE, Row

HEAD = """\
# Faults

What goes wrong, what you see then, and what happens to the data. Each row is taken from a test in `tests/faults` that
really provokes the fault in a small repository; its dataset is `x/y`, its file `a.csv`. Written by
`python -m tests.faults.page`; do not edit.

A stage that stops exits with 1, and `dvc repro` with it; `dvc repro --keep-going` goes on with what does not
depend on it. A row is never dropped in silence: rows read = rows kept + rows rejected, and each reject stands in
the dataset's `rejeitado.parquet` with file, line, column, text and reason
([all reasons](datasets.md#reject-reasons)).
"""
TABLE = "| fault | what you see | what happens to the data |\n|---|---|---|\n"


def render(rows: dict[str, Row]) -> str:
    """Return the page; raises KeyError for a fault without a row."""
    parts = [HEAD]
    for section, faults in catalogue.SECTIONS.items():
        parts.append(f"\n## {section}\n\n{TABLE}" + "".join(f"{rows[fault].line()}\n" for fault in faults))
    return "".join(parts)


def main() -> None:
    """Run the tests with a folder to record in, then write the page; exits 1 when a fault was not provoked."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ[FOLDER] = folder
        code = pytest.main([str(Path(__file__).parent), *sys.argv[1:]])
        found = [Row(**json.loads(path.read_text(encoding="utf-8"))) for path in Path(folder).glob("*.json")]
    rows = {row.fault: row for row in found}
    absent = [fault for fault in catalogue.FAULTS if fault not in rows]
    if code or absent:
        raise SystemExit(f"docs/faults.md is left as it was; not provoked: {', '.join(absent) or '–'}")
    PAGE.write_text(render(rows), encoding="utf-8")


if __name__ == "__main__":
    main()
