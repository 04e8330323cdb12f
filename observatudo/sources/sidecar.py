"""What sidecars say beside the files: the declaration's publisher, licence and citation, and what came by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pydantic import JsonValue

from observatudo.snapshots import Snapshot, SnapshotFile, now

if TYPE_CHECKING:
    from observatudo.config import Dataset

BY_HAND = "file:"  # begins the origin of a file that was given here


def made(
    key: str,
    dataset: Dataset,
    connector: str,
    source: dict[str, JsonValue],
    files: dict[str, SnapshotFile],
    when: str | None = None,
) -> Snapshot:
    """Return the snapshot of files that were taken ``when`` (ISO 8601, UTC; None: now)."""
    return Snapshot(
        dataset=key,
        connector=connector,
        source=source,
        publisher=dataset.publisher,
        license=", ".join(license.name for license in dataset.licenses),
        citation=dataset.citation,
        fetched_at=when or now(),
        files=files,
    )


def by_hand(files: Mapping[str, SnapshotFile]) -> list[JsonValue]:
    """Return the list ``files`` of a sidecar's source: name in the snapshot (``as``), name it was given under."""
    return [
        {"as": name, "name": file.origin.removeprefix(BY_HAND)}
        for name, file in sorted(files.items())
        if file.origin.startswith(BY_HAND)
    ]
