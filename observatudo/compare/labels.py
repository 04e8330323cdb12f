"""Part labels: which indicators went from one axis to another, and what made them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from observatudo import paths
from observatudo.classify.names import PERSON, USUAL_PROMPT
from observatudo.compare.model import Flip, Labels
from observatudo.errors import DataError
from observatudo.i18n import _
from observatudo.versions import TableAt, Version

Cause = Literal["input", "prompt", "model", "override", "taxonomy", "noise"]
Row = Mapping[str, object]
_LABELS = "rotulo"
_IN_A_SERIES = ("model", "digest", "parameters")  # what makes another series, beside text, taxonomy and prompt
_READ_BY_CLASSIFIER = ("nome", "descricao", "unidade", "eixo_fonte")


@dataclass(frozen=True)
class _Side:
    labels: dict[str, Row]
    indicators: dict[str, Row]
    params: object
    prompts: dict[str, bytes | None]
    models: object


def labels(a: Version, b: Version, tables_a: Mapping[str, TableAt], tables_b: Mapping[str, TableAt]) -> Labels:
    """Compare the axes of the indicators that both versions label. Raises Missing when a table cannot be had."""
    missing = [
        _("{side} has no labels").format(side=side.name)
        for side, tables in ((a, tables_a), (b, tables_b))
        if _LABELS not in tables
    ]
    if missing:
        return Labels(status="missing", missing=missing) if len(missing) == 1 else Labels()
    if _hashes(tables_a[_LABELS]) == _hashes(tables_b[_LABELS]):
        return _same(b, tables_b[_LABELS])
    before, after = _side(a, tables_a), _side(b, tables_b)
    both = sorted(before.labels.keys() & after.labels.keys())
    flips = list(_flips(before, after, both))
    matrix = Counter((_axis(before.labels[key]), _axis(after.labels[key])) for key in both)
    return Labels(
        status="changed" if flips or len(both) != len(before.labels) or len(both) != len(after.labels) else "same",
        compared=len(both),
        flipped=len(flips),
        percent=100 * len(flips) / len(both) if both else 0.0,
        added=len(after.labels) - len(both),
        removed=len(before.labels) - len(both),
        matrix=_nested(matrix),
        causes=dict(sorted(Counter(flip.cause for flip in flips).items())),
        flips=flips,
    )


def _same(version: Version, table: TableAt) -> Labels:
    """Labels that are the same by hash are counted where they are here, not pulled for it."""
    is_here = version.on_disk or all(version.store.has(file.entry.md5) for file in table.files)
    return Labels(status="same", compared=len(_read(version, table)) if is_here else 0)


def _nested(matrix: Mapping[tuple[str, str], int]) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for (a, b), count in sorted(matrix.items()):
        found.setdefault(a, {})[b] = count
    return found


def _hashes(table: TableAt) -> list[str]:
    return [file.entry.md5 for file in table.files]


def _side(version: Version, tables: Mapping[str, TableAt]) -> _Side:
    described = [table for name, table in tables.items() if name.endswith("/indicador")]
    indicators = {key: row for table in described for key, row in _read(version, table).items()}
    params = _inside(_yaml(version, paths.PARAMS.as_posix()), "classify")
    models = _models(version, params)
    prompts = {
        name: version.text(f"{paths.PROMPTS.as_posix()}/{_inside(model, 'prompt') or USUAL_PROMPT}.md")
        for name, model in models.items()
    }
    keys = {name: [_inside(model, key) for key in _IN_A_SERIES] for name, model in models.items()}
    return _Side(_read(version, tables[_LABELS]), indicators, params, prompts, keys)


def _models(version: Version, params: object) -> dict[str, object]:
    """Return name → declaration of the models whose answers count in a version."""
    declared = _inside(_yaml(version, paths.PROVIDERS.as_posix()), "providers")
    named = _inside(params, "providers")
    return {str(name): _inside(declared, str(name)) for name in (named if isinstance(named, Mapping) else ())}


def _yaml(version: Version, path: str) -> object:
    import yaml

    from observatudo.yamlfile import plain

    try:
        return plain(version.text(path) or b"")
    except yaml.YAMLError:
        return None


def _inside(content: object, key: str) -> object:
    return content.get(key) if isinstance(content, Mapping) else None


def _read(version: Version, table: TableAt) -> dict[str, Row]:
    """Return id_indicador → row of a small table."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    found: dict[str, Row] = {}
    for file in table.files:
        try:
            content = pq.read_table(file.local(version))
        except (pa.ArrowException, OSError) as error:
            why = " ".join(str(error).split())
            raise DataError(
                _("the table cannot be read: {why}").format(why=why), where=f"{version.name}:{file.out}"
            ) from None
        found |= {str(row.get("id_indicador")): row for row in content.to_pylist()}
    return found


def _flips(a: _Side, b: _Side, both: list[str]) -> Iterator[Flip]:
    for key in both:
        before, after = a.labels[key], b.labels[key]
        if _axis(before) == _axis(after):
            continue
        described = b.indicators.get(key) or a.indicators.get(key) or {}
        yield Flip(
            id_indicador=key,
            nome=str(described.get("nome", key)),
            a=_axis(before),
            b=_axis(after),
            cause=_cause(a, b, key),
            origin_a=str(before.get("origem")),
            origin_b=str(after.get("origem")),
        )


def _axis(row: Row) -> str:
    return str(row.get("eixo"))


def _cause(a: _Side, b: _Side, key: str) -> Cause:
    """Return the nearest cause: a person's decision, then what was classified, then with what; else noise.

    The parameters of ``classify`` (its threshold) count as the model's, and so does a model that began or ceased to
    answer; where it ceased because its prompt is another, the prompt does. Noise is a model that says another thing.
    """
    before, after = a.labels[key], b.labels[key]
    if PERSON in (before.get("origem"), after.get("origem")):
        return "override"
    one, other = a.indicators.get(key, {}), b.indicators.get(key, {})
    if any(one.get(name) != other.get(name) for name in _READ_BY_CLASSIFIER):
        return "input"
    if before.get("versao_taxonomia") != after.get("versao_taxonomia"):
        return "taxonomy"
    if _told_otherwise(a, b, key):
        return "prompt"
    named = ("versao_classificador", "versao_modelo")
    if any(before.get(name) != after.get(name) for name in named) or (a.params, a.models) != (b.params, b.models):
        return "model"
    return "noise"


def _told_otherwise(a: _Side, b: _Side, key: str) -> bool:
    """Say whether the models behind a label were told another thing, also where one has not answered that yet."""
    before, after = a.labels[key], b.labels[key]
    one, other = before.get("versao_prompt"), after.get("versao_prompt")
    if one == other:
        return False
    if one and other and before.get("versao_modelo") == after.get("versao_modelo"):
        return True
    both = a.prompts.keys() & b.prompts.keys()  # other models spoke: then what those were told that are in both
    return any(a.prompts[name] != b.prompts[name] for name in both)
