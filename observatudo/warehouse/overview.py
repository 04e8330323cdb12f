"""The first page of the docs site: what the last run loaded, how fresh it is, what failed and what was rejected.

dbt reads it from ``dbt/target/visao``, which Git ignores: it differs from run to run.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel

from observatudo import paths
from observatudo.warehouse import artifacts
from observatudo.warehouse.load import LOADS
from observatudo.warehouse.presence import WAREHOUSE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_TARGET = Path("dbt/target")
_PAGE = _TARGET / "visao/overview.md"
_PERCENT = "coalesce(printf('%.2f %%', 100 * {column}), '')"
_AUDITED = f"""
    select fonte || '/' || dataset, tipo, linhas_lidas, linhas_mantidas, linhas_rejeitadas,
        {_PERCENT.format(column="taxa_casamento")}, {_PERCENT.format(column="cobertura")},
        coalesce(strftime(primeiro_periodo, '%Y-%m') || ' a ' || strftime(ultimo_periodo, '%Y-%m'), ''),
        data_snapshot
    from audit_volumetria
    order by fonte, dataset
"""
_LOADED = f"""
    select distinct fonte || '/' || dataset as nome, tipo, linhas_lidas, linhas_mantidas, linhas_rejeitadas,
        {_PERCENT.format(column="taxa_casamento")}, '', '', data_snapshot
    from read_parquet(?)
    order by nome
"""


class _Rejects(BaseModel):
    rejected_by_reason: dict[str, int] = {}


def write(root: Path, variables: Mapping[str, str]) -> Path:
    """Write the overview of the build in dbt's target folder; return its path."""
    page = root / _PAGE
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(render(root, variables), encoding="utf-8", newline="\n")
    return page


def render(root: Path, variables: Mapping[str, str]) -> str:
    """Return the page (Markdown, as a dbt docs block) from the warehouse, the reports and dbt's results."""
    build = artifacts.read(root / _TARGET)
    built = any(r.name == "audit_volumetria" and r.status == "success" for r in build.results)
    volumes = _volumes(root, built)
    parts = [
        "# Observatudo\n",
        f"Execução `{variables['id_execucao']}`, {variables['data_processamento']} (UTC).\n",
        "## Volumes e atualidade\n",
        _table(_HEADER, volumes),
        "## Testes\n",
        _tests(build),
        "## Rejeições\n",
        _table(("dataset", "motivo", "linhas"), _rejects(root, [str(row[0]) for row in volumes])),
        "Modelos e colunas estão no menu ao lado; comece por `fact_indicador`.\n",
    ]
    return "{% docs __overview__ %}\n{% raw %}\n" + "\n".join(parts) + "{% endraw %}\n{% enddocs %}\n"


_HEADER = (
    "dataset",
    "tipo",
    "linhas lidas",
    "mantidas",
    "rejeitadas",
    "casamento",
    "cobertura",
    "período",
    "snapshot",
)


def _volumes(root: Path, built: bool) -> list[tuple[object, ...]]:
    """The audit mart when the build got as far; what load wrote otherwise."""
    import duckdb

    with duckdb.connect(root / WAREHOUSE, read_only=True) as connection:
        if built:
            return connection.execute(_AUDITED).fetchall()
        return connection.execute(_LOADED, [(root / LOADS).as_posix()]).fetchall()


def _tests(build: artifacts.Artifacts) -> str:
    counts = build.metrics()
    lines = [
        f"{counts['tests_passed']} passaram, {counts['tests_warned']} avisaram, "
        f"{counts['tests_failed']} falharam; {counts['models']} modelos construídos.\n"
    ]
    worth = [*build.bad, *build.warned]
    if worth:
        lines.append(_table(("nó", "situação", "linhas"), [(r.name, r.status, r.failures) for r in worth]))
    return "\n".join(lines)


def _rejects(root: Path, keys: Iterable[str]) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = []
    for key in keys:
        report = root / paths.INGESTED / key / "relatorio.json"
        reasons = _Rejects.model_validate_json(report.read_bytes()).rejected_by_reason
        rows += [(key, reason, count) for reason, count in sorted(reasons.items())]
    return rows or [("–", "nenhuma linha rejeitada", 0)]


def _table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "".join(f"| {' | '.join(_cell(value) for value in line)} |\n" for line in lines)


def _cell(value: object) -> str:
    return str(value).replace("|", "\\|").replace("\n", " ")
