"""A small repository as it stands after ``ingest`` and ``classify``: real declarations, few rows."""

from __future__ import annotations

import json
import shutil
from datetime import date
from pathlib import Path

import pyarrow as pa

from observatudo import parquet, paths

SOURCE = Path(__file__).resolve().parents[1]
DEATHS = "registro_civil/obito"
VARIABLES = "brmunipanel/variavel"

PARAMS = """\
datasets:
  ibge/municipio: {params: ibge.municipio, lista: configs/tabelas/uf.csv}
  registro_civil/obito: {params: registro_civil.obito, lista: data/ingested/ibge/municipio}
  siconfi/ente: {params: siconfi.ente, lista: data/ingested/ibge/municipio}
  brmunipanel/variavel: {params: brmunipanel.variavel, lista: data/ingested/ibge/municipio}
ds:
  ibge: {municipio: {}}
  registro_civil: {obito: {}}
  siconfi: {ente: {}}
  brmunipanel: {variavel: {}}
classify: {threshold: 0.3}
warehouse: {target: duckdb}
transform: {threads: 2}
"""

_UF = {
    "35": ("SP", "São Paulo", "SE", "Sudeste"),
    "53": ("DF", "Distrito Federal", "CO", "Centro-Oeste"),
    "51": ("MT", "Mato Grosso", "CO", "Centro-Oeste"),
    "52": ("GO", "Goiás", "CO", "Centro-Oeste"),
    "22": ("PI", "Piauí", "NE", "Nordeste"),
}
MUNICIPALITIES = [
    ("2201903", "Bom Jesus", False),
    ("2201919", "Bom Princípio do Piauí", False),
    ("3550308", "São Paulo", True),
    ("3550704", "São Sebastião", False),
    ("5101837", "Boa Esperança do Norte", None),
    ("5203500", "Bom Jesus de Goiás", False),
    ("5208707", "Goiânia", True),
    ("5300108", "Brasília", True),
]
_NAMES_ALIKE = [  # what stems or parts of names would take for one another
    ("1721000", "municipio", "Palmas", "TO"),
    ("3146909", "municipio", "Palma", "MG"),
    ("3147105", "municipio", "Palmas de Minas", "MG"),
    ("3170701", "municipio", "Varginha", "MG"),
    ("3205002", "municipio", "Serra", "ES"),
    ("3517406", "municipio", "Serra Negra", "SP"),
    ("3548500", "municipio", "Santos", "SP"),
    ("3549607", "municipio", "São José do Barreiro", "SP"),
]
ENTITIES = [
    ("1", "União", None, "U", None),
    ("22", "Governo do Estado do Piauí", "PI", "E", 3281480),
    ("35", "Governo do Estado de São Paulo", "SP", "E", 46289333),
    ("53", "Governo do Distrito Federal", "DF", "D", 3055149),
    ("2201903", "Prefeitura Municipal de Bom Jesus - PI", "PI", "M", 25387),
    ("2201919", "Prefeitura Municipal de Bom Princípio do Piauí", "PI", "M", 5601),
    ("3550308", "Prefeitura Municipal de São Paulo", "SP", "M", 12325232),
    ("3550704", "Prefeitura Municipal de São Sebastião", "SP", "M", 90328),
    ("5203500", "Prefeitura Municipal de Bom Jesus de Goiás", "GO", "M", 25379),
    ("5208707", "Prefeitura Municipal de Goiânia", "GO", "M", 1536097),
    ("5300108", "Prefeitura de Brasília", "DF", "M", 2570160),
]
INDICATOR_SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in ("id_indicador", "nome", "descricao", "unidade")),
        *((name, pa.string()) for name in ("periodicidade", "eixo_fonte")),
        ("por_mil", pa.bool_()),
    ]
)
OBSERVATION_SCHEMA = pa.schema(
    [
        ("id_indicador", pa.string()),
        ("id_municipio", pa.string()),
        ("data_referencia", pa.date32()),
        ("periodicidade", pa.string()),
        ("valor", pa.float64()),
        *((name, pa.string()) for name in ("valor_texto", "valor_original", "justificativa")),
    ]
)
LABEL_SCHEMA = pa.schema(
    [
        ("id_indicador", pa.string()),
        ("eixo", pa.string()),
        ("confianca", pa.float64()),
        *((name, pa.string()) for name in ("origem", "versao_classificador")),
        *((name, pa.string()) for name in ("versao_modelo", "versao_prompt", "versao_taxonomia")),
    ]
)


