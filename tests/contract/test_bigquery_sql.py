"""Every SQL that BigQuery is given is GoogleSQL: Google's own analyser reads it, with the columns as declared.

Emulators run SQL that BigQuery refuses, such as a comparison of TIMESTAMP with DATETIME.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest
from pydantic import BaseModel, Field

from observatudo import generate
from observatudo.config import declared, load_dataset
from observatudo.warehouse.bigquery import build, sent, statements
from observatudo.warehouse.bigquery.sent import Sent
from observatudo.warehouse.bigquery.statements import Place
from observatudo.warehouse.glossary import load_glossary
from observatudo.warehouse.tables import LABEL, LOAD, OBSERVATION, ColumnType, tables
from tests import fixtures_warehouse as fixtures

if TYPE_CHECKING:
    from zetasql.api import Analyzer

Columns = Mapping[str, str]
_PLACE = Place("observatudo", "observatudo_dev_raw")
_SENT = Sent(
    "f__d_observacao", OBSERVATION, ("id_indicador", "id_municipio", "data_referencia"), (), "d", "data_referencia"
)
_TYPES: dict[ColumnType, str] = {
    "string": "STRING",
    "integer": "INT64",
    "number": "DOUBLE",
    "boolean": "BOOL",
    "date": "DATE",
    "datetime": "TIMESTAMP",
}
_BUILDS = {
    "sequencia": "INT64",
    "id_execucao": "STRING",
    "projeto": "STRING",
    "impressao": "STRING",
    "construida_em": "TIMESTAMP",
}


def _typed(columns: tuple[tuple[str, ColumnType], ...]) -> dict[str, str]:
    return {name: _TYPES[kind] for name, kind in columns}


@dataclass
class Catalog:
    """Tables by their name without project (``dataset.table``), and an analyser that knows them."""

    tables: dict[str, Columns] = field(default_factory=dict)
    _analyser: Analyzer | None = None

    def add(self, name: str, columns: Columns) -> None:
        self.tables[name] = columns
        self._analyser = None

    def analyse(self, sql: str) -> dict[str, str]:
        """Return the columns that a query gives; raises what Google's analyser raises."""
        found = self._ready().analyze_statement(self._flat(sql))
        columns = getattr(found, "output_column_list", None) or []
        return {str(column.name): column.column.type.type_kind.name.removeprefix("TYPE_") for column in columns}

    def _flat(self, sql: str) -> str:
        """The analyser's catalogue has no datasets: ``project.dataset.table`` becomes one name."""

        def one(found: re.Match[str]) -> str:
            name = f"{found[1]}.{found[2]}"
            return f"`{_plain(name)}`" if name in self.tables else found[0]

        return re.sub(r"`[\w-]+`\.`(\w+)`\.`(\w+)`", one, sql)

    def _ready(self) -> Analyzer:
        from zetasql.api import Analyzer, CatalogBuilder, TableBuilder
        from zetasql.types import AnalyzerOptions, LanguageOptions, ProductMode, TypeKind, ZetaSQLBuiltinFunctionOptions

        if self._analyser is None:
            language = LanguageOptions.maximum_features()
            language.product_mode = ProductMode.PRODUCT_EXTERNAL
            language.supported_statement_kinds = []
            catalogue = CatalogBuilder("c")
            for name, columns in self.tables.items():
                table = TableBuilder(_plain(name))
                for column, kind in columns.items():
                    table = table.add_column(column, getattr(TypeKind, f"TYPE_{kind}"))
                catalogue = catalogue.add_table(table.build())
            built = catalogue.with_builtin_functions(ZetaSQLBuiltinFunctionOptions(language_options=language)).build()
            options = AnalyzerOptions(language_options=language, allow_undeclared_parameters=True)
            self._analyser = Analyzer(options, built)
        return self._analyser


def _plain(name: str) -> str:
    return name.replace(".", "__")


class _DependsOn(BaseModel):
    nodes: list[str] = []


class _Node(BaseModel):
    name: str
    resource_type: Literal["model", "test", "seed", "snapshot"]
    relation_schema: str = Field(alias="schema")
    compiled_code: str | None = None
    columns: dict[str, object] = {}
    depends_on: _DependsOn = _DependsOn()


class _Manifest(BaseModel):
    nodes: dict[str, _Node]


@dataclass(frozen=True)
class Compiled:
    """The project compiled for BigQuery: nodes by id, those first that others are made from."""

    nodes: dict[str, _Node]
    catalog: Catalog


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Compiled:
    """Compiled as an incremental build of two months, without a server or credentials."""
    root = fixtures.build(tmp_path_factory.mktemp("repository"))
    generate.generate(root)
    manifest = _compile(root)
    catalog = Catalog()
    for key in declared(root):
        for table in tables(key, load_dataset(root, key)):
            _raw(catalog, sent.raw_name(table.fonte, table.source), table.columns)
    _raw(catalog, sent.raw_name(sent.OWN, "carga"), LOAD)
    _raw(catalog, sent.raw_name(sent.OWN, "rotulo"), LABEL)
    glossary = load_glossary(root)
    nodes = {name: manifest.nodes[name] for name in _in_order(manifest.nodes)}
    for node in nodes.values():
        if node.resource_type == "seed":
            columns = {name: _TYPES[glossary[name].type] for name in node.columns}
            catalog.add(f"{node.relation_schema}.{node.name}", columns)
    return Compiled(nodes, catalog)


