"""Ipeadata, TabNet, Programa Cidades Sustentáveis and IBGE's list of places.

Real: the values of Ipeadata's two series (``data/raw/ipeadata``) and TabNet's answers (``tabnet_*.html``, from the
tests of brmunipanel 0.3.0, MIT). Made in the services' form: Ipeadata's metadata and pages, TabNet's form, the rows of
the Programa, the spreadsheet of IDSC-BR, the nesting of the places.
"""

from __future__ import annotations

import csv
import json
import re
import tempfile
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from urllib.parse import parse_qsl, unquote

from tests.conftest import ROOT
from tests.faulty import Answer, Call, File
from tests.workbook import Cell, Sheet, write

HERE = Path(__file__).parent
_PCS = """\
"Código IBGE","Nome da cidade","UF","Estado Nome","Eixo","ID Indicador","Nome do indicador","Formula do indicador",\
"Meta ODS","Número ODS","Nome do ODS","Descrição do indicador","Ano de Preenchimento","Valor","Justificativa"
"3107406","Bom Despacho","MG","Minas Gerais","Ação Local para a Saúde","4140","Polos de saúde","#1#",\
"","3","Saúde","Polos
de promoção","2021","12,00",""
"3550308","São Paulo","SP","São Paulo","Ação Local para a Saúde","4143","Pronto atendimento","#2#",\
"","3","Saúde","Unidades","2021","Sim","em obras"
"""
_OPTIONS = {
    "Linha": (["Município", "Capital", "Região"], "Município"),
    "Coluna": (["--Não-Ativa--", "Leitos_complementares"], "--Não-Ativa--"),
    "Incremento": (["Quantidade_existente", "Quantidade_SUS"], "Quantidade_existente"),
    "Arquivos": (["ltbr0607.dbf", "ltbr0507.dbf"], "ltbr0607.dbf"),
    "SRegião": (["TODAS_AS_CATEGORIAS__", "1", "2"], "TODAS_AS_CATEGORIAS__"),
}
_LABELS = {"ltbr0607.dbf": "Jul/2006", "ltbr0507.dbf": "Jul/2005", "1": "Região Norte", "2": "Região Nordeste"}


@dataclass
class Series:
    """Ipeadata: values and metadata; ``page`` values at a time, with a link to the rest."""

    page: int = 100_000
    changed: str = "2025-06-10T14:46:00-03:00"
    values: dict[str, list[object]] = field(
        default_factory=lambda: {code: _series(code) for code in ("FAM_PBF", "VAL_PBF")}
    )

    def __call__(self, call: Call) -> Answer:
        found = re.fullmatch(r".*/api/odata4/(ValoresSerie\(SERCODIGO=|Metadados\()'(\w+)'\)", unquote(call.path))
        if found is None:
            return Answer(404, {"Content-Type": "text/plain"}, b"Not found")
        values, here = self.values.get(found[2]), call.path.rpartition("/")[2]
        if found[1].startswith("Metadados"):
            own = {"SERCODIGO": found[2], "SERATUALIZACAO": self.changed, "UNINOME": "R$", "PERNOME": "Anual"}
            return _json({"@odata.context": "…$metadata#Metadados", "value": [own] if values else []})
        skip = int(call.query.get("$skip", 0))
        answer: dict[str, object] = {
            "@odata.context": "…$metadata#Valores",
            "value": (values or [])[skip : skip + self.page],
        }
        if values and skip + self.page < len(values):
            answer["@odata.nextLink"] = f"{unquote(here)}?$skip={skip + self.page}"
        return _json(answer)


def _series(code: str) -> list[object]:
    content = json.loads((ROOT / f"data/raw/ipeadata/bolsa_familia/{code}.json").read_bytes())
    return list(content["value"])


def tabnet(call: Call) -> Answer:
    """Answer the form's page, and what is posted from it; Latin-1, as there."""
    if not call.target.endswith("/cgi/tabcgi.exe?cnes/cnv/leiintbr.def"):
        return Answer(404, {"Content-Type": "text/html"}, b"<HTML><BODY>Not Found</BODY></HTML>")
    if call.method != "POST":
        return _page(_form())
    sent = parse_qsl(call.body.decode("ascii"), keep_blank_values=True, encoding="latin-1", strict_parsing=True)
    known = all(value in _OPTIONS[name][0] for name, value in sent if name in _OPTIONS)
    names = [name for name, _value in sent]
    if not known or not {"Linha", "Coluna", "Incremento", "Arquivos"} <= {*names} or ("formato", "prn") not in sent:
        return _page("<HTML><BODY><H1>Erro</H1>Parâmetros inválidos</BODY></HTML>")
    if ("Arquivos", "ltbr0607.dbf") not in sent:
        return _page(_answer("empty"))
    return _page(_answer("with_column" if ("Coluna", "Leitos_complementares") in sent else "without_column"))