def build(root: Path) -> Path:
    """Write the repository under ``root`` and return it."""
    shutil.copytree(SOURCE / "configs", root / "configs")
    shutil.copytree(SOURCE / "dbt", root / "dbt", ignore=shutil.ignore_patterns("target", "logs"))
    (root / paths.PARAMS).write_text(PARAMS, encoding="utf-8")
    (root / "dvc.yaml").write_text("stages: {}\n", encoding="utf-8")
    _municipalities(root)
    _entities(root)
    _deaths(root)
    _variables(root)
    _labels(root)
    return root


def report(root: Path, key: str, kept: int, rejected: int = 0, match_rate: float | None = None) -> None:
    """Write the report that ingest leaves for one dataset."""
    content = {
        "rows_read": kept + rejected,
        "rows_kept": kept,
        "rows_rejected": rejected,
        "rejected_by_reason": {"município não encontrado": rejected} if rejected else {},
        "match_rate": match_rate,
        "observations": None,
        "checks": [],
        "snapshot": {"sha256": "0" * 64, "fetched_at": "2026-11-20T12:00:00Z", "source": "fixture"},
    }
    path = root / paths.INGESTED / key / "relatorio.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")


def observations(root: Path, key: str, rows: list[tuple[object, ...]]) -> None:
    """Write one indicator's observations: rows in the order of OBSERVATION_SCHEMA, sorted by key."""
    table = _table(rows, OBSERVATION_SCHEMA)
    parquet.write(table, root / paths.INGESTED / key / f"observacao/{rows[0][0]}.parquet")


def indicators(root: Path, key: str, rows: list[tuple[object, ...]]) -> None:
    """Write a dataset's indicators: rows in the order of INDICATOR_SCHEMA."""
    parquet.write(_table(rows, INDICATOR_SCHEMA), root / paths.INGESTED / key / "indicador.parquet")


def labels(root: Path, rows: list[tuple[object, ...]]) -> None:
    """Write the labels: rows in the order of LABEL_SCHEMA, without the models and prompts, of which there are none."""
    parquet.write(_table([(*row[:-1], None, None, row[-1]) for row in rows], LABEL_SCHEMA), root / paths.LABELS)


def _table(rows: list[tuple[object, ...]], schema: pa.Schema) -> pa.Table:
    return pa.Table.from_pylist([dict(zip(schema.names, row, strict=True)) for row in rows], schema=schema)


def _municipalities(root: Path) -> None:
    names = ("id_municipio", "nome", "id_uf", "sigla_uf", "nome_uf", "sigla_regiao", "nome_regiao")
    schema = pa.schema([*((name, pa.string()) for name in names), ("capital", pa.bool_())])
    rows = [(code, name, code[:2], *_UF[code[:2]], capital) for code, name, capital in MUNICIPALITIES]
    parquet.write(_table(list(rows), schema), root / paths.MUNICIPALITIES)
    report(root, "ibge/municipio", len(rows))


def _entities(root: Path) -> None:
    schema = pa.schema(
        [
            *((name, pa.string()) for name in ("id_ente", "nome", "sigla_uf", "esfera")),
            ("exercicio", pa.int64()),
            ("populacao", pa.int64()),
            ("cnpj", pa.string()),
        ]
    )
    rows = [
        (code, name, uf, level, 2021, people, f"{number:014d}")
        for number, (code, name, uf, level, people) in enumerate(ENTITIES)
    ]
    parquet.write(_table(list(rows), schema), root / paths.INGESTED / "siconfi/ente/referencia.parquet")
    report(root, "siconfi/ente", len(rows), match_rate=1.0)


def _deaths(root: Path) -> None:
    name = "registro_civil_obito"
    rows = [
        (name, code, date(year, month, 1), "mensal", float(value), None, str(value), None)
        for code, _name, _capital in MUNICIPALITIES
        if code != "5101837"
        for year in (2018, 2019)
        for month in (1, 2, 3)
        for value in [int(code) % 1000 + month]
    ]
    observations(root, DEATHS, list(rows))
    described = "Número de óbitos registrados no mês nos cartórios de registro civil do município."
    indicators(root, DEATHS, [(name, "Óbitos registrados em cartório", described, "óbito", "mensal", None, True)])
    report(root, DEATHS, len(rows), rejected=3, match_rate=0.9333)