def _raw(catalog: Catalog, name: str, columns: tuple[tuple[str, ColumnType], ...]) -> None:
    catalog.add(f"{_PLACE.dataset}.{name}", {**_typed(columns), **_typed(statements.TECHNICAL)})


def _compile(root: Path) -> _Manifest:
    options = "--project-dir dbt --profiles-dir dbt --target emulator --no-introspect --no-populate-cache --quiet"
    months = ["--vars", json.dumps({"meses": ["2019-02-01", "2019-12-01"]})]
    command = [sys.executable, "-m", "dbt.cli.main", "compile", *options.split(), *months]
    ran = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return _Manifest.model_validate(json.loads((root / "dbt/target/manifest.json").read_bytes()))


def _in_order(nodes: Mapping[str, _Node]) -> Iterator[str]:
    done: dict[str, None] = {}

    def visit(name: str) -> None:
        if name in nodes and name not in done:
            for other in nodes[name].depends_on.nodes:
                visit(other)
            done[name] = None

    for name in nodes:
        visit(name)
    yield from done


def test_every_model_and_test_is_googlesql(compiled: Compiled) -> None:
    analysed = 0
    wrong = {}
    for node in compiled.nodes.values():
        if not node.compiled_code:
            continue
        try:
            columns = compiled.catalog.analyse(node.compiled_code)
        except Exception as error:  # noqa: BLE001 - the analyser's own kinds of error; each is reported below
            wrong[node.name] = str(error)[:300]
            continue
        analysed += 1
        whole_rows = [name for name, kind in columns.items() if kind == "STRUCT"]  # a table's name read as a column's
        if whole_rows:
            wrong[node.name] = f"no column: {whole_rows}"
            continue
        if node.resource_type == "model":
            compiled.catalog.add(f"{node.relation_schema}.{node.name}", columns)
    assert wrong == {}
    assert analysed > 60


@pytest.mark.parametrize(
    "sql",
    [
        "selec 1",
        "select nada from {raw}.ibge__municipio_referencia",
        "select data_snapshot >= current_timestamp() from {raw}.observatudo__carga",
        "select try_cast('1' as int64)",
        "select regexp_matches('a', 'b')",
        "select date_trunc('month', date '2024-01-01')",
        "select id_municipio, count(*) from {raw}.ibge__municipio_referencia",
        "select timestamp '2024-01-01' >= datetime '2024-01-01'",
    ],
)
def test_what_bigquery_refuses_is_refused(compiled: Compiled, sql: str) -> None:
    with pytest.raises(
        Exception, match=r"\[at |Syntax error|No matching signature|not found|Unrecognized|date part|neither grouped"
    ):
        compiled.catalog.analyse(
            sql.replace("{raw}", f"`observatudo`.`{_PLACE.dataset}`")
            .replace("`.ibge__municipio_referencia", "`.`ibge__municipio_referencia`")
            .replace("`.observatudo__carga", "`.`observatudo__carga`")
        )


def _own() -> dict[str, str]:
    """The statements of loads and builds, by name."""
    return {
        "newest": statements.newest(_PLACE),
        "newest and turn": statements.newest_and_turn(_PLACE),
        "noted": statements.noted(_PLACE, ("id_carga", "sequencia")),
        "observed": statements.observed(_PLACE, _SENT.name, _SENT.columns),
        "builds": build.make_sql(_PLACE),
        "last build": build.last_sql(_PLACE),
        "loads since": build.loads_sql(_PLACE),
        "months": build.months_sql(_PLACE, _SENT.name),
        "note": build.note_sql(_PLACE),
        "delta": statements.apply_delta(_PLACE, _SENT, "entrada"),
        "whole": statements.replace_rows(_PLACE, _SENT, "entrada"),
        "note only": statements.note_only(_PLACE, _SENT),
        "recreate": statements.recreate(_PLACE, _SENT, "entrada", is_replaceable=True),
        "drop and recreate": statements.recreate(_PLACE, _SENT, "entrada", is_replaceable=False),
        "turn": statements.turn(_PLACE),
    }


@pytest.fixture(scope="module")
def loads() -> Catalog:
    from observatudo.warehouse.bigquery.delta import OPERATION

    catalog = Catalog()
    _raw(catalog, _SENT.name, _SENT.columns)
    catalog.add(f"{_PLACE.dataset}.entrada", {**_typed(_SENT.columns), OPERATION: "STRING"})
    catalog.add(f"{_PLACE.dataset}.{statements.LEDGER}", _typed(statements.LEDGER_COLUMNS))
    catalog.add(f"{_PLACE.dataset}.{statements.TURN}", {"sequencia": "INT64"})
    catalog.add(f"{_PLACE.dataset}.{statements.BUILDS}", _BUILDS)
    return catalog


@pytest.mark.parametrize("name", sorted(_own()))
def test_the_statements_of_loads_and_builds_are_googlesql(loads: Catalog, name: str) -> None:
    for statement in _own()[name].split(";\n"):
        if statement.strip():
            # a parameter that is not declared is taken for a number where any type would do
            loads.analyse(re.sub(r"@(quando|iniciada_em)\b", "timestamp '2026-11-23'", statement))
