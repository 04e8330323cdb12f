"""IBGE's aggregates, version 3 (servicodados.ibge.gov.br/api/docs/agregados?versao=3): series inside results."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from pydantic import JsonValue

from observatudo.errors import SnapshotError
from observatudo.i18n import _
from observatudo.origins import Agregados
from observatudo.sources import ibge, payload
from observatudo.sources.address import joined
from observatudo.sources.contract import Before, Client, Report, Taken

Query = dict[str, str]


class AgregadosConnector:
    """One file in the form of the service's own answer, whatever it took: variable, results, series, periods."""

    def take(self, spec: Agregados, client: Client, folder: Path, before: Before, report: Report) -> list[Taken]:
        """Write it; raises SnapshotError for parts that contradict each other, and where there are no values."""
        table = ibge.describe(spec, spec.aggregate, spec.site, client)
        whole = _Merged(address(spec))

        def ask(part: ibge.Part, number: int, of: int) -> None:
            report(f"{number}/{of}")
            if number == 1:
                whole.forget()
            url, query = _request(spec, part)
            whole.add(payload.objects(client.json(url, query), joined(url, query)))

        ibge.collect(table, spec.limit, ask)
        variables = list(whole.variables())
        if not variables:
            raise SnapshotError(_("the table has no values for this query"), where=address(spec))
        payload.write(folder / spec.file, variables)
        return [Taken(spec.file, f"IBGE agregados {spec.aggregate}", address(spec), version=table.version)]

    def news(self, spec: Agregados, client: Client, before: Before) -> bool | None:
        """Compare the day of the aggregate's last change."""
        return ibge.news(spec, spec.aggregate, spec.site, address(spec), client, before)


def address(spec: Agregados) -> str:
    """Return the address of the whole aggregate as declared, however it is asked for."""
    variables = "|".join(map(str, spec.variables)) or "all"
    classified = "|".join(f"{code}[{categories}]" for code, categories in spec.classifications.items())
    return joined(*_parts(spec, spec.periods.replace(" ", "-"), variables, f"N{spec.level}[{spec.places}]", classified))


def _request(spec: Agregados, part: ibge.Part) -> tuple[str, Query]:
    periods, variables, *classifications, places = part
    inside = "all" if places.whole else f"N3[{places.codes(',')}]" if places.within else places.codes(",")
    classified = "|".join(f"{axis.name[1:]}[{'all' if axis.whole else axis.codes(',')}]" for axis in classifications)
    return _parts(spec, periods.codes("|"), variables.codes("|"), f"N{spec.level}[{inside}]", classified)


def _parts(spec: Agregados, periods: str, variables: str, places: str, classified: str) -> tuple[str, Query]:
    url = f"{spec.site.rstrip('/')}/{spec.aggregate}/periodos/{periods}/variaveis/{variables}"
    return url, {"localidades": places} | ({"classificacao": classified} if classified else {})


class _Merged:
    """Variables by number, in each its results by their categories, in each its series by place, in order of codes."""

    def __init__(self, where: str) -> None:
        self._where = where
        self.forget()

    def forget(self) -> None:
        """Begin anew."""
        self._variables: dict[str, payload.Object] = {}
        self._categories: dict[tuple[str, str], JsonValue] = {}
        self._places: dict[tuple[str, str, str], JsonValue] = {}
        self._values: dict[tuple[str, str, str], dict[str, str]] = {}

    def add(self, answer: list[payload.Object]) -> None:
        """Take in what one request brought. Raises SnapshotError for another form, or a value that is given twice."""
        for block in answer:
            variable = self._text(block.get("id"))
            self._describe(variable, {name: value for name, value in block.items() if name != "resultados"})
            for result in payload.objects(block.get("resultados"), self._where):
                categories = result.get("classificacoes")
                key = json.dumps(categories, ensure_ascii=False, sort_keys=True)
                self._categories[variable, key] = categories
                for series in payload.objects(result.get("series"), self._where):
                    self._add(variable, key, series)

    def _describe(self, variable: str, own: payload.Object) -> None:
        """Keep name and unit; of periods that are not published yet the unit comes empty, and then another's stands."""
        known = self._variables.setdefault(variable, own)
        for name, value in own.items():
            if known.get(name) and value and known[name] != value:
                raise payload.unexpected(self._where, _("a variable has two names or units"))
            known[name] = known.get(name) or value

    def _add(self, variable: str, categories: str, series: payload.Object) -> None:
        place = series.get("localidade")
        key = (variable, categories, self._text(payload.an_object(place, self._where).get("id")))
        self._places[key] = place
        values = self._values.setdefault(key, {})
        for period, value in payload.an_object(series.get("serie"), self._where).items():
            if period in values:
                raise payload.unexpected(self._where, _("a value is given twice"))
            values[period] = self._text(value)

    def _text(self, value: JsonValue) -> str:
        found = payload.text(value)
        if found is None:
            raise payload.unexpected(self._where, _("a code or value is missing"))
        return found

    def variables(self) -> Iterator[payload.Object]:
        """Yield each variable that has values, as the service would give it."""
        for variable, own in sorted(self._variables.items(), key=lambda item: int(item[0])):
            keys = [key for key in sorted(self._categories) if key[0] == variable]
            results: list[JsonValue] = [found for key in keys if (found := self._result(key)) is not None]
            if results:
                yield {**own, "resultados": results}

    def _result(self, key: tuple[str, str]) -> payload.Object | None:
        places = sorted(place for variable, categories, place in self._values if (variable, categories) == key)
        series: list[JsonValue] = [
            {"localidade": self._places[*key, place], "serie": dict(sorted(self._values[*key, place].items()))}
            for place in places
        ]
        return {"classificacoes": self._categories[key], "series": series} if series else None


CONNECTOR = AgregadosConnector()
