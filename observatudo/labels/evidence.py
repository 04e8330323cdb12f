"""What each classifier said of each indicator, as the stage wrote it (``data/classified/evidencia.parquet``)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from observatudo import paths
from observatudo.classify.names import NOT_MODELS
from observatudo.errors import ObservatudoError
from observatudo.i18n import _

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

    from observatudo.journal import Json


@dataclass(frozen=True)
class Vote:
    """One classifier on one indicator. ``axis`` None: it is silent; ``confidence`` and ``weight`` are 0 to 1.

    ``classifier`` is one of ``names.NOT_MODELS`` or a model's name in configs/provedores.yaml. From ``state`` (see
    ``names.STATES``) to ``invalid`` they tell of a model's series and are None for others: ``answers`` given,
    of them ``invalid`` none, ``streak`` equal ones at the end, ``flips`` changes. ``detail`` is the evidence itself.
    """

    classifier: str
    axis: str | None
    confidence: float | None
    weight: float | None
    deterministic: bool
    state: str | None
    series: str | None
    answers: int | None
    streak: int | None
    flips: int | None
    invalid: int | None
    detail: dict[str, Json]

    @property
    def is_model(self) -> bool:
        return self.classifier not in NOT_MODELS


def read(root: Path) -> dict[str, list[Vote]] | None:
    """Return the votes by indicator, as they are sorted in the table; None where an older run left none.

    Raises ObservatudoError for a file that is no such table.
    """
    from observatudo import arrow

    path = root / paths.EVIDENCE
    if not path.is_file():
        return None
    arrow.skip_pandas()
    import pyarrow as pa
    import pyarrow.parquet as pq

    found: dict[str, list[Vote]] = {}
    try:
        for key, vote in _votes(pq.read_table(path)):
            found.setdefault(key, []).append(vote)
    except (pa.ArrowException, OSError, KeyError, TypeError, ValueError):
        raise ObservatudoError(
            _("the table of evidence cannot be read"), where=str(paths.EVIDENCE), next_step="dvc checkout --force"
        ) from None
    return found


def _votes(table: pa.Table) -> Iterator[tuple[str, Vote]]:
    for row in table.to_pylist():
        yield (
            row["id_indicador"],
            Vote(
                classifier=row["classificador"],
                axis=row["eixo"],
                confidence=_number(row["confianca"]),
                weight=_number(row["peso"]),
                deterministic=row["deterministico"],
                state=row["estado"],
                series=row["serie"],
                answers=row["observacoes"],
                streak=row["sequencia"],
                flips=row["trocas"],
                invalid=row["invalidas"],
                detail=_object(row["detalhe"]),
            ),
        )


def _object(text: str) -> dict[str, Json]:
    found = json.loads(text)
    if not isinstance(found, dict):
        raise TypeError(text)
    return found


def _number(value: object) -> float | None:
    if value is None:
        return None
    if not isinstance(value, int | float):
        raise TypeError(value)
    return float(value)
