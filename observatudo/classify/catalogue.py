"""The pipeline's side: catalogues of all declared datasets → the table of labels and its figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from observatudo import config, paths
from observatudo.classify.calibration import Quality
from observatudo.classify.labels import Indicator, Label, unknown_axes
from observatudo.classify.names import ORIGINS
from observatudo.classify.taxonomy import UNDEFINED, Taxonomy
from observatudo.errors import DataError
from observatudo.i18n import _

if TYPE_CHECKING:
    import pyarrow as pa

    from observatudo.journal import Json

# A larger share on one axis is more often a classifier's favourite than the world's.
SUSPECT_SHARE = 0.4


def read_indicators(root: Path) -> list[Indicator]:
    """Return the indicators of all declared datasets that have any, sorted by id.

    Raises DataError when a dataset has not been ingested, and when two datasets (both named) or one
    dataset twice have the same ``id_indicador``.
    """
    found: dict[str, tuple[str, Indicator]] = {}
    for key in config.declared(root):
        if config.load_dataset(root, key).kind == "referencia":
            continue
        for indicator in _of_dataset(root, key):
            name = indicator.id_indicador
            if name in found:
                raise DataError(
                    _("the indicator “{name}” is in {first} and in {second}").format(
                        name=name, first=found[name][0], second=key
                    ),
                    where=str(config.dataset_path(key)),
                    next_step=_("give one of them another id"),
                )
            found[name] = (key, indicator)
    return [found[name][1] for name in sorted(found)]


def _of_dataset(root: Path, key: str) -> list[Indicator]:
    import pyarrow.parquet as pq

    path = root / paths.INGESTED / key / "indicador.parquet"
    if not path.is_file():
        raise DataError(
            _("the indicators of {dataset} are missing").format(dataset=key),
            where=str(path),
            next_step=f"dvc repro ingest@{key}",
        )
    rows = pq.read_table(path, columns=["id_indicador", "nome", "descricao", "eixo_fonte"]).to_pylist()
    return [Indicator(row["id_indicador"], row["nome"], row["descricao"] or "", row["eixo_fonte"]) for row in rows]


def to_table(labels: Sequence[Label], taxonomy: Taxonomy, classifier_version: str) -> pa.Table:
    """Return the labels as the table ``rotulo``, sorted by ``id_indicador``, with both versions."""
    import pyarrow as pa

    ordered = sorted(labels, key=lambda label: label.id_indicador)
    columns = {
        "id_indicador": [label.id_indicador for label in ordered],
        "eixo": [label.eixo for label in ordered],
        "confianca": [label.confianca for label in ordered],
        "origem": [label.origem for label in ordered],
        "versao_classificador": [classifier_version] * len(ordered),
        "versao_modelo": [label.modelo for label in ordered],
        "versao_prompt": [label.prompt for label in ordered],
        "versao_taxonomia": [taxonomy.version] * len(ordered),
    }
    types = {name: pa.float64() if name == "confianca" else pa.string() for name in columns}
    return pa.table(columns, schema=pa.schema(types))


def largest_axis(labels: Sequence[Label]) -> tuple[str, float]:
    """Return the axis with most indicators (not Indefinido; ties by name) and its share of all, 0 to 1."""
    counts = Counter(label.eixo for label in labels if label.eixo != UNDEFINED)
    if not counts:
        return UNDEFINED, 0.0
    axis = min(counts, key=lambda name: (-counts[name], name))
    return axis, round(counts[axis] / len(labels), 4)


def warnings(
    indicators: Sequence[Indicator],
    labels: Sequence[Label],
    taxonomy: Taxonomy,
    overrides: Mapping[str, str],
) -> list[str]:
    """Return what a person should look at: unknown axes of sources, decisions about nothing, one big axis."""
    found = []
    unknown = unknown_axes(indicators, taxonomy)
    if unknown:
        names = sorted({str(indicator.eixo_fonte) for indicator in unknown})
        found.append(
            _("{count} indicators have an axis of their source that the taxonomy does not know: {names}").format(
                count=len(unknown), names=", ".join(names)
            )
        )
    stale = sorted(set(overrides) - {indicator.id_indicador for indicator in indicators})
    if stale:
        found.append(
            _("{path} decides about indicators that no dataset has: {names}").format(
                path=paths.OVERRIDES, names=", ".join(stale)
            )
        )
    axis, share = largest_axis(labels)
    if share > SUSPECT_SHARE:
        found.append(_("{share:.0%} of all indicators are on one axis, {axis}").format(share=share, axis=axis))
    return found


def metrics(labels: Sequence[Label], taxonomy: Taxonomy, quality: Quality | None) -> dict[str, Json]:
    """Return the stage's figures: totals, counts by axis (all of them) and origin, largest share.

    ``quality``, where there is one, becomes ``held_back``: how good labels of unseen tables are (see ``Quality``).
    """
    by_axis = Counter(label.eixo for label in labels)
    by_origin = Counter(label.origem for label in labels)
    figures: dict[str, Json] = {
        "indicators": len(labels),
        "by_axis": {key: by_axis[key] for key in taxonomy.keys},
        "by_origin": {origin: by_origin[origin] for origin in ORIGINS},
        "largest_axis_share": largest_axis(labels)[1],
    }
    if quality:
        figures["held_back"] = asdict(quality)
    return figures
