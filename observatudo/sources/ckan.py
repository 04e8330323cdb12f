"""CKAN (docs.ckan.org, Action API): the files of a dataset, as ``package_show`` lists them."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

from observatudo.errors import SnapshotError
from observatudo.i18n import _
from observatudo.origins import Ckan
from observatudo.snapshots import SIDECAR
from observatudo.sources import payload
from observatudo.sources.answers import StatusError
from observatudo.sources.contract import Before, Client, Report, Taken

_NAME = re.compile(r"[^/.\\\x00-\x1f\x7f][^/\\\x00-\x1f\x7f]*")


@dataclass(frozen=True)
class Resource:
    """One file of the dataset; ``version`` is when it was last changed, as CKAN writes times, and its hash if given."""

    id: str
    name: str
    format: str
    url: str
    file: str
    version: str | None


class CkanConnector:
    """A file for each resource that ``formats`` and ``match`` choose, named as at the end of its address."""

    def take(self, spec: Ckan, client: Client, folder: Path, before: Before, report: Report) -> list[Taken]:
        """Write each file that changed; raises SnapshotError where none is chosen, or two have one name."""
        taken = []
        chosen = _chosen(spec, client)
        for number, resource in enumerate(chosen, 1):
            report(f"{number}/{len(chosen)} {resource.file}")
            answer = client.download(resource.url, folder / resource.file, before=before.get(resource.file))
            taken.append(
                Taken(
                    resource.file,
                    _origin(spec),
                    resource.url,
                    same=answer.same,
                    member=resource.id,
                    etag=answer.etag,
                    last_modified=answer.last_modified,
                    version=resource.version,
                )
            )
        return sorted(taken, key=lambda one: one.name)

    def news(self, spec: Ckan, client: Client, before: Before) -> bool | None:
        """Compare the list of files and when each was last changed; no file is asked for."""
        chosen = _chosen(spec, client)
        stand = {name for name, file in before.items() if file.origin == _origin(spec)}
        if {resource.file for resource in chosen} != stand:
            return True
        pairs = [(resource.version, before[resource.file].version) for resource in chosen]
        if any(new != old for new, old in pairs if new and old):
            return True
        return False if all(new and old for new, old in pairs) else None


def _origin(spec: Ckan) -> str:
    return f"CKAN {spec.package}"


def _chosen(spec: Ckan, client: Client) -> list[Resource]:
    listed = _listed(spec, client)
    formats = {_format(name) for name in spec.formats}
    found = [
        one
        for one in listed
        if one.format in formats and (re.search(spec.match, one.name) or re.search(spec.match, one.url))
    ]
    if not found:
        shown = ", ".join(f"{one.name} ({one.format or '–'})" for one in listed) or "–"
        raise SnapshotError(
            _("none of the dataset's files is one that “formats” and “match” choose"),
            where=_address(spec),
            next_step=_("it has: {known}").format(known=shown),
        )
    _require_names(found, spec)
    return found


def _listed(spec: Ckan, client: Client) -> list[Resource]:
    url = _address(spec)
    try:
        answer = payload.an_object(client.json(url, {"id": spec.package}), url)
    except StatusError as error:
        if error.status != 404:
            raise
        raise _refused(_("CKAN does not know the dataset {name}").format(name=spec.package), spec) from None
    if answer.get("success") is not True:
        told = answer.get("error")
        why = payload.text(told.get("message")) if isinstance(told, dict) else None
        raise _refused(_("CKAN refuses: {why}").format(why=why or _("it does not say why")), spec)
    result = payload.an_object(answer.get("result"), url)
    return [_resource(one, spec, url) for one in payload.objects(result.get("resources"), url)]


def _refused(message: str, spec: Ckan) -> SnapshotError:
    return SnapshotError(
        message,
        where=f"{_address(spec)}?id={spec.package}",
        next_step=_("look for the dataset on the publisher's page, and correct “package” in the declaration"),
    )


def _resource(item: payload.Object, spec: Ckan, where: str) -> Resource:
    key, link = payload.text(item.get("id")), payload.text(item.get("url"))
    if not key or not link:
        raise payload.unexpected(where, _("a file without an id or an address"))
    url = urljoin(f"{spec.site.rstrip('/')}/", link.strip())
    last = unicodedata.normalize("NFC", unquote(urlsplit(url).path.rpartition("/")[2])).strip()
    form = _format(payload.text(item.get("format")) or Path(last).suffix)
    return Resource(
        id=key,
        name=payload.text(item.get("name")) or "",
        format=form,
        url=url,
        file=spec.files.get(key) or last or f"{key}.{form.lower()}",
        version=_version(item),
    )


def _version(item: payload.Object) -> str | None:
    times = (payload.text(item.get(name)) for name in ("last_modified", "metadata_modified", "created"))
    found = [next(filter(None, times), None), payload.text(item.get("hash"))]
    return " ".join(filter(None, found)) or None


def _format(text: str) -> str:
    """Return ``CSV`` for ``csv``, ``.csv`` and ``text/csv``."""
    return text.strip().rpartition("/")[2].lstrip(".").upper()


def _require_names(found: list[Resource], spec: Ckan) -> None:
    names = [one.file for one in found]
    for one in found:
        if names.count(one.file) > 1 or not _NAME.fullmatch(one.file) or one.file == SIDECAR:
            raise SnapshotError(
                _("“{name}” cannot name one file of the snapshot").format(name=one.file),
                where=one.url,
                next_step=_("give it a name in the declaration, under “files”: {{{id}: NAME}}").format(id=one.id),
            )


def _address(spec: Ckan) -> str:
    return f"{spec.site.rstrip('/')}/api/3/action/package_show"


CONNECTOR = CkanConnector()
