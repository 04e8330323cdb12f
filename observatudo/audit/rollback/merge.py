"""What a rollback will do to the tables in BigQuery, worked out on this machine before anything is touched.

The version to come is laid out aside, by links into the cache; then the load's own difference is taken from what the
ledger says is there. Nothing is written to BigQuery.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from observatudo import dvccache, paths
from observatudo.audit.rollback import places
from observatudo.audit.rollback.model import Merge, MergedTable, Plan
from observatudo.audit.rollback.plumbing import Plumbing
from observatudo.errors import ObservatudoError
from observatudo.i18n import _
from observatudo.versions import Out, Version

if TYPE_CHECKING:
    from observatudo.warehouse.bigquery.ledger import Load
    from observatudo.warehouse.bigquery.sent import Sent

_SENT = (paths.INGESTED, paths.LABELS, paths.WAREHOUSE)


def preview(root: Path, git: Plumbing, plan: Plan, then: Version, want: Mapping[str, Out]) -> Merge | None:
    """Return what the load of the version to come will do; None where the warehouse is not in BigQuery, or stays.

    ``want`` are the outputs of that version. BigQuery that cannot be asked is ``problem`` of the answer.
    """
    from observatudo.config import load_params
    from observatudo.warehouse.bigquery import delta

    if plan.warehouse.effect == "untouched":
        return None
    with tempfile.TemporaryDirectory(prefix="volta-", dir=delta.scratch(root)) as folder:
        coming = Path(folder) / "versao"
        _lay_out(git, plan, then, want, coming)
        try:
            if load_params(coming).warehouse.target != "bigquery":
                return None
        except ObservatudoError:  # params.yaml of another time; what reads it then says so
            return None
        try:
            return _compared(root, coming, Path(folder))
        except ObservatudoError as error:
            return Merge("", (), error.message)


def _lay_out(git: Plumbing, plan: Plan, then: Version, want: Mapping[str, Out], coming: Path) -> None:
    """Write the configuration to come, and link the tables to come, under ``coming``."""
    commit = plan.target if plan.request.config else plan.start
    for path, blob in git.files(commit, [places.PARAMS, "configs"]).items():
        (coming / path).parent.mkdir(parents=True, exist_ok=True)
        (coming / path).write_bytes(git.content(blob, plan.texts))
    for out in want:
        if any(Path(out).is_relative_to(place) for place in _SENT):
            for entry in then.files(out):
                link = coming / out / entry.relpath if entry.relpath else coming / out
                link.parent.mkdir(parents=True, exist_ok=True)
                link.symlink_to(then.local(out, entry).resolve())


def _compared(root: Path, coming: Path, folder: Path) -> Merge:
    from pyarrow import ArrowException

    from observatudo.warehouse.bigquery import ledger, state
    from observatudo.warehouse.bigquery.sent import to_send

    settings = state.required(root)
    known = state.known(settings)
    try:
        due = [table for table in to_send(coming) if not ledger.is_present(known.newest.get(table.name), table)]
        return Merge(settings.place, tuple(_merged(root, coming, folder, due, known.newest)))
    except (ArrowException, OSError) as error:
        raise ObservatudoError(
            _("the tables of that version cannot be read: {why}").format(why=" ".join(str(error).split())[:160])
        ) from None


def _merged(
    root: Path, coming: Path, folder: Path, due: list[Sent], newest: Mapping[str, Load]
) -> Iterator[MergedTable]:
    from observatudo.warehouse.bigquery import delta, plan

    objects = dvccache.folder(root)
    for table in due:
        load = newest.get(table.name)
        can_differ = load is not None and plan.after(load, table) == "diferenca"
        found = delta.since(load, table, coming, folder, objects) if load is not None and can_differ else None
        if found is None:
            size = sum((coming / file.path).stat().st_size for file in table.files)
            yield MergedTable(table.name, "completa", table.rows, 0, load.rows if load else 0, size)
            continue
        size = found.file.stat().st_size if found.rows else 0
        yield MergedTable(table.name, "diferenca", found.inserted, found.updated, found.removed, size)
