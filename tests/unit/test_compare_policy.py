"""The policy: what is read as a rule, what is refused and where, and what a comparison breaks of it."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from observatudo.compare import policy
from observatudo.compare.model import (
    Breach,
    Column,
    ColumnChange,
    Comparison,
    Dbt,
    KeyChange,
    Keys,
    Labels,
    MetricChange,
    Metrics,
    Schema,
    Table,
)
from observatudo.compare.policy import Policy, PolicyError
from observatudo.compare.rows import Tolerance
from observatudo.errors import ConfigError
from tests.comparisons import TABLE, changed, comparison, rich
from tests.conftest import ROOT


def broken(found: Comparison, rules: str) -> list[tuple[str, str]]:
    return [(breach.where, breach.measured) for breach in policy.check(found, policy.parse(rules))]


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("changed>1%,removed>0,schema,labels>2%", "changed>1%, removed>0, schema, labels>2%"),
        (" changed [ */observacao ] > 0.50 % , dbt", "changed[*/observacao]>0.5%, dbt"),
        ("changed[fact_indicador.valor]>1%", "changed[fact_indicador.valor]>1%"),
        ("metrics[*.match_rate]>5%,metrics>10", "metrics[*.match_rate]>5%, metrics>10"),
        ("config[sidra/*],params[classify.*],missing,duplicates,not_comparable", None),
        ("", ""),
        ("  ", ""),
    ],
)
def test_rules_are_read_and_written_back(text: str, canonical: str | None) -> None:
    found = str(policy.parse(text))
    assert found == (text.replace(",", ", ") if canonical is None else canonical)
    assert policy.parse(found) == policy.parse(text)


@pytest.mark.parametrize(
    ("text", "position", "words"),
    [
        ("chnged>1", 1, "did you mean “changed”?"),
        ("changed>1%, remvd>0", 13, "did you mean “removed”?"),
        ("changed", 8, "“>” and a number, as in changed>1%"),
        ("changed<1", 8, "“>” and a number"),
        ("changed>", 9, "a number"),
        ("changed>-1", 9, "found “-”, expected a number"),
        ("changed>1%,", 12, "found the end"),
        ("changed>1%%", 11, "a comma between two rules"),
        ("schema>1", 7, "a comma between two rules"),
        ("labels[x]>1", 7, "“>” and a number"),
        ("changed[a", 9, "a name or pattern and “]”"),
        ("changed[]>1", 9, "a name or pattern and “]”"),
        ("%", 1, "expected one of added, removed"),
        ("changed>1e3", 10, "a comma"),
    ],
)
def test_what_is_no_rule_is_refused_at_its_position(text: str, position: int, words: str) -> None:
    with pytest.raises(PolicyError) as caught:
        policy.parse(text)
    assert caught.value.where.startswith(f"position {position} of")
    assert words in str(caught.value)


@given(st.text(max_size=30) | st.text("changedrmov>[]%,.0123456789 *", max_size=30))
def test_any_text_is_read_or_refused_with_a_position_inside_it(text: str) -> None:
    try:
        found = policy.parse(text)
    except PolicyError as error:
        assert 1 <= int(error.where.split()[1]) <= len(text) + 1
    else:
        assert policy.parse(str(found)) == found


@given(st.integers(0, 10**9), st.integers(1, 10**9), st.decimals(0, 100, places=3))
def test_a_share_is_compared_exactly(count: int, rows: int, most: Fraction) -> None:
    """0.1 % of 1,000 rows is one row: with binary fractions one row is sometimes more than that."""
    found = comparison(rows={"t": changed(rows_a=rows, changed=count)})
    assert bool(broken(found, f"changed>{most}%")) == (Fraction(count, rows) * 100 > Fraction(most))


def test_counts_are_held_against_the_rows_there_were() -> None:
    found = comparison(rows={"a": changed(rows_a=300, changed=3, removed=3, added=4), "b": Table(status="same")})
    assert broken(found, "changed>1%") == []
    assert broken(found, "changed>0.9%") == [("a", "1.00%, 3 of 300")]
    assert broken(found, "removed>2, added>4, added>3") == [("a", "3"), ("a", "4")]
    assert broken(found, "changed[b]>0") == []


def test_a_table_that_is_gone_has_lost_all_its_rows() -> None:
    found = comparison(rows={"gone": Table(status="removed", rows_a=10), "new": Table(status="added", rows_b=12)})
    assert broken(found, "removed>99%, changed>0") == [("gone", "100.00%, 10 of 10")]
    assert broken(found, "removed>9, removed>10") == [("gone", "10")]
    assert broken(found, "added>100%") == [("new", "∞, 12 of 0")]
    unread = comparison(rows={"gone": Table(status="removed"), "new": Table(status="added")})
    assert broken(unread, "removed>1000, added>50%") == [("gone", "all rows"), ("new", "all rows")]


def test_a_rule_can_be_bound_to_tables_and_columns() -> None:
    columns = {"valor": Column(changed=30, percent=3), "nota": Column(changed=1, percent=0.1)}
    table = changed(rows_a=1000, changed=30, same=970, columns=columns)
    found = comparison(rows={TABLE: table, "fact_indicador": table, "v.1": table})
    assert broken(found, "changed[*/observacao]>1%") == [(TABLE, "3.00%, 30 of 1,000")]
    assert broken(found, "changed[fact_indicador.valor]>2.9%") == [("fact_indicador.valor", "3.00%, 30 of 1,000")]
    assert broken(found, "changed[fact_indicador.valor]>3%") == []
    assert broken(found, "changed[*.nota]>0") == [(f"{name}.nota", "1") for name in (TABLE, "fact_indicador", "v.1")]
    assert broken(found, "changed[v.1]>0") == [("v.1", "30")]  # a table's whole name is no column of another


def test_a_rule_on_what_is_not_there_does_not_pass() -> None:
    found = comparison(rows={"fact_indicador": changed(), "same": Table(status="same")})
    assert broken(found, "changed[fact_indicdor]>5") == [("fact_indicdor", "no such table")]
    assert broken(found, "changed[fact_indicador.vlor]>5") == [("fact_indicador.vlor", "no such column on both sides")]
    some = policy.check(found, policy.parse("changed[other]>5, changed[fact_indicador]>2"), is_partial=True)
    assert [(breach.where, breach.measured) for breach in some] == [("fact_indicador", "3")]
    assert broken(found, "changed[same.x]>5, changed[nothing*]>5, removed[*]>5") == []


@pytest.mark.parametrize("change", ["removed", "renamed"])
def test_a_rule_on_a_column_that_went_does_not_pass_though_no_row_differs(change: str) -> None:
    went = ColumnChange.model_validate({"table": "m", "column": "valor", "change": change, "renamed_to": "novo"})
    table = changed(status="same", added=0, removed=0, changed=0, columns={"nota": Column(changed=0, percent=0)})
    found = comparison(rows={"m": table, "n": table}, columns=Schema(columns=[went]))
    gone = [("m.valor", "no such column on both sides")]
    assert broken(found, "changed[m.valor]>0") == gone
    assert broken(found, "changed[*.val*]>0") == gone
    assert broken(found, "changed[m.nota]>0, changed[*.o*]>0") == []
    assert broken(found, "changed[n.nta]>0") == [("n.nta", "no such column on both sides")]
    removed = comparison(rows={"m": Table(status="removed", rows_a=1)})
    assert broken(removed, "changed[m.valor]>0") == gone


@pytest.mark.parametrize(
    "rule", ["labels>2%", "metrics>5%", "metrics[x.*]>5", "config", "params", "params[a.*]", "dbt"]
)
def test_a_rule_on_a_part_that_one_side_lacks_does_not_pass(rule: str) -> None:
    part = rule.partition(">")[0].partition("[")[0]
    kinds: dict[str, type[BaseModel]] = {
        "labels": Labels,
        "metrics": Metrics,
        "config": Keys,
        "params": Keys,
        "dbt": Dbt,
    }
    found = comparison(**{part: kinds[part].model_validate({"missing": ["HEAD has no such thing"]})})
    assert broken(found, rule) == [("HEAD has no such thing", "missing")]


def test_metrics_are_held_against_their_old_value() -> None:
    def metric(key: str, **values: object) -> MetricChange:
        return MetricChange.model_validate({"file": "m.json", "key": key, "change": "changed"} | values)

    found = comparison(
        metrics=Metrics(
            changes=[
                metric("x.rate", a=1.0, b=0.9, delta=-0.1, relative=-0.1),
                metric("x.zero", a=0, b=1, delta=1.0),
                metric("x.nan", a=1, b="NaN", delta=float("nan"), relative=float("nan")),
                metric("x.word", a="a", b="b"),
                metric("x.gone", change="removed", a=1),
                metric("x.new", change="added", b=1),
                metric("x.text", a=1, b="one"),
            ]
        )
    )
    assert broken(found, "metrics[x.rate]>9%") == [("x.rate", "-10.00%")]
    assert broken(found, "metrics[x.rate]>0.05") == [("x.rate", "-0.1")]
    assert broken(found, "metrics[x.rate]>10%, metrics[y*]>0") == []
    assert [where for where, _measured in broken(found, "metrics>50%")] == ["x.zero", "x.nan", "x.gone", "x.text"]


def test_flags_name_every_place() -> None:
    duplicated = Table(status="not_comparable", why="key given twice", duplicates=[{"id": "1", "ano": 2020}])
    found = comparison(
        config=Keys(changes=[KeyChange(file="configs/a.yaml", dataset="x/y", key="k", change="added", b=1)]),
        params=Keys(
            changes=[KeyChange(file="params.yaml", dataset=None, key="classify.threshold", change="changed", a=1, b=2)],
            missing=["HEAD~9 has no params.yaml"],
        ),
        columns=Schema(tables={"t": "removed"}),
        rows={"d": duplicated, "m": Table(status="missing")},
        labels=Labels(status="changed", compared=200, flipped=3, percent=1.5),
        dbt=Dbt(began_to_fail=["not_null_x"]),
    )
    assert broken(found, "config, config[x/*], config[configs/a.yaml], config[z*]") == 3 * [
        ("configs/a.yaml: k", "added")
    ]
    lacking = ("HEAD~9 has no params.yaml", "missing")
    assert broken(found, "params[classify.*], params[ds.*]") == [
        lacking,
        ("classify.threshold", "changed"),
        lacking,
    ]
    assert broken(found, "schema, schema[u]") == [("t", "removed")]
    assert broken(found, "labels>1%, labels>1.5%, labels>2") == [("labels", "1.50%, 3 of 200"), ("labels", "3")]
    assert broken(found, "dbt") == [("not_null_x", "began to fail")]
    assert broken(found, "missing") == [("m", "missing"), ("HEAD~9 has no params.yaml", "missing")]
    assert broken(found, "duplicates, not_comparable") == [("d", "1 · 2020"), ("d", "key given twice")]


def test_two_sides_that_are_the_same_break_nothing() -> None:
    every = ",".join([*policy.FLAGS, *(f"{term}>0" for term in policy.COUNTED)])
    assert broken(comparison(rows={"t": Table(status="same", rows_a=5, rows_b=5, same=5)}), every) == []
    assert {breach.rule.split(">")[0] for breach in policy.check(rich(), policy.parse(every))} == {
        *policy.FLAGS,
        *policy.COUNTED,
    }


def test_the_file_in_the_repository_is_there_and_breaks_nothing() -> None:
    """Without rules of one's own ``observatudo diff`` exits with 0 whatever changed."""
    found = policy.load(ROOT)
    assert found is not None
    assert policy.check(rich(), found) == []


