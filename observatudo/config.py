"""Models of every declaration: params.yaml and one YAML per dataset.

The words for reading and typing are those of Frictionless Table Schema and CSV Dialect where they
have one (``fields``, ``constraints``, ``missingValues``, ``dialect``, ``primaryKey``, ``licenses``).
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field as Key
from pydantic import model_validator

from observatudo import consistency, paths
from observatudo.errors import ConfigError
from observatudo.i18n import _
from observatudo.origins import FileName as FileName
from observatudo.origins import Package as Package
from observatudo.origins import SnapshotConfig as SnapshotConfig
from observatudo.resource import Dialect as Dialect
from observatudo.resource import Resource as Resource
from observatudo.yamlfile import Strict, load

Name = Annotated[str, Key(pattern=r"^[a-z][a-z0-9_]*$")]
DatasetKey = Annotated[str, Key(pattern=r"^[a-z][a-z0-9_]*/[a-z][a-z0-9_]*$")]
# a file's or folder's path inside the repository: never absolute, hidden or above it
InnerPath = Annotated[str, Key(pattern=r"^[^/.\\][^/\\]*(/[^/.\\][^/\\]*)*$")]
Level = Literal["fatal", "warn"]
Number = int | float
Frequency = Literal["unica", "anual", "semestral", "trimestral", "bimestral", "mensal"]
ParamValue = int | float | str | bool | None


class ParamRef(Strict):
    """A value that stands in params.yaml, in the dataset's own section, so that experiments can vary it."""

    param: str


class License(Strict):
    name: str
    title: str = ""
    path: str = ""


class Constraints(Strict):
    required: bool = False
    minimum: Number | date | ParamRef | None = None
    maximum: Number | date | ParamRef | None = None
    pattern: str | None = None
    enum: list[str] | None = None


class Lookup(Strict):
    """The value of column ``value`` in the row of ``table`` (a CSV) whose column ``key`` equals field ``of``."""

    of: str
    table: InnerPath
    key: str
    value: str


class Prefix(Strict):
    of: str
    length: Annotated[int, Key(ge=1)]


class Extract(Strict):
    """The part of field ``of`` that the first group of ``pattern`` (or the whole, without one) matches."""

    of: str
    pattern: str


class Derive(Strict):
    """A field whose text is made from other fields: exactly one of the six ways.

    ``slug`` is a template whose result is made a name: small letters, digits and ``_``.
    """

    template: str | None = None
    slug: str | None = None
    prefix: Prefix | None = None
    extract: Extract | None = None
    lookup: Lookup | None = None
    constant: str | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        ways = (self.template, self.slug, self.prefix, self.extract, self.lookup, self.constant)
        if sum(way is not None for way in ways) != 1:
            raise ValueError(_("give exactly one of template, slug, prefix, extract, lookup, constant"))
        return self


class Missing(Strict):
    """A text that means “no value”, and why there is none; the label becomes the value's ``justificativa``."""

    value: str
    label: str


class Field(Strict):
    """A typed column. ``source``: the names it has had in the published files (default: its own).

    ``recode`` replaces whole texts before they are typed. ``decimalChar: any`` takes both ways of writing
    numbers and refuses a text that they read differently (1.234). ``factor`` brings numbers to base units:
    one number, or a column of a table, looked up by the unit the row states.
    """

    name: Name
    type: Literal["string", "integer", "number", "boolean", "date"]
    source: str | list[str] | None = None
    description: str = ""
    unit: str = ""
    format: str = "%Y-%m-%d"
    constraints: Constraints = Constraints()
    missingValues: list[str | Missing] = [""]
    recode: dict[str, str] = {}
    trueValues: list[str] = ["true", "1"]
    falseValues: list[str] = ["false", "0"]
    decimalChar: Literal[".", ",", "any"] = "."
    groupChar: Literal["", ".", ",", " "] = ""
    factor: Number | Lookup = 1
    derive: Derive | None = None
    output: bool = True

    def missing(self) -> dict[str, str | None]:
        """Return the texts that mean “no value”, each with why there is none (or None)."""
        return {m.value: m.label for m in self.missingValues if isinstance(m, Missing)} | {
            m: None for m in self.missingValues if isinstance(m, str)
        }

    def sources(self) -> list[str]:
        """Return the names under which the column may stand in a file, the preferred one first."""
        if self.source is None:
            return [self.name]
        return [self.source] if isinstance(self.source, str) else list(self.source)


