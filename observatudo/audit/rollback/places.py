"""Which files of Git are configuration, which are results, and which a rollback never touches.

Configuration is what people and sources decide: ``params.yaml``, ``configs/``, snapshots, overrides and answers.
Results are ``dvc.lock`` and the metrics. Code (``dvc.yaml``, ``stages/``, ``observatudo/``, ``dbt/``) moves on: of it
only what is generated from the declarations follows them. ``configs/schema`` follows the code.
"""

from __future__ import annotations

from pathlib import PurePosixPath

from observatudo import paths
from observatudo.runs import inputs
from observatudo.versions.lock import FILE

LEDGER = paths.AUDIT_RUNS.parent.as_posix()
ROLLBACKS = f"{LEDGER}/rollbacks"
PARAMS = paths.PARAMS.as_posix()
SNAPSHOTS = paths.RAW.as_posix()
METRICS = paths.METRICS.as_posix()
CONFIG = (PARAMS, "configs", SNAPSHOTS, *inputs.EVIDENCE)
RESULTS = (FILE, METRICS)
INPUTS = (*inputs.SHARED, "observatudo", "stages", "dbt", *inputs.EVIDENCE, SNAPSHOTS)
GENERATED = ("dbt/models/staging", "dbt/models/colunas.md", "dbt/seeds/uf.csv", "dbt/seeds/eixo.csv")
_SCHEMA = "configs/schema"


def config_of(dataset: str) -> tuple[str, ...]:
    """Return the files of a dataset's own configuration; its lines in params.yaml come beside."""
    own = (f"{place}/{dataset}.yaml" for place in (inputs.DATASETS, inputs.CORRECTIONS))
    return (*own, f"{SNAPSHOTS}/{dataset}", f"{SNAPSHOTS}/{dataset}.dvc")


def metrics_of(dataset: str) -> str:
    return f"{METRICS}/ingest/{dataset}.json"


def is_config(path: str) -> bool:
    """Say whether a rollback takes this file back with the configuration."""
    return _under(path, CONFIG) and not _under(path, (_SCHEMA,))


def is_result(path: str) -> bool:
    return _under(path, RESULTS)


def is_input(path: str) -> bool:
    """Say whether a difference in this file makes a run dirty; in snapshots every file does, hidden ones too."""
    return _under(path, (SNAPSHOTS,)) or (_under(path, INPUTS) and inputs.is_input(path))


def _under(path: str, where: tuple[str, ...]) -> bool:
    return any(PurePosixPath(path).is_relative_to(place) for place in where)
