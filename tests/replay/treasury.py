"""The Treasury: its CKAN with the editions of CAPAG, and the ORDS service with annual accounts.

Made in the services' form: the editions hold two towns each under the real files' names and headers; ``real`` takes
the published ones where they stand beside the repository. The accounts' amounts are real, from the FINBRA samples in
``data/raw/siconfi/despesa``, in the form the service documents (items, ``hasMore``, ``limit``, ``offset``, ``count``).
"""

from __future__ import annotations

import csv
import json
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from urllib.parse import quote, unquote

from tests.conftest import ROOT
from tests.faulty import Answer, Call, File, Redirect
from tests.workbook import Cell, Sheet, write

SITE = "https://www.tesourotransparente.gov.br"
DATASET = "capag-municipios"
REAL = ROOT.parent / "shared/real/capag"
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_NAMES = {
    "CAPAG-Municipios---Ano-Base-2018.xlsx": "Classificação da CAPAG",
    "CAPAG-2019---Municipios.xlsx": "Classificação da CAPAG",
    "CAPAG-Municipios.csv": "Classificação_CAPAG",
    "Capag-Municipios---novembro-2021.xlsx": "Classificação_CAPAG",
    "CAPAG-Municipios---Ano-Base-2022.xlsx": "CAPAG_2022",
}
_TOWNS = [
    ("Alta Floresta D'Oeste", 1100015, "RO", 22516, "0,0123", "A", "0,91", "B", "0,35", "A", "B"),
    ("São Paulo", 3550308, "SP", 12396372, "0,44", "A", "0,87", "A", "n.d.", "n.d.", "n.d."),
]


@cache  # a workbook holds the second in which it was written
def _made() -> dict[str, bytes]:
    return {name: _edition(name, grade) for name, grade in _NAMES.items()}


def real() -> dict[str, bytes]:
    """Return the five editions as published; they stand beside the repository, or not at all."""
    return {name: (REAL / name).read_bytes() for name in _NAMES}


def _edition(name: str, grade: str) -> bytes:
    columns = ["Instituição", "Cod.IBGE", "UF", "População", "Indicador_1", "Nota_1", "Indicador_2", "Nota_2"]
    columns += ["Indicador_3", "Nota_3", grade]
    rows: list[list[Cell]] = [[*columns]]
    rows += [[*town] for town in _TOWNS]
    if name.endswith(".csv"):
        lines = (";".join("" if cell is None else str(cell) for cell in row) for row in rows)
        return ("\n".join(lines) + "\n").encode("utf-8-sig")
    with tempfile.TemporaryDirectory() as folder:
        return write(Path(folder) / name, Sheet("Plan1", rows)).read_bytes()


@dataclass
class Catalogue:
    """The CKAN site: ``package_show`` and the files; formats and addresses drift as they do there."""

    files: dict[str, bytes] = field(default_factory=lambda: dict(_made()))
    changed: dict[str, str] = field(default_factory=dict)
    hashes: dict[str, str] = field(default_factory=dict)

    def __call__(self, call: Call) -> Answer:
        if call.path.endswith("/ckan/api/3/action/package_show"):
            return self._show(call.query.get("id", ""))
        name = unquote(call.path).rpartition("/")[2]
        if "/resource/00000002-" in call.path:  # one file is elsewhere, as CKAN's uploads are
            return Redirect(f"{SITE}/ckan/storage/download/{quote(name)}")(call)
        if "/download/" not in call.path or name not in self.files:
            return Answer(404, {"Content-Type": "text/plain"}, b"Not found")
        kind = "text/csv" if name.endswith(".csv") else _XLSX
        return File(self.files[name], type=kind, modified="Tue, 02 Apr 2024 12:00:00 GMT")(call)

    def _show(self, asked: str) -> Answer:
        if asked != DATASET:
            error = {"message": "Não encontrado", "__type": "Not Found Error"}
            return _json({"help": "", "success": False, "error": error}, 404)
        resources = [self._resource(n, name) for n, name in enumerate(self.files)]
        resources.append({**self._resource(99, "metadados.pdf"), "format": "PDF"})
        return _json({"help": "", "success": True, "result": {"name": DATASET, "resources": resources}})

    def _resource(self, number: int, name: str) -> dict[str, str | None]:
        key = f"{number:08x}-0000-4000-8000-000000000000"
        base = "" if number == 1 else SITE  # one address is relative
        return {
            "id": key,
            "name": name.replace("-", " "),
            "format": "xlsx" if number % 2 else Path(name).suffix.lstrip(".").upper(),
            "url": f"{base}/ckan/dataset/9ff93162/resource/{key}/download/{name}",
            "created": "2020-01-01T10:00:00.000000",
            "last_modified": self.changed.get(name, f"2022-0{1 + number % 9}-01T10:00:00.000000"),
            "hash": self.hashes.get(name, ""),
        }


@dataclass
class Accounts:
    """``/ords/siconfi/tt/dca``: at most ``most`` items a page."""

    items: list[dict[str, object]] = field(default_factory=lambda: list(_accounts()))
    most: int = 5000

    def __call__(self, call: Call) -> Answer:
        query = call.query
        if not call.path.endswith("/siconfi/tt/dca"):
            return Answer(404, {"Content-Type": "text/plain"}, b"Not found")
        if not {"an_exercicio", "id_ente"} <= query.keys():
            return Answer(400, {"Content-Type": "text/plain"}, b"Bad Request")
        offset, limit = int(query.get("offset", 0)), min(int(query.get("limit", self.most)), self.most)
        asked = (int(query["an_exercicio"]), int(query["id_ente"]))
        found = [one for one in self.items if (one["exercicio"], one["cod_ibge"]) == asked]
        page = found[offset : offset + limit]
        more = offset + limit < len(found)
        return _json(
            {"items": page, "hasMore": more, "limit": limit, "offset": offset, "count": len(page), "links": []}
        )


def _accounts() -> Iterable[dict[str, object]]:
    for year in (2013, 2022):
        file = ROOT / f"data/raw/siconfi/despesa/finbra_{year}.csv"
        lines = file.read_text(encoding="latin-1").splitlines()[3:]
        for row in csv.DictReader(lines, delimiter=";"):
            yield {
                "exercicio": year,
                "instituicao": row["Instituição"],
                "cod_ibge": int(row["Cod.IBGE"]),
                "uf": row["UF"],
                "anexo": "DCA-Anexo I-E",
                "rotulo": "Padrão",
                "coluna": row["Coluna"],
                "cod_conta": row["Identificador da Conta"],
                "conta": row["Conta"],
                "valor": float(row["Valor"].replace(",", ".")),
                "populacao": int(row["População"]),
            }


def _json(content: object, status: int = 200) -> Answer:
    return Answer(
        status, {"Content-Type": "application/json; charset=utf-8"}, json.dumps(content, ensure_ascii=False).encode()
    )