class Locality(Strict):
    """Which municipality a row is about: by ``code``, or by ``name`` and ``state`` (its two letters).

    A code may be written with seven digits, with six (no check digit), or as a float (``530010.0``).
    """

    code: str | None = None
    name: str | None = None
    state: str | None = None
    exceptions: InnerPath | None = None
    levels: list[Literal["municipio", "uf", "pais"]] = ["municipio"]

    def fields(self) -> dict[str, str]:
        """Return the fields named: key → field."""
        named = {"code": self.code, "name": self.name, "state": self.state}
        return {key: name for key, name in named.items() if name is not None}

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        by_name = self.name is not None and self.state is not None
        if (self.code is not None) == by_name:
            raise ValueError(_("give either code, or name and state"))
        return self


class Period(Strict):
    """When a row's values are of: a year, a year and a month, or a date; the first day of it is kept."""

    year: str | None = None
    month: str | None = None
    date: str | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.year is None) == (self.date is None) or (self.month is not None and self.year is None):
            raise ValueError(_("give either date, or year and, if there is one, month"))
        return self

    def fields(self) -> dict[str, str]:
        """Return the fields named: key → field."""
        return {key: name for key, name in self if name is not None}


class Melt(Strict):
    """Wide → long: columns whose name matches ``pattern`` become rows; group 1 goes to ``variable``."""

    pattern: str
    variable: Name
    value: Name


class Indicator(Strict):
    """What one value column measures. ``axis`` is the source's own axis, where it gives one.

    ``text`` names a string field that speaks where ``value`` is no number (a range, a word).
    """

    id: Name
    name: str
    description: str = ""
    value: str
    text: str | None = None
    unit: str
    per_thousand: bool = False
    axis: str | None = None


class IndicatorColumns(Strict):
    """Every row names its own indicator: the fields that hold its id, name and so on.

    ``note`` holds what the source says of a value; it becomes ``justificativa``.
    """

    id: str
    name: str
    description: str | None = None
    value: str
    text: str | None = None
    unit: str | None = None
    axis: str | None = None
    note: str | None = None


class RowsCheck(Strict):
    check: Literal["rows"]
    level: Level
    minimum: int | ParamRef


class MatchRateCheck(Strict):
    check: Literal["match_rate"]
    level: Level
    minimum: Number | ParamRef


class NullRateCheck(Strict):
    check: Literal["null_rate"]
    level: Level
    field: str
    maximum: Number | ParamRef


class AcceptedValuesCheck(Strict):
    """Texts of ``field`` other than these are shown but kept; ``constraints.enum`` rejects them instead."""

    check: Literal["accepted_values"]
    level: Level
    field: str
    values: Annotated[list[str], Key(min_length=1)]


class RangeCheck(Strict):
    """Values outside are shown but kept: impossible values get published, and are the source's to mend."""

    check: Literal["range"]
    level: Level
    field: str
    minimum: Number | ParamRef | None = None
    maximum: Number | ParamRef | None = None


class RepeatedBlockCheck(Strict):
    """``minimum`` equal consecutive values of ``field`` under two states within one group: a copied block.

    The copy is the side whose names do not belong to its state; its rows are rejected.
    """

    check: Literal["repeated_block"]
    level: Level
    field: str
    within: list[str]
    minimum: int | ParamRef


class PartsSumCheck(Strict):
    """The sum of ``field`` over the municipalities of a state against the state's own row."""

    check: Literal["parts_sum"]
    level: Level
    field: str
    tolerance: Number | ParamRef = 0