def test_the_examples_in_the_files_comments_can_be_used(tmp_path: Path) -> None:
    text = (ROOT / policy.FILE).read_text(encoding="utf-8")
    lines = [line.removeprefix("#") for line in text.splitlines()]
    rules = [line for line in lines if line.startswith(("   - rule:", "     reason:"))]
    tolerances = [line for line in lines if line.startswith(('   "*/', "     valor:"))]
    keys = [line for line in lines if line.startswith("   mart_")]
    written = ["rules:", *rules, "tolerances:", *tolerances, "keys:", *keys]
    assert [len(part) for part in (rules, tolerances, keys)] == [4, 2, 1]
    found = loaded(tmp_path, "\n".join(written))
    assert str(found) == "removed[*/observacao]>0.1%, schema, dbt"
    assert found.tolerances("a/b/observacao") == {"valor": Tolerance(absolute=1e-9)}
    assert found.key("mart_saude") == ("id_municipio", "ano")


def loaded(root: Path, text: str) -> Policy:
    (root / "configs").mkdir(exist_ok=True)
    (root / policy.FILE).write_text(text, encoding="utf-8")
    found = policy.load(root)
    assert found is not None
    return found


def test_no_file_is_no_policy(tmp_path: Path) -> None:
    assert policy.load(tmp_path) is None
    assert policy.combined(None, None) == Policy()


