"""The file that is onboarded, taken as the dataset's first snapshot."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from pydantic import JsonValue

from observatudo import config, snapshots
from observatudo.sources import sidecar

if TYPE_CHECKING:
    from pathlib import Path

    from observatudo.config import Dataset
    from observatudo.onboard.propose import Asked
    from observatudo.sources.contract import Response


def take(here: Path, asked: Asked, dataset: Dataset, response: Response | None) -> None:
    """Put the file and its sidecar into the snapshot's folder of the repository at ``here``."""
    name, when = asked.file.name, snapshots.now()
    entry = snapshots.describe(asked.file, asked.url or f"{sidecar.BY_HAND}{name}")
    source: dict[str, JsonValue] = {"files": sidecar.by_hand({name: entry})}
    if response is not None:
        source = {"http": [{"url": asked.url, "file": name}]}
        of_http = {"etag": response.etag, "last_modified": response.last_modified, "fetched_at": when}
        entry = entry.model_copy(update={"url": asked.url} | of_http)
    connector = "http" if response is not None else "file"
    made = sidecar.made(asked.key, dataset, connector, source, {name: entry}, when)
    with snapshots.staging(here) as staged:
        shutil.copyfile(asked.file, staged / name)
        snapshots.install(here, made, staged)


def settle(root: Path, key: str) -> None:
    """Hand a file that is too large for Git to DVC, as ``fetch`` does. Raises ObservatudoError when DVC refuses."""
    from observatudo.sources import large

    standing = snapshots.read(root, key)
    limit = config.load_params(root).fetch.git_limit_mb
    large.settler(root, limit)(standing, snapshots.Changes(added=[*standing.files]))
