"""The file to look at: here, or downloaded to a temporary place."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from observatudo.errors import DataError
from observatudo.i18n import _
from observatudo.sources.address import shown

if TYPE_CHECKING:
    from observatudo.sources.contract import Report, Response


@contextmanager
def opened(root: Path, given: str, report: Report) -> Iterator[tuple[Path, str, Response | None]]:
    """Give the file, its address ("" for one that is here) and what came with it.

    ``report`` hears of an address how much has come and why it is asked again.

    Raises DataError for a file that is not there, SnapshotError for an address that gives none.
    """
    from_web = re.match(r"https?://", given) is not None
    if not from_web and _plain(given):
        yield _here(Path(given)), "", None
        return
    caches = root / ".observatudo"
    caches.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="new-", dir=caches) as folder:
        if not from_web:
            copied = Path(folder, re.sub(r"[^\w.\- ]+", "_", Path(given).name).lstrip("."))
            yield shutil.copyfile(_here(Path(given)), copied), "", None
            return
        from observatudo.sources.address import clean
        from observatudo.sources.client import open_client

        target = Path(folder, _name(given))
        with open_client(report) as client:
            response = client.download(given, target)
        yield target, clean(given), response


def _plain(given: str) -> bool:
    """Say whether a file can keep its name: no sign of a pattern, not hidden."""
    return re.fullmatch(r"[^.*?\[\]\\][^*?\[\]\\]*", Path(given).name) is not None


def _here(file: Path) -> Path:
    if not file.is_file():
        raise DataError(_("there is no file {file}").format(file=shown(str(file))))
    return file


def _name(url: str) -> str:
    """Return the local name of what stands at an address."""
    last = unquote(urlsplit(url).path).rstrip("/").rpartition("/")[2]
    name = re.sub(r"[^\w.\- ]+", "_", last).lstrip(".")
    return name or "dados"
