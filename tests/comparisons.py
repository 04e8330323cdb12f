"""Comparisons to render: one with every part filled and nasty texts in it, an empty one, and a strategy for any."""

from __future__ import annotations

import math

from hypothesis import strategies as st
from pydantic import JsonValue

from observatudo.compare.model import (
    Breach,
    Change,
    Column,
    ColumnChange,
    Comparison,
    Dbt,
    DbtRows,
    DbtTest,
    Drift,
    Flip,
    KeyChange,
    Keys,
    Labels,
    MetricChange,
    Metrics,
    Number,
    Sample,
    Schema,
    Segment,
    Side,
    Table,
    Transition,
    Verdict,
)

NASTY = (
    "a|b `c` <script>alert(1)</script> & \"d\" 'e' *f* _g_ [h](i) #1 @all ~~j~~ $k$ \\ \n\t\x1b[31m é 漢字 \u202eabc"
)
TABLE = "sidra/pib/observacao"
MART = "fact_indicador"


def side(name: str = "HEAD~1", **changes: object) -> Side:
    content: dict[str, object] = {
        "name": name,
        "kind": "commit",
        "commit": "3f2a1b9c" + "0" * 32,
        "date": "2026-11-22",
        "author": "Ana Souza",
        "subject": "PIB revisto",
    }
    return Side.model_validate(content | changes)


def workspace() -> Side:
    return side("workspace", kind="workspace", commit=None, date=None, author=None, subject=None)


def comparison(**parts: object) -> Comparison:
    """Return a comparison in which nothing differs but the parts that are given."""
    content: dict[str, object] = {
        "a": side(),
        "b": workspace(),
        "verdict": Verdict(outcome="same"),
        "config": Keys(),
        "params": Keys(),
        "metrics": Metrics(),
        "columns": Schema(),
        "rows": {},
        "labels": Labels(),
        "dbt": Dbt(),
    }
    return Comparison.model_validate(content | parts)


def changed(**changes: object) -> Table:
    """Return a table with 1 row added, 2 removed, 3 changed and 1,234,567 the same."""
    content: dict[str, object] = {
        "status": "changed",
        "key": ["id_indicador", "id_municipio", "data_referencia"],
        "rows_a": 1234572,
        "rows_b": 1234571,
        "added": 1,
        "removed": 2,
        "changed": 3,
        "same": 1234567,
        "files_read": 2,
        "files_skipped": 41,
    }
    return Table.model_validate(content | changes)


def _full_table() -> Table:
    key: dict[str, JsonValue] = {"id_indicador": "pib", "id_municipio": "3550308", "data_referencia": "2021-01-01"}
    quantiles: dict[str, Number | None] = {"rows": 5570, "mean": 1234.5678, "p0": -1.5, "p25": 0, "p50": 2, "p75": 3}
    return changed(
        columns={
            "valor": Column(
                changed=3, percent=0.00024, max_abs_delta=1234.5, mean_abs_delta=411.5, to_null=1, within_tolerance=7
            ),
            "valor_original": Column(changed=1, percent=0.00008, from_null=1),
            "nota|<b>": Column(changed=1, percent=0.00008, max_abs_delta=math.inf, mean_abs_delta=math.nan),
            "justificativa": Column(changed=0, percent=0),
        },
        segments={
            "dataset": [Segment(name="sidra/pib", added=1, removed=2, changed=3, same=1234567)],
            "state": [Segment(name=name, added=0, removed=0, changed=1, same=9) for name in ("SP", "RJ", "MG", "BA")],
            "indicator": [Segment(name=NASTY, added=1, removed=2, changed=3, same=4)],
            "year": [Segment(name="2021", added=0, removed=2, changed=3, same=4)],
        },
        transitions=[
            Transition(column="nota", a="A", b="B", rows=2),
            Transition(column="nota", a=None, b=NASTY, rows=1),
        ],
        drift=[
            Drift(column="valor", a=quantiles | {"p100": 9e20}, b=quantiles | {"p100": math.inf}, approximate=True),
            Drift(column="taxa", a=quantiles | {"p100": 4}, b=quantiles | {"p0": -3, "p50": 1, "p100": 5}),
            Drift(column="nada", a=dict.fromkeys([*quantiles, "p100"]), b=quantiles | {"p100": 1e-9}),
        ],
        samples=[
            Sample(change="changed", key=key, a={"valor": 1.5, "nota": NASTY}, b={"valor": 2.5, "nota": "1"}),
            Sample(change="added", key=key | {"nota": NASTY}, b={"valor": None, "texto": "x" * 5000}),
            Sample(change="removed", key=key, a={"valor": "NaN"}),
        ],
    )