Check = Annotated[
    RowsCheck | MatchRateCheck | NullRateCheck | AcceptedValuesCheck | RangeCheck | RepeatedBlockCheck | PartsSumCheck,
    Key(discriminator="check"),
]


class Dataset(Strict):
    """The declaration of one dataset (``configs/datasets/<fonte>/<dataset>.yaml``)."""

    title: str
    description: str
    kind: Literal["observacao", "referencia", "catalogo"]
    publisher: str
    homepage: str = ""
    licenses: Annotated[list[License], Key(min_length=1)]
    citation: str
    frequency: Frequency
    update_mode: Literal["incremental", "full"] = "incremental"
    snapshot: SnapshotConfig
    resources: Annotated[list[Resource], Key(min_length=1)]
    melt: Melt | None = None
    fields: Annotated[list[Field], Key(min_length=1)]
    primaryKey: list[str] = []
    locality: Locality | None = None
    period: Period | None = None
    indicators: list[Indicator] = []
    indicator_columns: IndicatorColumns | None = None
    ignore: list[str] = []
    checks: list[Check] = []

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        found = consistency.problems(self)
        if found:
            raise ValueError("; ".join(found))
        return self

    def required_fields(self) -> set[str]:
        """Return the fields a row cannot do without: declared so, or part of its key, place or period."""
        wanted = {field.name for field in self.fields if field.constraints.required} | set(self.primaryKey)
        if self.locality is not None:
            wanted |= set(self.locality.fields().values())
        if self.period is not None:
            wanted |= set(self.period.fields().values())
        if self.indicator_columns is not None:
            wanted |= {self.indicator_columns.id, self.indicator_columns.name}
        return wanted | ({"id_indicador", "nome"} if self.kind == "catalogo" else set())

    def measures(self) -> list[Indicator | IndicatorColumns]:
        """Return what has a value in each row: the declared indicators, or the one the row names itself."""
        return [self.indicator_columns] if self.indicator_columns is not None else [*self.indicators]

    def value_fields(self) -> set[str]:
        """Return the fields whose failure costs one value, not the row."""
        return {name for measure in self.measures() for name in (measure.value, measure.text) if name}

    def param_names(self) -> set[str]:
        """Return the names of all params the declaration refers to."""
        holders: list[Strict] = [field.constraints for field in self.fields]
        holders += self.checks
        values = (value for holder in holders for _key, value in holder)
        return {value.param for value in values if isinstance(value, ParamRef)}


class DatasetEntry(Strict):
    """One line under ``datasets``: where its params are, and the list its places are checked against."""

    params: Annotated[str, Key(pattern=r"^[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*$")]
    lista: InnerPath


class ConvergenceParams(Strict):
    """When answers of a model count as settled; in docs/llm.md these are N, W, F and K.

    ``stable_after`` equal answers in a row are stable; ``oscillates_at`` changes within the last ``window`` answers
    oscillate, where one comes back; the last ``invalid_after`` answers that were none make a series invalid.
    """

    stable_after: Annotated[int, Key(ge=2)] = 3
    window: Annotated[int, Key(ge=2)] = 10
    oscillates_at: Annotated[int, Key(ge=2)] = 3
    invalid_after: Annotated[int, Key(ge=1)] = 3


class ClassifyParams(Strict):
    """``providers`` are the models whose stored answers count: name in configs/provedores.yaml → weight, 0 to 1."""

    threshold: Annotated[float, Key(ge=0, le=1)]
    providers: dict[Name, Annotated[float, Key(gt=0, le=1)]] = {}
    convergence: ConvergenceParams = ConvergenceParams()


class WarehouseParams(Strict):
    """Where the tables go. The rest is BigQuery's: a load that would read more than ``budget_gb`` (GB, 10^9 bytes) is
    refused, and so is one over a table that another hand has changed, unless it says to replace such a table.
    """

    target: str
    budget_gb: Annotated[float, Key(gt=0)] = 100
    on_foreign_change: Literal["refuse", "replace"] = "refuse"


