"""What dbt has to build again on BigQuery, where a table outlives the build: the months that loads have touched.

``fact_indicador`` is made from the observations' rows, and from columns of the other datasets: a change of these
concerns every month. The tables of labels and of loads do not: they give ``fact_indicador`` no published column.
What stands in the other months is only trusted when its fingerprint is the one that the last build left: a killed
build, or another hand, is followed by a whole one.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from observatudo import paths
from observatudo.cloud import failures, settings
from observatudo.cloud.settings import Settings
from observatudo.runs.inputs import listing_sha256
from observatudo.warehouse.bigquery.fingerprint import expression
from observatudo.warehouse.bigquery.jobs import Done, Runner, connect, job_name
from observatudo.warehouse.bigquery.quoting import identifier, table
from observatudo.warehouse.bigquery.sent import OWN, Columns, raw_name, to_send
from observatudo.warehouse.bigquery.statements import BUILDS, LEDGER, TYPES, Place
from observatudo.warehouse.bigquery.tables import LEGACY
from observatudo.warehouse.bigquery.telling import By, Watch
from observatudo.warehouse.dbt_process import Aim
from observatudo.warehouse.engine import BIGQUERY
from observatudo.warehouse.tables import ColumnType

if TYPE_CHECKING:
    from observatudo.warehouse.artifacts import Artifacts
    from observatudo.warehouse.bigquery.jobs import Value

_NO_PART = (raw_name(OWN, "carga"), raw_name(OWN, "rotulo"))
_PROJECT = ("models/**/*.sql", "macros/**/*.sql", "seeds/*.csv", "dbt_project.yml")
_MONTH = "data_referencia"
_FACT = "fact_indicador"  # the one model that is not made anew each time


@dataclass(frozen=True)
class Plan:
    """What one build does: ``months`` (their first days, ISO 8601) of the fact, or all of it when ``is_whole``.

    ``sequence`` is the number of the newest load it sees, ``project`` the hash of the dbt project it builds by.
    """

    sequence: int
    project: str
    is_whole: bool
    months: tuple[str, ...] = ()

    def variables(self) -> dict[str, object]:
        """Return dbt's variables."""
        return {"completo": self.is_whole, "meses": list(self.months)}


def plan(root: Path, own: Settings, by: By, watch: Watch) -> Plan:
    """Compare the loads with the last successful build; ``by`` asks, ``watch`` is told of the jobs.

    Raises ObservatudoError when BigQuery cannot be asked, or has no loads.
    """
    runner, place = connect(own, by, watch.job), Place(own.project, own.raw_dataset)
    runner.rows(make_sql(place), BUILDS)
    project = project_hash(root)
    last = runner.rows(last_sql(place), BUILDS)
    built = int(str(last[0]["sequencia"])) if last else 0
    since = runner.rows(loads_sql(place), LEDGER, {"sequencia": ("INT64", built)})
    sequence = max((int(str(row["sequencia"])) for row in since), default=built)
    observed = {sent.name for sent in to_send(root) if sent.month}
    is_as_left = bool(last) and last[0]["projeto"] == project and last[0]["impressao"] == _fact(runner, own)
    if not is_as_left or _concern_all(since, observed):
        return Plan(sequence, project, is_whole=True)
    touched = [str(row["tabela"]) for row in since if row["tabela"] in observed]
    months: set[str] = set()
    for name in touched:
        found = runner.rows(months_sql(place, name), name, {"sequencia": ("INT64", built)})
        months |= {str(row["mes"]) for row in found}
    return Plan(sequence, project, is_whole=False, months=tuple(sorted(months)))


def succeeded(own: Settings, built: Plan, by: By, watch: Watch) -> None:
    """Note a build that has ended well, with all its tests; until then the next one does the same again.

    Raises ObservatudoError when BigQuery cannot be told.
    """
    runner, place = connect(own, by, watch.job), Place(own.project, own.raw_dataset)
    parameters: dict[str, tuple[str, Value]] = {
        "sequencia": ("INT64", built.sequence),
        "id_execucao": ("STRING", by.run),
        "projeto": ("STRING", built.project),
        "impressao": ("STRING", _fact(runner, own)),
    }
    runner.script(note_sql(place), parameters, job_name("build", own.raw_dataset, by.run, built.sequence), BUILDS)