def _rows() -> dict[str, Table]:
    return {
        TABLE: _full_table(),
        "cadastro/x/referencia": Table(
            status="not_comparable",
            why="the key has duplicates",
            next_step="git log",
            rows_a=5,
            duplicates=[{"id": "1|`"}, {"id": NASTY}],
        ),
        "fonte/gone/observacao": Table(status="removed", rows_a=10),
        "fonte/new/observacao": Table(status="added", rows_b=12, added=12, removed=0, changed=0, same=0),
        "fonte/lost/observacao": Table(
            status="missing", why="its bytes are in neither cache nor remote", next_step="dvc pull"
        ),
        MART: changed(derived=True, columns={"valor": Column(changed=3, percent=12.5)}),
        "rotulo": Table(status="same", rows_a=3, rows_b=3, added=0, removed=0, changed=0, same=3),
    }


def _labels() -> Labels:
    return Labels(
        status="changed",
        compared=288,
        flipped=3,
        percent=1.0416666,
        added=1,
        removed=2,
        matrix={"Saude": {"Saude": 100, "Educacao": 2}, "Educacao": {"Educacao": 185, NASTY: 1}},
        causes={"prompt": 2, "noise": 1},
        flips=[
            Flip(
                id_indicador="pib",
                nome=NASTY,
                a="Saude",
                b="Educacao",
                cause="prompt",
                origin_a="regra",
                origin_b="llm",
            ),
            Flip(id_indicador="x", nome="x", a="Educacao", b=NASTY, cause="noise", origin_a="llm", origin_b="llm"),
        ],
    )


def _key(file: str, key: str, change: Change = "changed", a: JsonValue = None, b: JsonValue = None) -> KeyChange:
    return KeyChange(file=file, dataset=None, key=key, change=change, a=a, b=b)


def _metric(key: str, change: Change = "changed", **values: object) -> MetricChange:
    return MetricChange.model_validate({"file": "data/metrics/t.json", "key": key, "change": change, **values})


def rich() -> Comparison:
    """Return a comparison with every part filled."""
    return comparison(
        verdict=Verdict(
            outcome="changed",
            added=13,
            removed=12,
            changed=3,
            tables=[TABLE, "fonte/gone/observacao", "fonte/new/observacao"],
            missing=["fonte/lost/observacao"],
            policy="changed>1%, removed>0",
            breaches=[Breach(rule="removed>0", measured="2 rows", where=TABLE, reason=NASTY)],
        ),
        config=Keys(
            changes=[
                _key("configs/datasets/sidra/pib.yaml", "fields.0.factor", a=1, b=1000),
                _key("configs/datasets/sidra/pib.yaml", "title", a="PIB", b=NASTY),
                _key("configs/eixos.yaml", "axes.x", "removed", a={"deep": [1, None, True]}),
                _key("configs/eixos.yaml", "axes.y", "added"),
            ]
        ),
        params=Keys(changes=[_key("params.yaml", "classify.threshold", a=0.3, b="0.3")]),
        metrics=Metrics(
            changes=[
                _metric("t.rows", a=1000, b=1500, delta=500, relative=0.5),
                _metric("t.zero", a=0, b=-2.5, delta=-2.5),
                _metric("t.words", a="x", b=NASTY),
                _metric("t.new", "added", b=7),
                _metric("t.nan", a=1, b="NaN", delta=math.nan, relative=math.nan),
            ],
            missing=["HEAD~1 has no data/metrics/y.json"],
        ),
        columns=Schema(
            columns=[
                ColumnChange(table=TABLE, column="ano", change="retyped", a="int", b="double", lossy=True),
                ColumnChange(
                    table=TABLE,
                    column="velho",
                    change="renamed",
                    a="string",
                    b="string",
                    renamed_to="novo|",
                    share=0.997,
                ),
                ColumnChange(table=TABLE, column=NASTY, change="added", b="string"),
            ],
            tables={"fonte/gone/observacao": "removed", "fonte/new/observacao": "added"},
        ),
        rows=_rows(),
        labels=_labels(),
        dbt=Dbt(
            added=["dim_novo"],
            removed=["dim_velho"],
            changed=["fact_indicador", NASTY],
            began_to_fail=["not_null_x"],
            ceased_to_fail=["unique_y"],
            tests=[DbtTest(name="tests_warned", a=1, b=2), DbtTest(name="models", a=3, b=3)],
            rows=[DbtRows(model="fact_indicador", a=1000, b=2000), DbtRows(model="dim_x", a=None, b=5)],
        ),
    )


