"""Histories as observatories have them, from a seed, and faults to put into them: what alerts are measured on.

A history is a run a week for a year over datasets of different frequency: editions that come late, values that grow and
have seasons, newest periods that are incomplete, small corrections, declarations that are changed, runs with nothing to
do, sources that do not answer once. All of that is clean.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from hashlib import md5

from observatudo.alerts.evaluate import evaluate
from observatudo.alerts.facts import Check, DatasetFacts, Disk, History, Indicator, RunFacts, Source, Verified
from observatudo.alerts.settings import AlertsFile
from observatudo.alerts.timeline import Opened

RUNS = 50
START = datetime(2025, 1, 6, 3, tzinfo=UTC)
WEEK = timedelta(days=7)
PERIOD = {"mensal": 30.4, "bimestral": 60.9, "trimestral": 91.3, "anual": 365.25}
IN_A_YEAR = {"mensal": 12, "bimestral": 6, "trimestral": 4, "anual": 1}
AXES = ("Saude", "Educacao", "Economia", "Financas", "Meio Ambiente", "Urbanismo", "Governanca", "Indefinido")
KINDS = (
    "run_failed", "reject_rate", "match_rate", "null_rate", "coverage", "magnitude", "rows",
    "staleness", "fetch", "label_share", "oscillation", "dbt_tests", "verify", "disk",
)  # fmt: skip
FACTORS = (0.001, 0.01, 0.1, 0.3, 3, 10, 100, 1000)


@dataclass
class Series:
    """One indicator: its level, yearly growth, season (share), scatter, and the median against the mean."""

    level: float
    growth: float
    season: float
    scatter: float
    skew: float


@dataclass
class Table:
    """One dataset as its source publishes it."""

    key: str
    frequency: str
    cumulative: bool
    municipalities: int
    series: dict[str, Series]
    rejects: float
    matched: float | None
    nulls: float
    editions: int
    due: float  # the day on which the next edition comes
    moved: float = 0.0
    config: str = "c0"
    version: int = 0
    facts: DatasetFacts | None = None


@dataclass(frozen=True)
class Fault:
    """What was put in: the rule that has to see it, where, and the moments between which it stands."""

    rule: str
    dataset: str | None
    begins: datetime
    ends: datetime


@dataclass
class World:
    """A history that grows week by week."""

    rng: random.Random
    tables: list[Table]
    runs: list[RunFacts] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    verified: list[Verified] = field(default_factory=list)
    disk: list[Disk] = field(default_factory=list)
    axes: dict[str, str] = field(default_factory=dict)
    frozen: str = ""  # the dataset whose source publishes no more

    def history(self) -> History:
        """Return what rules look at."""
        sources = {table.key: Source(table.frequency, START.isoformat()) for table in self.tables}
        return History(tuple(self.runs), tuple(self.checks), tuple(self.verified), tuple(self.disk), sources)


def clean(seed: int, runs: int = RUNS) -> History:
    """Return a history in which nothing is wrong."""
    world = _world(seed)
    for number in range(runs):
        _week(world, number)
    return world.history()


def faulty(seed: int, kind: str) -> tuple[History, Fault]:
    """Return a history with one fault of a kind, from the third run on at the earliest, for three runs."""
    world = _world(seed)
    rng = random.Random(f"{seed} {kind}")
    begins = rng.randrange(2, RUNS - 8)
    table = _victim(rng, world, kind)
    if kind == "staleness":
        world.frozen = table.key
    change = _change(rng, kind, table)
    for number in range(RUNS):
        _week(world, number)
        if begins <= number < begins + 3:
            _harm(world, kind, table, change, number - begins)
    first = START if kind == "staleness" else START + begins * WEEK - timedelta(days=6.5)
    last = START + (RUNS if kind in ("staleness", "oscillation") else begins + 3) * WEEK
    of_dataset = kind in (
        "reject_rate",
        "match_rate",
        "null_rate",
        "coverage",
        "magnitude",
        "rows",
        "staleness",
        "fetch",
    )
    return world.history(), Fault(kind, table.key if of_dataset else None, first, last)


def _world(seed: int) -> World:
    rng = random.Random(seed)
    tables = [_table(rng, number, frequency) for number, frequency in enumerate(PERIOD)]
    tables += [_table(rng, number, rng.choice(list(PERIOD))) for number in range(4, rng.randrange(5, 9))]
    names = [name for table in tables for name in table.series] + [f"extra_{n}" for n in range(rng.randrange(30, 300))]
    axes = rng.choices(AXES, weights=[rng.uniform(1, 3) for _axis in AXES], k=len(names))
    return World(rng, tables, axes=dict(zip(names, axes, strict=True)))


def _table(rng: random.Random, number: int, frequency: str) -> Table:
    key = f"fonte{number}/dataset"
    series = {
        f"{key}_{n}": Series(
            level=10 ** rng.uniform(-1, 8),
            growth=rng.gauss(0.06, 0.05),
            season=rng.uniform(0, 0.3) if IN_A_YEAR[frequency] > 1 else 0.0,
            scatter=rng.uniform(0.005, 0.06),
            skew=rng.uniform(0.1, 0.9),
        )
        for n in range(rng.choice([1, 3, 8, 40]))
    }
    table = Table(
        key=key,
        frequency=frequency,
        cumulative=rng.random() < 0.7,
        municipalities=rng.choice([4, 417, 3200, 5565, 5570]),
        series=series,
        rejects=rng.choice([0, 0, 0.002, 0.02, 0.3, 0.78]),
        matched=rng.choice([None, 1.0, 1.0, 0.998, 0.95]),
        nulls=rng.choice([0, 0.01, 0.05, 0.2, 0.85]),
        editions=rng.randrange(2, 12) * IN_A_YEAR[frequency],
        due=PERIOD[frequency] * rng.uniform(0.05, 0.9),
    )
    table.facts = _published(rng, table)
    return table


def _published(rng: random.Random, table: Table) -> DatasetFacts:
    """Return the figures of a version of the table as its source has it now."""
    table.version += 1

    def wobble(size: float) -> float:
        return rng.gauss(0, size) if table.municipalities > 10 else 0.0

    places = round(table.municipalities * min(1.0, 1 - abs(wobble(0.002))))
    periods = table.editions if table.cumulative else IN_A_YEAR[table.frequency]
    read = max(1, round(places * len(table.series) * periods * (1 + wobble(0.004))))
    rejected = round(read * min(1, max(0, table.rejects + (wobble(0.003) if table.rejects else 0))))
    return DatasetFacts(
        output=md5(f"{table.key}{table.version}".encode()).hexdigest(),
        config=table.config,
        rows_read=read,
        rows_kept=read - rejected,
        rows_rejected=rejected,
        match_rate=None if table.matched is None else min(1, table.matched + wobble(0.0015)),
        null_rate=min(1, max(0, table.nulls + (wobble(0.005) if table.nulls else 0))),
        municipalities=places,
        periods=periods,
        indicators={name: _values(rng, table, own, places, periods) for name, own in table.series.items()},
    )


def _values(rng: random.Random, table: Table, own: Series, places: int, periods: int) -> Indicator:
    """Return an indicator's figures; the newest of several periods in a year may be incomplete."""
    per_year = IN_A_YEAR[table.frequency]
    sizes = []
    for edition in range(table.editions - periods, table.editions):
        season = 1 + own.season * (2 * _drawn(f"{table.key}{edition % per_year}")[0] - 1)
        known = 1 + own.scatter * _drawn(f"{table.key}{own.level}{edition}")[1]
        sizes.append(own.level * (1 + own.growth) ** (edition / per_year) * season * max(0.2, known))
    if per_year > 1:
        sizes[-1] *= rng.uniform(0.6, 1)
    mean = sum(sizes) / len(sizes)
    median = mean * own.skew * (1 + rng.gauss(0, 0.01))
    return Indicator(places * periods, mean, median, f"{table.editions:06}", sizes[-1])


