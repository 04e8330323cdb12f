"""A small repository with labels, made by the product's own functions; with a past, in which one label came back."""

from __future__ import annotations

import datetime
import json
import shutil
from pathlib import Path

from observatudo import config, parquet, paths
from observatudo.classify import catalogue, decide, examples, labels, overrides
from observatudo.classify.taxonomy import load_taxonomy
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
IGNORED = "/.observatudo/\n/data/ingested/\n/data/marts/\n/data/classified/rotulo.parquet\n/logs/\n"


def classify(root: Path) -> None:
    """Do what the stage does."""
    taxonomy = load_taxonomy(root)
    decided = overrides.read(root / paths.OVERRIDES, taxonomy)
    indicators = catalogue.read_indicators(root)
    threshold = config.load_params(root).classify.threshold
    classifier = labels.Classifier(taxonomy, labels.learnt(examples.read(root, taxonomy), indicators, decided))
    found = labels.classify(indicators, classifier, taxonomy, decided, threshold)
    parquet.write(catalogue.to_table(found, taxonomy, classifier.version), root / paths.LABELS)
    figures = {"classify": catalogue.metrics(found, taxonomy, classifier.held_back(threshold))}
    (root / paths.METRICS).mkdir(parents=True, exist_ok=True)
    (root / paths.METRICS / "classify.json").write_text(json.dumps(figures), encoding="utf-8")


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
