"""A synthetic observatory of any size: real municipalities, invented values, three shapes of file, declarations alone.

Source, datasets, indicators and publisher all say ``sintético``. The same size always gives the same values.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import yaml
from numpy.typing import NDArray
from pyarrow import csv

from observatudo import config, generate, paths
from tests.builder import take_file

Shape = Literal["largo", "anos", "longo"]
Tree = dict[str, object]

SOURCE = "sintetico"
FIRST_YEAR = 2001
REJECTED = 5  # rows of each file that name a municipality that there is not
UNKNOWN = "9999999"
MISSING = "-"
_SEED = 20_261_123
_SLICE = 200_000  # rows turned into text at once
# wide rows of values, a column per year, one value per row; and how each is encoded
_SHAPES: tuple[tuple[Shape, str], ...] = (("largo", "latin-1"), ("anos", "utf-16-le"), ("longo", "utf-8"))
_SUBJECTS = (
    "Leitos hospitalares",
    "Matrículas na educação básica",
    "Receita tributária própria",
    "Domicílios com coleta de esgoto",
    "Homicídios dolosos",
    "Empregos formais",
    "Área de vegetação nativa",
    "Mortes no trânsito",
    "Famílias no cadastro social",
    "Bibliotecas públicas",
)


@dataclass(frozen=True)
class Size:
    """How much of everything; ``indicators`` are those of each dataset."""

    municipalities: int
    years: int
    datasets: int
    indicators: int

    @property
    def values(self) -> int:
        """How many values there are in all, missing ones included."""
        return self.municipalities * self.years * self.datasets * self.indicators


FULL = Size(municipalities=5570, years=20, datasets=10, indicators=30)
SMALL = Size(municipalities=200, years=5, datasets=3, indicators=10)


@dataclass(frozen=True)
class Made:
    """One dataset as made: rows of its file (``rejected`` of them to be refused), and what its values add up to.

    ``present`` counts the values that are not missing; ``cents`` is their sum, in hundredths.
    """

    key: str
    shape: Shape
    rows: int
    rejected: int
    values: int
    present: int
    cents: int


def make(root: Path, size: Size) -> list[Made]:
    """Declare the datasets in the repository at ``root``, take their snapshots, and regenerate dbt's models."""
    codes = _codes(root)[: size.municipalities]
    made = []
    for number in range(1, size.datasets + 1):
        shape, encoding = _SHAPES[(number - 1) % len(_SHAPES)]
        key = f"{SOURCE}/{shape}_{number:02d}"
        indicators = [(f"{SOURCE}_{number:02d}_{i:02d}", _title(number, i)) for i in range(1, size.indicators + 1)]
        _declare(root, key, _declaration(key, shape, encoding, indicators, size))
        values = _Values(np.random.default_rng([_SEED, number]), len(codes), size.years, len(indicators))
        rows = _take(root, key, encoding, _LAYOUTS[shape](codes, indicators, values))
        made.append(Made(key, shape, rows, REJECTED, values.size, values.present, values.cents))
    generate.generate(root)
    return made


def _codes(root: Path) -> list[str]:
    """The official codes, from the snapshot of the list: the same for every generator."""
    states = json.loads((root / paths.RAW / "ibge/municipio/municipios_2022.json").read_bytes())
    return sorted(str(city["code"]) for state in states.values() for city in state["cities"])


def _title(number: int, indicator: int) -> str:
    return f"{_SUBJECTS[(number * 3 + indicator) % len(_SUBJECTS)]} (sintético {number:02d}-{indicator:02d})"


class _Values:
    """The values of one dataset by indicator, place and year: whole hundredths, one in a hundred missing."""

    def __init__(self, random: np.random.Generator, places: int, years: int, indicators: int) -> None:
        shape = (indicators, places, years)
        self.cells: NDArray[np.int64] = np.minimum(random.lognormal(5, 2, shape) * 100, 99_999_999).astype(np.int64)
        self.missing: NDArray[np.bool_] = random.random(shape) < 0.01
        self.size = self.cells.size
        self.present = self.size - int(self.missing.sum())
        self.cents = int(self.cells[~self.missing].sum())

    def text(self, indicators: slice | int, places: slice, years: slice | int) -> pa.StringArray:
        """Return the chosen values as Brazilians write them (``1.234,56``), in the order of the cells."""
        cells = self.cells[indicators, places, years].ravel()
        whole, fraction = np.divmod(cells, 100)
        thousands, rest = np.divmod(whole, 1000)
        grouped = pc.binary_join_element_wise(_digits(thousands), _digits(rest, 3), ".")
        plain = pc.if_else(pa.array(thousands > 0), grouped, _digits(rest))
        numbers = pc.binary_join_element_wise(plain, _digits(fraction, 2), ",")
        return pc.if_else(pa.array(self.missing[indicators, places, years].ravel()), MISSING, numbers)


def _digits(numbers: NDArray[np.int64], width: int = 0) -> pa.StringArray:
    text = pc.cast(pa.array(numbers), pa.string())
    return pc.utf8_lpad(text, width, "0") if width else text


_Indicators = list[tuple[str, str]]


def _wide(codes: list[str], indicators: _Indicators, values: _Values) -> Iterator[pa.Table]:
    """A row per place and year, a column per indicator."""
    years = values.cells.shape[2]
    for part in _parts(len(codes), years):
        places = codes[part]
        yield pa.table(
            {
                "cod_ibge": np.repeat(places, years),
                "ano": np.tile(np.arange(FIRST_YEAR, FIRST_YEAR + years), len(places)),
                **{_column(n): values.text(n, part, slice(None)) for n in range(len(indicators))},
            }
        )