@cache
def _drawn(name: str) -> tuple[float, float]:
    """Return what always belongs to this name: a share, and a figure of a normal distribution."""
    own = random.Random(name)
    return own.random(), own.gauss(0, 1)


def _week(world: World, number: int) -> None:
    """Let a week pass: sources are asked daily, then one run."""
    rng = world.rng
    for day in range(number * 7 - 6, number * 7 + 1):
        for table in world.tables:
            _ask(world, table, day)
    changed = False
    for table in world.tables:
        chance = rng.random()
        if table.moved > number * 7 - 7 or chance < 0.04:  # a new edition, or a small correction
            table.facts, changed = _published(rng, table), True
        elif chance < 0.06:
            table.config = f"c{number}"
            table.facts, changed = _published(rng, table), True
    if rng.random() < 0.08:
        for name in rng.sample(sorted(world.axes), 3):
            world.axes[name] = rng.choice(AXES)
    when = START + number * WEEK
    run_id = f"{when:%Y%m%dT%H%M%SZ}-{number + 1}"
    if not changed and number and rng.random() < 0.5:
        world.runs.append(RunFacts(run_id, when.isoformat(), "noop"))
    else:
        world.runs.append(_run(world, run_id, when))
    world.verified.append(Verified((when + timedelta(hours=2)).isoformat(), 0, 0))
    world.disk.append(Disk((when + timedelta(hours=1)).isoformat(), int(rng.uniform(5e9, 5e11))))


