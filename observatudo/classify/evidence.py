"""What everyone who has a say said of every indicator, and why: the table ``evidencia``; ``explain`` reads it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from observatudo.classify.verdicts import Verdict
from observatudo.classify.voices import Opinion, Voice

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Row:
    """One voice on one indicator. What counts answers is None where nothing was asked.

    ``estado`` is None for what is deterministic: its repetition is no evidence. ``detalhe`` is a JSON object.
    """

    id_indicador: str
    classificador: str
    eixo: str | None
    confianca: float | None
    deterministico: bool
    detalhe: str
    peso: float | None = None
    estado: str | None = None
    serie: str | None = None
    observacoes: int | None = None
    sequencia: int | None = None
    trocas: int | None = None
    invalidas: int | None = None


def rows(verdicts: Sequence[Verdict], voices: Sequence[Voice]) -> list[Row]:
    """Return the evidence, sorted by indicator and classifier."""
    found = [
        _row(verdict.indicator.id_indicador, voice, opinion)
        for verdict in verdicts
        for voice in voices
        if (opinion := voice.opinion(verdict)) is not None
    ]
    return sorted(found, key=lambda row: (row.id_indicador, row.classificador))


def _row(name: str, voice: Voice, opinion: Opinion) -> Row:
    detail = json.dumps(opinion.detail, ensure_ascii=False, sort_keys=True)
    row = Row(name, voice.name, opinion.axis, opinion.confidence, voice.is_deterministic, detail, estado=opinion.state)
    if opinion.said is None:
        return row
    found = opinion.said.convergence
    return replace(
        row,
        peso=opinion.said.weight,
        serie=opinion.said.serie,
        observacoes=found.answers,
        sequencia=found.streak,
        trocas=found.flips,
        invalidas=found.invalid,
    )


def to_table(found: Sequence[Row]) -> pa.Table:
    """Return the table ``evidencia``: one row per (id_indicador, classificador), sorted by both."""
    import pyarrow as pa

    text, number, count = pa.string(), pa.float64(), pa.int64()
    types = {
        "id_indicador": text, "classificador": text, "eixo": text, "confianca": number, "peso": number,
        "deterministico": pa.bool_(), "estado": text, "serie": text, "observacoes": count, "sequencia": count,
        "trocas": count, "invalidas": count, "detalhe": text,
    }  # fmt: skip
    columns = {name: [getattr(row, name) for row in found] for name in types}
    return pa.table(columns, schema=pa.schema(types))
