"""SIDRA's ``/values`` (apisidra.ibge.gov.br/home/ajuda): rows under a header, however many requests they took."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import quote

from observatudo.errors import SnapshotError
from observatudo.i18n import _
from observatudo.origins import Sidra
from observatudo.sources import ibge, payload
from observatudo.sources.contract import Before, Client, Report, Taken

_CODE = re.compile(r"D\d+C")
Rows = list[payload.Object]


class SidraConnector:
    """One file: the header that names the columns, then the rows in the order of their codes."""

    def take(self, spec: Sidra, client: Client, folder: Path, before: Before, report: Report) -> list[Taken]:
        """Write the table; raises SnapshotError for parts whose headers differ, and for a table without rows."""
        table = ibge.describe(spec, spec.table, spec.metadata, client)

        def ask(part: ibge.Part, number: int, of: int) -> Rows:
            report(f"{number}/{of}")
            return _rows(client, _address(spec, part))

        answers = ibge.collect(table, spec.limit, ask)
        url = address(spec)
        header = answers[0][0]
        if any(answer[0] != header for answer in answers):
            raise payload.unexpected(url, _("the parts of one table have different headers"))
        rows = [row for answer in answers for row in answer[1:]]
        _require_rows(rows, header, url)
        codes = [name for name in header if _CODE.fullmatch(name)]
        rows.sort(key=lambda row: [str(row[name]) for name in codes])
        payload.write(folder / spec.file, [header, *rows])
        return [Taken(spec.file, f"SIDRA {spec.table}", url, version=table.version)]

    def news(self, spec: Sidra, client: Client, before: Before) -> bool | None:
        """Compare the day of the table's last change."""
        return ibge.news(spec, spec.table, spec.metadata, address(spec), client, before)


def address(spec: Sidra) -> str:
    """Return the address of the whole table as declared, however it is asked for."""
    variables = ",".join(map(str, spec.variables)) or "all"
    steps = [f"n{spec.level}", spec.places, "v", variables, "p", spec.periods]
    for code, categories in spec.classifications.items():
        steps += [f"c{code}", categories]
    return _joined(spec, steps)


def _address(spec: Sidra, part: ibge.Part) -> str:
    periods, variables, *classifications, places = part
    # by number even where all are asked for: “all” would bring percentages that the metadata does not count
    steps = [places.name, _places(places), "v", variables.codes(",")]
    for axis in (periods, *classifications):
        steps += [axis.name, "all" if axis.whole else axis.codes(",")]
    return _joined(spec, steps)


def _joined(spec: Sidra, steps: list[str]) -> str:
    return "/".join(
        [spec.site.rstrip("/"), "values", "t", str(spec.table), *(quote(step, safe=",-") for step in steps)]
    )


def _places(axis: ibge.Axis) -> str:
    if axis.whole:
        return "all"
    return f"in n3 {axis.codes(',')}" if axis.within else axis.codes(",")


def _rows(client: Client, url: str) -> Rows:
    rows = payload.objects(client.json(url), url)
    if not rows or not any(_CODE.fullmatch(name) for name in rows[0]):
        raise payload.unexpected(url, _("the row that names the columns is missing"))
    return rows


def _require_rows(rows: Rows, header: payload.Object, url: str) -> None:
    if not rows:
        raise SnapshotError(_("the table has no values for this query"), where=url)
    if any(row.keys() != header.keys() for row in rows):
        raise payload.unexpected(url, _("a row has other columns than the header"))


CONNECTOR = SidraConnector()