def _run(world: World, run_id: str, when: datetime) -> RunFacts:
    labels = md5(repr(sorted(world.axes.items())).encode()).hexdigest()
    datasets = {table.key: table.facts for table in world.tables if table.facts}
    return RunFacts(
        run_id, when.isoformat(), "success", datasets=datasets, labels=labels, axes=dict(world.axes), dbt_failed=0,
        dbt_warned=world.rng.randrange(3),
    )  # fmt: skip


def _ask(world: World, table: Table, day: int) -> None:
    when = (START + timedelta(days=day, hours=-2)).isoformat()
    if world.rng.random() < 0.03:
        world.checks.append(Check(table.key, when, "failed", "no answer"))
        return
    has_news = day >= table.due and table.key != world.frozen
    if has_news:
        table.editions += 1
        table.moved = float(day)
        late = abs(world.rng.gauss(0, 0.08))
        table.due += PERIOD[table.frequency] * (1 + late) - max(0.0, table.due - day)
    world.checks.append(Check(table.key, when, "new" if has_news else "same"))


def _victim(rng: random.Random, world: World, kind: str) -> Table:
    """Choose a dataset that can have the fault."""
    can: dict[str, Callable[[Table], bool]] = {
        "reject_rate": lambda table: table.rejects < 0.5,
        "match_rate": lambda table: table.matched is not None,
        "null_rate": lambda table: table.nulls < 0.5,
        "staleness": lambda table: PERIOD[table.frequency] < 100,
    }
    return rng.choice([table for table in world.tables if kind not in can or can[kind](table)])


def _change(rng: random.Random, kind: str, table: Table) -> Callable[[DatasetFacts], DatasetFacts]:
    """Return what a fault does to a dataset's figures."""
    size = rng.random()
    match kind:
        case "reject_rate":
            return lambda own: _rejecting(own, 0.035 + 0.4 * size)
        case "match_rate":
            return lambda own: replace(own, match_rate=(own.match_rate or 0) - 0.02 - 0.4 * size)
        case "null_rate":
            return lambda own: replace(own, null_rate=(own.null_rate or 0) + 0.045 + 0.4 * size)
        case "coverage":
            return lambda own: replace(own, municipalities=int((own.municipalities or 0) * (0.98 - 0.6 * size) - 1))
        case "rows":
            share = rng.choice([0.92 - 0.7 * size, 1.5 + size])
            return lambda own: replace(
                own, rows_read=round((own.rows_read or 0) * share), rows_kept=round((own.rows_kept or 0) * share)
            )
        case "magnitude":
            names = rng.sample(sorted(table.series), rng.choice([1, len(table.series)]))
            only_newest, factor = rng.random() < 0.3, rng.choice(FACTORS)
            return lambda own: _magnified(own, names, factor, only_newest=only_newest)
        case _:
            return lambda own: own


def _rejecting(own: DatasetFacts, more: float) -> DatasetFacts:
    read = own.rows_read or 0
    rejected = min(read, (own.rows_rejected or 0) + round(read * more))
    return replace(own, rows_rejected=rejected, rows_kept=read - rejected)


def _magnified(own: DatasetFacts, names: list[str], factor: float, *, only_newest: bool) -> DatasetFacts:
    found = dict(own.indicators)
    for name in names:
        one, periods = found[name], own.periods or 1
        mean = one.mean + one.newest_mean * (factor - 1) / periods if only_newest else one.mean * factor
        median = one.median if only_newest and periods > 2 else one.median * factor
        found[name] = replace(one, mean=mean, median=median, newest_mean=one.newest_mean * factor)
    return replace(own, indicators=found)