def many(tables: int = 300) -> Comparison:
    """Return a comparison with hundreds of tables, each with a full report."""
    rows = {f"fonte/dataset_{number:04}/observacao": _full_table() for number in range(tables)}
    verdict = Verdict(
        outcome="changed", added=tables, removed=2 * tables, changed=3 * tables, tables=sorted(rows), policy="x"
    )
    keys = [_key(f"configs/{n}.yaml", f"k{n}", a="x" * 3000, b=NASTY * 20) for n in range(tables)]
    return comparison(verdict=verdict, rows=rows, config=Keys(changes=keys))


_texts = st.text(max_size=12) | st.sampled_from([NASTY, "", "1", "null", " x", "sidra/pib/observacao", "~/~1"])
_counts = st.integers(0, 10**9)
_floats = st.floats(allow_nan=True, allow_infinity=True)
_shares = st.floats(0, 100)
_values: st.SearchStrategy[JsonValue] = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | _texts
_segments = st.lists(
    st.builds(Segment, name=_texts, added=_counts, removed=_counts, changed=_counts, same=_counts), max_size=3
)
_tables = st.builds(
    Table,
    status=st.sampled_from(["same", "changed", "added", "removed", "not_comparable", "missing"]),
    why=_texts,
    derived=st.booleans(),
    key=st.lists(_texts, max_size=2),
    rows_a=st.none() | _counts,
    rows_b=st.none() | _counts,
    added=st.none() | _counts,
    removed=st.none() | _counts,
    changed=st.none() | _counts,
    same=st.none() | _counts,
    columns=st.dictionaries(
        _texts,
        st.builds(
            Column,
            changed=_counts,
            percent=_shares,
            max_abs_delta=st.none() | _floats,
            mean_abs_delta=st.none() | _floats,
            to_null=_counts,
            from_null=_counts,
            within_tolerance=_counts,
        ),
        max_size=3,
    ),
    segments=st.fixed_dictionaries({}, optional={"dataset": _segments, "state": _segments, "year": _segments}),
    transitions=st.lists(
        st.builds(Transition, column=_texts, a=st.none() | _texts, b=st.none() | _texts, rows=_counts), max_size=3
    ),
    drift=st.lists(
        st.builds(
            Drift,
            column=_texts,
            a=st.dictionaries(st.sampled_from(["rows", "mean", "p0", "p50"]), st.none() | _floats),
            b=st.dictionaries(st.sampled_from(["rows", "mean", "p0", "p50"]), st.none() | _floats),
        ),
        max_size=2,
    ),
    samples=st.lists(
        st.builds(
            Sample,
            change=st.sampled_from(["added", "removed", "changed"]),
            key=st.dictionaries(_texts, _values, max_size=2),
            a=st.dictionaries(_texts, _values, max_size=2),
            b=st.dictionaries(_texts, _values, max_size=2),
        ),
        max_size=2,
    ),
)
_metrics = st.builds(
    MetricChange,
    file=_texts,
    key=_texts,
    change=st.sampled_from(["added", "removed", "changed"]),
    a=_values,
    b=_values,
    delta=st.none() | _floats,
    relative=st.none() | _floats,
)
_labelled = st.builds(
    Labels,
    status=st.sampled_from(["same", "changed", "missing"]),
    compared=_counts,
    flipped=_counts,
    percent=_shares,
    matrix=st.dictionaries(_texts, st.dictionaries(_texts, _counts, max_size=2), max_size=3),
    causes=st.dictionaries(st.sampled_from(["prompt", "noise", "input"]), _counts),
)
any_comparison = st.builds(
    comparison,
    verdict=st.builds(
        Verdict,
        outcome=st.sampled_from(["same", "changed", "not_comparable"]),
        added=_counts,
        removed=_counts,
        changed=_counts,
        tables=st.lists(_texts, max_size=2),
    ),
    metrics=st.builds(Metrics, changes=st.lists(_metrics, max_size=3)),
    rows=st.dictionaries(_texts, _tables, max_size=3),
    labels=_labelled,
)
