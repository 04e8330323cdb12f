"""Tables of many shapes are proposed so that ingest reads exactly the values they were made of."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from observatudo import config
from observatudo.errors import ConfigError, DataError
from observatudo.onboard import paramsline, scratch, trial
from observatudo.onboard.propose import Asked

from .. import builder, workbook

TOWNS = [("3550308", "São Paulo", "SP"), ("3304557", "Rio de Janeiro", "RJ"), ("4106902", "Curitiba", "PR")]
TOWNS += [("4314902", "Porto Alegre", "RS"), ("3106200", "Belo Horizonte", "MG"), ("1506807", "Santarém", "PA")]
YEARS = (2019, 2020, 2021)
REAL = builder.ROOT.parent / "shared/real"
Values = dict[tuple[str, str], float]


@dataclass
class Table:
    """A generated file, and the value of each place and year in it."""

    name: str
    content: bytes
    values: Values


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    made = tmp_path_factory.mktemp("new") / "r"
    with scratch.scratch(builder.ROOT) as here:
        made.mkdir()
        for name in ("configs", "dbt", "data"):
            (made / name).symlink_to(here / name)
        for name in ("params.yaml", "dvc.yaml"):
            (made / name).write_bytes((here / name).read_bytes())
        yield made


def number(value: float, decimal: str, group: str) -> str:
    text = f"{value:,.2f}" if group else f"{value:.2f}"
    return text.replace(",", " ").replace(".", decimal).replace(" ", group)


def generated(seed: int) -> Table:
    """Return a table in a shape chosen by the seed: encoding, delimiter, decimals, preamble, codes, wide or long."""
    chance = random.Random(seed)
    delimiter, decimal, group = chance.choice([(";", ",", "."), (";", ",", ""), (",", ".", ""), ("\t", ",", "")])
    encoding = chance.choice(["utf-8", "utf-8-sig", "latin-1", "utf-16-le", "utf-16"])
    values = {(code, f"{y}-01-01"): round(chance.uniform(0, 90_000), 2) for code, _n, _u in TOWNS for y in YEARS}
    by_name, wide = chance.random() < 0.3, chance.random() < 0.5
    short = chance.random() < 0.4

    def place(code: str, name: str, state: str) -> list[str]:
        return [name, state] if by_name else [code[:6] if short else code, name]

    first = ["Município", "UF"] if by_name else ["Código IBGE", "Município"]
    rows = [[*first, *map(str, YEARS)]] if wide else [[*first, "Ano", "Valor gasto"]]
    for town in TOWNS:
        cells = [number(values[town[0], f"{year}-01-01"], decimal, group) for year in YEARS]
        rows += (
            [[*place(*town), *cells]]
            if wide
            else [[*place(*town), str(y), c] for y, c in zip(YEARS, cells, strict=True)]
        )
    lines = ["Secretaria da Fazenda", ""] if chance.random() < 0.5 else []
    lines += [delimiter.join(row) for row in rows]
    lines += ["Fonte: a própria secretaria"] if chance.random() < 0.3 else []
    return Table(f"gasto_{seed}.csv", ("\n".join(lines) + "\n").encode(encoding), values)


def written(root: Path, file: Path, columns: str, year: int | None = None) -> list[tuple[object, ...]]:
    """Return these columns of the observations that a file gives by its proposal, sorted."""
    import duckdb

    with trial.tried(root, Asked("teste/gasto", file, year=year)) as tried:
        found = str(tried.here / "data/ingested/teste/gasto/observacao/*.parquet")
        return duckdb.execute(f"SELECT {columns} FROM read_parquet(?) ORDER BY ALL", [found]).fetchall()


def ingested(root: Path, table: Table, folder: Path) -> Values:
    file = folder / table.name
    file.write_bytes(table.content)
    rows = written(root, file, "id_municipio, CAST(data_referencia AS VARCHAR), valor")
    return {(str(code), str(day)): float(str(value)) for code, day, value in rows}


@pytest.mark.parametrize("seed", range(6))
def test_a_generated_table_gives_its_values(root: Path, tmp_path: Path, seed: int) -> None:
    table = generated(seed)
    assert ingested(root, table, tmp_path) == table.values


@pytest.mark.drill
def test_many_generated_tables_give_their_values(root: Path, tmp_path: Path) -> None:
    wrong = []
    for seed in range(100, 200):
        table = generated(seed)
        try:
            right = ingested(root, table, tmp_path) == table.values
        except DataError:
            right = False
        wrong += [] if right else [seed]
    print(f"{100 - len(wrong)} of 100 tables gave exactly their values; wrong: {wrong}")
    assert len(wrong) <= 2


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("vazio.csv", b"", "the file is empty"),
        ("pagina.csv", b"<!DOCTYPE html><html><body>erro</body></html>", "HTML"),
        ("notas.csv", b"apenas um texto\nsem tabela\n", "no table"),
        ("sem_lugar_2020.csv", b"a,b\nx,1\ny,2\n", "which municipality"),
        ("sem_ano.csv", "Código IBGE,Valor\n3550308,10\n3304557,20\n".encode(), "which year"),
    ],
)
def test_what_cannot_be_read_is_told(root: Path, tmp_path: Path, name: str, content: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=said), trial.tried(root, Asked("teste/novo", tmp_path / name)):
        pass


MANNERS = [("2.021,00", 2021.0, None), ("2021.5", 2021.5, None), ("Sim", None, "Sim"), ("7", 7.0, None)]
MANNERS += [("1,00 - 2,00", None, "1,00 - 2,00")]


def answers(years: list[str]) -> str:
    """Return rows in the shape of the Programa Cidades Sustentáveis: each names its indicator, a number or words."""
    head = "Código IBGE,Nome da cidade,UF,Eixo,ID Indicador,Nome do indicador,Formula do indicador,Número ODS"
    head += ",Descrição do indicador,Ano de Preenchimento,Valor,Justificativa"
    rows = [head.split(",")]
    for year, (answer, _value, _text) in zip(years, MANNERS, strict=True):
        for code, name in (("4140", "Polos de saúde"), ("4143", "Pronto atendimento")):
            row = ["3107406", "Bom Despacho", "MG", "Saúde", code, name, f"#{code}#", "3", f"{name}\nem duas linhas"]
            rows.append([*row, year, answer, "em obras" if answer == "Sim" else ""])
    return "".join(",".join(f'"{cell}"' for cell in row) + "\n" for row in rows)


def goals() -> str:
    """Return one row of each indicator, two lines each, with the year 0."""
    return "".join(answers(["0"] * len(MANNERS)).splitlines(keepends=True)[:5])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le"])
def test_a_row_that_names_its_indicator_gives_its_answer_number_range_or_word(
    root: Path, tmp_path: Path, encoding: str
) -> None:
    file = tmp_path / "respostas.csv"
    file.write_bytes(answers([str(2017 + n) for n in range(len(MANNERS))]).encode(encoding))
    columns = "id_indicador, year(data_referencia), valor, valor_texto, justificativa"
    found = written(root, file, columns)
    notes = {"Sim": "em obras"}
    assert found == [
        (f"teste_gasto_{code}", 2017 + n, value, text, notes.get(answer))
        for code in ("4140", "4143")
        for n, (answer, value, text) in enumerate(MANNERS)
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le"])
def test_goals_of_year_0_are_declared_kept_out_and_told(root: Path, tmp_path: Path, encoding: str) -> None:
    file = tmp_path / "metas.csv"
    file.write_bytes(goals().encode(encoding))
    with trial.tried(root, Asked("teste/metas", file)) as tried:
        assert tried.keeps_nothing
        assert tried.report.rejected_by_reason == {"vazio": 2}
        assert any(guess.startswith("fields.ano: 0 is no year") for guess in tried.draft.guessed())


def test_a_year_that_is_given_reads_rows_of_year_0(root: Path, tmp_path: Path) -> None:
    file = tmp_path / "metas.csv"
    file.write_text(goals(), encoding="utf-8")
    assert written(root, file, "year(data_referencia), valor", 2021) == [(2021, 2021.0), (2021, 2021.0)]


@pytest.mark.parametrize("name", ["indicadores_amostra_utf8.csv", "indicadores_amostra_utf16le_sem_bom.csv"])
@pytest.mark.skipif(not (REAL / "pcs").is_dir(), reason="the real files are not here")
def test_the_two_real_goals_are_declared_and_none_is_kept(root: Path, name: str) -> None:
    with trial.tried(root, Asked("teste/metas", REAL / "pcs" / name)) as tried:
        assert (tried.report.rows_read, tried.keeps_nothing) == (2, True)
        assert tried.draft.indicator_columns["value"] == "valor"


def test_values_of_states_alone_are_placed(root: Path, tmp_path: Path) -> None:
    file = tmp_path / "estados.csv"
    file.write_text("UF;Ano;Valor gasto\nSP;2020;1,5\nRJ;2020;2,5\nPará;2020;3,5\nAC;2020;4,5\n", encoding="utf-8")
    found = written(root, file, "id_municipio, valor")
    assert found == [("12", 4.5), ("15", 3.5), ("33", 2.5), ("35", 1.5)]


def test_a_list_of_hundreds_of_columns_keeps_the_first_and_names_the_rest(root: Path, tmp_path: Path) -> None:
    file = tmp_path / "censo_2006.csv"
    names = ["MASCARA", "CODMUNIC", *(f"VDD{n}" for n in range(1500))]
    rows = [[str(n), TOWNS[n % 2][0], *["x" * (n % 3)] * 1500] for n in range(1, 7)]
    file.write_text("\n".join("|".join(row) for row in [names, *rows]) + "\n", encoding="utf-8")
    with trial.tried(root, Asked("teste/censo", file, kind="referencia")) as tried:
        assert tried.report.rows_kept == 6
        assert (tried.draft.primary_key, len(tried.draft.ignore)) == (["mascara"], 1302)


def test_a_dataset_that_is_there_is_refused(root: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there already"), trial.tried(root, Asked("sidra/pib", tmp_path / "x")):
        pass


def test_an_id_that_another_dataset_has_is_not_given_twice(root: Path, tmp_path: Path) -> None:
    file = tmp_path / "entes.csv"
    file.write_text("codigo;exercicio;População estimada\n3550308;2022;11\n3304557;2022;12\n", encoding="utf-8")
    known = {each.id for key in config.declared(root) for each in config.load_dataset(root, key).indicators}
    assert "ibge_populacao_estimada" in known
    with trial.tried(root, Asked("ibge/novo", file)) as tried:
        assert [part.keys["id"] for part in tried.draft.indicators] == ["ibge_novo_populacao_estimada"]


def test_the_first_of_several_years_is_a_guess(root: Path, tmp_path: Path) -> None:
    file = tmp_path / "taxa.csv"
    file.write_text("codigo;Triênio;Taxa\n3550308;2018-2020;1,5\n3304557;2018-2020;2,5\n", encoding="utf-8")
    with trial.tried(root, Asked("teste/taxa", file)) as tried:
        assert "2018-2020, stands for all of them; confirm" in tried.text


@pytest.mark.parametrize(
    "table",
    [
        "codigo;Ano;Receita total\n3550308;2020;1,5\n3304557;2020;2,5\n",
        "codigo;2020;2021\n3550308;1,5;3,5\n3304557;2,5;4,5\n",
        "codigo;Ano;Conta;Valor\n3550308;2020;ISS;1,5\n3550308;2020;IPTU;2,5\n3304557;2020;ISS;3,5\n"
        "3304557;2020;IPTU;4,5\n",
    ],
)
def test_thousands_that_a_title_tells_are_brought_to_base_and_marked(root: Path, tmp_path: Path, table: str) -> None:
    file = tmp_path / "receita.csv"
    file.write_text("Receita dos municípios\n(valores em R$ mil)\n" + table, encoding="utf-8")
    with trial.tried(root, Asked("teste/receita", file)) as tried:
        assert "times 1000, because above the table stands “(valores em R$ mil)”; confirm" in tried.text
    assert {value for (value,) in written(root, file, "valor")} >= {1500.0, 2500.0}


def test_a_unit_of_the_header_wins_over_one_of_the_title(root: Path, tmp_path: Path) -> None:
    file = tmp_path / "quota.csv"
    file.write_text("Em R$ mil\ncodigo;Ano;Cota (%)\n3550308;2020;1,5\n3304557;2020;2,5\n", encoding="utf-8")
    assert written(root, file, "valor") == [(1.5,), (2.5,)]


def test_shares_that_a_sheet_shows_as_percent_are_a_guess(root: Path, tmp_path: Path) -> None:
    rows: list[list[workbook.Cell]] = [["codigo", "Ano", "Cobertura (%)"], [3550308, 2020, 0.85], [3304557, 2020, 0.5]]
    file = workbook.write(tmp_path / "cobertura.xlsx", workbook.Sheet("dados", rows))
    with trial.tried(root, Asked("teste/cobertura", file)) as tried:
        assert "all values lie between -1 and 1" in tried.text


def test_a_line_is_added_and_all_the_rest_of_params_stays() -> None:
    text = (builder.ROOT / "params.yaml").read_text(encoding="utf-8")
    made = paramsline.with_dataset(text, "teste/novo", {"min_rows": 5})
    assert set(text.splitlines()) <= set(made.splitlines())
    content = yaml.safe_load(made)
    assert content["datasets"]["teste/novo"]["params"] == "teste.novo"
    assert content["ds"]["teste"]["novo"] == {"min_rows": 5}
    again = yaml.safe_load(paramsline.with_dataset(made, "teste/outro", {"min_rows": 1}))
    assert set(again["ds"]["teste"]) == {"novo", "outro"}


def test_params_in_one_line_are_left_to_a_person() -> None:
    with pytest.raises(ConfigError, match="line cannot be added"):
        paramsline.with_dataset("datasets: {a/b: {params: a.b, lista: x}}\nds: {a: {b: {}}}\n", "a/c", {})
