"""Ipeadata's OData4 service (www.ipeadata.gov.br/api): each series' values, and when it says it last changed them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urljoin

from observatudo.errors import SnapshotError
from observatudo.i18n import _
from observatudo.origins import Ipeadata
from observatudo.sources import payload
from observatudo.sources.contract import Before, Client, Report, Taken


class IpeadataConnector:
    """A file for each series, ``{"value": […]}`` as the service gives it, all pages in one."""

    def take(self, spec: Ipeadata, client: Client, folder: Path, before: Before, report: Report) -> list[Taken]:
        """Write each series; raises SnapshotError for a code the service does not know or a series without values."""
        taken = []
        for number, code in enumerate(spec.series, 1):
            report(f"{code} {number}/{len(spec.series)}")
            version, url = _version(spec, client, code), _values(spec, code)
            values = list(_pages(client, url))
            if not values:
                raise SnapshotError(_("the series {code} has no values").format(code=code), where=url)
            payload.write(folder / f"{code}.json", values, under="value")
            taken.append(Taken(f"{code}.json", f"Ipeadata {code}", url, version=version))
        return taken

    def news(self, spec: Ipeadata, client: Client, before: Before) -> bool | None:
        """Compare when each series last changed, by its metadata."""
        for code in spec.series:
            old = before.get(f"{code}.json")
            if old is None or old.url != _values(spec, code):
                return True
            found = _version(spec, client, code)
            if found is None or old.version is None:
                return None
            if found != old.version:
                return True
        return False


def _values(spec: Ipeadata, code: str) -> str:
    return f"{spec.site.rstrip('/')}/ValoresSerie(SERCODIGO='{code}')"


def _version(spec: Ipeadata, client: Client, code: str) -> str | None:
    """Return the series' SERATUALIZACAO; raises SnapshotError where the service does not know the code."""
    url = f"{spec.site.rstrip('/')}/Metadados('{code}')"
    found = payload.objects(payload.an_object(client.json(url), url).get("value"), url)
    if len(found) != 1:
        raise SnapshotError(
            _("Ipeadata does not know the series {code}").format(code=code),
            where=url,
            next_step=_("look for its SERCODIGO in Ipeadata, and write it under “series” in the declaration"),
        )
    return payload.text(found[0].get("SERATUALIZACAO"))


def _pages(client: Client, url: str) -> Iterator[payload.Object]:
    seen = set()
    following: str | None = url
    while following is not None:
        if following in seen:
            raise payload.unexpected(following, _("it repeats a page"))
        seen.add(following)
        page = payload.an_object(client.json(following), following)
        yield from payload.objects(page.get("value"), following)
        link = payload.text(page.get("@odata.nextLink"))
        following = urljoin(following, link) if link else None


CONNECTOR = IpeadataConnector()
