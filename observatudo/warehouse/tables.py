"""The tables each kind of dataset loads, with their columns; the one place that spells these schemas."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from observatudo import paths

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import pyarrow as pa

    from observatudo.config import Dataset

ColumnType = Literal["string", "integer", "number", "boolean", "date", "datetime"]

OBSERVATION: tuple[tuple[str, ColumnType], ...] = (
    ("id_indicador", "string"),
    ("id_municipio", "string"),
    ("data_referencia", "date"),
    ("periodicidade", "string"),
    ("valor", "number"),
    ("valor_texto", "string"),
    ("valor_original", "string"),
    ("justificativa", "string"),
)
INDICATOR: tuple[tuple[str, ColumnType], ...] = (
    ("id_indicador", "string"),
    ("nome", "string"),
    ("descricao", "string"),
    ("unidade", "string"),
    ("periodicidade", "string"),
    ("eixo_fonte", "string"),
    ("por_mil", "boolean"),
)
LABEL: tuple[tuple[str, ColumnType], ...] = (
    ("id_indicador", "string"),
    ("eixo", "string"),
    ("confianca", "number"),
    ("origem", "string"),
    ("versao_classificador", "string"),
    ("versao_modelo", "string"),
    ("versao_prompt", "string"),
    ("versao_taxonomia", "string"),
)
LOAD: tuple[tuple[str, ColumnType], ...] = (
    ("fonte", "string"),
    ("dataset", "string"),
    ("tipo", "string"),
    ("tabela", "string"),
    ("linhas", "integer"),
    ("linhas_lidas", "integer"),
    ("linhas_mantidas", "integer"),
    ("linhas_rejeitadas", "integer"),
    ("taxa_casamento", "number"),
    ("data_snapshot", "date"),
    ("versao_dado", "string"),
    ("versao_config", "string"),
    ("ativo", "boolean"),
)


@dataclass(frozen=True)
class Table:
    """One table of a dataset: ``name`` is observacao, indicador or referencia.

    ``title`` is the dataset's; ``main`` is false for the indicators of a dataset of observations;
    ``place`` is the column that holds IBGE codes, empty where there is none; ``descriptions`` are
    those the declaration gives, for columns the glossary does not have.
    """

    fonte: str
    dataset: str
    name: str
    columns: tuple[tuple[str, ColumnType], ...]
    key: tuple[str, ...]
    title: str
    main: bool = True
    place: str = ""
    descriptions: tuple[tuple[str, str], ...] = ()

    @property
    def folder(self) -> Path:
        """The ingested dataset's folder, relative to the repository."""
        return paths.INGESTED / self.fonte / self.dataset

    @property
    def location(self) -> str:
        """Where the rows stand, relative to the repository; a pattern for a table of several files."""
        pattern = "observacao/*.parquet" if self.name == "observacao" else f"{self.name}.parquet"
        return (self.folder / pattern).as_posix()

    @property
    def source(self) -> str:
        """The table's name among dbt's sources of its ``fonte``."""
        return f"{self.dataset}_{self.name}"

    def files(self, root: Path) -> list[Path]:
        """Return the table's files in the repository at ``root``, sorted."""
        if self.name == "observacao":
            return sorted((root / self.folder / "observacao").glob("*.parquet"))
        path = root / self.location
        return [path] if path.is_file() else []


def tables(key: str, dataset: Dataset) -> list[Table]:
    """Return the tables that the dataset ``fonte/dataset`` loads, the main one first."""
    fonte, _slash, name = key.partition("/")
    indicator = Table(
        fonte, name, "indicador", INDICATOR, ("id_indicador",), dataset.title, main=dataset.kind == "catalogo"
    )
    if dataset.kind == "catalogo":
        return [indicator]
    if dataset.kind == "observacao":
        unique = ("id_indicador", "id_municipio", "data_referencia")
        observation = Table(fonte, name, "observacao", OBSERVATION, unique, dataset.title, place="id_municipio")
        return [observation, indicator]
    shown = [field for field in dataset.fields if field.output]
    return [
        Table(
            fonte,
            name,
            "referencia",
            tuple((field.name, field.type) for field in shown),
            tuple(dataset.primaryKey),
            dataset.title,
            place=_place(dataset),
            descriptions=tuple((field.name, field.description) for field in shown if field.description),
        )
    ]


def _place(dataset: Dataset) -> str:
    if dataset.locality is not None and dataset.locality.code:
        return dataset.locality.code
    return "id_municipio" if "id_municipio" in {field.name for field in dataset.fields if field.output} else ""


def arrow_schema(columns: Iterable[tuple[str, ColumnType]]) -> pa.Schema:
    """Return the Arrow schema of columns of a warehouse table; datetime stands in no file."""
    import pyarrow as pa

    types: dict[ColumnType, pa.DataType] = {
        "string": pa.string(),
        "integer": pa.int64(),
        "number": pa.float64(),
        "boolean": pa.bool_(),
        "date": pa.date32(),
    }
    return pa.schema([(name, types[kind]) for name, kind in columns])
