"""The first page of the docs site: what the last run loaded, how fresh it is, what failed and what was rejected.

dbt reads it from ``dbt/target/visao``, which Git ignores: it differs from run to run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel

from observatudo import paths
from observatudo.warehouse import artifacts, engine
from observatudo.warehouse.load import LOADS

if TYPE_CHECKING:
    from collections.abc import Iterable

_TARGET = Path("dbt/target")
_PAGE = _TARGET / "visao/overview.md"
_AUDITED = (
    "fonte",
    "dataset",
    "tipo",
    "linhas_lidas",
    "linhas_mantidas",
    "linhas_rejeitadas",
    "taxa_casamento",
    "cobertura",
    "primeiro_periodo",
    "ultimo_periodo",
    "data_snapshot",
)
_ONLY_AUDITED = {"cobertura", "primeiro_periodo", "ultimo_periodo"}


class _Rejects(BaseModel):
    rejected_by_reason: dict[str, int] = {}


def write(root: Path, variables: Mapping[str, object], target: str = engine.DUCKDB) -> Path:
    """Write the overview of the build in dbt's target folder; return its path."""
    page = root / _PAGE
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(render(root, variables, target), encoding="utf-8", newline="\n")
    return page


def render(root: Path, variables: Mapping[str, object], target: str = engine.DUCKDB) -> str:
    """Return the page (Markdown, as a dbt docs block) from the warehouse, the reports and dbt's results."""
    build = artifacts.read(root / _TARGET)
    built = any(r.name == "audit_volumetria" and r.status == "success" for r in build.results)
    volumes = _volumes(root, built, target)
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


def _volumes(root: Path, built: bool, target: str) -> list[tuple[object, ...]]:
    """The audit mart when the build got as far; what load wrote otherwise."""
    if built:
        with engine.opened(root, target) as warehouse:
            return [_volume(row) for row in warehouse.rows("audit_volumetria", _AUDITED, ("fonte", "dataset"))]
    import pyarrow.parquet as pq

    found: dict[object, tuple[object, ...]] = {}
    for row in pq.read_table(root / LOADS).to_pylist():
        given = {name: value for name, value in row.items() if name not in _ONLY_AUDITED}
        found[row["fonte"], row["dataset"]] = _volume(tuple(given.get(name) for name in _AUDITED))
    return sorted(found.values(), key=lambda row: str(row[0]))


def _volume(row: Sequence[object]) -> tuple[object, ...]:
    fonte, dataset, kind, read, kept, rejected, matched, covered, first, last, snapshot = row
    period = f"{first:%Y-%m} a {last:%Y-%m}" if isinstance(first, date) and isinstance(last, date) else ""
    return f"{fonte}/{dataset}", kind, read, kept, rejected, _percent(matched), _percent(covered), period, snapshot


def _percent(share: object) -> str:
    return f"{100 * share:.2f} %" if isinstance(share, float) else ""


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
