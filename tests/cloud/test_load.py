"""Loads into BigQuery through the real clients: what is sent, what is there afterwards, and what other hands did."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from observatudo.config import WarehouseParams
from observatudo.errors import ObservatudoError
from observatudo.warehouse.bigquery.fingerprint import of_files
from observatudo.warehouse.bigquery.sent import Columns
from observatudo.warehouse.tables import OBSERVATION
from tests import fixtures_warehouse
from tests.cloud import faults
from tests.cloud.emulators import Cloud
from tests.cloud.proxy import Proxy
from tests.cloud.repository import NAME, Row, Small, observation, rows

DRILL = pytest.mark.drill  # each load is a second
pytestmark = pytest.mark.needs("bigquery-emulator")


@pytest.fixture
def small(cloud: Cloud, tmp_path: Path) -> Small:
    made = Small(tmp_path, cloud.warehouse.url)
    made.dataset()
    return made


HOSTILE: list[Row] = [
    ("a", "N", date(1, 1, 1), "", 0.1, "1:a", "", None),
    ("a", "", date(1969, 12, 31), "N", -0.0, None, "", ""),
    ("b", "á", date(9999, 12, 31), "a\u0301", 1e300, "𝔘\u200d👩", "x" * 9000, "\r\n\t\\'\"`;--"),
    ("b", "2", date(2020, 2, 29), "0:", 5e-324, None, None, "@sequencia {t} %s"),
    ("c", "1", date(1970, 1, 1), "3:N1:", -1.7976931348623157e308, "N", "2:", None),
    ("c", "2", date(2000, 1, 1), "", None, None, None, None),
    ("d", "1", date(2000, 1, 1), "", float("inf"), None, None, None),
    ("d", "2", date(2000, 1, 1), "", float("-inf"), None, None, None),
    ("d", "3", date(2000, 1, 1), "", float("nan"), None, None, None),
]


def test_a_version_comes_goes_and_comes_back(small: Small, gcs_proxy: Proxy) -> None:
    """The first load, none, a difference with all three operations, the older version again: prints are the same."""
    one = small.write([*HOSTILE, *rows(40)])
    assert small.bring().mode == "completa"
    assert small.holds(one), "the server computes the fingerprint that DuckDB computes of the files"
    sent = len(gcs_proxy.sent())
    again = small.bring()
    assert again.sequence == 1 and len(gcs_proxy.sent()) == sent, "nothing is asked of the bucket"

    two = small.write([HOSTILE[0], *HOSTILE[2:], *rows(10, 7.0), *rows(20, start=10), *rows(3, start=100)])
    load = small.bring()
    assert (load.mode, load.inserted, load.updated, load.removed) == ("diferenca", 3, 10, 11)
    assert small.holds(two)
    gone = small.sql("select _carga, _removido_em is not null from {t} where not _ativo")
    assert gone == [(2, True)] * 11, "removed rows stay, and say since when"
    assert small.sql("select count(*) from {t} where _carga = 1") == [(48 - 20,)], "others are not touched"

    load = small.bring(small.back_to(one))
    assert (load.mode, load.inserted, load.updated, load.removed) == ("diferenca", 11, 10, 3)
    assert small.holds(one)
    back = small.sql("select count(*) from {t} where _ativo and _removido_em is not null")
    assert back == [(0,)] and small.sql("select count(*) from {t} where not _ativo") == [(3,)]
    assert [row[2] for row in small.loads()] == ["completa", "diferenca", "diferenca"]
    assert not [name for (name,) in small.sql(_tables(small)) if str(name).startswith("_envio")]


def _tables(small: Small) -> str:
    return f"select table_name from `{small.place.project}`.`{small.place.dataset}`.INFORMATION_SCHEMA.TABLES"


def test_only_what_changed_is_sent(small: Small, gcs_proxy: Proxy) -> None:
    small.write(rows(5000))
    whole = small.bring()
    small.write([*rows(4995), *rows(5, 3.0, 4995)])
    before = gcs_proxy.uploaded()
    load = small.bring()
    assert (load.inserted, load.updated, load.removed) == (0, 5, 0)
    assert 0 < load.sent_bytes < whole.sent_bytes / 10
    assert load.sent_bytes <= gcs_proxy.uploaded() - before < load.sent_bytes + 1000


@pytest.mark.drill
def test_every_declared_table_is_loaded(small: Small, tmp_path: Path) -> None:
    """Real declarations; the rows of each table are those of its files, and the second time nothing is done."""
    from observatudo.warehouse.bigquery import sent
    from observatudo.warehouse.load import load

    root = fixtures_warehouse.build(tmp_path / "pequeno")
    (root / ".dvc").mkdir()
    params = WarehouseParams(target="bigquery")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("observatudo.paths.home", lambda: root)
        receipt = load(root, params)
        assert receipt == load(root, params)
    tables = sent.to_send(root)
    assert [table.tabela for table in receipt.present] == [table.name for table in tables]
    for there, table in zip(receipt.present, tables, strict=True):
        assert there.impressao == str(of_files([root / file.path for file in table.files], table.columns))
    assert {row[2] for row in small.loads()} == {"completa"} and len(small.loads()) == len(tables)


@pytest.mark.drill
def test_files_come_and_go_and_none_is_left(small: Small) -> None:
    small.write(rows(5), "a")
    small.write(rows(5, start=20), "b")
    small.bring()
    small.write(rows(5, 9.0), "a")
    (small.folder / "b.parquet").unlink()
    two = small.write(rows(5, start=40), "c")
    load = small.bring()
    assert (load.inserted, load.updated, load.removed) == (5, 5, 5) and small.holds(two)
    (small.folder / "c.parquet").rename(small.folder / "d.parquet")
    load = small.bring()
    assert (load.inserted, load.updated, load.removed, load.sent_bytes) == (0, 0, 0, 0), "the same rows"
    for file in small.folder.glob("*"):
        file.unlink()
    assert small.bring().removed == 10 and small.observed().rows == 0
    assert small.bring().sequence == 4


def test_an_empty_table_can_be_the_first(small: Small) -> None:
    none = small.write([])
    assert small.bring().rows == 0 and small.holds(none)
    (small.folder / "a.parquet").unlink()
    assert small.bring().rows == 0
    assert small.bring(replace(small.table(), name="prova__y_observacao")).rows == 0, "no file at all"
    one = small.write(rows(2))
    assert small.bring().inserted == 2 and small.holds(one)


@pytest.mark.drill
def test_a_table_whose_key_is_all_of_it(small: Small) -> None:
    small.columns, small.key = (("id", "string"), ("ano", "integer"), ("sim", "boolean")), ("id", "ano", "sim")
    small.write([("a", 1, True), ("b", 2, False)])
    small.bring()
    two = small.write([("b", 2, False), ("b", 2, True)])
    load = small.bring()
    assert (load.inserted, load.updated, load.removed) == (1, 0, 1) and small.holds(two)


FEWER: Columns = tuple(column for column in OBSERVATION if column[0] != "valor_texto")
MORE: Columns = (*OBSERVATION, ("nota", "integer"))
RETYPED: Columns = tuple((name, "integer" if name == "valor" else kind) for name, kind in OBSERVATION)
MOVED: Columns = (*OBSERVATION[1:], OBSERVATION[0])


@pytest.mark.parametrize("columns", [RETYPED, *(pytest.param(one, marks=DRILL) for one in (FEWER, MORE, MOVED))])
def test_columns_of_the_declaration_change(small: Small, columns: Columns) -> None:
    one = small.write(rows(6))
    small.bring()
    small.columns = columns
    found = [dict(zip([name for name, _ in OBSERVATION], row, strict=True)) for row in rows(6)]
    whole = [
        tuple(int(str(row["valor"])[0]) if kind == "integer" else row.get(name) for name, kind in columns)
        for row in found
    ]
    two = small.write(whole)
    load = small.bring()
    assert load.mode == "completa" and small.holds(two)
    small.columns = OBSERVATION
    assert small.bring(small.back_to(one)).mode == "completa" and small.holds(one), "and back"


@pytest.mark.drill
def test_a_new_key_and_new_columns_lay_the_table_out_anew(small: Small) -> None:
    small.columns, small.key = (("id", "string"), ("ano", "integer")), ("id",)
    small.write([("a", 1), ("b", 2)])
    small.bring()
    small.columns, small.key = (("id", "string"), ("ano", "integer"), ("n", "integer")), ("id", "ano")
    two = small.write([("a", 1, 1), ("a", 2, 1)])
    small.bring()
    assert small.holds(two)
    table = small.client().get_table(f"{small.place.project}.{small.place.dataset}.{NAME}")
    assert table.clustering_fields == ["id", "ano"]


HANDS = [
    ("update {t} set valor = 99 where id_municipio = '1100001'", "has changed values in the table"),
    ("delete from {t} where id_municipio = '1100001'", "the last load left 6 rows, there are 5"),
    ("update {t} set _ativo = false where id_municipio = '1100001'", "the last load left 6 rows, there are 5"),
    (
        "insert into {t} (id_indicador, id_municipio, data_referencia, _carga, _ativo)"
        " values ('x', 'y', date '2020-01-01', 1, true)",
        "the last load left 6 rows, there are 7",
    ),
    ("drop table {t}", "another hand has removed the table"),
    ("alter table {t} add column mais string", "has changed the columns of the table"),
    ("alter table {t} drop column valor_texto", "has changed the columns of the table"),
    ("create or replace table {t} as select 1 as x", "has changed the columns of the table"),
    ("delete from {carga} where true", "is there with 6 rows, and no load has brought them"),
]


@pytest.mark.parametrize(("sql", "said"), [*HANDS[:2], *(pytest.param(*hand, marks=DRILL) for hand in HANDS[2:])])
def test_another_hand_is_refused_and_written_over_where_params_say_so(small: Small, sql: str, said: str) -> None:
    small.write(rows(6))
    small.bring()
    noted = small.loads()
    two = small.write(rows(6, 2.0))
    small.sql(sql)
    assert said in small.refused()
    assert small.loads() == ([] if "{carga}" in sql else noted), "nothing was done"
    assert small.bring(foreign="replace").mode == "completa" and small.holds(two)


LEDGER = [
    "update {carga} set versao = 'x' where true",
    "update {carga} set arquivos = '[]' where true",
    "update {carga} set impressao = '1' where true",
    "update {carga} set iniciada_em = null where true",
    "update {carga} set sequencia = 7 where true",
    "update {vez} set sequencia = 0 where true",
    "update {vez} set sequencia = null where true",
    "delete from {vez} where true",
    "insert into {vez} values (9)",
    "drop table {vez}",
]


@pytest.mark.parametrize("edits", [LEDGER[:2], pytest.param(LEDGER[2:], marks=DRILL)])
def test_a_ledger_that_another_hand_has_edited_is_refused(small: Small, edits: list[str]) -> None:
    one = small.write(rows(3))
    small.bring()
    kept = small.place.table("_antes")
    small.sql(f"create table {kept} as select * from {{carga}}")
    for sql in edits:
        small.sql(sql)
        assert "the table of loads in the warehouse was changed by another hand" in small.refused(), sql
        small.sql("create or replace table {vez} as select 1 as sequencia")
        small.sql("delete from {carga} where true")
        small.sql("insert into {carga} select * from " + kept)
    assert small.bring().sequence == 1 and small.holds(one)


@pytest.mark.drill
def test_a_version_that_is_there_already_is_only_noted(small: Small, gcs_proxy: Proxy) -> None:
    small.write(rows(3))
    small.bring()
    two = small.write([*rows(2), observation(2, 50.0)])
    small.sql("update {t} set valor = 50.0 where id_municipio = '1100002'")
    before = gcs_proxy.uploaded()
    assert small.bring().mode == "reconciliada"
    assert small.holds(two) and gcs_proxy.uploaded() == before


@pytest.mark.drill
def test_a_ledger_that_was_lost_is_written_anew(small: Small) -> None:
    one = small.write(rows(3))
    small.bring()
    small.sql("drop table {carga}")
    assert small.bring().mode == "reconciliada" and small.holds(one)


def test_a_dataset_that_was_made_anew_is_loaded_anew(small: Small) -> None:
    """BigQuery remembers jobs for months; one of a former life of the dataset has done nothing in this one."""
    one = small.write(rows(3))
    small.bring()
    client, name = small.client(), f"{small.place.project}.{small.place.dataset}"
    client.delete_dataset(name, delete_contents=True)
    small.dataset()
    assert small.bring().sequence == 1 and small.holds(one)


@pytest.mark.drill
def test_whole_where_the_declaration_says_so(small: Small) -> None:
    small.write(rows(6))
    small.bring(replace(small.table(), is_full=True))
    two = small.write(rows(5))
    load = small.bring(replace(small.table(), is_full=True))
    assert load.mode == "completa" and small.holds(two)
    assert small.sql("select count(*) from {t}") == [(5,)], "no removed row is kept"


def test_a_budget_is_kept(small: Small, bigquery_proxy: Proxy) -> None:
    small.write(rows(6))
    small.bring()
    noted = small.loads()
    two = small.write(rows(7))
    bigquery_proxy.inject(faults.bytes_processed(60 * 10**9), "/jobs", "POST", times=0)
    with pytest.raises(ObservatudoError, match=r"would read 120\.0 GB of BigQuery, and the budget is 100 GB"):
        small.bring()
    assert small.loads() == noted
    assert small.bring(budget_gb=121).inserted == 1 and small.holds(two)


@pytest.mark.drill
def test_a_table_that_left_the_params_stays_as_it_is(small: Small) -> None:
    small.write(rows(3))
    other = replace(small.table(), name="prova__outra_observacao")
    small.bring(small.table(), other)
    small.bring(small.write(rows(4)))
    assert [row[0] for row in small.loads()] == [1, 2, 3]
    assert small.bring(replace(small.table(), name=other.name)).inserted == 1, "it comes back as any other version"


@pytest.mark.parametrize("harm", ["other rows", *(pytest.param(one, marks=DRILL) for one in ("missing", "cut"))])
def test_an_older_version_that_this_machine_has_not_sound_is_not_compared_with(small: Small, harm: str) -> None:
    one = small.write(rows(6))
    small.bring()
    two = small.write(rows(5, 2.0))
    stored = small.cached(one.files[0].md5)
    if harm == "missing":
        stored.unlink()
    else:
        stored.write_bytes(stored.read_bytes()[:-9] if harm == "cut" else small.cached(two.files[0].md5).read_bytes())
    assert small.bring().mode == "completa"
    assert small.holds(two)
    assert small.said == [f"{NAME}: this machine does not have the version that BigQuery has; the table is sent whole"]


def test_what_a_load_cut_off_has_left_goes_by_itself(small: Small) -> None:
    small.write(rows(3))
    small.bring()
    left = f"{small.place.project}.{small.place.dataset}._envio_0123456789abcdef"
    small.client().create_table(left)
    small.write(rows(4))
    small.bring()
    table = small.client().get_table(left)
    assert table.expires is not None and (table.expires - table.created).days == 1, "by the server's clock"


@pytest.mark.drill
def test_fingerprints_are_alike_in_duckdb_and_on_the_server_for_each_type(small: Small) -> None:
    """Also on an empty table, with every column null, and for a swap between columns."""
    small.columns = (
        ("id", "string"),
        ("d", "date"),
        ("n", "number"),
        ("i", "integer"),
        ("b", "boolean"),
        ("t", "string"),
    )
    small.key = ("id",)
    for content in (
        [],
        [("a", None, None, None, None, None)],
        [("a", date(2, 3, 4), 1e22, -(2**63), False, "á"), ("á", date(1582, 10, 10), 1 / 3, 2**63 - 1, True, "a")],
        [("á", date(2, 3, 4), 1e22, -(2**63), False, "a"), ("a", date(1582, 10, 10), 1 / 3, 2**63 - 1, True, "á")],
    ):
        table = small.write(content)
        small.bring()
        assert small.holds(table)
    numbers = {load[1] for load in small.loads()}
    assert len(numbers) == 4
