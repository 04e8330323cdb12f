"""What connectors do where a service does not answer as it used to, and how much they ask for at a time."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import product
from math import prod
from pathlib import Path
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from observatudo.errors import SnapshotError
from observatudo.origins import Agregados, Ckan, Ipeadata, Siconfi, Sidra, SnapshotConfig, Tabnet
from observatudo.snapshots import SnapshotFile
from observatudo.sources import ibge
from observatudo.sources.client import open_client
from observatudo.sources.contract import Taken
from observatudo.sources.registry import CONNECTORS
from observatudo.yamlfile import Strict
from tests.faulty import Answer, Behaviour, Call
from tests.replay import Replay

SITE = "https://www.tesourotransparente.gov.br/ckan"
BEDS = "http://tabnet.datasus.gov.br/cgi/tabcgi.exe?cnes/cnv/leiintbr.def"
BY_SEX = {"2": "all"}
Take = Callable[[str, Strict], list[Taken]]


@pytest.fixture
def replay(monkeypatch: pytest.MonkeyPatch) -> Iterator[Replay]:
    monkeypatch.setenv("OBSERVATUDO_FETCH_PAUSE_S", "0")
    monkeypatch.setenv("OBSERVATUDO_FETCH_DEADLINE_S", "0.1")
    with Replay() as server:
        monkeypatch.setenv("OBSERVATUDO_MIRRORS", server.mirrors)
        yield server


@pytest.fixture
def take(replay: Replay, tmp_path: Path) -> Take:
    def taken(name: str, spec: Strict) -> list[Taken]:
        with open_client(lambda _text: None) as client:
            return CONNECTORS[name].take(spec, client, tmp_path, {}, lambda _text: None)

    return taken


def news(name: str, spec: Strict, before: dict[str, SnapshotFile]) -> bool | None:
    with open_client(lambda _text: None) as client:
        return CONNECTORS[name].news(spec, client, before)


def standing(taken: list[Taken]) -> dict[str, SnapshotFile]:
    about = {one.name: SnapshotFile(sha256="0" * 64, bytes=1, origin=one.origin, url=one.url) for one in taken}
    return {one.name: about[one.name].model_copy(update={"version": one.version}) for one in taken}


def refused(take: Take, name: str, spec: Strict, match: str) -> None:
    with pytest.raises(SnapshotError, match=match):
        take(name, spec)


def test_every_list_of_a_declaration_has_its_connector() -> None:
    assert {"packages", *CONNECTORS} == set(SnapshotConfig.model_fields)


def cells(part: ibge.Part) -> list[tuple[str, ...]]:
    return list(product(*([element.code for element in axis.elements] for axis in part)))


@pytest.mark.parametrize(
    ("name", "item"),
    [
        ("sidra", {"table": 6579, "file": "../t.json"}),
        ("sidra", {"table": 6579, "file": "t.json", "places": "all/v/all"}),
        ("sidra", {"table": 6579, "file": "t.json", "periods": "last"}),
        ("sidra", {"table": 6579, "file": "t.json", "classifications": {"2": "all]"}}),
        ("agregados", {"aggregate": 0, "file": "t.json"}),
        ("agregados", {"aggregate": 1, "file": "t.json", "limit": 0}),
        ("localidades", {"view": "../../outro", "file": "t.json"}),
        ("ipeadata", {"series": ["X')/Valores"]}),
        ("siconfi", {"endpoint": "dca?x=1", "file": "t.json"}),
        ("siconfi", {"endpoint": "dca", "query": {"id_ente": []}, "file": "t.json"}),
        ("tabnet", {"url": "file:///etc/passwd", "line": "a", "contents": ["b"], "files": ["c"], "file": "t.csv"}),
        ("ckan", {"site": "ftp://x", "package": "p"}),
    ],
)
def test_a_declaration_that_would_ask_something_else_is_refused(name: str, item: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        SnapshotConfig.model_validate({name: [item]})


axes = st.lists(st.lists(st.integers(1, 9), min_size=1, max_size=6), min_size=1, max_size=4)


@given(axes, st.integers(1, 400))
def test_parts_hold_all_values_once_and_none_too_many(weights: list[list[int]], limit: int) -> None:
    whole = tuple(
        ibge.Axis(str(n), tuple(ibge.Element(f"{n}.{i}", weight) for i, weight in enumerate(axis)), whole=True)
        for n, axis in enumerate(weights)
    )
    limit = max(limit, prod(map(max, weights)))
    parts = list(ibge.divide(whole, limit))
    assert all(prod(axis.size for axis in part) <= limit for part in parts)
    assert sorted(cell for part in parts for cell in cells(part)) == sorted(cells(whole))


def test_what_no_division_makes_small_enough_is_an_error() -> None:
    with pytest.raises(SnapshotError, match="cannot be divided below 3"):
        list(ibge.divide((ibge.Axis("n6", (ibge.Element("31", 4),)),), 3))


@pytest.mark.parametrize("limit", [50_000, 25, 7, 3])
@pytest.mark.parametrize("name", ["sidra", "agregados"])
def test_however_it_is_divided_the_file_is_the_same(
    replay: Replay, take: Take, tmp_path: Path, name: str, limit: int
) -> None:
    def spec(file: str, limit: int) -> Strict:
        if name == "sidra":
            return Sidra(table=2, classifications=BY_SEX, file=file, limit=limit)
        return Agregados(aggregate=2, classifications=BY_SEX, file=file, limit=limit)

    replay.ibge.limit = limit
    take(name, spec("parts.json", limit))
    replay.ibge.limit = 50_000
    take(name, spec("whole.json", 50_000))
    parts = (tmp_path / "parts.json").read_text(encoding="utf-8")
    assert parts == (tmp_path / "whole.json").read_text(encoding="utf-8")
    for value in replay.ibge.cubes[2].values.values():
        assert f'"{value}"' in parts


def test_a_limit_that_the_service_names_is_heeded(replay: Replay, take: Take, tmp_path: Path) -> None:
    replay.ibge.limit = 10
    take("sidra", Sidra(table=6579, variables=[9324], file="t.json"))
    assert len(json.loads((tmp_path / "t.json").read_bytes())) == 1 + 60
    asked = [unquote(call.path) for call in replay.calls if call.path.startswith("/apisidra")]
    assert asked[0].endswith("/p/all")
    assert len(asked) == 1 + 8  # refused once, then two of fifteen years at a time


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"variables": [1]}, "no variable 1"),
        ({"periods": "1950"}, "no period 1950"),
        ({"classifications": {"9": "all"}}, "no classification 9"),
        ({"table": 77}, "404"),
    ],
)
def test_what_a_table_lacks_is_named(take: Take, change: dict[str, object], match: str) -> None:
    refused(take, "sidra", Sidra.model_validate({"table": 6579, "file": "t.json", **change}), match)


@pytest.mark.parametrize(
    ("wanted", "chosen"),
    [("last 2", ["2021", "2024"]), ("2006,2019-2020", ["2006", "2019", "2020"]), ("2024", ["2024"])],
)
def test_periods_are_chosen(take: Take, tmp_path: Path, wanted: str, chosen: list[str]) -> None:
    take("agregados", Agregados(aggregate=6579, periods=wanted, file="t.json"))
    series = json.loads((tmp_path / "t.json").read_bytes())[0]["resultados"][0]["series"][0]["serie"]
    assert list(series) == chosen


def test_a_change_at_ibge_is_news(replay: Replay, take: Take) -> None:
    spec = Sidra(table=6579, file="t.json")
    before = standing(take("sidra", spec))
    assert news("sidra", spec, before) is False
    replay.ibge.cubes[6579].periods["2024"] = "01/09/2026"
    assert news("sidra", spec, before) is True
    assert news("sidra", Sidra(table=6579, periods="2006", file="t.json"), before) is True  # another question


def spoiled_page(**changes: object) -> Callable[[Behaviour], Behaviour]:
    def spoil(well: Behaviour) -> Behaviour:
        def answer(call: Call) -> Answer:
            content = {**json.loads(well(call).body), **changes}
            return Answer(200, {"Content-Type": "application/json"}, json.dumps(content).encode())

        return answer

    return spoil


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"hasMore": True, "offset": 0, "items": [{"a": 1}], "count": 1}, "the page says 0"),
        ({"hasMore": True, "offset": 0, "items": [], "count": 0}, "gives nothing"),
        ({"count": 7}, "has 50 items and says 7"),
        ({"hasMore": None}, "hasMore"),
        ({"items": {"a": 1}}, "a JSON list was expected"),
        ({"offset": 3}, "the page says 3"),
    ],
)
def test_pages_that_do_not_add_up_are_refused(
    replay: Replay, take: Take, changes: dict[str, object], match: str
) -> None:
    replay.spoil("/datalake", spoiled_page(**changes))
    query = {"an_exercicio": ["2022"], "id_ente": ["3550308"]}
    refused(take, "siconfi", Siconfi(endpoint="dca", query=query, page=50, file="t.json"), match)


def test_a_page_that_repeats_is_refused(replay: Replay, take: Take) -> None:
    def same(call: Call) -> Answer:
        page = {"items": [{"a": 1}], "hasMore": True, "count": 1, "offset": int(call.query["offset"])}
        return Answer(200, {"Content-Type": "application/json"}, json.dumps(page).encode())

    replay.spoil("/datalake", lambda _well: same)
    refused(take, "siconfi", Siconfi(endpoint="dca", file="t.json"), "repeats a page")


@pytest.mark.parametrize("size", [1, 7, 5000])
def test_all_pages_come_in_their_order(replay: Replay, take: Take, tmp_path: Path, size: int) -> None:
    replay.accounts.items = [{"exercicio": 2022, "cod_ibge": 1, "n": n} for n in range(21)]
    take(
        "siconfi", Siconfi(endpoint="dca", query={"an_exercicio": ["2022"], "id_ente": ["1"]}, page=size, file="t.json")
    )
    assert [item["n"] for item in json.loads((tmp_path / "t.json").read_bytes())["items"]] == list(range(21))


@pytest.mark.parametrize("size", [1000, 10])
def test_links_to_further_values_are_followed(replay: Replay, take: Take, tmp_path: Path, size: int) -> None:
    replay.series.page = size
    spec = Ipeadata(series=["FAM_PBF"])
    before = standing(take("ipeadata", spec))
    assert json.loads((tmp_path / "FAM_PBF.json").read_bytes())["value"] == replay.series.values["FAM_PBF"]
    assert news("ipeadata", spec, before) is False
    replay.series.changed = "2026-01-01T00:00:00-03:00"
    assert news("ipeadata", spec, before) is True


def test_an_unknown_series_is_named(take: Take) -> None:
    refused(take, "ipeadata", Ipeadata(series=["XXX"]), "does not know the series XXX")


def test_an_edition_that_ckan_adds_or_changes_is_news(replay: Replay, take: Take) -> None:
    spec = Ckan(site=SITE, package="capag-municipios")
    before = standing(take("ckan", spec))
    assert len(before) == 5
    assert news("ckan", spec, before) is False
    replay.catalogue.changed["CAPAG-Municipios.csv"] = "2026-01-01T00:00:00"
    assert news("ckan", spec, before) is True
    replay.catalogue.changed.clear()
    replay.catalogue.hashes["CAPAG-Municipios.csv"] = "d41d8cd98f00b204e9800998ecf8427e"
    assert news("ckan", spec, before) is True
    replay.catalogue.hashes.clear()
    replay.catalogue.files["CAPAG 2026 edição.xlsx"] = replay.catalogue.files["CAPAG-2019---Municipios.xlsx"]
    assert news("ckan", spec, before) is True


def test_relative_addresses_and_those_that_lead_elsewhere_are_followed(
    replay: Replay, take: Take, tmp_path: Path
) -> None:
    take("ckan", Ckan(site=SITE, package="capag-municipios"))
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == replay.catalogue.files
    assert any("/storage/" in call.path for call in replay.calls)


def test_names_with_blanks_and_accents_are_kept(replay: Replay, take: Take, tmp_path: Path) -> None:
    name = "CAPAG 2026 edição.csv"
    replay.catalogue.files = {name: b"a;b\n1;2\n"}
    assert [one.name for one in take("ckan", Ckan(site=SITE, package="capag-municipios"))] == [name]
    assert (tmp_path / name).read_bytes() == b"a;b\n1;2\n"


@pytest.mark.parametrize(
    ("spec", "match"),
    [
        (Ckan(site=SITE, package="outro"), "does not know the dataset outro"),
        (Ckan(site=SITE, package="capag-municipios", match="nada"), "none of the dataset's files"),
        (Ckan(site=SITE, package="capag-municipios", formats=["ODS"]), "none of the dataset's files"),
    ],
)
def test_what_ckan_does_not_have_is_told(take: Take, spec: Ckan, match: str) -> None:
    refused(take, "ckan", spec, match)


def test_a_ckan_that_refuses_with_success_is_believed(replay: Replay, take: Take) -> None:
    replay.spoil("/tesouro", spoiled_page(success=False, error={"message": "em manutenção"}))
    refused(take, "ckan", Ckan(site=SITE, package="capag-municipios"), "em manutenção")


def test_two_files_of_one_name_need_names(replay: Replay, take: Take) -> None:
    spec = Ckan(
        site=SITE, package="capag-municipios", files={f"{n:08x}-0000-4000-8000-000000000000": "a.csv" for n in (0, 1)}
    )
    refused(take, "ckan", spec, "cannot name one file")


def beds(**changes: object) -> Tabnet:
    own: dict[str, object] = {"url": BEDS, "line": "Município", "contents": ["Quantidade existente"]}
    return Tabnet.model_validate({**own, "files": ["Jul/2006"], "file": "t.csv", **changes})


def test_the_form_is_sent_in_its_own_encoding_and_words(replay: Replay, take: Take) -> None:
    take("tabnet", beds(contents=["Quantidade existente", "Quantidade SUS"], filters={"Região": ["Região Norte"]}))
    assert replay.calls[-1].body.decode() == (
        "Linha=Munic%EDpio&Coluna=--N%E3o-Ativa--&Incremento=Quantidade_existente&Incremento=Quantidade_SUS"
        "&Arquivos=ltbr0607.dbf&SRegi%E3o=1&formato=prn&mostre=Mostra"
    )


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"line": "Bairro"}, "no Linha “Bairro”"),
        ({"files": ["Jul/1900"]}, "no Arquivos “Jul/1900”"),
        ({"filters": {"Sexo": ["F"]}}, "no list “Sexo”"),
        ({"files": ["Jul/2005"]}, "Nenhum registro selecionado"),
    ],
)
def test_what_tabnet_does_not_offer_is_named(take: Take, changes: dict[str, object], match: str) -> None:
    refused(take, "tabnet", beds(**changes), match)


@pytest.mark.parametrize(
    ("old", "new", "match"),
    [
        (b"&\r\n</PRE>", b"</PRE>", "the table is cut"),
        (b'"Total"', b'"Soma"', "no line of totals"),
        (b";70;45", b";70", "more or fewer columns"),
        (b"<PRE>", b"<TABLE>", "no table between"),
    ],
)
def test_a_table_of_tabnet_that_is_not_whole_is_refused(
    replay: Replay, take: Take, old: bytes, new: bytes, match: str
) -> None:
    def spoil(well: Behaviour) -> Behaviour:
        def answer(call: Call) -> Answer:
            whole = well(call)
            return Answer(whole.status, whole.headers, whole.body.replace(old, new))

        return answer

    replay.spoil("/tabnet", spoil)
    refused(take, "tabnet", beds(contents=["Quantidade existente", "Quantidade SUS"]), match)


def test_a_column_of_tabnet_is_a_column_of_the_file(take: Take, tmp_path: Path) -> None:
    take("tabnet", beds(column="Leitos complementares"))
    lines = (tmp_path / "t.csv").read_text(encoding="utf-8").splitlines()
    assert lines[2] == "Período: Jul/2006"
    assert lines[3].startswith("Município;UTI adulto;")
    assert lines[4].startswith("110002 ARIQUEMES;1;2;7;")
