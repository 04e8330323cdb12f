"""IBGE's localidades: the list as the service publishes it (servicodados.ibge.gov.br/api/docs/localidades)."""

from __future__ import annotations

from pathlib import Path

from observatudo.i18n import _
from observatudo.origins import Localidades
from observatudo.sources import payload
from observatudo.sources.contract import Before, Client, Report, Taken


class LocalidadesConnector:
    """One request, one file; the bytes are the service's own."""

    def take(self, spec: Localidades, client: Client, folder: Path, before: Before, report: Report) -> list[Taken]:
        """Write the list; raises SnapshotError where the answer is no list, or an empty one."""
        url = address(spec)
        target = folder / spec.file
        answer = client.download(url, target, before=before.get(spec.file))
        if not answer.same and not payload.objects(payload.read(target, url), url):
            raise payload.unexpected(url, _("the list is empty"))
        origin = f"IBGE localidades {spec.view}"
        return [
            Taken(spec.file, origin, url, same=answer.same, etag=answer.etag, last_modified=answer.last_modified),
        ]

    def news(self, spec: Localidades, client: Client, before: Before) -> bool | None:
        """Ask by the validators of before, where the service gave any."""
        old = before.get(spec.file)
        return True if old is None else client.head(address(spec), old)


def address(spec: Localidades) -> str:
    """Return the address that is asked."""
    return f"{spec.site.rstrip('/')}/{spec.view}"


CONNECTOR = LocalidadesConnector()
