"""Ingest of a 1 GB Latin-1 Brazilian CSV over DuckDB tokenising it and writing Parquet. Targets: 3 × CPU, 1 GB.

The file is shaped as the Treasury exports accounts (a preamble, eight columns, `;`, decimal comma and thousands dot,
CR LF); some rows are wrong in ways that must be rejected one by one. Both sides run in turns, each in a process of
its own; ingest is the pipeline's own stage, its start-up, checks, rejects, sorting and hashing included.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

import numpy as np
import yaml

from tests.bench import watch
from tests.builder import Repository, take_file
from tests.conftest import ROOT

CPU_TARGET, MB_TARGET = 3.0, 1024
TRIALS = 3
YEARS, ACCOUNTS = 20, 72
KEY = "sintetico/conta"
NAME = "contas.csv"
# every so many rows one of these values stands in place of a number; none of them is one
WRONG_EVERY, WRONG = 10_007, ["1.23,45", "nan", "1e5", "12.34", "R$ 10,00", "-"]
TOKENISE = """
COPY (SELECT * FROM read_csv('{source}', delim = ';', quote = '"', skip = 3, header = true, all_varchar = true,
    encoding = 'latin-1')) TO '{target}' (FORMAT parquet)
"""


def declaration() -> dict[str, object]:
    """Return the declaration of the repository's own accounts for a file of this name, with the year in its rows."""
    content = yaml.safe_load((ROOT / "configs/datasets/siconfi/despesa.yaml").read_text(encoding="utf-8"))
    (resource,) = content["resources"]
    fields = [field | {"source": "Ano"} if field["name"] == "ano" else field for field in content["fields"]]
    return {**content, "snapshot": {}, "resources": [resource | {"path": NAME}], "fields": fields}


def write(path: Path, places: list[str]) -> tuple[int, int]:
    """Write the file; return its rows and how many of them are wrong."""
    random = np.random.default_rng(8)
    accounts = [f"{1 + n // 6:02d}.{n % 6 + 1:03d} - Administração e Assistência número {n}" for n in range(ACCOUNTS)]
    rows = wrong = 0
    with path.open("w", encoding="latin-1", newline="\r\n") as out:
        out.write("Exercício: 2020\nEscopo: Municípios\nTabela: Despesas por Função (Anexo I-E)\n")
        out.write("Instituição;Cod.IBGE;UF;População;Ano;Coluna;Conta;Valor\n")
        for place in places:
            head = f"Prefeitura Municipal de São José do Açaí {place} - PR;{place};PR;{rows % 900_000};"
            cents = np.minimum(random.lognormal(11, 2, YEARS * ACCOUNTS) * 100, 10**14).astype(np.int64)
            lines = []
            for number, value in enumerate(cents.tolist()):
                year, account = divmod(number, ACCOUNTS)
                text = f"{value // 100:,}".replace(",", ".") + f",{value % 100:02d}"
                if (rows + number) % WRONG_EVERY == 0:
                    text = WRONG[wrong % len(WRONG)]
                    wrong += 1
                lines.append(f'{head}{2003 + year};"Despesas Empenhadas";"{accounts[account]}";{text}\n')
            out.write("".join(lines))
            rows += len(cents)
    return rows, wrong


def prepare(root: Path, places: int) -> tuple[int, int]:
    """Make a repository with the official list ingested and the file as a snapshot; return as ``write``."""
    made = Repository(root)
    shutil.copytree(ROOT / "configs/tabelas", root / "configs/tabelas")
    (root / "dvc.yaml").write_text("stages: {}\n")
    official = yaml.safe_load((ROOT / "configs/datasets/ibge/municipio.yaml").read_text(encoding="utf-8"))
    made.declare("ibge/municipio", official, {"min_rows": places})
    shutil.copytree(ROOT / "data/raw/ibge/municipio", root / "data/raw/ibge/municipio")
    watch.run([sys.executable, "-m", "stages.ingest", "ibge/municipio"], root, environment(root))
    made.declare(KEY, declaration(), {"min_rows": 1})
    codes = sorted(str(row["id_municipio"]) for row in made.rows("ibge/municipio", "referencia.parquet"))
    path = root / NAME
    rows, wrong = write(path, codes[:places])
    take_file(root, KEY, path)
    return rows, wrong


def environment(root: Path) -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(ROOT), "DVC_ROOT": str(root)}


def _duckdb(source: str, target: str) -> str:
    return f"import duckdb; duckdb.execute({TOKENISE.format(source=source, target=target)!r})"


def main(places: str = "5570") -> int:
    """Print the table; return 1 when a target is missed or a row is unaccounted for."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        rows, wrong = prepare(root, int(places))
        size = (root / NAME).stat().st_size
        sides = {
            "DuckDB: tokenise, write Parquet": [sys.executable, "-c", _duckdb(NAME, "limite.parquet")],
            "ingest": [sys.executable, "-m", "stages.ingest", KEY],
        }
        costs: dict[str, list[watch.Cost]] = {side: [] for side in sides}
        for _trial in range(TRIALS):
            for side, command in sides.items():
                costs[side].append(watch.run(command, root, environment(root)))
        report = json.loads((root / "data/ingested" / KEY / "relatorio.json").read_text())
    print(f"\n{rows:,} rows, {size / 2**30:.2f} GB, {wrong:,} wrong values; medians of {TRIALS}\n")
    print("| | wall s | CPU s | × limit | peak MB |\n|---|---:|---:|---:|---:|")
    limit = statistics.median(cost.cpu_s for cost in costs["DuckDB: tokenise, write Parquet"])
    for side, trials in costs.items():
        wall, cpu = (statistics.median(getattr(cost, key) for cost in trials) for key in ("wall_s", "cpu_s"))
        print(f"| {side} | {wall:.1f} | {cpu:.1f} | {cpu / limit:.2f} | {max(c.peak_mb for c in trials):.0f} |")
    accounted = (report["rows_read"], report["rows_rejected"]) == (rows, wrong)
    within = cpu / limit <= CPU_TARGET and max(c.peak_mb for c in trials) <= MB_TARGET
    print(
        f"\nrows {'accounted for' if accounted else 'LOST'}; targets {'met' if within else 'missed'}", file=sys.stderr
    )
    return 0 if accounted and within else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
