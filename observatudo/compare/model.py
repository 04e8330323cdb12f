"""The one object a comparison makes; terminal, Markdown, JSON and HTML only show it.

Its JSON form is published: ``configs/schema/comparison.json``. Side *a* is the old one, *b* the new one.
"""

from __future__ import annotations

import json
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, PlainSerializer

SCHEMA_VERSION = 1
Change = Literal["added", "removed", "changed"]


def _finite(value: float) -> float | str:
    """JSON has no infinity and no NaN."""
    return value if value - value == 0 else str(value)


Number = Annotated[float, PlainSerializer(_finite, when_used="json")]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Side(_Part):
    """One of the two versions: as it was named, what that is, and the commit behind it (None for a path)."""

    name: str
    kind: Literal["commit", "experiment", "run", "workspace", "path"]
    commit: str | None
    date: str | None
    author: str | None
    subject: str | None


class KeyChange(_Part):
    """One key of a YAML, JSON or CSV file: ``key`` is dotted; the value is absent on the side that lacks it."""

    file: str
    dataset: str | None
    key: str
    change: Change
    a: JsonValue = None
    b: JsonValue = None


class Keys(_Part):
    """The changes of a part that consists of keys; ``missing`` says what one side did not have at all."""

    changes: list[KeyChange] = []
    missing: list[str] = []


class MetricChange(_Part):
    """One metric; ``delta`` (b − a) and ``relative`` (delta / |a|) where both are numbers."""

    file: str
    key: str
    change: Change
    a: JsonValue = None
    b: JsonValue = None
    delta: Number | None = None
    relative: Number | None = None


class Metrics(_Part):
    """The metrics that differ."""

    changes: list[MetricChange] = []
    missing: list[str] = []


class ColumnChange(_Part):
    """One column of a table: ``a`` and ``b`` are types; a rename has both names and the share of equal values."""

    table: str
    column: str
    change: Literal["added", "removed", "retyped", "renamed"]
    a: str | None = None
    b: str | None = None
    renamed_to: str | None = None
    share: Number | None = None
    lossy: bool = False


class Schema(_Part):
    """The columns that differ, and whole tables that one side lacks (``tables``: name → added or removed)."""

    columns: list[ColumnChange] = []
    tables: dict[str, Literal["added", "removed"]] = {}
    missing: list[str] = []


class Column(_Part):
    """How one column differs among the rows that both sides have.

    ``percent`` is of those rows. Deltas are |b − a| of values that changed and are numbers on both sides;
    ``to_null`` and ``from_null`` count values that were lost or came. ``within_tolerance`` counts values that
    differ by no more than the tolerance, and therefore count as equal. NaN equals NaN, −0.0 equals 0.0.
    """

    changed: int
    percent: Number
    max_abs_delta: Number | None = None
    mean_abs_delta: Number | None = None
    to_null: int = 0
    from_null: int = 0
    within_tolerance: int = 0


class Segment(_Part):
    """The rows of one dataset, state, indicator or year."""

    name: str
    added: int
    removed: int
    changed: int
    same: int


class Transition(_Part):
    """How many rows went from one text to another in one column of categories."""

    column: str
    a: str | None
    b: str | None
    rows: int


class Drift(_Part):
    """The distribution of one column of numbers on each side: rows with a value, mean, and five quantiles.

    Quantiles are at 0, 25, 50, 75 and 100 %, by linear interpolation. ``approximate`` where the table was too
    large for exact ones.
    """

    column: str
    a: dict[str, Number | None]
    b: dict[str, Number | None]
    approximate: bool = False


class Sample(_Part):
    """One row as an example: its key and, for a changed row, the columns that differ with both values."""

    change: Change
    key: dict[str, JsonValue]
    a: dict[str, JsonValue] = {}
    b: dict[str, JsonValue] = {}