def _fact(runner: Runner, own: Settings) -> str:
    """Return the fingerprint of what the table of facts publishes; empty where there is none."""
    name = f"{own.project}.{own.dataset}.{_FACT}"
    if not runner.has(name):
        return ""
    with failures.explained(name):
        fields = runner.client.get_table(name, **runner.patience).schema
    kinds: dict[str, ColumnType] = {named: kind for kind, named in TYPES.items()}
    columns = tuple(
        (field.name, kinds[LEGACY.get(field.field_type, field.field_type)])
        for field in fields
        if not field.name.startswith("_")  # these name the run
    )
    return str(runner.rows(fact_sql(own, columns), _FACT)[0]["impressao"])


def fact_sql(own: Settings, columns: Columns) -> str:
    """Return the query of the fingerprint of the table of facts."""
    return f"select {expression(columns, 'bigquery')} as impressao from {table(own.project, own.dataset, _FACT)}"


def jobs(build: Artifacts) -> list[Done]:
    """Return what each node of a build has cost, as dbt was told by BigQuery; nodes that ran no job are left out."""
    return [
        Done(
            id=node.job.id,
            kind="query",
            about=node.name,
            status="failed" if node.is_bad else "success",
            seconds=round(node.seconds, 3),
            rows=node.job.rows,
            bytes_processed=node.job.bytes_processed,
            bytes_billed=node.job.bytes_billed,
            slot_ms=node.job.slot_ms,
            error=node.message if node.is_bad else "",
        )
        for node in build.results
        if node.job
    ]


def connected() -> Settings:
    """Return the settings of the repository that runs. Raises ConfigError when they are not complete."""
    return settings.require(settings.load(paths.home()), "project")


def aim(own: Settings, budget_gb: float) -> Aim:
    """Return where dbt builds: an emulator takes no credentials; a statement may read ``budget_gb`` (10^9 bytes)."""
    told = {**own.environ(), "OBSERVATUDO_MAXIMUM_BYTES": str(int(budget_gb * 10**9))}
    return Aim(BIGQUERY, "emulator" if own.is_emulated else "bigquery", told)


def project_hash(root: Path) -> str:
    """Return one SHA-256 of everything that decides how a model is built."""
    folder = root / "dbt"
    files = sorted({path for pattern in _PROJECT for path in folder.glob(pattern)})
    return listing_sha256(
        {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
    )


def make_sql(place: Place) -> str:
    """Return the statement that makes the table of builds."""
    columns = "sequencia int64, id_execucao string, projeto string, impressao string, construida_em timestamp"
    return f"create table if not exists {place.table(BUILDS)} ({columns})"


def last_sql(place: Place) -> str:
    """Return the query of the last successful build."""
    return f"select sequencia, projeto, impressao from {place.table(BUILDS)} order by construida_em desc limit 1"


def loads_sql(place: Place) -> str:
    """Return the query of the loads since ``@sequencia``."""
    return f"select tabela, modo, sequencia from {place.table(LEDGER)} where sequencia > @sequencia"


def months_sql(place: Place, name: str) -> str:
    """Return the query of the months whose rows a load since ``@sequencia`` has touched."""
    month = f"date_trunc({identifier(_MONTH)}, month)"
    return f"select distinct {month} as mes from {place.table(name)} where _carga > @sequencia order by mes"


def note_sql(place: Place) -> str:
    """Return the statement that notes a build."""
    return (
        f"insert into {place.table(BUILDS)} (sequencia, id_execucao, projeto, impressao, construida_em)"
        " values (@sequencia, @id_execucao, @projeto, @impressao, current_timestamp())"
    )


def _concern_all(since: list[dict[str, object]], observed: set[str]) -> bool:
    """A table that was loaded whole has forgotten which of its rows went away, and so of which months."""
    concerned = [row for row in since if row["tabela"] not in _NO_PART]
    return any(row["tabela"] not in observed or row["modo"] != "diferenca" for row in concerned)