def test_a_breach_says_why_its_rule_is_there(tmp_path: Path) -> None:
    found = loaded(tmp_path, "rules:\n  - {rule: 'changed>0, schema', reason: ask Ana}\n")
    assert policy.check(comparison(rows={"t": changed()}), found) == [
        Breach(rule="changed>0", measured="3", where="t", reason="ask Ana")
    ]


def test_typed_rules_are_added_to_those_of_the_file(tmp_path: Path) -> None:
    file = loaded(tmp_path, "rules: [{rule: schema, reason: r}]\ntolerances: {'*': {v: {relative: 0.1}}}\n")
    both = policy.combined(file, policy.parse("changed>1%"))
    assert str(both) == "schema, changed>1%"
    assert both.tolerances("t") == {"v": Tolerance(relative=0.1)}


def test_rules_of_several_policies_hold_together_each_once(tmp_path: Path) -> None:
    file = loaded(tmp_path, "rules: [{rule: schema, reason: new}]\ntolerances: {'*': {v: {relative: 0.1}}}\n")
    older = policy.read(
        b"rules: [{rule: 'schema, removed>0', reason: old}]\ntolerances: {'*': {v: {absolute: 5}}}\n", "x"
    )
    both = policy.combined(file, older, policy.parse("removed>0, dbt"))
    assert [(str(rule), rule.reason) for rule in both.rules] == [("schema", "new"), ("removed>0", "old"), ("dbt", "")]
    assert both.tolerances("t") == {"v": Tolerance(relative=0.1)}


