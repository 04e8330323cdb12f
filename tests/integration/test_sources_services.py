"""Every connector against the replayed services: fetched by the command, ingested, and kept whatever goes wrong."""

from __future__ import annotations

import datetime
import json
import shutil
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml
from typer import Typer
from typer.testing import CliRunner, Result

from observatudo import snapshots
from observatudo.cli.fetch import fetch
from observatudo.ingest.pipeline import Report, ingest
from tests.conftest import ROOT
from tests.faulty import Answer, Behaviour, Call, Cut, InTurn, Page, Status
from tests.replay import Replay, treasury

# dataset → the service whose faults it has to bear
SERVICES = {
    "ibge/localidade": "/servicodados",
    "ibge/populacao": "/apisidra",
    "ibge/pib_municipal": "/servicodados",
    "tesouro/capag": "/tesouro",
    "siconfi/dca": "/datalake",
    "ipeadata/beneficio": "/ipeadata",
    "datasus/leito": "/tabnet",
    "cidades_sustentaveis/indicador": "/cidades",
    "cidades_sustentaveis/idsc": "/cidades",
}
FINBRA = "finbra/despesa"


def cut_json(_call: Call) -> Answer:
    return Answer(200, {"Content-Type": "application/json"}, b'{"items": [{"valor": 1')


def whole(well: Behaviour) -> Behaviour:
    """The same service as if it had a new file: it does not answer that the old one still stands."""

    def answer(call: Call) -> Answer:
        headers = {name: value for name, value in call.headers.items() if not name.startswith("if-")}
        return well(Call(call.method, call.target, headers, call.body))

    return answer


FAULTS: dict[str, Callable[[Behaviour], Behaviour]] = {
    "silence": lambda well: Cut(whole(well), at=0, hang=True),
    "a cut body": lambda well: Cut(whole(well), at=20),
    "a page of HTML": lambda well: Page(),
    "JSON that breaks off": lambda well: cut_json,
    "500": lambda well: Status(500),
}


