"""A small repository with labels, made by the product's own functions; with a past, in which one label came back."""

from __future__ import annotations

import datetime
import json
import shutil
from collections.abc import Mapping
from pathlib import Path

from observatudo import paths
from observatudo.classify import answers, labelling
from observatudo.classify.answers import Execution, Reply
from observatudo.classify.prompts import Item, axis_order
from observatudo.classify.subjects import Subject, subject
from observatudo.classify.taxonomy import load_taxonomy
from observatudo.labels import decide
from observatudo.labels.entries import catalogue
from tests import answering
from tests import fixtures_warehouse as fixtures
from tests.past import Past

TAXONOMY = """\
version: "1"
axes:
- key: Saude
  title: Saúde
  definition: Saúde, hospitais, doenças, leitos, óbitos
  examples: [Leitos hospitalares, Cobertura vacinal, Taxa de mortalidade infantil]
  rules: [{weight: 3, terms: [leito, óbito, vacina]}]
- key: Economia
  title: Economia
  definition: Economia, produto, renda, emprego, empresas
  examples: [Produto interno bruto, Empregos formais, Renda por habitante]
  rules: [{weight: 3, terms: [produto, renda, emprego]}]
- key: Indefinido
  title: Indefinido
  definition: Códigos e nomes, que não medem nada
  examples: [Código do município, Nome do município, Data da coleta]
  rules: [{weight: 3, terms: [código, nome]}]
"""
HEADER = "id_indicador,eixo,autor,data,justificativa\n"
DEATHS, LEITO, RENDA = "registro_civil_obito", "brmunipanel_leito", "brmunipanel_renda"
FROM_SOURCE, UNKNOWN_AXIS = "brmunipanel_fonte", "brmunipanel_tema"
IGNORED = "/.observatudo/\n/data/ingested/\n/data/marts/\n/data/classified/*.parquet\n/logs/\n"


def classify(root: Path) -> None:
    """Do what the stage does."""
    labelling.write(root, labelling.label_all(root))


def make(root: Path) -> Path:
    """Make the repository with five labelled indicators, and no Git."""
    fixtures.build(root)
    shutil.rmtree(root / paths.LABELLED)
    (root / paths.TAXONOMY).write_text(TAXONOMY, encoding="utf-8")
    (root / paths.OVERRIDES).write_text(HEADER, encoding="utf-8")
    rows: list[tuple[object, ...]] = [
        (FROM_SOURCE, "Leitos", None, None, "unica", "Economia", None),
        (LEITO, "Leitos hospitalares", "Leitos do SUS", "leito", "unica", None, None),
        (RENDA, "Renda média", None, None, "unica", None, None),
        (UNKNOWN_AXIS, "Empregos", None, None, "unica", "Tema 7", None),
    ]
    fixtures.indicators(root, fixtures.VARIABLES, rows)
    classify(root)
    return root


def with_past(root: Path) -> Path:
    """Make it with three versions: a person puts one indicator on another axis, and takes that back."""
    made = Past(make(root))
    made.write(".gitignore", IGNORED)
    made.write(".dvc/config", "[core]\n    analytics = false\n")
    made.write(".dvc/.gitignore", "/cache\n/tmp\n/config.local\n")
    made.git("init", "-q")
    made.git("config", "user.name", "Maria Teste")
    _version(made, "as the rules have it", "2026-01-01")
    decide.record(root, LEITO, "Economia", "custa dinheiro", "Rui", datetime.date(2026, 1, 2))
    classify(root)
    _version(made, "beds are money", "2026-01-02")
    decide.remove(root, LEITO)
    classify(root)
    _version(made, "beds are health", "2026-01-03")
    return root


def _version(made: Past, subject: str, day: str) -> None:
    made.out("classify", paths.LABELS.as_posix(), paths.OVERRIDES.as_posix())
    made.commit(subject, when=f"{day}T12:00:00+00:00")


# --- models

MODEL = "teste"
Said = str | None | tuple[str | None, str]  # an axis, None for an answer that is none; with the raw text, or without


def count_on(root: Path, weights: Mapping[str, float], url: str = "http://127.0.0.1:9/v1") -> None:
    """Declare models, all behind one address, and count on their answers; ``weights`` by name."""
    lines = "".join(f"  {name}: {{base_url: '{url}', model: m-{name}, digest: d1}}\n" for name in weights)
    (root / paths.PROVIDERS).write_text(f"providers:\n{lines}" if lines else "providers: {}\n", encoding="utf-8")
    params = fixtures.PARAMS.replace("threshold: 0.3", f"threshold: 0.3, providers: {json.dumps(dict(weights))}")
    (root / paths.PARAMS).write_text(params, encoding="utf-8")


def answer(root: Path, *rounds: Mapping[str, Said], name: str = MODEL, prompt: str | None = None) -> Path:
    """Write what an execution of ``ask`` would: one answer per indicator and round, a day after the last execution."""
    own = subject(root, name, load_taxonomy(root), prompt)
    folder = root / paths.ANSWERS
    folder.mkdir(parents=True, exist_ok=True)
    day = datetime.datetime(2026, 2, 1 + len(list(folder.glob("*.jsonl"))), tzinfo=datetime.UTC)
    execution = f"{day:%Y%m%dT%H%M%SZ}-abc123"
    lines: list[answers.Line] = [_execution(own, execution, day)]
    known = catalogue(root)[0]
    for number, said in enumerate(rounds):
        for place, (key, one) in enumerate(said.items()):
            item = Item.of(known[key].name, known[key].description, [key])
            lines.append(_reply(own, item, number, one, day + datetime.timedelta(minutes=number, seconds=place)))
    path = folder / f"{execution}.jsonl"
    path.write_bytes(b"".join(map(answers.dumps, lines)))
    return path


def _execution(own: Subject, name: str, day: datetime.datetime) -> Execution:
    return own.execution(name, day.isoformat(), "medir").model_copy(update={"moeda": "USD"})


def _reply(own: Subject, item: Item, number: int, said: Said, hour: datetime.datetime) -> Reply:
    axis, raw = said if isinstance(said, tuple) else (said, f'{{"eixo": "{said or "Aeronatura"}"}}')
    return answering.reply(
        axis,
        number,
        own.series(item),
        item,
        hora=hour.isoformat(),
        confianca=0.9 if axis else None,
        resposta=raw,
        motivo="" if axis else "“Aeronatura” não é uma das chaves",
        ordem=axis_order(own.taxonomy, number),
        nivel="json_schema",
        latencia=1.0 + number,
        custo=0.001,
    )
