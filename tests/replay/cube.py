"""IBGE's tables as its two services give them: SIDRA's ``/values`` and the aggregates of version 3.

Real: names, units, values and special symbols of tables 6579 and 5938, from the samples in ``data/raw/sidra``, which
are answers of the aggregates' service. Made: table 2 (population by sex), to have a classification; the days of
changes; the form of ``/values`` and of the metadata follows the services' help pages.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from urllib.parse import unquote

from tests.conftest import ROOT
from tests.faulty import Answer, Call

Json = object
Block = tuple[str, tuple[str, ...], Json]  # variable, categories, series
_TOO_MANY = "Quantidade de valores solicitados: {asked} excedeu o limite: {limit}"


@dataclass
class Cube:
    """One table; ``values`` maps (variable, period, place, categories) to the text that is published."""

    number: int
    name: str
    variables: dict[str, tuple[str, str]]  # name, unit
    periods: dict[str, str]  # day of the last change, as IBGE writes it
    places: dict[str, str]
    values: dict[tuple[str, str, str, tuple[str, ...]], str]
    classifications: dict[str, tuple[str, dict[str, str]]] = field(default_factory=dict)


def real(number: int, name: str, file: str) -> Cube:
    """Return a table from a sample of the aggregates' answers, one answer or one for each year."""
    content = json.loads((ROOT / file).read_bytes())
    answers = content.values() if isinstance(content, dict) else [content]
    cube = Cube(number, name, {}, {}, {}, {})
    for block in itertools.chain(*answers):
        cube.variables[block["id"]] = (block["variavel"], block["unidade"])
        for series in block["resultados"][0]["series"]:
            cube.places[series["localidade"]["id"]] = series["localidade"]["nome"]
            for period, value in series["serie"].items():
                cube.periods[period] = "31/08/2025"
                cube.values[block["id"], period, series["localidade"]["id"], ()] = value
    return cube


def by_sex(places: dict[str, str]) -> Cube:
    """Return the made table: two variables, two years, a classification of three categories."""
    cube = Cube(
        2,
        "População por sexo",
        {"93": ("População residente", "Pessoas"), "1000093": ("População residente - percentual do total geral", "%")},
        {"2010": "01/11/2011", "2022": "27/10/2023"},
        places,
        {},
        {"2": ("Sexo", {"0": "Total", "4": "Homens", "5": "Mulheres"})},
    )
    for n, (variable, period, place, category) in enumerate(
        itertools.product(cube.variables, cube.periods, places, cube.classifications["2"][1])
    ):
        cube.values[variable, period, place, (category,)] = str(1000 + n)
    return cube


def cubes() -> dict[int, Cube]:
    """Return the tables that are served, by number."""
    population = real(6579, "População residente estimada", "data/raw/sidra/populacao/t6579.json")
    product = real(5938, "Produto interno bruto a preços correntes", "data/raw/sidra/pib/t5938_2022.json")
    return {cube.number: cube for cube in (population, product, by_sex(population.places))}


@dataclass
class Ibge:
    """Both services over the same tables; more than ``limit`` values for one request are refused."""

    cubes: dict[int, Cube]
    limit: int = 50_000

    def values(self, call: Call) -> Answer:
        """Answer ``/values/t/…``."""
        steps = unquote(call.path).strip("/").split("/")[1:]
        asked = dict(zip(steps[::2], steps[1::2], strict=False))
        cube = self.cubes.get(int(asked.pop("t", "0")))
        level = next((name for name in asked if re.fullmatch(r"n\d+", name)), "")
        if cube is None or len(steps) % 2 or level != "n6" or not {"v", "p"} <= asked.keys():
            return _refused(400, "Parâmetros inválidos")
        try:
            places = _places(cube, asked.pop(level))
            variables, periods = (_of(list(known), asked.pop(name)) for name, known in _axes(cube))
            chosen = {name[1:]: asked.pop(name) for name in list(asked) if re.fullmatch(r"c\d+", name)}
            categories = _categories(cube, chosen)
        except KeyError as error:
            return _refused(400, f"Tabela {cube.number}: {error} não existe")
        asked_for = list(itertools.product(places, variables, periods, *categories))
        if set(asked) - {"f", "h", "d"}:
            return _refused(400, f"Parâmetros inválidos: {sorted(asked)}")
        if len(asked_for) > self.limit:
            return _refused(400, _TOO_MANY.format(asked=len(asked_for), limit=self.limit))
        return _json([_header(cube), *(_row(cube, *one) for one in asked_for)])

    def aggregates(self, call: Call) -> Answer:
        """Answer ``/api/v3/agregados/…``."""
        found = re.fullmatch(r".*/agregados/(\d+)(/.*)", unquote(call.path))
        cube = self.cubes.get(int(found[1])) if found else None
        if found is None or cube is None:
            return _refused(404, "Agregado não encontrado")
        if about := _about(cube).get(found[2]):
            return _json(about())
        asked = re.fullmatch(r"/periodos/([\d|]+)/variaveis/([\d|]+|all)", found[2])
        places = re.fullmatch(r"N6\[(.+)\]", call.query.get("localidades", ""))
        if asked is None or places is None:
            return _refused(400, "Requisição inválida")
        try:
            inside = places[1].replace("N3[", "in n3 ").removesuffix("]")
            chosen = dict(re.findall(r"(\d+)\[([^\]]+)\]", call.query.get("classificacao", "")))
            periods = _of(list(cube.periods), asked[1].replace("|", ","))
            variables = _of(list(cube.variables), asked[2].replace("|", ","))
            answer = list(_blocks(cube, periods, variables, _places(cube, inside), chosen))
        except KeyError as error:
            return _refused(500, f"{error} não existe")
        return (
            _refused(500, "Erro interno") if len(answer) * len(periods) > self.limit else _json(_nested(cube, answer))
        )


