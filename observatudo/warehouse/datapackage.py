"""The Data Package (``datapackage.json``) of the exported marts: schemas, hashes, licences, sources."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from observatudo.runs.inputs import file_sha256

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from observatudo.config import Dataset
    from observatudo.warehouse.artifacts import Mart
    from observatudo.warehouse.glossary import Glossary

Json = dict[str, object]

DESCRIPTOR = "datapackage.json"
_PROFILE = "https://datapackage.org/profiles/2.0/datapackage.json"
_FORMATS = {"csv": "text/csv", "parquet": "application/vnd.apache.parquet"}


def write(folder: Path, marts: Sequence[Mart], glossary: Glossary, datasets: Mapping[str, Dataset]) -> None:
    """Describe the exported files of ``marts`` in ``folder``, each as CSV (compressed or not) and as Parquet."""
    content: Json = {
        "$schema": _PROFILE,
        "name": "observatudo",
        "title": "Observatudo: indicadores municipais do Brasil",
        "description": "Indicadores de dados públicos municipais, classificados por eixo e modelados.",
        "licenses": _licenses(datasets),
        "sources": [_source(key, dataset) for key, dataset in sorted(datasets.items())],
        "resources": [_resource(folder, mart, extension, glossary) for mart in marts for extension in _FORMATS],
    }
    text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
    (folder / DESCRIPTOR).write_text(text, encoding="utf-8", newline="\n")


def _licenses(datasets: Mapping[str, Dataset]) -> list[Json]:
    """One entry per licence and title, in order: several datasets may share one."""
    given = {
        (licence.name, licence.title, licence.path) for dataset in datasets.values() for licence in dataset.licenses
    }
    return [_filled(name=name, title=title, path=path) for name, title, path in sorted(given)]


def _source(key: str, dataset: Dataset) -> Json:
    title = f"{dataset.title} ({key}). {dataset.publisher}. {' '.join(dataset.citation.split())}"
    return _filled(title=title, path=dataset.homepage)


def _resource(folder: Path, mart: Mart, extension: str, glossary: Glossary) -> Json:
    path = folder / f"{mart.name}.{extension}"
    compressed = not path.is_file()
    if compressed:
        path = path.with_name(f"{path.name}.gz")
    return _filled(
        name=mart.name if extension == "csv" else f"{mart.name}-{extension}",
        path=path.name,
        type="table" if extension == "csv" else "",
        description=mart.description,
        format=extension,
        mediatype="application/gzip" if compressed else _FORMATS[extension],
        compression="gz" if compressed else "",
        encoding="utf-8" if extension == "csv" else "",
        bytes=path.stat().st_size,
        hash=f"sha256:{file_sha256(path)}",
        schema=_schema(mart, glossary),
    )


def _schema(mart: Mart, glossary: Glossary) -> Json:
    fields = [_field(name, glossary) for name in mart.columns]
    references = [
        {"fields": [key.column], "reference": {"resource": key.to, "fields": [key.field]}} for key in mart.foreign_keys
    ]
    return _filled(fields=fields, primaryKey=list(mart.key), foreignKeys=references)


def _field(name: str, glossary: Glossary) -> Json:
    column = glossary[name]
    return _filled(name=name, type=column.type, unit=column.unit, description=column.description)


def _filled(**values: object) -> Json:
    """Leave out what is empty."""
    return {name: value for name, value in values.items() if value not in ("", [])}