def _by_year(codes: list[str], indicators: _Indicators, values: _Values) -> Iterator[pa.Table]:
    """A row per indicator and place, a column per year."""
    for number, (name, title) in enumerate(indicators):
        years = range(values.cells.shape[2])
        yield pa.table(
            {
                "cod_ibge": codes,
                "indicador": [name] * len(codes),
                "nome": [title] * len(codes),
                **{str(FIRST_YEAR + year): values.text(number, slice(None), year) for year in years},
            }
        )


def _long(codes: list[str], indicators: _Indicators, values: _Values) -> Iterator[pa.Table]:
    """A row per value: by indicator, then place, then year."""
    years = values.cells.shape[2]
    for number, (name, title) in enumerate(indicators):
        rows = len(codes) * years
        yield pa.table(
            {
                "cod_ibge": np.repeat(codes, years),
                "ano": np.tile(np.arange(FIRST_YEAR, FIRST_YEAR + years), len(codes)),
                "indicador": [name] * rows,
                "nome": [title] * rows,
                "valor": values.text(number, slice(None), slice(None)),
            }
        )


_LAYOUTS: dict[Shape, Callable[[list[str], _Indicators, _Values], Iterator[pa.Table]]] = {
    "largo": _wide,
    "anos": _by_year,
    "longo": _long,
}


def _parts(places: int, years: int) -> Iterator[slice]:
    step = max(1, _SLICE // years)
    return (slice(start, min(start + step, places)) for start in range(0, places, step))


def _column(number: int) -> str:
    return f"v{number + 1:02d}"


def _take(root: Path, key: str, encoding: str, tables: Iterator[pa.Table]) -> int:
    """Write the tables, and some rows of a place that there is not, as one CSV; make it the snapshot; count rows."""
    local = root / ".observatudo" / f"{key.replace('/', '_')}.csv"
    local.parent.mkdir(exist_ok=True)
    rows = 0
    with local.open("w", encoding=encoding, newline="") as out:
        for table in tables:
            out.write(_text(table, header=rows == 0))
            rows += table.num_rows
        strange = table.slice(0, REJECTED)
        out.write(_text(strange.set_column(0, "cod_ibge", pa.array([UNKNOWN] * REJECTED)), header=False))
    take_file(root, key, local, "dados.csv")
    local.unlink()
    return rows + REJECTED


def _text(table: pa.Table, *, header: bool) -> str:
    text = io.BytesIO()
    csv.write_csv(table, text, csv.WriteOptions(include_header=header, delimiter=";", quoting_style="none"))
    return text.getvalue().decode()


def _declaration(key: str, shape: Shape, encoding: str, indicators: _Indicators, size: Size) -> Tree:
    number = {"type": "number", "decimalChar": ",", "groupChar": ".", "missingValues": ["", MISSING]}
    years = {"minimum": FIRST_YEAR, "maximum": FIRST_YEAR + size.years - 1}
    fields: list[Tree] = [
        {"name": "codigo", "type": "string", "source": "cod_ibge"},
        {"name": "ano", "type": "integer", "constraints": years},
    ]
    content: Tree = {
        "title": f"Valores sintéticos ({key})",
        "description": "Valores sorteados para medir o observatório em tamanho real; não são dados de lugar nenhum.",
        "kind": "observacao",
        "publisher": "Gerador sintético do Observatudo",
        "licenses": [{"name": "CC0-1.0"}],
        "citation": "Nenhuma: valores sorteados.",
        "frequency": "anual",
        "snapshot": {},
        "resources": [
            {"path": "dados.csv", "format": "csv", "encoding": encoding, "dialect": {"delimiter": ";"}},
        ],
        "locality": {"code": "codigo"},
        "period": {"year": "ano"},
    }
    if shape == "largo":
        named = [(_column(n), name, title) for n, (name, title) in enumerate(indicators)]
        content["fields"] = [*fields, *({"name": column, **number} for column, _name, _title in named)]
        content["indicators"] = [
            {"id": name, "name": title, "value": column, "unit": "unidade", "per_thousand": n % 2 == 0}
            for n, (column, name, title) in enumerate(named)
        ]
        return content
    if shape == "anos":
        content["melt"] = {"pattern": r"(\d{4})", "variable": "ano", "value": "valor"}
    texts = [{"name": name, "type": "string"} for name in ("indicador", "nome")]
    content["fields"] = [*fields, *texts, {"name": "valor", **number}]
    content["indicator_columns"] = {"id": "indicador", "name": "nome", "value": "valor"}
    return content


def _declare(root: Path, key: str, content: Tree) -> None:
    """Write the declaration and its line and section in params.yaml, which keeps its comments."""
    path = root / config.dataset_path(key)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(content, allow_unicode=True, sort_keys=False), encoding="utf-8")
    params = root / paths.PARAMS
    text = params.read_text(encoding="utf-8")
    name = key.partition("/")[2]
    line = f"  {key}: {{params: {SOURCE}.{name}, lista: {paths.MUNICIPALITIES.parent.as_posix()}}}\n"
    if f"  {SOURCE}:\n" not in text:
        text = text.replace("\nds:\n", f"\nds:\n  {SOURCE}:\n", 1)
    text = text.replace(f"  {SOURCE}:\n", f"  {SOURCE}:\n    {name}: {{}}\n", 1)
    params.write_text(text.replace("datasets:\n", f"datasets:\n{line}", 1), encoding="utf-8")