class FetchParams(Strict):
    """What ``observatudo fetch`` takes, and where it keeps it.

    A file with fewer rows than ``min_rows_share`` of those it had is refused; one of more than ``git_limit_mb``
    (MB, 10^6 bytes) goes to DVC, a smaller one to Git.
    """

    min_rows_share: Annotated[float, Key(ge=0, le=1)] = 0.9
    git_limit_mb: Annotated[float, Key(gt=0)] = 10


class TransformParams(Strict):
    threads: Annotated[int, Key(ge=1)]


class Params(Strict):
    """The whole of params.yaml."""

    datasets: Annotated[dict[DatasetKey, DatasetEntry], Key(min_length=1)]
    ds: dict[str, dict[str, dict[str, ParamValue]]]
    fetch: FetchParams = FetchParams()
    classify: ClassifyParams
    warehouse: WarehouseParams
    transform: TransformParams

    def dataset(self, key: str) -> dict[str, ParamValue]:
        """Return the params of one declared dataset; raises ConfigError when it or its section is missing."""
        entry = self.datasets.get(key)
        if entry is None:
            raise ConfigError(
                _("no dataset “{key}” in params.yaml").format(key=key) + consistency.nearest(key, self.datasets),
                where=str(paths.PARAMS),
                next_step="observatudo datasets",
            )
        source, _dot, name = entry.params.partition(".")
        section = self.ds.get(source, {}).get(name)
        if section is None:
            raise ConfigError(
                _("dataset “{key}” has no section ds.{params}").format(key=key, params=entry.params),
                where=str(paths.PARAMS),
                next_step=_("add “{name}: {{}}” under ds.{source}").format(name=name, source=source),
            )
        return section


def load_params(root: Path) -> Params:
    """Read ``params.yaml`` of the repository at ``root``; raises ConfigError."""
    return load(root / paths.PARAMS, Params)


def declared(root: Path) -> list[str]:
    """Return the keys of the declared datasets, in the order of params.yaml. Never glob ``data/`` instead."""
    return list(load_params(root).datasets)


def dataset_path(key: str) -> Path:
    """Return where the declaration of ``fonte/dataset`` stands, relative to the repository."""
    return paths.DATASET_CONFIGS / f"{key}.yaml"


def load_dataset(root: Path, key: str) -> Dataset:
    """Read the declaration of one dataset; raises ConfigError."""
    return load(root / dataset_path(key), Dataset)


def resolve(value: Number | ParamRef | None, params: dict[str, ParamValue], where: str) -> float | None:
    """Return a threshold as a number, taking it from the dataset's params if it is a reference there.

    Raises ConfigError when the param is missing or not a number.
    """
    if not isinstance(value, ParamRef):
        return None if value is None else float(value)
    found = params.get(value.param)
    if isinstance(found, bool) or not isinstance(found, int | float):
        raise ConfigError(
            _("the param “{name}” is missing or not a number").format(name=value.param)
            + consistency.nearest(value.param, set(params) - {value.param}),
            where=where,
            next_step=_("set it in the dataset's section of params.yaml"),
        )
    return float(found)


def check_params(key: str, dataset: Dataset, params: dict[str, ParamValue]) -> None:
    """Refuse params that the declaration never refers to: a typing error there would change nothing in silence."""
    unknown = sorted(set(params) - dataset.param_names())
    if unknown:
        raise ConfigError(
            _("the params of {key} name what its declaration never uses: {names}").format(
                key=key, names=", ".join(unknown)
            )
            + consistency.nearest(unknown[0], sorted(dataset.param_names())),
            where=str(paths.PARAMS),
            next_step=_("correct the name, or refer to it in {file}").format(file=dataset_path(key)),
        )


def json_schemas() -> dict[str, dict[str, object]]:
    """Return the JSON Schemas for editors: file name under ``configs/schema/`` → schema."""
    return {"dataset.json": Dataset.model_json_schema(), "params.json": Params.model_json_schema()}
