"""The indicators that the declared datasets have on this machine, and what is to be told of one that is not right."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from observatudo import config, paths
from observatudo.i18n import _

Kind = Literal[
    "axis", "source_axis", "override_unknown", "override_unused", "override_pending", "overrides_damaged",
    "unlabelled", "no_indicator", "not_ingested", "no_evidence", "answers_damaged", "answers_pending", "model",
    "key_changed", "oscillating", "invalid",
]  # fmt: skip


@dataclass(frozen=True)
class Entry:
    """One indicator of a catalogue, as ingest wrote it."""

    id: str
    dataset: str
    name: str
    description: str
    source_axis: str | None


@dataclass(frozen=True)
class Problem:
    """What a person should look at; ``id`` is the indicator, dataset or file it is about."""

    kind: Kind
    id: str
    text: str


def catalogue(root: Path) -> tuple[dict[str, Entry], list[Problem]]:
    """Return the indicators of all declared datasets by id, and the datasets whose indicators are not there."""
    found: dict[str, Entry] = {}
    missing: list[Problem] = []
    for key in config.declared(root):
        if config.load_dataset(root, key).kind == "referencia":
            continue
        own = _entries(root, key)
        if own is None:
            text = _("its indicators are missing; type: dvc repro ingest@{dataset}").format(dataset=key)
            missing.append(Problem("not_ingested", key, text))
        else:
            found |= own
    return found, missing


def _entries(root: Path, key: str) -> dict[str, Entry] | None:
    from observatudo import arrow

    arrow.skip_pandas()
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = ["id_indicador", "nome", "descricao", "eixo_fonte"]
    try:
        rows = pq.read_table(root / paths.INGESTED / key / "indicador.parquet", columns=columns).to_pylist()
    except (OSError, pa.ArrowException):
        return None
    return {
        row["id_indicador"]: Entry(
            row["id_indicador"], key, row.get("nome") or "", row.get("descricao") or "", row.get("eixo_fonte") or None
        )
        for row in rows
    }
