"""What each table of a load needs, decided from the ledger and from what is there, before anything is changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from observatudo import paths
from observatudo.errors import ObservatudoError
from observatudo.i18n import _
from observatudo.warehouse.bigquery import ledger, statements, tables
from observatudo.warehouse.bigquery.delta import worked_out
from observatudo.warehouse.bigquery.fingerprint import Fingerprint, of_files
from observatudo.warehouse.bigquery.jobs import overtaken
from observatudo.warehouse.bigquery.ledger import Ledger, Load, Mode
from observatudo.warehouse.bigquery.sent import Sent
from observatudo.warehouse.bigquery.statements import Place

if TYPE_CHECKING:
    from observatudo.config import WarehouseParams
    from observatudo.warehouse.bigquery.jobs import Runner
    from observatudo.warehouse.bigquery.tables import Found

_GB = 1e9
REPLACE = "dvc exp run -S warehouse.on_foreign_change=replace"


class Foreign(ObservatudoError):
    """A table is not as the last load left it."""


@dataclass(frozen=True)
class Step:
    """What one table needs: nothing where ``mode`` is None.

    ``now`` is the fingerprint of what is there, ``known`` the ledger's row, ``found`` the table, where they are there.
    """

    sent: Sent
    known: Load | None
    mode: Mode | None
    now: Fingerprint
    found: Found | None

    @property
    def is_new_shape(self) -> bool:
        """Whether the table is there with other columns, so that it must be made anew."""
        return self.found is not None and not self.found.has(self.sent.columns)


def steps(
    root: Path, runner: Runner, place: Place, sent: Sequence[Sent], known: Ledger, params: WarehouseParams
) -> list[Step]:
    """Look at what is there and decide, table by table.

    Raises ObservatudoError when the looking would break the budget, Foreign when another hand has changed a table, and
    Overtaken when that was another load.
    """
    there = tables.look(runner, place)
    queries = {table.name: _observation(place, table, known.newest.get(table.name), there) for table in sent}
    _check_budget(runner, [query for query in queries.values() if query], params.budget_gb)
    seen = {name: _observed(runner, query, name) for name, query in queries.items()}
    try:
        return [
            _step(root, table, known.newest.get(table.name), there.get(table.name), seen[table.name], params)
            for table in sent
        ]
    except Foreign as error:
        if ledger.read(runner, place).sequence != known.sequence:  # it ended after the ledger was read
            raise overtaken(error.where) from None
        raise


def _observation(place: Place, table: Sent, load: Load | None, there: Mapping[str, Found]) -> str | None:
    """Return the query of a table's fingerprint; None where there is no such table, or it has other columns."""
    found = there.get(table.name)
    known = [load.columns, table.columns] if load else [table.columns]
    columns = next((one for one in known if found and found.has(one)), None)
    return statements.observed(place, table.name, columns) if columns else None


def _observed(runner: Runner, query: str | None, name: str) -> Fingerprint | None:
    if query is None:
        return None
    return Fingerprint.parse(str(runner.rows(query, name)[0]["impressao"]))


def _check_budget(runner: Runner, queries: Sequence[str], budget_gb: float) -> None:
    """Every table is read before and after its load: twice what the looking takes is what a load reads."""
    estimate = 2 * sum(runner.estimate(query) for query in queries) / _GB
    if estimate > budget_gb:
        raise ObservatudoError(
            _("this load would read {estimate:.1f} GB of BigQuery, and the budget is {budget:g} GB").format(
                estimate=estimate, budget=budget_gb
            ),
            where=f"{paths.PARAMS}: warehouse.budget_gb",
            next_step=_("raise the budget there if that is meant, then type: dvc repro"),
        )


def _step(
    root: Path,
    table: Sent,
    load: Load | None,
    found: Found | None,
    now: Fingerprint | None,
    params: WarehouseParams,
) -> Step:
    here = now or Fingerprint()
    if load is None and found is None:
        return Step(table, None, "completa", here, None)
    if load is not None and found is not None and found.has(load.columns) and now == load.fingerprint:
        return Step(table, load, after(load, table), here, found)  # the table is as the last load left it
    if now is not None and found is not None and found.has(table.columns) and now == _in_hand(root, table):
        return Step(table, load, "reconciliada", here, found)
    is_empty_and_ours = load is None and here.rows == 0 and found is not None and found.has(table.columns)
    if params.on_foreign_change == "refuse" and not is_empty_and_ours:
        raise _foreign(table, load, found, now)
    return Step(table, load, "completa", here, found)


def after(load: Load, table: Sent) -> Mode | None:
    """Return what brings the version in hand after that load, given that the table is as it left it."""
    if load.columns != table.columns:  # a difference would be of rows that cannot be compared
        return "completa"
    if load.version == table.version:
        return None
    return "completa" if table.is_full else "diferenca"


def _in_hand(root: Path, table: Sent) -> Fingerprint:
    with worked_out(table.name):
        return of_files([root / file.path for file in table.files], table.columns)


def _foreign(table: Sent, load: Load | None, found: Found | None, now: Fingerprint | None) -> Foreign:
    if found is None:
        text = _("another hand has removed the table {table}")
    elif now is None:
        text = _("another hand has changed the columns of the table {table}")
    elif load is None:
        text = _("the table {table} is there with {rows} rows, and no load has brought them")
    elif now.rows != load.rows:
        text = _("another hand has changed the table {table}: the last load left {wanted} rows, there are {rows}")
    else:
        text = _("another hand has changed values in the table {table}")
    return Foreign(
        text.format(table=table.name, rows=now.rows if now else 0, wanted=load.rows if load else 0),
        where=table.name,
        next_step=_("find out who and why; to write it over: {command}").format(command=REPLACE),
    )