def _variables(root: Path) -> None:
    rows: list[tuple[object, ...]] = [
        ("brmunipanel_saude_leito", "Leitos hospitalares", "Leitos do SUS", "leito", "unica", None, None),
        ("brmunipanel_saude_mortalidade", "Óbitos infantis", None, None, "unica", None, None),
    ]
    indicators(root, VARIABLES, rows)
    report(root, VARIABLES, len(rows))


def _labels(root: Path) -> None:
    labels(
        root,
        [
            ("brmunipanel_saude_leito", "Saude", 0.91, "regra", "v1", "1"),
            ("brmunipanel_saude_mortalidade", "Saude", 0.85, "modelo", "v1", "1"),
            ("registro_civil_obito", "Saude", 0.9, "regra", "v1", "1"),
        ],
    )


def marts(root: Path) -> None:
    """Write the four marts that a look-up reads, with the columns it reads."""
    text, number = pa.string(), pa.float64()
    indicator = pa.schema(
        [
            *((name, text) for name in ("id_indicador", "nome", "descricao", "unidade", "eixo")),
            *((name, text) for name in ("fonte", "dataset")),
        ]
    )
    place = pa.schema([(name, text) for name in ("id_localidade", "nivel", "nome", "sigla_uf")])
    fact = pa.schema(
        [
            *((name, text) for name in ("id_indicador", "id_municipio", "periodicidade")),
            ("data_referencia", pa.date32()),
            ("valor", number),
            ("valor_texto", text),
            ("justificativa", text),
            ("valor_por_mil", number),
            ("populacao", pa.int64()),
            ("ano_populacao", pa.int64()),
        ]
    )
    name = "registro_civil_obito"
    deaths = (name, "Óbitos registrados em cartório", "Registros do mês", "óbito", "Saude", "registro_civil", "obito")
    variable = ("Saude", "brmunipanel", "variavel")
    described: list[tuple[object, ...]] = [
        ("brmunipanel_leito", "Leitos de internação", None, "leito", *variable),
        ("brmunipanel_obito_infantil", "Óbitos infantis", None, None, *variable),
        ("brmunipanel_uti", "Leitos de UTI", None, "leito", *variable),
        deaths,
    ]
    places: list[tuple[object, ...]] = [
        ("1", "pais", "Brasil", None),
        ("2201903", "municipio", "Bom Jesus", "PI"),
        ("35", "uf", "São Paulo", "SP"),
        ("3550308", "municipio", "São Paulo", "SP"),
        ("4202537", "municipio", "Bom Jesus", "SC"),
        ("4314902", "municipio", "Porto Alegre", "RS"),
        ("5203500", "municipio", "Bom Jesus de Goiás", "GO"),
        *_NAMES_ALIKE,
    ]
    facts: list[tuple[object, ...]] = [
        (name, code, "mensal", date(year, 1, 1), float(year), None, None, 0.5, 1000, 2021)
        for code in ("2201903", "3550308", "4202537", "5203500", *(place[0] for place in _NAMES_ALIKE))
        for year in (2018, 2019)
    ]
    observed: list[tuple[object, ...]] = [(name,)]
    for mart, rows, schema in (
        ("audit_conversao", observed, pa.schema([("id_indicador", text)])),
        ("dim_indicador", described, indicator),
        ("dim_localidade", places, place),
        ("fact_indicador", facts, fact),
    ):
        parquet.write(_table(rows, schema), root / paths.MARTS / f"{mart}.parquet")


def declare_another(root: Path) -> None:
    """Declare and ingest one more dataset of observations: grades, as a yearly text and number."""
    source = (root / "configs/datasets/registro_civil/obito.yaml").read_text(encoding="utf-8")
    target = root / "configs/datasets/outra/nota.yaml"
    target.parent.mkdir(parents=True)
    target.write_text(source.replace("registro_civil_obito", "outra_nota"), encoding="utf-8")
    params = root / paths.PARAMS
    text = params.read_text(encoding="utf-8")
    line = "  outra/nota: {params: outra.nota, lista: data/ingested/ibge/municipio}\n"
    text = text.replace("datasets:\n", f"datasets:\n{line}").replace("ds:\n", "ds:\n  outra: {nota: {}}\n")
    params.write_text(text, encoding="utf-8")
    row = ("outra_nota", "3550308", date(2020, 1, 1), "anual", None, "A", "A", "revista")
    observations(root, "outra/nota", [row])
    indicators(root, "outra/nota", [("outra_nota", "Nota", None, None, "anual", "Financas", False)])
    report(root, "outra/nota", 1)
