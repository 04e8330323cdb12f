"""Parts config, params, metrics, labels and dbt: what changed, by key, and why."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from observatudo import parquet
from observatudo.compare import keys
from observatudo.compare.dbt import dbt
from observatudo.compare.labels import labels
from observatudo.compare.model import Labels
from observatudo.versions import Version, Versions, tables
from observatudo.warehouse.tables import INDICATOR, arrow_schema
from tests.past import CONFIG, DATASET, PARAMS, Past, label, observation, past

DECLARATION = f"configs/datasets/{DATASET}.yaml"


@pytest.fixture
def repo(tmp_path: Path) -> Past:
    made = past(tmp_path / "repo")
    made.write("data/metrics/ingest/x/y.json", '{"x": {"y": {"rows": 10, "match_rate": 1.0}}}')
    made.write("data/metrics/transform.json", '{"transform": {"tests_passed": 3, "rows": {"fact": 10}}}')
    made.write("dbt/models/marts/fact.sql", "select 1")
    made.write("configs/tabelas/uf.csv", "uf,nome\nSP,São Paulo\nRJ,Rio\n")
    made.observations([observation("3550308", 2019, 1.0, name) for name in ("a", "b", "c", "d")])
    made.labels([label(name, "Saude") for name in ("a", "b", "c", "d")])
    made.commit("first")
    return made


def both(repo: Past) -> tuple[Version, Version]:
    versions = Versions(repo.root)
    return versions.commit("HEAD~1"), versions.commit("HEAD")


def config(repo: Past) -> list[tuple[str, str | None, str, str, object, object]]:
    found = keys.config(*both(repo)).changes
    return [(change.file, change.dataset, change.key, change.change, change.a, change.b) for change in found]


def test_a_key_is_named_not_a_line(repo: Past) -> None:
    repo.write(DECLARATION, "# a comment\n" + CONFIG.replace("number", "integer") + "unit: R$\n")
    repo.commit("second")
    assert config(repo) == [
        (DECLARATION, DATASET, "fields.valor.type", "changed", "number", "integer"),
        (DECLARATION, DATASET, "unit", "added", None, "R$"),
    ]


def test_order_comments_and_quotes_are_no_change(repo: Past) -> None:
    repo.write(DECLARATION, "kind: 'observacao'\n# why\ntitle: Teste\nfields: [{type: number, name: valor}]\n")
    repo.write("configs/tabelas/uf.csv", 'uf,nome\nRJ,Rio\nSP,"São Paulo"\n')
    repo.commit("second")
    assert config(repo) == []


def test_a_named_item_that_moves_in_its_list_is_no_change(repo: Past) -> None:
    repo.write(DECLARATION, "fields:\n- {name: ano}\n- {name: valor, type: number}\n")
    repo.commit("second")
    repo.write(DECLARATION, "fields:\n- {name: valor, type: number}\n- {name: ano}\n- {name: novo}\n")
    repo.commit("third")
    assert [(key, change) for _f, _d, key, change, _a, _b in config(repo)] == [("fields.novo.name", "added")]


def test_true_is_not_one(repo: Past) -> None:
    repo.write(DECLARATION, "flag: 1\n")
    repo.commit("second")
    repo.write(DECLARATION, "flag: true\n")
    repo.commit("third")
    assert config(repo) == [(DECLARATION, DATASET, "flag", "changed", 1, True)]


def test_lines_of_a_table_by_their_key(repo: Past) -> None:
    repo.write("configs/tabelas/uf.csv", "uf,nome\nMG,Minas\nSP,São Paulo\nRJ,Rio de Janeiro\n")
    repo.commit("second")
    file = "configs/tabelas/uf.csv"
    assert config(repo) == [
        (file, None, "MG.nome", "added", None, "Minas"),
        (file, None, "RJ.nome", "changed", "Rio", "Rio de Janeiro"),
    ]


def test_a_snapshot_is_told_by_its_sidecar(repo: Past) -> None:
    repo.write("data/raw/x/y/snapshot.json", '{"files": {"a.csv": {"sha256": "1"}}}')
    repo.write("data/raw/x/y/a.csv", "1")
    repo.commit("second")
    repo.write("data/raw/x/y/snapshot.json", '{"files": {"a.csv": {"sha256": "2"}}}')
    repo.write("data/raw/x/y/a.csv", "2")
    repo.commit("third")
    file = "data/raw/x/y/snapshot.json"
    assert config(repo) == [(file, DATASET, "files.a.csv.sha256", "changed", "1", "2")]


def test_what_cannot_be_parsed_is_compared_as_text(repo: Past) -> None:
    repo.write(DECLARATION, "a: [")
    repo.write("configs/prompts/um.md", "Classifique.")
    repo.commit("second")
    repo.write(DECLARATION, "a: {")
    repo.write("configs/prompts/um.md", "Classifique bem.")
    repo.commit("third")
    assert [(key, a, b) for _f, _d, key, _c, a, b in config(repo)] == [
        ("(text)", "a: [", "a: {"),
        ("(text)", "Classifique.", "Classifique bem."),
    ]


def test_params_belong_to_their_dataset(repo: Past) -> None:
    repo.write("params.yaml", PARAMS.replace("min_rows: 1", "min_rows: 2").replace("0.4", "0.5"))
    repo.commit("second")
    found = keys.params(*both(repo)).changes
    assert [(change.key, change.dataset, change.a, change.b) for change in found] == [
        ("classify.threshold", None, 0.4, 0.5),
        ("ds.x.y.min_rows", DATASET, 1, 2),
    ]


def test_metrics_have_their_delta(repo: Past) -> None:
    repo.write("data/metrics/ingest/x/y.json", '{"x": {"y": {"rows": 8, "match_rate": "n/d"}}}')
    repo.commit("second")
    found = {change.key: change for change in keys.metrics(*both(repo)).changes}
    assert (found["x.y.rows"].delta, found["x.y.rows"].relative) == (-2.0, -0.2)
    assert (found["x.y.match_rate"].delta, found["x.y.match_rate"].b) == (None, "n/d")


def test_what_one_side_lacks_is_said(repo: Past) -> None:
    a = Versions(repo.root).commit("HEAD")
    b = Versions(repo.root).path(str(repo.root / "data/ingested"))
    assert keys.config(a, b).missing == [f"{b.name} has no configs"]
    assert keys.params(a, b).missing == [f"{b.name} has no params.yaml"]
    assert keys.metrics(a, b).missing == [f"{b.name} has no data/metrics"]
    assert dbt(a, b).missing == [f"{b.name} has no dbt", f"{b.name} has no data/metrics/transform.json"]
    assert (dbt(a, b).removed, keys.config(a, b).changes) == ([], [])


def test_models_tests_and_rows_of_dbt(repo: Past) -> None:
    repo.write("dbt/models/marts/fact.sql", "select 2")
    repo.write("dbt/models/marts/dim.sql", "select 3")
    repo.write("dbt/macros/um.sql", "{# #}")
    build = '{"transform": {"tests_passed": 2, "tests_warned": 1, "warned": {"not_null": 3}, "rows": {"fact": 9}}}'
    repo.write("data/metrics/transform.json", build)
    repo.commit("second")
    found = dbt(*both(repo))
    assert (found.added, found.changed, found.removed) == (["dim", "macros/um.sql"], ["fact"], [])
    assert (found.began_to_fail, found.ceased_to_fail) == (["not_null"], [])
    assert [(row.model, row.a, row.b) for row in found.rows] == [("fact", 10, 9)]
    assert {test.name: (test.a, test.b) for test in found.tests}["tests_passed"] == (3, 2)
    a, b = both(repo)
    assert dbt(b, a).ceased_to_fail == ["not_null"]


def flips(repo: Past) -> Labels:
    a, b = both(repo)
    return labels(a, b, tables(a), tables(b))


def test_every_flip_has_its_cause(repo: Past) -> None:
    names = {"b": "another name"}
    repo.observations([observation("3550308", 2019, 1.0, name) for name in ("a", "b", "c", "d")], names=names)
    changed = [label("a", "Educacao", origem="humano"), label("b", "Financas"), label("d", "Saude")]
    repo.labels([*changed, label("c", "Economia", versao_taxonomia="2")])
    repo.commit("second")
    found = flips(repo)
    assert {flip.id_indicador: flip.cause for flip in found.flips} == {"a": "override", "b": "input", "c": "taxonomy"}
    assert found.causes == {"input": 1, "override": 1, "taxonomy": 1}
    assert found.matrix == {"Saude": {"Economia": 1, "Educacao": 1, "Financas": 1, "Saude": 1}}
    assert (found.flipped, found.compared, found.percent, found.status) == (3, 4, 75.0, "changed")
    assert next(flip for flip in found.flips if flip.id_indicador == "b").nome == "another name"


@pytest.mark.parametrize(
    ("change", "params", "cause"),
    [
        ({"versao_classificador": "2"}, PARAMS, "model"),
        ({}, PARAMS.replace("0.4", "0.9"), "model"),
        ({}, PARAMS, "noise"),
    ],
)
def test_model_threshold_or_noise(repo: Past, change: dict[str, object], params: str, cause: str) -> None:
    repo.write("params.yaml", params)
    repo.labels([label("a", "Economia", **change), *(label(name, "Saude") for name in "bcd")])
    repo.commit("second")
    assert flips(repo).causes == {cause: 1}


PROMPT = "configs/prompts/eixo.md"
TOLD = {"origem": "consenso", "versao_modelo": "m=x", "versao_prompt": "aaa"}


@pytest.mark.parametrize(
    ("before", "after", "prompt", "cause"),
    [
        (TOLD, {**TOLD, "versao_prompt": "bbb"}, "new", "prompt"),
        (TOLD, {**TOLD, "versao_modelo": "m=y"}, "old", "model"),
        (TOLD, TOLD, "old", "noise"),
        ({}, TOLD, "old", "model"),  # the model began to answer
        (TOLD, {}, "new", "prompt"),  # the model has not answered the new prompt yet
        (TOLD, {}, "old", "model"),  # its answers were taken away
        (TOLD, {**TOLD, "versao_modelo": "m=x+n=y", "versao_prompt": "aaa+bbb"}, "old", "model"),  # another joined in
        (TOLD, {**TOLD, "versao_modelo": "m=x+n=y", "versao_prompt": "bbb"}, "new", "prompt"),
    ],
)
def test_a_flip_behind_which_models_stand(
    repo: Past, before: dict[str, object], after: dict[str, object], prompt: str, cause: str
) -> None:
    repo.write("params.yaml", "classify: {threshold: 0.4, providers: {m: 0.8}}\n")
    repo.write("configs/provedores.yaml", "providers:\n  m: {base_url: http://x/v1, model: x}\n")
    repo.write(PROMPT, "old")
    repo.labels([label("a", "Saude", **before)])
    repo.commit("first of two")
    repo.write(PROMPT, prompt)
    repo.labels([label("a", "Economia", **after)])
    repo.commit("second of two")
    assert flips(repo).causes == {cause: 1}


def test_another_parameter_of_a_model_is_another_model(repo: Past) -> None:
    repo.write("params.yaml", "classify: {threshold: 0.4, providers: {m: 0.8}}\n")
    for number, axis in enumerate(("Saude", "Economia")):
        declared = f"{{base_url: http://x{number}/v1, model: x, parameters: {{temperature: {number}}}}}"
        repo.write("configs/provedores.yaml", f"providers:\n  m: {declared}\n")
        repo.labels([label("a", axis, **TOLD)])
        repo.commit(axis)
    assert flips(repo).causes == {"model": 1}


def test_labels_that_came_and_went(repo: Past) -> None:
    repo.labels([label(name, "Saude") for name in ("a", "b", "e")])
    repo.commit("second")
    found = flips(repo)
    assert (found.added, found.removed, found.flipped, found.compared, found.status) == (1, 2, 0, 2, "changed")


def test_no_labels_on_one_side(repo: Past) -> None:
    del repo.lock["classify"]
    repo.commit("second")
    found = flips(repo)
    assert (found.status, found.missing) == ("missing", ["HEAD has no labels"])


@pytest.mark.parametrize(
    ("file", "before", "after"),
    [
        (DECLARATION, "a.b: 1\na: {b: 2}\n", "a.b: 9\na: {b: 2}\n"),
        (DECLARATION, "primaryKey: [a, b]\n", "primaryKey: [b, a]\n"),
        (DECLARATION, "x: {a: a}\n", "x: [a]\n"),
        (DECLARATION, "x: 2020-01-01\n", "x: '2020-01-01'\n"),
        ("configs/tabelas/t.csv", "id,v\n1,2\n", "codigo,v\n1,2\n"),
        ("configs/tabelas/t.csv", "a,b,c\nx | y,z,1\nx,q,1\n", "a,b,c\nx,y | z,1\nx,q,1\n"),
    ],
)
def test_what_flat_keys_cannot_tell_is_still_a_change(repo: Past, file: str, before: str, after: str) -> None:
    repo.write(file, before)
    repo.commit("second")
    repo.write(file, after)
    repo.commit("third")
    assert [(path, key, change) for path, _d, key, change, _a, _b in config(repo)] == [
        (file, "(order or form)", "changed")
    ]


def test_a_line_that_repeats_a_first_cell_is_one_line_more(repo: Past) -> None:
    lines = "".join(f"{n},a,{n}\n" for n in range(10))
    repo.write("configs/tabelas/t.csv", f"id,x,v\n{lines}")
    repo.commit("second")
    repo.write("configs/tabelas/t.csv", f"id,x,v\n{lines}3,b,7\n")
    repo.commit("third")
    assert config(repo) == [("configs/tabelas/t.csv", None, "3 | b.v", "added", None, "7")]


@pytest.mark.parametrize("text", ["a: &x [*x]\n", "a: " + "[" * 3000 + "]" * 3000 + "\n", "bomb"])
def test_a_file_made_to_exhaust_is_compared_as_text(repo: Past, text: str) -> None:
    if text == "bomb":
        levels = "".join(f"k{n}: &k{n} [{', '.join(9 * [f'*k{n - 1}'])}]\n" for n in range(1, 9))
        text = f"k0: &k0 [{', '.join(9 * ['x'])}]\n{levels}"
    repo.write(DECLARATION, text)
    repo.commit("second")
    assert [(key, b) for _f, _d, key, _c, _a, b in config(repo) if key == "(text)"] == [("(text)", text)]


def test_nan_is_nan_and_a_number_of_hundreds_of_digits_has_no_delta(repo: Past) -> None:
    repo.write("data/metrics/transform.json", '{"n": NaN, "long": 1, "down": -4}')
    repo.commit("second")
    repo.write("data/metrics/transform.json", '{"n": NaN, "long": 1' + "0" * 400 + ', "down": -6}')
    repo.commit("third")
    found = {change.key: (change.delta, change.relative) for change in keys.metrics(*both(repo)).changes}
    assert found == {"long": (None, None), "down": (-2.0, -0.5)}


def test_tests_that_warned_without_a_name_are_not_guessed(repo: Past) -> None:
    repo.write("data/metrics/transform.json", '{"transform": {"tests_warned": 1}}')
    repo.commit("second")
    repo.write("data/metrics/transform.json", '{"transform": {"tests_warned": 1, "warned": {"t1": 2}}}')
    repo.commit("third")
    found = dbt(*both(repo))
    assert (found.began_to_fail, found.missing) == ([], ["HEAD~1 does not name its tests that warn"])


def test_a_model_renamed_in_a_project_of_one(repo: Past) -> None:
    repo.git("mv", "dbt/models/marts/fact.sql", "dbt/models/marts/fato.sql")
    repo.commit("second")
    found = dbt(*both(repo))
    assert (found.added, found.removed) == (["fato"], ["fact"])


def test_labels_that_are_the_same_are_counted_where_they_are(repo: Past) -> None:
    repo.commit("second")
    assert (flips(repo).status, flips(repo).compared) == ("same", 4)
    version = Versions(repo.root).commit("HEAD")
    repo.object(version.lock.outs["data/classified/rotulo.parquet"].md5).unlink()
    assert (flips(repo).status, flips(repo).compared) == ("same", 0)


def test_broken_params_are_no_reason_not_to_compare_labels(repo: Past) -> None:
    repo.write("params.yaml", "a: [")
    repo.labels([label("a", "Economia"), *(label(name, "Saude") for name in "bcd")])
    repo.commit("second")
    assert flips(repo).causes == {"model": 1}


def test_the_axis_of_the_source_is_an_input(repo: Past) -> None:
    schema = arrow_schema(INDICATOR)
    described = [{"id_indicador": name, "nome": name, "eixo_fonte": "x" if name == "a" else None} for name in "abcd"]
    parquet.write(pa.Table.from_pylist(described, schema), repo.root / f"data/ingested/{DATASET}/indicador.parquet")
    repo.out(f"ingest@{DATASET}", f"data/ingested/{DATASET}")
    repo.labels([label("a", "Economia"), *(label(name, "Saude") for name in "bcd")])
    repo.commit("second")
    assert flips(repo).causes == {"input": 1}
