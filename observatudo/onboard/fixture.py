"""Some twenty rows of a dataset's file as a test's input, and what ingest makes of them.

``tests/contract/test_fixtures.py`` ingests every fixture anew and holds the result against ``esperado.json``, so that
whoever changes a declaration or the library sees what it does to real rows.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

import yaml

from observatudo import config, paths, snapshots
from observatudo.ingest.readers.encoding import open_text
from observatudo.ingest.readers.raw import first_bytes

if TYPE_CHECKING:
    from observatudo.resource import Resource

EXPECTED: Final = "esperado.json"
_WHOLE: Final = 64_000  # bytes: a file of at most so many is its own fixture
_FIRST, _LAST = 15, 5
_MOST_VALUES: Final = 300


def folder(key: str) -> Path:
    """Return where a dataset's fixture stands, relative to the repository."""
    return Path("tests/fixtures") / key


def write(here: Path, key: str) -> bool:
    """Write the fixture of a dataset whose snapshot is in the repository at ``here``; say whether there is one.

    A workbook, JSON or Parquet file of more than 64 kB is not cut: then there is none.
    """
    snapshot = snapshots.read(here, key)
    resource = config.load_dataset(here, key).resources[0]
    target = here / folder(key)
    target.mkdir(parents=True, exist_ok=True)
    for name in snapshot.files:
        source = snapshots.folder(here, key) / name
        content = source.read_bytes() if source.stat().st_size <= _WHOLE else _excerpt(source, resource)
        if content is None:
            shutil.rmtree(target)
            return False
        (target / name).write_bytes(content)
    found = json.dumps(result(here, key, target), ensure_ascii=False, indent=1) + "\n"
    (target / EXPECTED).write_text(found, encoding="utf-8")
    return True


def _excerpt(source: Path, resource: Resource) -> bytes | None:
    """Return the first and last records of a CSV with all that stands above them, in its own bytes' encoding."""
    packed = first_bytes(source).startswith(b"\x1f\x8b")
    if resource.format != "csv" or (first_bytes(source).startswith(b"PK")):
        return None
    text = open_text(source, resource)
    records = _records(text.whole(), resource)
    top = max(resource.dialect.headerRows or [1])
    head = [record for line, record in records if line <= top]
    body = [record for line, record in records if line > top]
    chosen = "".join([*head, *body[:_FIRST], *body[_FIRST:][-_LAST:]])
    raw = chosen.encode(text.encoding)
    return gzip.compress(raw, mtime=0) if packed else raw


def _records(text: str, resource: Resource) -> list[tuple[int, str]]:
    """Return the records as they are written, each with the line it starts on."""
    lines = text.splitlines(keepends=True)
    reader = csv.reader(
        io.StringIO(text, newline=""), delimiter=resource.dialect.delimiter, quotechar=resource.dialect.quoteChar
    )
    found, start = [], 0
    for _row in reader:
        found.append((start + 1, "".join(lines[start : reader.line_num])))
        start = reader.line_num
    return found


def result(here: Path, key: str, files: Path) -> dict[str, object]:
    """Return what ingest makes of the fixture in ``files``, by the declaration in the repository at ``here``.

    The official list has to be ingested there. Raises as ingest does.
    """
    from observatudo.ingest.pipeline import ingest

    here = here.resolve()  # links lead to it
    with tempfile.TemporaryDirectory(dir=here) as name:
        root = Path(name)
        (root / "configs").symlink_to(here / "configs")
        shutil.copyfile(here / "dvc.yaml", root / "dvc.yaml")
        listed = root / paths.INGESTED / "ibge"
        listed.mkdir(parents=True)
        (listed / "municipio").symlink_to(here / paths.INGESTED / "ibge/municipio")
        _params(here, root, key)
        _snapshot(root, key, files)
        report = ingest(root, key)
        values = _values(root / paths.INGESTED / key)
    counts = {"rows_read": report.rows_read, "rows_kept": report.rows_kept, "rows": report.rows}
    return {**counts, "rejected_by_reason": report.rejected_by_reason, "values": values}


def _params(here: Path, root: Path, key: str) -> None:
    """Write params.yaml with this dataset alone: its lower limits are 0, for a fixture has few rows."""
    content = yaml.safe_load((here / paths.PARAMS).read_text(encoding="utf-8"))
    source, _slash, name = key.partition("/")
    content["datasets"] = {key: content["datasets"][key]}
    section = content["ds"][source][name]
    content["ds"] = {source: {name: {k: 0 if k.startswith("min_") else v for k, v in section.items()}}}
    (root / paths.PARAMS).write_text(yaml.safe_dump(content), encoding="utf-8")


def _snapshot(root: Path, key: str, files: Path) -> None:
    target = snapshots.folder(root, key)
    target.mkdir(parents=True)
    described = {}
    for path in sorted(files.iterdir()):
        if path.name != EXPECTED:
            shutil.copyfile(path, target / path.name)
            described[path.name] = snapshots.describe(path, f"file:{path.name}")
    made = snapshots.Snapshot(
        dataset=key,
        connector="file",
        source={},
        publisher="",
        license="",
        citation="",
        fetched_at="2000-01-01T00:00:00Z",
        files=described,
    )
    (target / snapshots.SIDECAR).write_text(made.to_json(), encoding="utf-8")


def _values(ingested: Path) -> list[list[object]]:
    """Return the first rows of the result, all of them where they are few."""
    import duckdb

    directory = ingested / "referencia.parquet"
    table = directory if directory.is_file() else ingested / "observacao" / "*.parquet"
    columns = "*" if directory.is_file() else "id_indicador, id_municipio, data_referencia, valor, valor_texto"
    query = f"SELECT {columns} FROM read_parquet(?) ORDER BY ALL LIMIT {_MOST_VALUES}"
    rows = duckdb.execute(query, [str(table)]).fetchall()
    return [[each if isinstance(each, int | float | str | None) else str(each) for each in row] for row in rows]
