"""The tables of loads in BigQuery as the service describes them: made, looked at, and told from what they should be."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from observatudo.cloud import failures
from observatudo.errors import ObservatudoError
from observatudo.i18n import _
from observatudo.warehouse.bigquery.sent import Columns, Sent
from observatudo.warehouse.bigquery.statements import TECHNICAL, TYPES, Place

if TYPE_CHECKING:
    from google.cloud.bigquery import SchemaField

    from observatudo.cloud.settings import Settings
    from observatudo.warehouse.bigquery.jobs import Runner

STAGING = "_envio_"
_STAGING_DAYS = 1
LEGACY = {"INTEGER": "INT64", "FLOAT": "FLOAT64", "BOOLEAN": "BOOL"}  # the names that the service answers with


@dataclass(frozen=True)
class Found:
    """A table that is there: column → type as BigQuery names it, bytes as it counts them, partitions and clusters."""

    columns: tuple[tuple[str, str], ...]
    size: int
    month: str = ""
    clusters: tuple[str, ...] = ()

    def has(self, columns: Columns) -> bool:
        """Say whether the table has just these columns, in whatever order, and the technical ones."""
        wanted = {(name, TYPES[kind]) for name, kind in (*columns, *TECHNICAL)}
        return set(self.columns) == wanted

    def is_laid_out(self, sent: Sent) -> bool:
        """Say whether the table has the partitions and clusters of ``sent``."""
        return (self.month, self.clusters) == (sent.month, sent.clusters)


def check_dataset(runner: Runner, settings: Settings, dataset: str) -> None:
    """Raise ObservatudoError when the dataset is missing, cannot be seen, or is in another location."""
    from google.api_core.exceptions import NotFound

    where = f"{settings.project}.{dataset}"
    with failures.explained(where):
        try:
            found = runner.client.get_dataset(where, **runner.patience)
        except NotFound:
            raise ObservatudoError(
                _("the dataset is not there, or this account may not see it"),
                where=where,
                next_step=_("observatudo warehouse --create   (or terraform apply: docs/gcp.md)"),
            ) from None
    location = str(found.location or "")
    if location and location.lower() != settings.location.lower():
        raise ObservatudoError(
            _("the dataset is in {location}, and OBSERVATUDO_LOCATION says {wanted}").format(
                location=location, wanted=settings.location
            ),
            where=where,
            next_step=_("set OBSERVATUDO_LOCATION={location} in .env").format(location=location),
        )


def look(runner: Runner, place: Place) -> dict[str, Found]:
    """Return the tables of the dataset by name. Raises ObservatudoError."""
    dataset = f"{place.project}.{place.dataset}"
    with failures.explained(dataset):
        items = list(runner.client.list_tables(dataset, **runner.patience))
        names = [item.table_id for item in items if not item.table_id.startswith("_")]
        tables = [runner.client.get_table(f"{dataset}.{name}", **runner.patience) for name in names]
    return {
        table.table_id: Found(
            tuple((field.name, LEGACY.get(field.field_type, field.field_type)) for field in table.schema),
            int(table.num_bytes or 0),
            str(table.time_partitioning.field or "") if table.time_partitioning else "",
            tuple(table.clustering_fields or ()),
        )
        for table in tables
    }


def make(runner: Runner, place: Place, sent: Sent) -> None:
    """Make an empty table with its columns, partitions and clusters. Raises ObservatudoError."""
    from google.cloud.bigquery import Table, TimePartitioning, TimePartitioningType

    table = Table(f"{place.project}.{place.dataset}.{sent.name}", schema=schema((*sent.columns, *TECHNICAL)))
    if sent.month:
        table.time_partitioning = TimePartitioning(type_=TimePartitioningType.MONTH, field=sent.month)
    table.clustering_fields = list(sent.clusters) or None
    table.description = sent.title
    with failures.explained(table.full_table_id or sent.name):
        runner.client.create_table(table, exists_ok=True, **runner.patience)


def make_staging(runner: Runner, name: str, columns: Columns) -> None:
    """Make a staging table without rows, for a version that has no file. Raises ObservatudoError."""
    from google.cloud.bigquery import Table

    with failures.explained(name):
        runner.client.create_table(Table(name, schema=schema(columns)), exists_ok=True, **runner.patience)


def schema(columns: Columns) -> list[SchemaField]:
    """Return columns as BigQuery's client has them; all may be null."""
    from google.cloud.bigquery import SchemaField

    return [SchemaField(name, TYPES[kind]) for name, kind in columns]


def expire(runner: Runner, name: str) -> None:
    """Have a staging table go by itself in a day, should the load that made it be cut off. Raises ObservatudoError.

    The day begins when BigQuery last changed the table: this machine's clock may be wrong.
    """
    from google.api_core.exceptions import NotFound, PreconditionFailed

    # the same load elsewhere may have ended, and removed it, or be at this very point
    with failures.explained(name), suppress(NotFound, PreconditionFailed):
        _set_end(runner, name)


def _set_end(runner: Runner, name: str) -> None:
    table = runner.client.get_table(name, **runner.patience)
    table.expires = (table.modified or datetime.now(UTC)) + timedelta(days=_STAGING_DAYS)
    runner.client.update_table(table, ["expires"], **runner.patience)


def sweep(runner: Runner, place: Place) -> None:
    """Have staging tables go that loads have left without an end, cut off: in their day, or at once when that is over.

    Raises ObservatudoError.
    """
    from google.api_core.exceptions import BadRequest, NotFound, PreconditionFailed

    dataset = f"{place.project}.{place.dataset}"
    with failures.explained(dataset):
        for item in list(runner.client.list_tables(dataset, **runner.patience)):
            if not item.table_id.startswith(STAGING) or item.expires is not None:
                continue
            name = f"{dataset}.{item.table_id}"
            with suppress(NotFound, PreconditionFailed):  # another load is at it too
                try:
                    _set_end(runner, name)
                except BadRequest:  # BigQuery takes no end that is past
                    runner.client.delete_table(name, not_found_ok=True, **runner.patience)


def drop(runner: Runner, name: str) -> None:
    """Remove a staging table, if it is there. Raises ObservatudoError."""
    with failures.explained(name):
        runner.client.delete_table(name, not_found_ok=True, **runner.patience)