def _harm(world: World, kind: str, table: Table, change: Callable[[DatasetFacts], DatasetFacts], turn: int) -> None:
    """Put the fault into the week that has just passed."""
    rng = world.rng
    run = world.runs[-1] if world.runs[-1].status == "success" else _run(world, world.runs[-1].run_id, _ended(world))
    when = _ended(world) - timedelta(hours=1)
    match kind:
        case "run_failed":
            run = replace(run, status=rng.choice(["failed", "interrupted"]), failed_in="transform", datasets={})
        case "dbt_tests":
            run = replace(run, dbt_failed=rng.randrange(1, 6))
        case "label_share":
            run = replace(run, labels=f"one axis {turn}", axes=_on_one_axis(rng, run.axes))
        case "oscillation":
            _swing(world, turn)
            return
        case "fetch":
            _not_answering(world, table, when)
        case "verify":
            world.verified[-1] = replace(world.verified[-1], exit_code=rng.choice([1, 2]), problems=rng.randrange(1, 9))
        case "disk":
            world.disk[-1] = replace(world.disk[-1], free=int(rng.uniform(0, 1.9e9)))
        case "staleness":
            return
        case _:
            own = change(run.datasets[table.key])
            run = replace(run, datasets={**run.datasets, table.key: replace(own, output=f"{own.output} harmed")})
    world.runs[-1] = run


def _ended(world: World) -> datetime:
    return datetime.fromisoformat(world.runs[-1].ended)


def _on_one_axis(rng: random.Random, axes: Mapping[str, str]) -> dict[str, str]:
    share = rng.uniform(0.5, 0.95)
    return {name: "Economia" if rng.random() < share else axis for name, axis in axes.items()}


def _swing(world: World, turn: int) -> None:
    """Give one indicator another axis, and back, in tables of labels that follow each other."""
    name = sorted(world.axes)[0]
    when = _ended(world)
    del world.runs[-1]
    for step in range(2):
        world.axes[name] = AXES[step]
        moment = when + timedelta(hours=step)
        world.runs.append(_run(world, f"{moment:%Y%m%dT%H%M%SZ}-{turn * 2 + step + 900}", moment))


def _not_answering(world: World, table: Table, when: datetime) -> None:
    if world.rng.random() < 0.5:
        world.checks.append(Check(table.key, when.isoformat(), "refused", "an error page"))
        return
    for hour in range(4):
        moment = when + timedelta(minutes=hour)
        world.checks.append(Check(table.key, moment.isoformat(), "failed", "no answer"))


def seen(fault: Fault, alerts: list[Opened]) -> bool:
    """Say whether one of the alerts tells of the fault while it stands."""
    return any(
        one.rule == fault.rule
        and one.dataset == fault.dataset
        and fault.begins <= datetime.fromisoformat(one.since) <= fault.ends
        for one in alerts
    )


@dataclass(frozen=True)
class Measured:
    """What was found on a set of seeds."""

    faults: int
    found: int
    missed: tuple[str, ...]
    clean_runs: int
    false_alarms: tuple[str, ...]

    @property
    def recall(self) -> float:
        return self.found / self.faults

    @property
    def per_50(self) -> float:
        """Return false alarms for 50 clean runs."""
        return len(self.false_alarms) * 50 / self.clean_runs

    def __str__(self) -> str:
        text = f"{self.found} of {self.faults} faults seen ({self.recall:.1%}); {len(self.false_alarms)} false alarm(s)"
        return f"{text} in {self.clean_runs} clean runs ({self.per_50:.2f} for 50)"


def measure(first_seed: int, faults: int, histories: int, rules: AlertsFile | None = None) -> Measured:
    """Judge the rules (default: as the repository has them) on seeds from ``first_seed`` on."""
    rules = rules or AlertsFile()
    now = START + RUNS * WEEK
    missed, alarms, clean_runs = [], [], 0
    for number in range(faults):
        kind = KINDS[number % len(KINDS)]
        history, fault = faulty(first_seed + number, kind)
        if not seen(fault, evaluate(history, rules, now)):
            missed.append(f"{first_seed + number} {kind}")
    for number in range(histories):
        history = clean(first_seed + number)
        clean_runs += len(history.runs)
        found = evaluate(history, rules, now - 6 * timedelta(days=1))
        alarms += [f"{first_seed + number} {one.rule} {one.dataset} {one.since}" for one in found]
    return Measured(faults, faults - len(missed), tuple(missed), clean_runs, tuple(alarms))