def _axes(cube: Cube) -> list[tuple[str, dict[str, object]]]:
    return [("v", {**cube.variables}), ("p", {**cube.periods})]


def _of(known: list[str], asked: str) -> list[str]:
    if asked == "all":
        return known
    for code in asked.split(","):
        if code not in known:
            raise KeyError(code)
    return asked.split(",")


def _places(cube: Cube, asked: str) -> list[str]:
    if asked.startswith("in n3 "):
        states = asked.removeprefix("in n3 ").split(",")
        return [code for code in cube.places if code[:2] in states]
    return _of(list(cube.places), asked)


def _categories(cube: Cube, chosen: dict[str, str]) -> list[list[str]]:
    """Return what is chosen of each classification; of one that is not named, the total."""
    for code in chosen.keys() - cube.classifications.keys():
        raise KeyError(code)
    return [_of(list(known), chosen.get(code, "0")) for code, (_name, known) in cube.classifications.items()]


def _header(cube: Cube) -> Json:
    own = {"NC": "Nível Territorial (Código)", "NN": "Nível Territorial", "MC": "Unidade de Medida (Código)"}
    own |= {"MN": "Unidade de Medida", "V": "Valor"}
    names = ["Município", "Variável", "Ano", *(name for name, _known in cube.classifications.values())]
    for n, name in enumerate(names, 1):
        own |= {f"D{n}C": f"{name} (Código)", f"D{n}N": name}
    return own


def _row(cube: Cube, place: str, variable: str, period: str, *categories: str) -> Json:
    name, unit = cube.variables[variable]
    row = {"NC": "6", "NN": "Município", "MC": "45" if unit else "", "MN": unit}
    row["V"] = cube.values.get((variable, period, place, categories), "...")
    known = [known for _name, known in cube.classifications.values()]
    dimensions = [(place, cube.places[place]), (variable, name), (period, period)]
    dimensions += [(code, of[code]) for code, of in zip(categories, known, strict=True)]
    for n, (code, label) in enumerate(dimensions, 1):
        row |= {f"D{n}C": code, f"D{n}N": label}
    return row


def _about(cube: Cube) -> dict[str, Callable[[], Json]]:
    level = {"id": "N6", "nome": "Município"}
    return {
        "/metadados": lambda: {
            "id": str(cube.number),
            "nome": cube.name,
            "nivelTerritorial": {"Administrativo": ["N6"], "Especial": [], "IBGE": []},
            "variaveis": [{"id": int(id_), "nome": n, "unidade": u} for id_, (n, u) in cube.variables.items()],
            "classificacoes": [
                {"id": int(c), "nome": n, "categorias": [{"id": int(k), "nome": v} for k, v in known.items()]}
                for c, (n, known) in cube.classifications.items()
            ],
        },
        "/periodos": lambda: [{"id": p, "literals": [p], "modificacao": day} for p, day in cube.periods.items()],
        "/localidades/N6": lambda: [{"id": code, "nome": name, "nivel": level} for code, name in cube.places.items()],
    }


def _blocks(
    cube: Cube, periods: list[str], variables: list[str], places: list[str], chosen: dict[str, str]
) -> Iterator[Block]:
    """Yield for each variable, combination of categories and place its series."""
    for variable in variables:
        for categories in itertools.product(*_categories(cube, chosen)):
            for place in places:
                serie = {p: cube.values.get((variable, p, place, categories), "...") for p in periods}
                where = {"id": place, "nivel": {"id": "N6", "nome": "Município"}, "nome": cube.places[place]}
                yield variable, _spelled(cube, categories), {"localidade": where, "serie": serie}


def _spelled(cube: Cube, categories: tuple[str, ...]) -> tuple[str, ...]:
    known = zip(cube.classifications.items(), categories, strict=True)
    return tuple(json.dumps({"id": id_, "nome": n, "categoria": {c: of[c]}}) for (id_, (n, of)), c in known)


def _nested(cube: Cube, answer: list[Block]) -> Json:
    blocks: dict[str, dict[tuple[str, ...], list[Json]]] = {}
    for variable, categories, series in answer:
        blocks.setdefault(variable, {}).setdefault(categories, []).append(series)
    nested = []
    for variable, results in blocks.items():
        name, unit = cube.variables[variable]
        own = [{"classificacoes": [json.loads(c) for c in key], "series": s} for key, s in results.items()]
        nested.append({"id": variable, "variavel": name, "unidade": unit, "resultados": own})
    return nested


def _json(content: Json) -> Answer:
    return Answer(200, {"Content-Type": "application/json; charset=utf-8"}, json.dumps(content).encode())


def _refused(status: int, text: str) -> Answer:
    return Answer(status, {"Content-Type": "text/plain; charset=utf-8"}, text.encode())
