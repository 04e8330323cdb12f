"""Where things are in a repository; the only place that spells its folder names."""

from __future__ import annotations

import os
from pathlib import Path

from observatudo.errors import ObservatudoError
from observatudo.i18n import _

PARAMS = Path("params.yaml")
DATASET_CONFIGS = Path("configs/datasets")
CORRECTIONS = Path("configs/corrections")
TAXONOMY = Path("configs/eixos.yaml")
LABELLED = Path("configs/rotulos")
PROVIDERS = Path("configs/provedores.yaml")
PROMPTS = Path("configs/prompts")
COLUMNS = Path("configs/colunas.yaml")
RAW = Path("data/raw")
INGESTED = Path("data/ingested")
OVERRIDES = Path("data/classified/overrides.csv")
ANSWERS = Path("data/classified/answers")
LABELS = Path("data/classified/rotulo.parquet")
EVIDENCE = Path("data/classified/evidencia.parquet")
WAREHOUSE = Path("data/warehouse")
MARTS = Path("data/marts")
METRICS = Path("data/metrics")
AUDIT_RUNS = Path("audit/runs")
MUNICIPALITIES = INGESTED / "ibge/municipio/referencia.parquet"
STATES = Path("configs/tabelas/uf.csv")


def repository(start: Path | None = None) -> Path:
    """Return the root of the repository that holds ``start`` (default: the working directory).

    The root is the nearest folder with both ``dvc.yaml`` and ``params.yaml``.
    Raises ObservatudoError when there is none.
    """
    here = (start or Path.cwd()).resolve()
    for folder in (here, *here.parents):
        if (folder / "dvc.yaml").is_file() and (folder / PARAMS).is_file():
            return folder
    raise ObservatudoError(
        _("this is not an Observatudo repository: no dvc.yaml and params.yaml here or above"),
        where=str(here),
        next_step=_("cd into your clone, then type the command again"),
    )


def home() -> Path:
    """Return the repository that logs, run history and MLflow belong to.

    DVC sets ``DVC_ROOT`` for every stage; a run in a temporary folder (``dvc exp run --temp``)
    has it point to the repository the experiment was started from.
    """
    root = os.environ.get("DVC_ROOT")
    return Path(root) if root else repository()
