"""The connector ``http``: one file at an address, or one member of the zip or tar that is there."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from urllib.parse import unquote, urlsplit

from observatudo.origins import Http
from observatudo.sources import archive
from observatudo.sources.contract import Before, Client, Report, Response, Taken


class HttpConnector:
    """A file as it is published; its validators spare the next download."""

    def take(self, spec: Http, client: Client, folder: Path, before: Before, report: Report) -> list[Taken]:
        """Write the file; with ``member``, that member of the archive. Raises SnapshotError."""
        report(spec.file)
        old = before.get(spec.file)
        if old is not None and old.member != (spec.member or None):
            old = None  # another member of the same archive was taken
        form = spec.form or None
        if not spec.member:
            answer = client.download(spec.url, folder / spec.file, form=form, before=old)
            return [_taken(spec, answer)]
        with TemporaryDirectory(prefix=".", dir=folder) as aside:
            packed = Path(aside) / _last(spec.url)
            answer = client.download(spec.url, packed, form=form, before=old)
            if not answer.same:
                archive.extract(packed, {spec.file: spec.member}, folder)
        return [_taken(spec, answer)]

    def news(self, spec: Http, client: Client, before: Before) -> bool | None:
        """Ask by the validators of before; a form's answer has none."""
        old = before.get(spec.file)
        if old is None or old.member != (spec.member or None):
            return True
        return None if spec.form else client.head(spec.url, old)


def _taken(spec: Http, answer: Response) -> Taken:
    host = urlsplit(answer.url).netloc
    return Taken(
        name=spec.file,
        origin=f"http:{host}",
        url=answer.url,
        same=answer.same,
        member=spec.member or None,
        etag=answer.etag,
        last_modified=answer.last_modified,
    )


def _last(url: str) -> str:
    """Return the archive's own name, for messages."""
    name = PurePosixPath(unquote(urlsplit(url).path)).name
    is_plain = name and name.isprintable() and not name.startswith(".") and len(name.encode()) < 200
    return name if is_plain else "archive"


CONNECTOR = HttpConnector()