@dataclass
class Observatory:
    """A repository whose datasets are all those of ``SERVICES``, and the services they come from."""

    root: Path
    replay: Replay

    def run(self, *arguments: str) -> Result:
        app = Typer()
        app.command()(fetch)
        return CliRunner().invoke(app, [*arguments])

    def fetch(self, key: str) -> Result:
        done = self.run(key)
        assert done.exit_code == 0, f"{done.output}\n{done.exception}"
        return done

    def stands(self, key: str) -> dict[str, bytes]:
        """Return the files of a dataset, fetched if they never were."""
        if not (self.root / "data/raw" / key / snapshots.SIDECAR).exists():
            self.fetch(key)
        return self.files(key)

    def files(self, key: str) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in sorted((self.root / "data/raw" / key).iterdir())}

    def rows(self, key: str, table: str) -> list[dict[str, object]]:
        found: list[dict[str, object]] = pq.read_table(self.root / "data/ingested" / key / table).to_pylist()
        return found

    def value(self, key: str, indicator: str, place: str, year: int) -> object:
        for row in self.rows(key, f"observacao/{indicator}.parquet"):
            if (row["id_municipio"], row["data_referencia"]) == (place, datetime.date(year, 1, 1)):
                return row["valor"] if row["valor_texto"] is None else row["valor_texto"]
        raise AssertionError(f"{indicator} of {place} in {year} is not there")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Observatory]:
    root = tmp_path_factory.mktemp("observatory")
    shutil.copytree(ROOT / "configs", root / "configs")
    shutil.copytree(ROOT / "data/raw/ibge/municipio", root / "data/raw/ibge/municipio")
    shutil.copy(ROOT / "dvc.yaml", root)
    params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    entry = params["datasets"]["ibge/municipio"]
    params["datasets"] = {"ibge/municipio": entry}
    params["ds"] = {"ibge": {"municipio": {"min_rows": 5570}}}
    for key in (*SERVICES, FINBRA):
        source, name = key.split("/")
        wanted = {"min_rows": 1} | ({} if key == "siconfi/dca" else {"min_match_rate": 0.5})
        params["datasets"][key] = {"params": f"{source}.{name}", "lista": "data/ingested/ibge/municipio"}
        params["ds"].setdefault(source, {})[name] = wanted
    (root / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
    ingest(root, "ibge/municipio")
    with Replay() as replay:
        yield Observatory(root, replay)


@pytest.fixture
def observatory(made: Observatory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Observatory]:
    monkeypatch.chdir(made.root)
    monkeypatch.setenv("OBSERVATUDO_MIRRORS", made.replay.mirrors)
    monkeypatch.setenv("OBSERVATUDO_FETCH_PAUSE_S", "0")
    monkeypatch.setenv("OBSERVATUDO_FETCH_SILENCE_S", "0.3")
    monkeypatch.setenv("OBSERVATUDO_FETCH_DEADLINE_S", "0.2")
    made.replay.mend()
    made.replay.calls.clear()
    yield made
    made.replay.mend()


@pytest.mark.parametrize("key", SERVICES)
def test_what_is_fetched_is_ingested(observatory: Observatory, key: str) -> None:
    observatory.fetch(key)
    snapshot = snapshots.verify(observatory.root, key)
    assert all(file.url and not file.url.startswith(observatory.replay.url) for file in snapshot.files.values())
    report = ingest(observatory.root, key)
    assert report.rows_read == report.rows_kept + report.rows_rejected
    assert report.rows_kept > 0
    READ[key](observatory, report)


def _places(at: Observatory, report: Report) -> None:
    assert report.rows_read == report.rows_kept == len(at.rows("ibge/localidade", "referencia.parquet")) > 130
    row = next(row for row in at.rows("ibge/localidade", "referencia.parquet") if row["id_municipio"] == "1100015")
    assert (row["nome"], row["sigla_uf"]) == ("Alta Floresta D'Oeste", "RO")


def _population(at: Observatory, report: Report) -> None:
    assert (report.rows_read, report.rows_rejected) == (60, 0)
    assert at.value("ibge/populacao", "ibge_populacao_estimada", "3550308", 2006) == 11016703
    assert at.value("ibge/populacao", "ibge_populacao_estimada", "4220000", 2006) is None


def _product(at: Observatory, report: Report) -> None:
    assert (report.rows_read, report.rows_rejected) == (28, 0)
    assert at.value("ibge/pib_municipal", "sidra_5938_37", "3550308", 2022) == 945946483000


def _rating(at: Observatory, report: Report) -> None:
    assert len(snapshots.read(at.root, "tesouro/capag").files) == 5
    assert {row["data_referencia"] for row in at.rows("tesouro/capag", "observacao/capag_nota.parquet")} == {
        datetime.date(year, 1, 1) for year in range(2018, 2023)
    }


def _accounts(at: Observatory, report: Report) -> None:
    assert at.value("siconfi/dca", "siconfi_dca_01", "3550308", 2022) == 897296759.15


def _benefits(at: Observatory, report: Report) -> None:
    assert (report.rows_read, report.rows_rejected, report.match_rate) == (261, 0, 1)


def _beds(at: Observatory, report: Report) -> None:
    assert (report.rows_read, report.rows_kept) == (11, 10)
    assert report.rejected_by_reason == {"vazio": 1}  # the line of totals names no municipality
    assert at.value("datasus/leito", "datasus_leito_sus", "1100023", 2006) == 66


def _answers(at: Observatory, report: Report) -> None:
    assert report.encodings == {"indicadores.csv": "utf-16-le"}
    assert at.value("cidades_sustentaveis/indicador", "pcs_4140", "3107406", 2021) == 12
    assert at.value("cidades_sustentaveis/indicador", "pcs_4143", "3550308", 2021) == "Sim"


def _index(at: Observatory, report: Report) -> None:
    assert at.value("cidades_sustentaveis/idsc", "idsc_goal_1_score", "3550308", 2024) == 61.25
    assert at.value("cidades_sustentaveis/idsc", "idsc_sdg3_32_ubs", "1100015", 2024) == 0.21


READ: dict[str, Callable[[Observatory, Report], None]] = {
    "ibge/localidade": _places,
    "ibge/populacao": _population,
    "ibge/pib_municipal": _product,
    "tesouro/capag": _rating,
    "siconfi/dca": _accounts,
    "ipeadata/beneficio": _benefits,
    "datasus/leito": _beds,
    "cidades_sustentaveis/indicador": _answers,
    "cidades_sustentaveis/idsc": _index,
}


@pytest.mark.parametrize("key", SERVICES)
def test_without_a_change_at_the_source_nothing_changes(observatory: Observatory, key: str) -> None:
    before = observatory.stands(key)
    checked = observatory.run(key, "--check", "--json")
    assert checked.exit_code == 0, checked.output
    assert json.loads(checked.stdout) == [{"dataset": key, "news": False, "message": ""}]
    observatory.fetch(key)
    assert observatory.files(key) == before


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("key", SERVICES)
def test_a_source_that_fails_leaves_the_snapshot_as_it_was(observatory: Observatory, key: str, fault: str) -> None:
    before = observatory.stands(key)
    observatory.replay.spoil(SERVICES[key], FAULTS[fault])
    done = observatory.run(key)
    assert done.exit_code == 1, done.output
    assert observatory.files(key) == before
    checked = json.loads(observatory.run(key, "--check", "--json").stdout)
    assert checked[0]["news"] is not True, "a fault is no news"
    assert observatory.files(key) == before


@pytest.mark.parametrize("key", SERVICES)
def test_a_source_that_comes_back_is_waited_for(
    observatory: Observatory, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = observatory.stands(key)
    monkeypatch.setenv("OBSERVATUDO_FETCH_DEADLINE_S", "20")
    observatory.replay.spoil(SERVICES[key], lambda well: InTurn(Status(500), well))
    observatory.fetch(key)
    assert observatory.files(key) == before


def test_finbra_is_read_out_of_its_zip(observatory: Observatory, tmp_path: Path) -> None:
    """Three lines above the header, Latin-1, decimal comma: the real sample as the portal packs it."""
    packed = tmp_path / "finbra.zip"
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(ROOT / "data/raw/siconfi/despesa/finbra_2022.csv", "finbra.csv")
    done = observatory.run(FINBRA, "--from", str(packed), "--as", "finbra_2022.zip")
    assert done.exit_code == 0, done.output
    report = ingest(observatory.root, FINBRA)
    assert report.rows_kept > 0
    assert {*report.rejected_by_reason} == {"fora_do_filtro"}
    assert observatory.value(FINBRA, "finbra_01", "3550308", 2022) == 897296759.15


@pytest.mark.drill
@pytest.mark.skipif(not treasury.REAL.is_dir(), reason="the real files are not beside the repository")
def test_the_published_editions_of_capag_are_fetched_and_read(observatory: Observatory) -> None:
    key = "tesouro/capag"
    made = observatory.replay.catalogue.files
    observatory.replay.catalogue.files = treasury.real()
    try:
        done = observatory.run(key, "--accept")  # the made editions have two towns each
        assert done.exit_code == 0, done.output
        report = ingest(observatory.root, key)
    finally:
        observatory.replay.catalogue.files = made
    assert (report.rows_read, report.match_rate) == (5 * 5569, 1)