class Table(_Part):
    """The rows of one table; counts are None when it is not comparable or one side has nothing to read.

    ``status``: ``same`` (by hash or row by row), ``changed``, ``added`` and ``removed`` (whole table),
    ``not_comparable`` (``why`` says so: key duplicated or null, column of the key gone), ``missing`` (its bytes
    are in neither cache nor remote). ``derived`` tables follow from others. ``segments`` is by ``dataset``,
    ``state``, ``indicator`` and ``year``, the ones with most differences first, at most ``SEGMENTS`` of each.
    """

    status: Literal["same", "changed", "added", "removed", "not_comparable", "missing"]
    why: str = ""
    next_step: str = ""
    derived: bool = False
    key: list[str] = []
    rows_a: int | None = None
    rows_b: int | None = None
    added: int | None = None
    removed: int | None = None
    changed: int | None = None
    same: int | None = None
    columns: dict[str, Column] = {}
    segments: dict[str, list[Segment]] = {}
    transitions: list[Transition] = []
    drift: list[Drift] = []
    samples: list[Sample] = []
    duplicates: list[dict[str, JsonValue]] = []
    files_skipped: int = 0
    files_read: int = 0


class Flip(_Part):
    """One indicator whose axis changed, and why."""

    id_indicador: str
    nome: str
    a: str
    b: str
    cause: Literal["input", "prompt", "model", "override", "taxonomy", "noise"]
    origin_a: str
    origin_b: str


class Labels(_Part):
    """Axes of the indicators that both sides label: ``matrix`` is old axis → new axis → indicators."""

    status: Literal["same", "changed", "missing"] = "same"
    compared: int = 0
    flipped: int = 0
    percent: Number = 0.0
    added: int = 0
    removed: int = 0
    matrix: dict[str, dict[str, int]] = {}
    causes: dict[str, int] = {}
    flips: list[Flip] = []
    missing: list[str] = []


class DbtTest(_Part):
    """A count of dbt's tests on both sides."""

    name: str
    a: int | None
    b: int | None


class DbtRows(_Part):
    """The rows of one model on both sides."""

    model: str
    a: int | None
    b: int | None


class Dbt(_Part):
    """Models by their SQL: added, removed, changed; tests that began or ceased to fail; rows per model."""

    added: list[str] = []
    removed: list[str] = []
    changed: list[str] = []
    began_to_fail: list[str] = []
    ceased_to_fail: list[str] = []
    tests: list[DbtTest] = []
    rows: list[DbtRows] = []
    missing: list[str] = []


class Breach(_Part):
    """A line of the policy that this comparison breaks: the rule, what was measured, where, and why it is a rule."""

    rule: str
    measured: str
    where: str
    reason: str = ""


class Verdict(_Part):
    """The answer in one line: ``same``, ``changed`` or ``not_comparable``; and which rules were broken.

    ``added``, ``removed`` and ``changed`` are rows, over the tables of data that are not derived from others.
    """

    outcome: Literal["same", "changed", "not_comparable"]
    added: int = 0
    removed: int = 0
    changed: int = 0
    tables: list[str] = []
    not_comparable: list[str] = []
    missing: list[str] = []
    policy: str = ""
    breaches: list[Breach] = []


class Comparison(_Part):
    """Two versions, compared in seven parts."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    schema_version: Literal[1] = 1
    a: Side
    b: Side
    verdict: Verdict
    config: Keys
    params: Keys
    metrics: Metrics
    columns: Schema = Field(alias="schema")  # pydantic has a method of that name
    rows: dict[str, Table]
    labels: Labels
    dbt: Dbt


def to_text(comparison: Comparison) -> str:
    """Return the comparison as published JSON; equal comparisons give equal text."""
    content = _all_finite(comparison.model_dump(mode="json", by_alias=True))
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _all_finite(content: JsonValue) -> JsonValue:
    """A value of a row or configuration may be infinite or NaN too."""
    if isinstance(content, dict):
        return {key: _all_finite(value) for key, value in content.items()}
    if isinstance(content, list):
        return [_all_finite(value) for value in content]
    return _finite(content) if isinstance(content, float) else content


def schema_text() -> str:
    """Return the JSON Schema of the comparison, as ``configs/schema/comparison.json`` keeps it."""
    schema = Comparison.model_json_schema(mode="serialization")  # of what is written: infinity is a text there
    return (
        json.dumps({"$schema": "https://json-schema.org/draft/2020-12/schema"} | schema, indent=2, ensure_ascii=False)
        + "\n"
    )
