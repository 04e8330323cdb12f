"""Figures of what a run made, from DVC's cache by content hash; computed once, kept in ``.observatudo/alerts/``.

Nothing is pulled: of content that this machine does not have, the figures are not known.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from observatudo import wholefile
from observatudo.alerts.facts import Indicator
from observatudo.errors import ObservatudoError

if TYPE_CHECKING:
    from observatudo.journal import Json
    from observatudo.versions.store import Entry, Store

CACHE = Path(".observatudo/alerts")
_VERSION = 1  # of what is kept: another one is computed anew
_INDICATORS = """
WITH data AS (
    SELECT id_indicador AS name, data_referencia AS day, abs(valor) AS size
    FROM read_parquet(?) WHERE valor IS NOT NULL AND isfinite(valor)
), newest AS (SELECT name, max(day) AS day FROM data GROUP BY name)
SELECT data.name, count(*), avg(size), median(size), newest.day::VARCHAR,
    avg(size) FILTER (WHERE data.day = newest.day)
FROM data JOIN newest USING (name) GROUP BY data.name, newest.day ORDER BY data.name
"""
_EXTENT = """
SELECT count(DISTINCT id_municipio) FILTER (WHERE length(id_municipio) = 7 AND coalesce(valor::VARCHAR, valor_texto)
    IS NOT NULL), count(DISTINCT data_referencia)
FROM read_parquet(?)
"""
Kept: TypeAlias = "dict[str, Json]"


@dataclass(frozen=True)
class Figures:
    """What the content of a dataset's output says; None where it says nothing."""

    null_rate: float | None
    municipalities: int | None
    periods: int | None
    indicators: dict[str, Indicator]


class Contents:
    """The contents of one repository's runs."""

    def __init__(self, home: Path) -> None:
        self._home = home

    @cached_property
    def _store(self) -> Store | None:
        from observatudo.versions.store import Store

        store = Store(self._home)
        try:
            return store if store.folder.is_dir() else None
        except ObservatudoError:  # no DVC here
            return None

    def figures(self, md5: str) -> Figures | None:
        """Return the figures of an ingest's output by its hash, None when this machine does not have all of it."""
        kept = self._kept(md5, self._measure)
        if kept is None:
            return None
        names = kept.get("indicators")
        found = names.items() if isinstance(names, dict) else ()
        return Figures(
            null_rate=_float(kept.get("null_rate")),
            municipalities=_int(kept.get("municipalities")),
            periods=_int(kept.get("periods")),
            indicators={name: _indicator(own) for name, own in found if isinstance(own, list)},
        )

    def axes(self, md5: str) -> dict[str, str]:
        """Return indicator → axis of a table of labels, empty when this machine does not have it."""
        kept = self._kept(md5, self._labels)
        axes = kept.get("axes") if kept else None
        return {name: str(axis) for name, axis in axes.items()} if isinstance(axes, dict) else {}

    def _kept(self, md5: str, compute: Callable[[Store, str], Kept | None]) -> Kept | None:
        path = self._home / CACHE / f"{Path(md5).name}.json"
        try:
            kept = json.loads(path.read_bytes())
            if isinstance(kept, dict) and kept.get("version") == _VERSION:
                return kept
        except (OSError, ValueError):
            pass
        store = self._store
        found = compute(store, md5) if store is not None and store.has(md5) else None
        if found is not None:
            found["version"] = _VERSION
            _keep(path, found)
        return found

    def _measure(self, store: Store, md5: str) -> Kept | None:
        try:
            entries = store.listing(md5)
        except ObservatudoError:  # damaged: verify is who says so
            return None
        report = next((entry for entry in entries if entry.relpath == "relatorio.json"), None)
        tables = [entry for entry in entries if entry.relpath.startswith("observacao/")]
        if not all(store.has(entry.md5) for entry in [*tables, *([report] if report else [])]):
            return None
        found: Kept = {"null_rate": _null_rate(store, report)}
        return found | (_observations([str(store.path(entry.md5)) for entry in tables]) if tables else {})

    def _labels(self, store: Store, md5: str) -> Kept | None:
        import pyarrow.parquet as pq
        from pyarrow import ArrowException

        try:
            table = pq.read_table(store.path(md5), columns=["id_indicador", "eixo"])
        except (OSError, ArrowException):
            return None
        names, axes = table.column("id_indicador").to_pylist(), table.column("eixo").to_pylist()
        return {"axes": {str(name): str(axis) for name, axis in zip(names, axes, strict=True)}}


def _observations(paths: list[str]) -> Kept:
    import duckdb

    with duckdb.connect() as connection:
        try:
            rows = connection.execute(_INDICATORS, [paths]).fetchall()
            extent = connection.execute(_EXTENT, [paths]).fetchone() or (None, None)
        except duckdb.Error:  # another schema, or damaged
            return {}
    found: dict[str, Json] = {
        str(name): [count, *(_rounded(value) for value in (mean, median)), str(day), _rounded(newest)]
        for name, count, mean, median, day, newest in rows
    }
    return {"indicators": found, "municipalities": extent[0], "periods": extent[1]}


def _rounded(value: float) -> float:
    """Return a figure without the last digits, which depend on the order of a sum."""
    return float(f"{value:.10g}")


def _null_rate(store: Store, report: Entry | None) -> float | None:
    if report is None:
        return None
    try:
        content = json.loads(store.path(report.md5).read_bytes())
    except (OSError, ValueError):
        return None
    return _float(content.get("null_rate")) if isinstance(content, dict) else None


def _keep(path: Path, content: Kept) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        wholefile.write(path, json.dumps(content, separators=(",", ":")))
    except OSError:  # a disk that one may only read, or that is full: computed again the next time
        return


def _indicator(own: list[Json]) -> Indicator:
    values, mean, median, newest, newest_mean = [*own, *([None] * 5)][:5]
    return Indicator(
        values=_int(values) or 0,
        mean=_float(mean) or 0.0,
        median=_float(median) or 0.0,
        newest=str(newest),
        newest_mean=_float(newest_mean) or 0.0,
    )


def _int(value: object) -> int | None:
    return value if isinstance(value, int) else None


def _float(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None