@pytest.mark.parametrize("content", [b"rule: []\n", b"rules: [", b"\xff"])
def test_a_wrong_file_of_another_version_is_named_as_it_stands_there(content: bytes) -> None:
    with pytest.raises(ConfigError) as caught:
        policy.read(content, "HEAD~1:configs/diff.yaml")
    assert "HEAD~1:configs/diff.yaml" in caught.value.where
    assert str(caught.value).count("diff.yaml") == str(caught.value).count("HEAD~1:configs/diff.yaml")


def test_of_several_tolerances_the_first_that_names_a_column_counts(tmp_path: Path) -> None:
    found = loaded(
        tmp_path,
        "tolerances:\n"
        "  a/b/observacao: {valor: {absolute: 1e-9, relative: 0}}\n"
        "  '*/observacao': {valor: {absolute: 5}, '*': {relative: 1.0e-6}}\n"
        "keys:\n  a/*: [id, ano]\n  '*': [id]\n",
    )
    exact, rough = Tolerance(absolute=1e-9), Tolerance(relative=1e-6)
    assert found.tolerances("a/b/observacao") == {"valor": exact, "*": rough}
    assert found.tolerances("c/d/observacao") == {"valor": Tolerance(absolute=5.0), "*": rough}
    assert found.tolerances("fact_indicador") == {}
    assert [found.key(name) for name in ("a/x", "b")] == [("id", "ano"), ("id",)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("rules: [{rule: 'chnged>1', reason: r}]", ["diff.yaml:1: rules.0.rule", "position 1", "mean “changed”?"]),
        ("rules: [{rule: schema}]", ["rules.0.reason", "required"]),
        ("rule: []", ["unknown key", "did you mean “rules”?"]),
        ("tolerances: {a: {v: {absolute: -1}}}", ["tolerances.a.v.absolute", "greater than or equal to 0"]),
        ("tolerances: {a: {v: {absolute: ten}}}", ["tolerances.a.v.absolute", "valid number"]),
        ("tolerances: {a: {v: {absolute: inf}}}", ["tolerances.a.v.absolute", "finite number"]),
        ("keys: {a: []}", ["keys.a", "at least 1 item"]),
        ("", ["diff.yaml:1"]),
    ],
)
def test_a_wrong_file_is_refused_by_line_and_key(tmp_path: Path, text: str, words: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, text)
    assert [word for word in words if word not in str(caught.value)] == []


def test_the_schema_for_editors_takes_the_file_and_refuses_others() -> None:
    schema = json.loads((ROOT / "configs/schema/diff.json").read_text(encoding="utf-8"))
    jsonschema.validate(yaml.safe_load((ROOT / policy.FILE).read_text(encoding="utf-8")), schema)
    for text in ("rule: []", "rules: [{rule: schema}]", "keys: {a: []}"):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(yaml.safe_load(text), schema)
