"""What to say when no version has the row that was asked for: the first condition nothing fits, and what is near it."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from observatudo.audit.timeline import tables
from observatudo.audit.timeline.cells import Condition, values
from observatudo.audit.timeline.past import Past
from observatudo.audit.timeline.tables import Files, Place
from observatudo.audit.timeline.walk import Unreadable
from observatudo.errors import ObservatudoError
from observatudo.i18n import _
from observatudo.versions.store import Store

_NAMED = 5


def not_found(past: Past, store: Store, at: Place, conditions: Sequence[Condition]) -> ObservatudoError:
    """Return the error for conditions that no row of any readable version fits, with the nearest of the newest."""
    asked = ", ".join(f"{each.name}={each.value}" for each in conditions)
    where = _("{table}, in all versions that can be read").format(table=at.table)
    for number, condition in enumerate(conditions):
        columns, found = _values(past, store, at, condition, conditions[:number])
        if columns and not found and not set(columns) & set(condition.columns):
            return ObservatudoError(
                _("{table} has no column {column}").format(table=at.table, column=condition.columns[0]),
                where=_("columns: {names}").format(names=", ".join(columns)),
                next_step=_("give one of them: --key COLUMN=VALUE"),
            )
        if not _is_among(condition, found):
            near = ", ".join(_near(condition, found))
            return ObservatudoError(
                _("no version has a row with {asked}").format(asked=asked),
                where=f"{where}: {condition.name}={condition.value}",
                next_step=_("nearest: {names}").format(names=near) if near else f"observatudo log {at.table}",
            )
    return ObservatudoError(
        _("no version has a row with {asked}").format(asked=asked), where=where, next_step=f"observatudo log {at.table}"
    )


def _values(
    past: Past, store: Store, at: Place, condition: Condition, others: Sequence[Condition]
) -> tuple[list[str], list[str]]:
    """Return the columns of the newest version that can be read, and the values it has where the others fit."""
    locks = past.outs(commit.lock for commit in past.commits)
    for commit in past.commits:
        md5 = tables.output(locks, commit.lock, at.out)
        files = tables.files(past, store, at, {md5} if md5 else set()).get(md5, ())
        if isinstance(files, Unreadable) or not files or tables.fetch(store, [file for _n, file in files], at.table):
            continue
        found = values([store.path(file) for _name, file in _few(files, others)], condition, others)
        if found is not None:
            return found
    return [], []


def _few(files: Files, conditions: Sequence[Condition]) -> Files:
    """Leave out what cannot have the indicator: observations are a file per indicator."""
    wanted = next((each.value for each in conditions if each.columns == ("id_indicador",)), None)
    own = tuple(file for file in files if file[0].endswith(f"/{wanted}.parquet"))
    return own or files


def _is_among(condition: Condition, found: Sequence[str]) -> bool:
    if condition.how == "place":
        return any(value.startswith(condition.value) for value in found)
    return any(value == condition.value or value.startswith(f"{condition.value}-") for value in found)


def _near(condition: Condition, found: Sequence[str]) -> list[str]:
    if condition.how == "year":
        years = sorted({value[:4] for value in found if value[:4].isdigit()})
        return sorted(sorted(years, key=lambda year: abs(int(year) - int(condition.value)))[:_NAMED])
    if condition.how == "month":
        return sorted({value[5:7] for value in found if len(value) > 6})
    return difflib.get_close_matches(condition.value, found, n=_NAMED, cutoff=0.5)
