"""What is in the warehouse in BigQuery, held against the version in hand: tables, loads, builds, and what is wrong.

The ledger is believed, and read by three small queries; on demand the rows themselves are read and held against it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from observatudo import paths
from observatudo.cloud import failures
from observatudo.cloud import settings as cloud
from observatudo.errors import ObservatudoError
from observatudo.i18n import _
from observatudo.warehouse import presence
from observatudo.warehouse.bigquery import ledger, statements, tables
from observatudo.warehouse.bigquery.fingerprint import Fingerprint, of_files
from observatudo.warehouse.bigquery.jobs import Runner, connect, label
from observatudo.warehouse.bigquery.plan import REPLACE
from observatudo.warehouse.bigquery.quoting import identifier
from observatudo.warehouse.bigquery.statements import BUILDS, LEDGER, TURN, Place

if TYPE_CHECKING:
    from observatudo.cloud.settings import Settings
    from observatudo.warehouse.bigquery.ledger import Ledger, Load
    from observatudo.warehouse.bigquery.sent import Sent
    from observatudo.warehouse.bigquery.tables import Found

Status = Literal["current", "other", "absent", "lost", "altered", "undeclared", "unknown"]
LOAD = "observatudo warehouse --load"
BUILD = "dvc repro -f -s transform"
_REACH_S = 10.0
_SHOWN = 4
_WRONG: tuple[Status, ...] = ("other", "absent", "lost", "altered")
_COLUMNS = (
    "sequencia",
    "tabela",
    "versao",
    "versao_anterior",
    "modo",
    "linhas",
    "inseridas",
    "atualizadas",
    "removidas",
    "bytes_enviados",
    "commit",
    "id_execucao",
    "quem",
    "iniciada_em",
)


@dataclass(frozen=True)
class Loaded:
    """One load of one table; counts are rows, ``bytes_sent`` bytes, ``started`` ISO 8601."""

    sequence: int
    table: str
    version: str
    previous: str
    mode: str
    rows: int
    inserted: int
    updated: int
    removed: int
    bytes_sent: int
    commit: str
    run: str
    who: str
    started: str


@dataclass(frozen=True)
class Build:
    """One successful build of dbt; ``sequence`` is the newest load that it saw, ``built_at`` ISO 8601."""

    sequence: int
    run: str
    project: str
    built_at: str


@dataclass(frozen=True)
class Table:
    """One table of loads. What is ``here`` is the version in hand, ``there`` what the ledger says of BigQuery.

    ``status``: ``current``; ``other`` version; ``absent`` (never loaded); ``lost`` (loaded, and gone); ``altered`` (its
    rows are not those that the ledger says, found by ``deep`` only); ``undeclared`` (loaded, and no table of the
    version in hand); ``unknown`` (the outputs are not here). ``size`` is bytes as BigQuery counts them.
    """

    name: str
    title: str
    status: Status
    version_here: str | None
    version_there: str | None
    rows_here: int | None
    rows_there: int | None
    size: int | None
    load: Loaded | None


@dataclass(frozen=True)
class Problem:
    """What is not as it should be, and the command that mends it.

    ``kind``: no ``outputs`` here; ``empty`` (nothing loaded yet); tables that are ``lost``, ``altered``, or of an
    ``other`` version; models ``unbuilt`` since the last load.
    """

    kind: Literal["outputs", "empty", "lost", "altered", "other", "unbuilt"]
    text: str
    next_step: str


@dataclass(frozen=True)
class State:
    """All of it. ``loads`` and ``builds`` come newest first; ``deep`` says whether rows were read."""

    target: str
    environment: str
    project: str
    dataset: str
    raw_dataset: str
    location: str
    bucket: str
    is_emulated: bool
    is_current: bool
    deep: bool
    tables: tuple[Table, ...]
    loads: tuple[Loaded, ...]
    builds: tuple[Build, ...]
    problems: tuple[Problem, ...]

    def as_dict(self) -> dict[str, object]:
        """Return what ``observatudo warehouse --json`` prints."""
        return asdict(self)


def look(root: Path, settings: Settings, *, deep: bool = False, loads: int = 10) -> State:
    """Return the state of the warehouse; ``loads`` is how many of the newest loads and builds are given.

    Raises ObservatudoError when it cannot be asked: settings, credentials, network, or no dataset.
    """
    runner = reach(settings)
    place = Place(settings.project, settings.raw_dataset)
    known = _ledger(runner, place)
    there = tables.look(runner, place)
    sent = in_hand(root)
    altered = set(_altered(root, runner, place, sent or (), known, there)) if deep else set()
    found = tuple(_tables(sent, known, there, altered))
    builds = tuple(_builds(runner, place, loads))
    problems = tuple(_problems(root, found, builds, known, is_here=sent is not None))
    return State(
        target="bigquery",
        environment=settings.environment,
        project=settings.project,
        dataset=settings.dataset,
        raw_dataset=settings.raw_dataset,
        location=settings.location,
        bucket=settings.bucket,
        is_emulated=settings.is_emulated,
        is_current=not problems,
        deep=deep,
        tables=found,
        loads=tuple(_loads(runner, place, loads)) if known.newest else (),
        builds=builds,
        problems=problems,
    )


def require_loaded(root: Path, settings: Settings) -> None:
    """Raise ObservatudoError when BigQuery does not hold the version that the load's receipt tells of.

    After ``git checkout`` and ``dvc checkout`` the stage ``load`` has nothing to do, and what dbt would build from
    there is another version.
    """
    other = _others(root, known(settings))
    if other:
        raise ObservatudoError(_other(other).text, where=f"{settings.project}.{settings.raw_dataset}", next_step=LOAD)


def behind(root: Path, settings: Settings) -> list[Problem]:
    """Say what the ledger and the last build lack of the version that the load's receipt tells of; no table is read.

    Raises ObservatudoError when BigQuery cannot be asked.
    """
    runner = reach(settings)
    place = Place(settings.project, settings.raw_dataset)
    known = _ledger(runner, place)
    other = _others(root, known)
    if other:
        return [_other(other)]
    return list(_unbuilt(root, tuple(_builds(runner, place, 1)), known))


def known(settings: Settings) -> Ledger:
    """Return the ledger; an empty one where nothing was loaded yet. Raises ObservatudoError."""
    return _ledger(reach(settings), Place(settings.project, settings.raw_dataset))


def reach(settings: Settings) -> Runner:
    """Return what asks BigQuery, once it has answered: where there is no network, that is known in seconds.

    Raises ObservatudoError when it does not answer, or has no dataset of loads in the location.
    """
    from google.api_core.exceptions import NotFound
    from google.api_core.retry import Retry

    runner = connect(settings)
    where = f"{settings.project}.{settings.raw_dataset}"
    with failures.explained(where), suppress(NotFound):  # what to do then is said next
        runner.client.get_dataset(where, retry=Retry(timeout=_REACH_S), timeout=_REACH_S)
    tables.check_dataset(runner, settings, settings.raw_dataset)
    return runner


def create(settings: Settings) -> list[str]:
    """Make the two datasets where they are missing; return the names of those that were made.

    Raises ObservatudoError when it may not be done, or one that is there is in another location.
    """
    from google.api_core.exceptions import NotFound
    from google.cloud.bigquery import Dataset

    runner = connect(settings)
    made = []
    for name, description in (
        (settings.raw_dataset, "Observatudo: tabelas carregadas, sem outra mão"),
        (settings.dataset, "Observatudo: modelos do dbt"),
    ):
        where = f"{settings.project}.{name}"
        wanted = Dataset(where)
        wanted.location, wanted.description = settings.location, description
        wanted.labels = {"aplicacao": "observatudo", "ambiente": label(settings.environment)}
        with failures.explained(where):
            try:
                runner.client.get_dataset(where, timeout=_REACH_S)
            except NotFound:
                runner.client.create_dataset(wanted, exists_ok=True, timeout=60.0)
                made.append(where)
        tables.check_dataset(runner, settings, name)
    return made


def required(root: Path) -> Settings:
    """Return the settings of the repository at ``root``. Raises ConfigError when the project or bucket is not set."""
    return cloud.require(cloud.load(root), "project", "bucket")


def _ledger(runner: Runner, place: Place) -> Ledger:
    """Return the ledger; an empty one where nothing was loaded yet."""
    if not runner.has(f"{place.project}.{place.dataset}.{TURN}"):
        return ledger.Ledger({}, 0)
    return ledger.read(runner, place)


def in_hand(root: Path) -> list[Sent] | None:
    """Return the tables of the version in hand; None where its outputs are not here. Raises ObservatudoError."""
    from pyarrow import ArrowException

    from observatudo.warehouse.bigquery.sent import to_send
    from observatudo.warehouse.load import LOADS

    if not (root / LOADS).is_file() or not (root / paths.LABELS).is_file():
        return None
    try:
        return to_send(root)
    except ArrowException as error:
        raise ObservatudoError(
            _("an output cannot be read: {why}").format(why=" ".join(str(error).split())[:160]),
            where=paths.INGESTED.as_posix(),
            next_step="dvc checkout",
        ) from None


def _altered(
    root: Path, runner: Runner, place: Place, sent: Sequence[Sent], known: Ledger, there: Mapping[str, Found]
) -> Iterator[str]:
    """Give the tables whose rows are not those that the ledger says, or not those of the files they were made from."""
    declared = {table.name: table for table in sent}
    for name, load in known.newest.items():
        if name not in there:
            continue
        if not there[name].has(load.columns):
            yield name
            continue
        row = runner.rows(statements.observed(place, name, load.columns), name)[0]
        wanted, here = load.fingerprint, declared.get(name)
        if here is not None and ledger.is_present(load, here):
            wanted = of_files([root / file.path for file in here.files], here.columns)
        if Fingerprint.parse(str(row["impressao"])) != wanted:
            yield name


def _tables(
    sent: Sequence[Sent] | None, known: Ledger, there: Mapping[str, Found], altered: Collection[str]
) -> Iterator[Table]:
    declared = {table.name: table for table in sent or ()}
    for name in sorted({*declared, *known.newest}):
        here, load = declared.get(name), known.newest.get(name)
        status = _status(here, load, is_there=name in there, is_known=sent is not None)
        yield Table(
            name=name,
            title=here.title if here else "",
            status="altered" if name in altered else status,
            version_here=here.version if here else None,
            version_there=load.version if load else None,
            rows_here=here.rows if here else None,
            rows_there=load.rows if load else None,
            size=there[name].size if name in there else None,
            load=_shown(load) if load else None,
        )


def _status(here: Sent | None, load: Load | None, *, is_there: bool, is_known: bool) -> Status:
    if load is None:
        return "absent"
    if not is_there:
        return "lost"
    if not is_known:
        return "unknown"
    if here is None:
        return "undeclared"
    return "current" if ledger.is_present(load, here) else "other"


def _shown(load: Load) -> Loaded:
    return Loaded(
        sequence=load.sequence,
        table=load.table,
        version=load.version,
        previous=load.previous,
        mode=load.mode,
        rows=load.rows,
        inserted=load.inserted,
        updated=load.updated,
        removed=load.removed,
        bytes_sent=load.sent_bytes,
        commit=load.commit,
        run=load.run,
        who=load.who,
        started=load.started.isoformat(timespec="seconds"),
    )


def _loads(runner: Runner, place: Place, limit: int) -> Iterator[Loaded]:
    names = ", ".join(identifier(name) for name in _COLUMNS)
    sql = f"select {names} from {place.table(LEDGER)} order by sequencia desc limit {limit:d}"
    for row in runner.rows(sql, LEDGER):
        numbers = {name: int(str(row[name])) for name in _COLUMNS[:1] + _COLUMNS[5:10]}
        texts = {name: str(row[name] or "") for name in _COLUMNS[1:5] + _COLUMNS[10:13]}
        yield Loaded(
            sequence=numbers["sequencia"],
            table=texts["tabela"],
            version=texts["versao"],
            previous=texts["versao_anterior"],
            mode=texts["modo"],
            rows=numbers["linhas"],
            inserted=numbers["inseridas"],
            updated=numbers["atualizadas"],
            removed=numbers["removidas"],
            bytes_sent=numbers["bytes_enviados"],
            commit=texts["commit"],
            run=texts["id_execucao"],
            who=texts["quem"],
            started=_moment(row["iniciada_em"]),
        )


def _builds(runner: Runner, place: Place, limit: int) -> Iterator[Build]:
    if not runner.has(f"{place.project}.{place.dataset}.{BUILDS}"):
        return
    sql = (
        f"select sequencia, id_execucao, projeto, construida_em from {place.table(BUILDS)}"
        f" order by construida_em desc limit {max(limit, 1):d}"
    )
    for row in runner.rows(sql, BUILDS):
        yield Build(
            sequence=int(str(row["sequencia"])),
            run=str(row["id_execucao"] or ""),
            project=str(row["projeto"] or ""),
            built_at=_moment(row["construida_em"]),
        )


def _moment(value: object) -> str:
    return value.isoformat(timespec="seconds") if isinstance(value, datetime) else ""


def _problems(
    root: Path, found: Sequence[Table], builds: tuple[Build, ...], known: Ledger, *, is_here: bool
) -> Iterator[Problem]:
    by_status = {status: [table.name for table in found if table.status == status] for status in _WRONG}
    if not is_here:
        yield Problem("outputs", _("the outputs of the pipeline are not here, so nothing can be compared"), "dvc pull")
    if known.newest and by_status["lost"]:
        text = _("gone from BigQuery, though loaded: {names}").format(names=_names(by_status["lost"]))
        yield Problem("lost", text, _("set warehouse.on_foreign_change: replace in params.yaml, then type: dvc repro"))
    if by_status["altered"]:
        text = _("changed by another hand: {names}").format(names=_names(by_status["altered"]))
        yield Problem("altered", text, _("find out who and why; to write it over: {command}").format(command=REPLACE))
    if not known.newest:
        yield Problem("empty", _("nothing was loaded into it yet"), "dvc repro")
    elif by_status["other"] or by_status["absent"]:
        yield _other([*by_status["other"], *by_status["absent"]])
    else:
        yield from _unbuilt(root, builds, known)


def _other(names: Sequence[str]) -> Problem:
    text = _("not of the version in hand: {names}").format(names=_names(names))
    return Problem("other", text, f"{LOAD} && {BUILD}")


def _unbuilt(root: Path, builds: tuple[Build, ...], known: Ledger) -> Iterator[Problem]:
    """Say so when the models were built from older loads, or by another dbt project."""
    from observatudo.warehouse.bigquery.build import project_hash

    newest = max((load.sequence for load in known.newest.values()), default=0)
    if not builds or builds[0].sequence < newest:
        yield Problem("unbuilt", _("dbt's models were built before the last load"), BUILD)
    elif builds[0].project != project_hash(root):
        yield Problem("unbuilt", _("dbt's models were built from another version of dbt/"), BUILD)


def _others(root: Path, known: Ledger) -> list[str]:
    """Return the tables that the receipt tells of, and that are of another version by the ledger."""
    wanted, newest = presence.versions(root), known.newest
    return [name for name, version in wanted.items() if name not in newest or newest[name].version != version]


def _names(names: Sequence[str]) -> str:
    return ", ".join(names[:_SHOWN]) + ("…" if len(names) > _SHOWN else "")
