"""The Treasury's ORDS service (apidatalake.tesouro.gov.br/docs/siconfi): items by pages, ``offset`` and ``hasMore``."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

from observatudo.errors import SnapshotError
from observatudo.i18n import _
from observatudo.origins import Siconfi
from observatudo.sources import payload
from observatudo.sources.address import joined
from observatudo.sources.contract import Before, Client, Report, Taken

Query = dict[str, str]


class SiconfiConnector:
    """All pages of all combinations, in the order of the declaration and of the pages, as ``{"items": […]}``."""

    def take(self, spec: Siconfi, client: Client, folder: Path, before: Before, report: Report) -> list[Taken]:
        """Write the items of every page; raises SnapshotError for pages that repeat, stand still or do not add up."""
        url = address(spec)
        queries = list(_combinations(spec))
        items: list[payload.Object] = []
        for number, query in enumerate(queries, 1):
            if len(queries) > 1:
                report(f"{number}/{len(queries)}")
            items += _items(client, url, query, spec.page)
        if not items:
            raise SnapshotError(
                _("the service has no items for this query"),
                where=joined(url, queries[0]),
                next_step=_("compare “query” in the declaration with the service's own documentation"),
            )
        payload.write(folder / spec.file, items, under="items")
        return [Taken(spec.file, f"Siconfi {spec.endpoint}", _whole(url, spec))]

    def news(self, spec: Siconfi, client: Client, before: Before) -> bool | None:
        """Only taking it tells: the service gives neither validators nor a date."""
        return None if spec.file in before else True


def address(spec: Siconfi) -> str:
    """Return the address of the endpoint."""
    return f"{spec.site.rstrip('/')}/{spec.endpoint}"


def _combinations(spec: Siconfi) -> Iterator[Query]:
    for values in itertools.product(*spec.query.values()):
        yield dict(zip(spec.query, values, strict=True))


def _items(client: Client, url: str, query: Query, size: int) -> Iterator[payload.Object]:
    offset, last = 0, None
    while True:
        asked = {**query, "offset": str(offset), "limit": str(size)}
        shown = joined(url, asked)
        page = payload.an_object(client.json(url, asked), shown)
        items = _checked(page, offset, shown)
        if items and items == last:
            raise payload.unexpected(shown, _("it repeats a page"))
        yield from items
        if page.get("hasMore") is not True:
            return
        if not items:
            raise payload.unexpected(shown, _("it says that there is more, and gives nothing"))
        offset, last = offset + len(items), items


def _checked(page: payload.Object, offset: int, shown: str) -> list[payload.Object]:
    """Return the items of a page whose own figures agree with what was asked and with what came."""
    if not isinstance(page.get("hasMore"), bool):
        raise payload.unexpected(shown, _("“hasMore” is missing"))
    items = payload.objects(page.get("items"), shown)
    if page.get("offset", offset) != offset:
        raise payload.unexpected(
            shown,
            _("the offset asked for is {asked}, the page says {found}").format(asked=offset, found=page["offset"]),
        )
    if page.get("count", len(items)) != len(items):
        raise payload.unexpected(
            shown, _("the page has {found} items and says {said}").format(found=len(items), said=page["count"])
        )
    return items


def _whole(url: str, spec: Siconfi) -> str:
    return joined(url, {name: ",".join(values) for name, values in spec.query.items()})


CONNECTOR = SiconfiConnector()
