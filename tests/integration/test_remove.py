"""A dataset taken off: the pipeline runs on without it, and nothing published knows it any more."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import yaml

from tests.conftest import run_in

KEY = "brmunipanel/variavel"


def test_the_pipeline_and_the_warehouse_are_clean_of_it(built: Path) -> None:
    assert knowing(built), "it was there before"
    removed = run_in(built, f"observatudo remove {KEY} --yes")
    assert removed.returncode == 0, removed.stderr
    done = run_in(built, "dvc repro")
    assert done.returncode == 0, done.stdout + done.stderr
    assert knowing(built) == []
    lock = yaml.safe_load((built / "dvc.lock").read_text(encoding="utf-8"))["stages"]
    assert not [name for name in lock if KEY in name]
    status = json.loads(run_in(built, "dvc status --json").stdout)
    assert status == {"record": ["always changed"]}
    assert "nothing to remove" in run_in(built, "observatudo remove").stdout
    assert "dbt/" not in run_in(built, "observatudo generate --check").stdout


def knowing(repository: Path) -> list[str]:
    """Return the published tables that have rows of the dataset."""
    found = []
    for path in sorted((repository / "data/marts").rglob("*.parquet")):
        columns = [row[0] for row in duckdb.execute(f"DESCRIBE SELECT * FROM '{path}'").fetchall()]
        texts = [name for name in columns if name in ("dataset", "_dataset", "id_indicador")]
        source, _slash, name = KEY.partition("/")
        wanted = " OR ".join(
            f"{column}::VARCHAR IN ('{name}', '{KEY}') OR {column} LIKE '{source}_%'" for column in texts
        )
        if wanted and duckdb.execute(f"SELECT count(*) FROM '{path}' WHERE {wanted}").fetchall() != [(0,)]:
            found.append(path.stem)
    return found
