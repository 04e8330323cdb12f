"""The table of loads in BigQuery: which version of which table is there, who brought it, and how."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from observatudo.errors import ObservatudoError
from observatudo.i18n import _
from observatudo.runs.inputs import listing_sha256
from observatudo.warehouse.bigquery.fingerprint import Fingerprint
from observatudo.warehouse.bigquery.sent import Columns, File, Sent
from observatudo.warehouse.bigquery.statements import (
    LEDGER,
    LEDGER_COLUMNS,
    TURN,
    TYPES,
    Place,
    newest_and_turn,
    noted,
    turn,
)
from observatudo.warehouse.tables import ColumnType

if TYPE_CHECKING:
    from observatudo.warehouse.bigquery.jobs import Runner, Value

Mode = Literal["completa", "diferenca", "reconciliada"]
MODES: tuple[Mode, ...] = ("completa", "diferenca", "reconciliada")


@dataclass(frozen=True)
class Load:
    """One row of the ledger: the version of a table that a load left behind.

    ``inserted``, ``updated``, ``removed`` and ``rows`` count rows, ``fingerprint`` is of the active ones.
    """

    id: str
    sequence: int
    table: str
    version: str
    previous: str
    mode: Mode
    rows: int
    inserted: int
    updated: int
    removed: int
    fingerprint: Fingerprint
    columns: Columns
    files: tuple[File, ...]
    sent_bytes: int
    commit: str
    run: str
    who: str
    started: datetime

    def parameters(self, before: int) -> dict[str, tuple[str, Value]]:
        """Return the parameters of the script that writes this row; ``before`` is the newest load's number."""
        values: list[Value] = [
            self.id,
            self.sequence,
            self.table,
            self.version,
            self.previous,
            self.mode,
            self.rows,
            self.inserted,
            self.updated,
            self.removed,
            str(self.fingerprint),
            json.dumps(self.columns, ensure_ascii=False, separators=(",", ":")),
            _written(self.files),
            self.sent_bytes,
            self.commit,
            self.run,
            self.who,
            self.started.isoformat(),
        ]
        bound = {name: (TYPES[kind], value) for (name, kind), value in zip(LEDGER_COLUMNS, values, strict=True)}
        return {"anterior": ("INT64", before)} | bound


@dataclass(frozen=True)
class Ledger:
    """The newest load of each table, and the number of the newest of all (0: none yet)."""

    newest: Mapping[str, Load]
    sequence: int


def read(runner: Runner, place: Place) -> Ledger:
    """Return what is noted in the warehouse. Raises ObservatudoError, also when the ledger itself was tampered with."""
    rows = runner.rows(newest_and_turn(place), LEDGER)  # by one query: a load may end between two
    found = [parse(row, place) for row in rows if row["tabela"] is not None]
    sequence = rows[0]["vez"]
    if not isinstance(sequence, int) or rows[0]["vezes"] != 1:
        raise _damaged(place, TURN)
    if sequence < max((load.sequence for load in found), default=0):
        raise _damaged(place, TURN)
    return Ledger({load.table: load for load in found}, sequence)


def turn_of(runner: Runner, place: Place) -> int:
    """Return the newest load's number. Raises ObservatudoError, also when another hand has changed it."""
    turns = runner.rows(f"select sequencia from {place.table(TURN)}", TURN)
    sequence = turns[0]["sequencia"] if len(turns) == 1 else None
    if not isinstance(sequence, int):
        raise _damaged(place, TURN)
    return sequence


def make(runner: Runner, place: Place) -> None:
    """Make the tables of the ledger where they are not. Raises ObservatudoError."""
    from google.cloud.bigquery import SchemaField, Table

    from observatudo.cloud import failures

    schema = [SchemaField(name, TYPES[kind]) for name, kind in LEDGER_COLUMNS]
    with failures.explained(runner.place):
        table = Table(f"{place.project}.{place.dataset}.{LEDGER}", schema=schema)
        runner.client.create_table(table, exists_ok=True, **runner.patience)
    runner.rows(turn(place), TURN)


def parse(row: Mapping[str, object], place: Place) -> Load:
    """Return a row of the ledger as a load. Raises ObservatudoError for one that no load has written."""
    try:
        started = row["iniciada_em"]
        if not isinstance(started, datetime):
            raise TypeError(started)
        load = Load(
            id=str(row["id_carga"]),
            sequence=_integer(row["sequencia"]),
            table=str(row["tabela"]),
            version=str(row["versao"]),
            previous=str(row["versao_anterior"] or ""),
            mode=_mode(str(row["modo"])),
            rows=_integer(row["linhas"]),
            inserted=_integer(row["inseridas"]),
            updated=_integer(row["atualizadas"]),
            removed=_integer(row["removidas"]),
            fingerprint=Fingerprint.parse(str(row["impressao"])),
            columns=_columns(str(row["colunas"])),
            files=_files(str(row["arquivos"])),
            sent_bytes=_integer(row["bytes_enviados"]),
            commit=str(row["commit"] or ""),
            run=str(row["id_execucao"] or ""),
            who=str(row["quem"] or ""),
            started=started,
        )
    except (TypeError, ValueError, KeyError):
        raise _damaged(place, LEDGER) from None
    version = listing_sha256({file.path: file.sha256 for file in load.files})
    if load.version != version or load.rows != load.fingerprint.rows:
        raise _damaged(place, LEDGER)
    return load


def _integer(value: object) -> int:
    if not isinstance(value, int):
        raise TypeError(value)
    return value


def _mode(text: str) -> Mode:
    return {str(mode): mode for mode in MODES}[text]


def _columns(text: str) -> Columns:
    kinds: dict[str, ColumnType] = {kind: kind for kind in TYPES}
    return tuple((str(name), kinds[kind]) for name, kind in json.loads(text))


def _written(files: tuple[File, ...]) -> str:
    content = [[file.path, file.md5, file.sha256, file.rows] for file in files]
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"))


def _files(text: str) -> tuple[File, ...]:
    return tuple(File(str(path), str(md5), str(sha256), int(rows)) for path, md5, sha256, rows in json.loads(text))


def _damaged(place: Place, name: str) -> ObservatudoError:
    return ObservatudoError(
        _("the table of loads in the warehouse was changed by another hand"),
        where=f"{place.project}.{place.dataset}.{name}",
        next_step=_("restore it as it was an hour ago: see docs/gcp.md, “Another hand”"),
    )


def is_present(load: Load | None, sent: Sent) -> bool:
    """Say whether the newest load of a table brought the version in hand."""
    return load is not None and load.version == sent.version


def has(runner: Runner, place: Place, load: Load) -> bool:
    """Say whether the ledger holds this load. Raises ObservatudoError."""
    columns = ("id_carga", "sequencia", "versao", "impressao")
    given = {name: value for name, value in load.parameters(0).items() if name in columns}
    return bool(runner.rows(noted(place, columns), LEDGER, given))
