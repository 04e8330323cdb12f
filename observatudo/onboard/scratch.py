"""A repository beside the repository: where a proposal is tried, so that what fails leaves nothing behind."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from observatudo import config, paths

_LIST = "ibge/municipio"
_COPIED = ("configs", "dbt")
_CACHES = shutil.ignore_patterns("target", "logs", "dbt_packages", "__pycache__")


@contextmanager
def scratch(root: Path) -> Iterator[Path]:
    """Give a temporary copy of declarations and models, with the official list ingested, on the repository's disk."""
    caches = root / ".observatudo"
    caches.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="new-", dir=caches) as name:
        here = Path(name)
        for folder in _COPIED:
            if (root / folder).is_dir():
                shutil.copytree(root / folder, here / folder, ignore=_CACHES)
        for file in (paths.PARAMS, Path("dvc.yaml")):
            shutil.copyfile(root / file, here / file)
        _official(root, here)
        yield here


def directory(here: Path) -> Path:
    """Return where the official list lies in a scratch repository."""
    return here / paths.INGESTED / _LIST


def _official(root: Path, here: Path) -> None:
    """Have the official list in the scratch repository: as the pipeline left it, or ingested from its snapshot."""
    from observatudo.ingest.pipeline import ingest

    standing = root / paths.INGESTED / _LIST
    if (standing / "referencia.parquet").is_file() and (standing / "divergencia.parquet").is_file():
        shutil.copytree(standing, directory(here))
        return
    config.load_params(root).dataset(_LIST)
    shutil.copytree(root / paths.RAW / _LIST, here / paths.RAW / _LIST)
    ingest(here, _LIST)