def _form() -> str:
    lists = []
    for name, (values, chosen) in _OPTIONS.items():
        options = "\n".join(
            f'<OPTION VALUE="{value}"{" SELECTED" if value == chosen else ""}>{_label(value)}' for value in values
        )
        lists.append(f'<SELECT NAME="{name}" SIZE=5>\n{options}\n</SELECT>')
    body = "\n".join(lists)
    return (
        '<HTML><BODY><FORM ACTION="/cgi/tabcgi.exe?cnes/cnv/leiintbr.def" METHOD="POST">'
        f'{body}<INPUT TYPE=radio NAME="formato" VALUE="prn"></FORM></BODY></HTML>'
    )


def _label(value: str) -> str:
    return _LABELS.get(value) or value.strip("-_").replace("_", " ").replace("-", " ").replace("AS", "as")


def _answer(name: str) -> str:
    return (HERE / f"tabnet_{name}.html").read_text(encoding="utf-8")


def _page(text: str) -> Answer:
    body = text.replace("\n", "\r\n").encode("latin-1")
    return Answer(200, {"Content-Type": "text/html"}, body)


@dataclass
class Cities:
    """The Programa's open data, UTF-16LE without a mark, and the spreadsheet of IDSC-BR."""

    table: str = _PCS

    def __call__(self, call: Call) -> Answer:
        if call.path.endswith("/arquivos/idsc-br/Base_de_Dados_IDSC-BR_2024.xlsx"):
            return File(_idsc(), type="application/octet-stream", modified="Mon, 01 Jul 2024 12:00:00 GMT")(call)
        if not call.path.endswith("/dados-abertos/indicadores.csv"):
            return Answer(404, {"Content-Type": "text/plain"}, b"Not found")
        if call.query != {"idCidade": "-1", "idIndicador": "-1"}:
            return Answer(400, {"Content-Type": "text/plain"}, b"Bad Request")
        return File(self.table.encode("utf-16-le"), etag="", type="text/csv")(call)


@cache  # a workbook holds the second in which it was written
def _idsc() -> bytes:
    header: list[Cell] = ["COD_MUN", "MUNICIPIO", "SIGLA_UF", "Goal 1 Score", "Goal 3 Score", "SDG3_32_UBS", "ODS1_reg"]
    rows: list[list[Cell]] = [
        header,
        [3550308, "São Paulo", "SP", 61.25, 48.5, 0.13, "green"],
        [1100015, "Alta Floresta D'Oeste", "RO", 55.0, None, 0.21, "red"],
    ]
    codes: list[list[Cell]] = [["Arquivo", "Indicador", "ODS"], ["SDG3_32_UBS", "Unidades Básicas de Saúde", 3]]
    with tempfile.TemporaryDirectory() as folder:
        sheets = Sheet("IDSC-BR 2024", rows), Sheet("Livro de Códigos", codes)
        return write(Path(folder) / "idsc.xlsx", *sheets).read_bytes()


def places(call: Call) -> Answer:
    """Answer IBGE's list of municipalities, a few of each state."""
    if not call.path.endswith("/api/v1/localidades/municipios"):
        return Answer(404, {"Content-Type": "text/plain"}, b"Not found")
    with (ROOT / "configs/tabelas/uf.csv").open(encoding="utf-8", newline="") as file:
        states = {row["id_uf"]: row for row in csv.DictReader(file)}
    with (ROOT / "data/raw/ibge/municipio/entes_2021.csv").open(encoding="utf-8", newline="") as file:
        towns = sorted((row["cod_ibge"], row["ente"]) for row in csv.DictReader(file) if row["esfera"] == "M")
    body = json.dumps([_town(code, name, states[code[:2]]) for code, name in towns[::40]], ensure_ascii=False)
    return File(body.encode(), type="application/json; charset=utf-8")(call)


def _town(code: str, name: str, state: dict[str, str]) -> dict[str, object]:
    region = {"sigla": state["sigla_regiao"], "nome": state["nome_regiao"]}
    uf = {"id": int(state["id_uf"]), "sigla": state["sigla_uf"], "nome": state["nome_uf"], "regiao": region}
    micro = {"id": int(code[:5]), "nome": name, "mesorregiao": {"id": int(code[:4]), "nome": name, "UF": uf}}
    near = {"id": int(code[:6]), "nome": name, "regiao-intermediaria": {"id": int(code[:4]), "nome": name, "UF": uf}}
    return {"id": int(code), "nome": name, "microrregiao": micro, "regiao-imediata": near}


def _json(content: object) -> Answer:
    return Answer(200, {"Content-Type": "application/json;odata.metadata=minimal"}, json.dumps(content).encode())
