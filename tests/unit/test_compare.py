"""Two versions in, one comparison out: every part from one object, and nothing guessed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from observatudo.compare.compare import Options, compare, require_tables
from observatudo.compare.model import Comparison
from observatudo.compare.rows import Tolerance
from observatudo.errors import ObservatudoError
from observatudo.versions import Versions
from tests.past import CONFIG, DATASET, Past, Row, label, observation, past

TABLE = f"{DATASET}/observacao"
ROWS: list[Row] = [observation(place, year, 10.0 * year) for place in ("3304557", "3550308") for year in (2018, 2019)]


@pytest.fixture
def repo(tmp_path: Path) -> Past:
    made = past(tmp_path / "repo")
    made.observations(ROWS)
    made.labels([label("pib", "Economia")])
    made.table("fact_indicador", pa.Table.from_pylist([dict(row) for row in ROWS]), ["id_municipio", "data_referencia"])
    made.commit("first")
    return made


def compared(repo: Past, *names: str, options: Options | None = None) -> Comparison:
    return compare(*Versions(repo.root).pair(list(names) or ["HEAD~1", "HEAD"]), options)


def test_nothing_changed(repo: Past) -> None:
    repo.commit("second")
    found = compared(repo)
    assert found.verdict.outcome == "same"
    table = found.rows[TABLE]
    assert (table.status, table.rows_a, table.rows_b, table.same, table.changed) == ("same", 4, 4, 4, 0)
    assert (table.files_skipped, table.files_read) == (1, 0)


def test_one_value_one_key_and_nothing_else(repo: Past) -> None:
    repo.write(f"configs/datasets/{DATASET}.yaml", CONFIG + "unit: R$\n")
    repo.write("configs/tabelas/uf.csv", "id_uf,sigla_uf,nome\n35,SP,São Paulo\n")
    repo.observations([*ROWS[:-1], {**ROWS[-1], "valor": 1.0}])
    repo.commit("second")
    found = compared(repo)
    assert [change.key for change in found.config.changes if change.dataset] == ["unit"]
    table = found.rows[TABLE]
    assert (table.status, table.added, table.removed, table.changed, table.same) == ("changed", 0, 0, 1, 3)
    assert table.columns["valor"].changed == 1
    assert table.columns["valor"].max_abs_delta == pytest.approx(20189.0)
    assert [(s.change, s.key["id_municipio"], s.a, s.b) for s in table.samples] == [
        ("changed", "3550308", {"valor": 20190.0}, {"valor": 1.0})
    ]
    assert [(part.name, part.changed) for part in table.segments["state"]] == [("SP", 1)]
    assert {name for name, table in found.rows.items() if table.status != "same"} == {TABLE}
    assert (found.verdict.outcome, found.verdict.changed, found.verdict.tables) == ("changed", 1, [TABLE])


def test_what_follows_from_others_is_compared_but_not_counted_twice(repo: Past) -> None:
    changed = [*ROWS[:-1], {**ROWS[-1], "valor": 1.0}]
    repo.observations(changed)
    repo.table(
        "fact_indicador", pa.Table.from_pylist([dict(row) for row in changed]), ["id_municipio", "data_referencia"]
    )
    repo.commit("second")
    found = compared(repo)
    assert found.rows["fact_indicador"].changed == 1
    assert (found.verdict.changed, found.verdict.tables) == (1, [TABLE])


def test_a_dataset_that_came_and_one_that_went(repo: Past) -> None:
    repo.observations([observation("3550308", 2020, 1.0, "z")], dataset="novo/um")
    repo.commit("second")
    came, went = compared(repo), compared(repo, "HEAD", "HEAD~1")
    table = came.rows["novo/um/observacao"]
    assert (table.status, table.added, table.rows_a, table.rows_b) == ("added", 1, None, 1)
    assert came.columns.tables == {"novo/um/observacao": "added", "novo/um/indicador": "added"}
    assert (went.rows["novo/um/observacao"].status, went.rows["novo/um/observacao"].removed) == ("removed", 1)
    assert went.verdict.removed == 2


def test_duplicate_keys_are_named_and_nothing_is_guessed(repo: Past) -> None:
    repo.observations([*ROWS, {**ROWS[0], "valor": 1.0}])
    repo.commit("second")
    found = compared(repo)
    table = found.rows[TABLE]
    assert (table.status, table.changed, found.verdict.outcome) == ("not_comparable", None, "not_comparable")
    assert table.duplicates[0]["id_municipio"] == "3304557"
    assert found.verdict.not_comparable == [TABLE]


def test_bytes_that_are_nowhere_are_missing_not_changed(repo: Past) -> None:
    repo.observations([*ROWS[:-1], {**ROWS[-1], "valor": 1.0}])
    repo.commit("second")
    version = Versions(repo.root).commit("HEAD")
    entries = {entry.relpath: entry.md5 for entry in version.files(f"data/ingested/{DATASET}")}
    repo.object(entries["observacao/pib.parquet"]).unlink()
    found = compared(repo)
    assert (found.rows[TABLE].status, found.verdict.outcome) == ("missing", "not_comparable")
    assert "no remote is set" in found.rows[TABLE].why
    assert found.verdict.missing == [TABLE]


def test_a_table_without_a_key_asks_for_one(repo: Past) -> None:
    repo.table("livre", pa.table({"a": [1, 2], "b": [1.0, 2.0]}), [])
    repo.commit("second")
    repo.table("livre", pa.table({"a": [1, 2], "b": [1.0, 3.0]}), [])
    repo.commit("third")
    assert compared(repo).rows["livre"].status == "not_comparable"
    assert "--key livre=" in compared(repo).rows["livre"].next_step
    assert compared(repo, options=Options(keys=lambda _table: ("a",))).rows["livre"].changed == 1


def test_a_renamed_column_is_found_by_its_content_and_still_compared(repo: Past) -> None:
    count = 60
    before = pa.table({"id": list(range(count)), "valor": [1.5 * n for n in range(count)]})
    after = pa.table({"id": list(range(count)), "montante": [1.5 * n + (n == 7) for n in range(count)]})
    repo.table("livre", before, ["id"])
    repo.commit("second")
    repo.table("livre", after, ["id"])
    repo.commit("third")
    found = compared(repo)
    (change,) = found.columns.columns
    assert (change.change, change.column, change.renamed_to) == ("renamed", "valor", "montante")
    assert (found.rows["livre"].changed, found.rows["livre"].same) == (1, 59)


def test_only_some_tables_and_tolerances(repo: Past) -> None:
    repo.observations([*ROWS[:-1], {**ROWS[-1], "valor": 20190.0001}])
    repo.commit("second")
    options = Options(only=["*/observacao"], tolerances=lambda _table: {"valor": Tolerance(absolute=0.001)})
    found = compared(repo, options=options)
    assert list(found.rows) == [TABLE]
    assert (found.rows[TABLE].changed, found.rows[TABLE].columns["valor"].within_tolerance) == (0, 1)
    assert found.rows[TABLE].status == "same"


def test_two_files_are_one_table_whatever_they_are_called(repo: Past, tmp_path: Path) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    rows = [dict(row) for row in ROWS]
    pq.write_table(pa.Table.from_pylist(rows), folder / "antes.parquet")
    pq.write_table(pa.Table.from_pylist([*rows[:-1], {**rows[-1], "valor": 1.0}]), folder / "depois.parquet")
    found = compared(repo, f"{folder}/antes.parquet", f"{folder}/depois.parquet")
    (table,) = found.rows.values()
    assert (table.changed, table.key) == (1, ["id_indicador", "id_municipio", "data_referencia"])
    assert found.verdict.outcome == "changed"


def test_the_workspace_against_head(repo: Past) -> None:
    repo.observations([*ROWS[:-1], {**ROWS[-1], "valor": None}])
    found = compare(*Versions(repo.root).pair([]))
    assert found.rows[TABLE].columns["valor"].to_null == 1
    assert (found.a.name, found.b.kind) == ("HEAD", "workspace")


def test_before_anything_was_made(tmp_path: Path) -> None:
    made = past(tmp_path / "repo")
    made.commit("first")
    made.commit("second")
    with pytest.raises(ObservatudoError, match="neither HEAD~1 nor HEAD has a table"):
        require_tables(compared(made))


def test_nothing_is_left_behind(repo: Past) -> None:
    repo.observations([*ROWS[:-1], {**ROWS[-1], "valor": 1.0}])
    repo.commit("second")
    compared(repo)
    left = (
        [path.name for path in (repo.root / ".observatudo").glob("*")] if (repo.root / ".observatudo").exists() else []
    )
    assert [name for name in left if name.startswith("diff-")] == []
    assert repo.git("status", "--short") == ""


def test_of_a_version_and_a_path_what_stands_at_the_path_is_compared(repo: Past, tmp_path: Path) -> None:
    folder = tmp_path / "export"
    folder.mkdir()
    changed = [*ROWS[:-1], {**ROWS[-1], "valor": 1.0}]
    pq.write_table(pa.Table.from_pylist([dict(row) for row in changed]), folder / "fact_indicador.parquet")
    for names, missing in ((["HEAD", str(folder)], True), ([str(folder), "HEAD"], True)):
        found = compared(repo, *names)
        assert list(found.rows) == ["fact_indicador"]
        assert (found.rows["fact_indicador"].changed, bool(found.labels.missing)) == (1, missing)
        assert found.rows["fact_indicador"].key == ["id_municipio", "data_referencia"]
    assert [path.name for path in folder.iterdir()] == ["fact_indicador.parquet"]


def test_a_part_that_is_gone_is_a_change(repo: Past) -> None:
    repo.write("data/metrics/transform.json", "{}")
    repo.commit("second")
    repo.git("rm", "-rq", "data/metrics")
    repo.commit("third")
    found = compared(repo)
    assert (found.metrics.missing, found.verdict.outcome) == (["HEAD has no data/metrics"], "changed")


def test_a_test_that_ceased_to_warn_is_a_change(repo: Past) -> None:
    repo.write("dbt/models/a.sql", "select 1")
    repo.write("data/metrics/transform.json", '{"transform": {"tests_warned": 1, "warned": {"t": 1}}}')
    repo.commit("second")
    repo.write("data/metrics/transform.json", '{"transform": {"tests_warned": 0}}')
    repo.commit("third")
    found = compared(repo)
    assert found.dbt.ceased_to_fail == ["t"]
    assert found.verdict.outcome == "changed"


def test_outputs_that_are_not_in_the_work_tree_are_missing_not_removed(repo: Past) -> None:
    shutil.rmtree(repo.root / "data/ingested")
    found = compare(*Versions(repo.root).pair([]))
    table = found.rows[f"data/ingested/{DATASET}"]
    assert (table.status, table.next_step) == ("missing", f"dvc checkout data/ingested/{DATASET}")
    assert (found.verdict.outcome, found.verdict.removed) == ("not_comparable", 0)
    (repo.root / "dvc.lock").unlink()
    with pytest.raises(ObservatudoError, match=r"has no dvc\.lock"):
        compare(*Versions(repo.root).pair([]))


def test_one_damaged_table_does_not_end_the_others(repo: Past) -> None:
    repo.observations([*ROWS[:-1], {**ROWS[-1], "valor": 1.0}])
    repo.labels([label("pib", "Saude")])
    repo.commit("second")
    version = Versions(repo.root).commit("HEAD")
    entries = {entry.relpath: entry.md5 for entry in version.files(f"data/ingested/{DATASET}")}
    _overwrite(repo.object(entries["observacao/pib.parquet"]), b"PAR1 no more")
    found = compared(repo)
    assert (found.rows[TABLE].status, found.rows["rotulo"].changed, found.labels.flipped) == ("not_comparable", 1, 1)
    assert "pib.parquet" in found.rows[TABLE].why


def test_what_is_damaged_and_the_same_on_both_sides_is_the_same(repo: Past) -> None:
    repo.commit("second")
    version = Versions(repo.root).commit("HEAD")
    out = version.lock.outs[f"data/ingested/{DATASET}"]
    entries = {entry.relpath: entry.md5 for entry in version.files(out.path)}
    _overwrite(repo.object(entries["observacao/pib.parquet"]), b"PAR1 no more")
    assert (compared(repo).rows[TABLE].status, compared(repo).rows[TABLE].rows_a) == ("same", None)
    repo.object(out.md5).unlink()
    assert compared(repo).rows[out.path].status == "same"


def test_a_folder_of_parquet_files_at_a_path_is_a_table(repo: Past, tmp_path: Path) -> None:
    for name in ("a", "b"):
        shutil.copytree(repo.root / f"data/ingested/{DATASET}", tmp_path / name)
    table = pa.Table.from_pylist([dict(row) for row in [*ROWS[:-1], {**ROWS[-1], "valor": 1.0}]])
    pq.write_table(table, tmp_path / "b/observacao/pib.parquet")
    found = compared(repo, str(tmp_path / "a"), str(tmp_path / "b"))
    assert {name: table.status for name, table in found.rows.items()} == {"indicador": "same", "observacao": "changed"}
    assert found.rows["observacao"].changed == 1


def test_the_key_of_the_policy_does_not_replace_a_tables_own(repo: Past) -> None:
    repo.observations([*ROWS[:-1], {**ROWS[-1], "valor": 1.0}])
    repo.commit("second")
    assert compared(repo, options=Options(default_keys=lambda _table: ("valor",))).rows[TABLE].changed == 1


def _overwrite(path: Path, content: bytes) -> None:
    path.chmod(0o644)
    path.write_bytes(content)
