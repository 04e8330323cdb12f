"""The version in hand brought to BigQuery outside of the pipeline: after a checkout, and by a rollback.

``dvc repro`` has nothing to do then: the outputs are those that it would make, and only BigQuery is behind.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from observatudo import figures, paths
from observatudo.errors import ObservatudoError
from observatudo.i18n import _
from observatudo.warehouse import presence
from observatudo.warehouse.bigquery import state
from observatudo.warehouse.bigquery.telling import By, Watch

if TYPE_CHECKING:
    from observatudo.cloud.settings import Settings
    from observatudo.warehouse.bigquery.ledger import Load
    from observatudo.warehouse.bigquery.sent import Sent

_SHOWN = 3


@dataclass(frozen=True)
class Brought:
    """What a load did: the tables it changed; how many it left as they were."""

    changed: tuple[Load, ...]
    kept: int

    @property
    def inserted(self) -> int:
        """Rows that are new."""
        return sum(load.inserted for load in self.changed)

    @property
    def updated(self) -> int:
        """Rows with other values."""
        return sum(load.updated for load in self.changed)

    @property
    def removed(self) -> int:
        """Rows that are not shown any more."""
        return sum(load.removed for load in self.changed)

    @property
    def bytes_sent(self) -> int:
        """Bytes that went to the bucket."""
        return sum(load.sent_bytes for load in self.changed)

    def told(self) -> str:
        """Return it in one line."""
        if not self.changed:
            return _("BigQuery had all {count} tables already").format(count=self.kept)
        return _("BigQuery: {count} table(s) brought, +{inserted} ~{updated} -{removed} rows, {size} sent").format(
            count=len(self.changed),
            inserted=figures.count(self.inserted),
            updated=figures.count(self.updated),
            removed=figures.count(self.removed),
            size=figures.size(self.bytes_sent),
        )


def load(root: Path, settings: Settings, by: By, progress: Callable[[int, int], None]) -> Brought:
    """Bring the version in hand, by the same load as the pipeline's; ``progress`` is told tables done and in all.

    Raises ObservatudoError when the outputs are not those of the last ``load`` stage, and when BigQuery did not take
    everything.
    """
    from observatudo.config import load_params
    from observatudo.warehouse.bigquery import bring

    params = load_params(root).warehouse
    sent = _checked(root)
    state.reach(settings)
    changed: list[Load] = []
    found = bring.bring(root, sent, settings, params, by, Watch(loaded=changed.append, progress=progress))
    return Brought(tuple(changed), len(found) - len(changed))


def _checked(root: Path) -> list[Sent]:
    """Return the tables in hand, once they are seen to be the files that the stage ``load`` has looked at."""
    found = state.in_hand(root)
    wanted = presence.versions(root)
    if found is None or not wanted:
        raise ObservatudoError(_("the outputs of the pipeline are not here"), where=str(root), next_step="dvc pull")
    odd = sorted(table.name for table in found if wanted.get(table.name) != table.version)
    if odd:
        raise ObservatudoError(
            _("these outputs are not those that the last load has checked: {names}").format(
                names=", ".join(odd[:_SHOWN]) + ("…" if len(odd) > _SHOWN else "")
            ),
            where=paths.INGESTED.as_posix(),
            next_step=_("dvc checkout   (or dvc repro, when inputs have changed)"),
        )
    return found


def build(root: Path, settings: Settings, by: By, when: str, progress: Callable[[int, int], None]) -> int:
    """Build dbt's models from what was loaded, exporting nothing; return the rows of all marts.

    The run and ``when`` (ISO 8601, UTC) stand in the technical columns. Raises ObservatudoError when dbt fails, or
    makes other numbers of rows than the marts in hand have.
    """
    from observatudo.config import load_params
    from observatudo.warehouse import artifacts, dbt_process, engine
    from observatudo.warehouse.bigquery import build as builds

    params = load_params(root)
    aim = builds.aim(settings, params.warehouse.budget_gb)
    planned = builds.plan(root, settings, by, Watch())
    variables = {"id_execucao": by.run, "data_processamento": when[:19].replace("T", " "), **planned.variables()}
    dbt_process.run(root, params.transform.threads, variables, progress, aim)
    bad = [result.name for result in artifacts.read(root / dbt_process.TARGET).bad]
    wanted = _published(root)
    with engine.opened(root, engine.BIGQUERY) as warehouse:
        rows = {} if bad else {name: warehouse.count(name) for name in wanted}
    if bad or rows != wanted:
        raise ObservatudoError(
            _("dbt does not give the restored marts again: {names}").format(
                names=", ".join(bad or [name for name in wanted if rows[name] != wanted[name]])
            ),
            next_step=state.BUILD,
        )
    builds.succeeded(settings, planned, by, Watch())
    return sum(rows.values())


def _published(root: Path) -> dict[str, int]:
    import pyarrow.parquet as pq

    found = sorted((root / paths.MARTS).glob("*.parquet"))
    return {path.stem: pq.read_metadata(path).num_rows for path in found if re.fullmatch(r"\w+", path.stem)}
