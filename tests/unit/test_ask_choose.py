"""What waits is asked, what is settled is not; what an execution changed is told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from observatudo.ask import changes, choose
from observatudo.classify import answers
from observatudo.classify.prompts import Item, load_prompt
from observatudo.classify.providers import Provider
from observatudo.classify.subjects import Subject
from observatudo.classify.taxonomy import Taxonomy, load_taxonomy
from observatudo.config import ConvergenceParams
from observatudo.labels.entries import Entry
from tests import answering, asking
from tests.answering import FAILED

RULE = ConvergenceParams()
A, B, C = (Item.of(name, "", [f"x_{name}"]) for name in "abc")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return asking.make(tmp_path_factory.mktemp("choose") / "r", "http://127.0.0.1:9/v1").root


@pytest.fixture
def taxonomy(root: Path) -> Taxonomy:
    return load_taxonomy(root)


@pytest.fixture
def subject(root: Path, taxonomy: Taxonomy) -> Subject:
    own = Provider(base_url="http://127.0.0.1:9/v1", model="m")
    return Subject("m", own, load_prompt(root, "eixo", taxonomy), taxonomy)


def entry(name: str, text: str, dataset: str = "x/y", axis: str | None = None) -> Entry:
    return Entry(name, dataset, text, "", axis)


def test_what_its_source_or_a_person_decided_is_not_asked(taxonomy: Taxonomy) -> None:
    entries = [
        entry("own", "Leitos", axis="Saúde"),
        entry("decided", "Renda"),
        entry("unknown", "Vagas", axis="Tema 7"),
        entry("open", "Escolas"),
    ]
    found = choose.items(entries, taxonomy, {"decided"})
    assert [item.ids for item in found] == [("open",), ("unknown",)]


def test_the_same_text_is_one_question_for_several_indicators(taxonomy: Taxonomy) -> None:
    entries = [entry("b", "Leitos  do SUS"), entry("a", "Leitos do SUS ", "z/w"), entry("c", "Leitos")]
    assert [item.ids for item in choose.items(entries, taxonomy, ())] == [("a", "b"), ("c",)]
    assert [item.ids for item in choose.items(entries, taxonomy, (), ["z/w"])] == [("a", "b")]
    assert [item.ids for item in choose.items(entries, taxonomy, {"a"}, ["x/y"])] == [("b",), ("c",)]


def stored(root: Path, subject: Subject, given: Sequence[tuple[Item, str | None]], name: str = "1") -> answers.Answers:
    answering.write(root, subject, given, f"20260101T00000{name}Z-000000", start=10 * int(name))
    return answers.read(root)


def test_what_has_an_answer_valid_or_not_is_not_asked_again(tmp_path: Path, subject: Subject) -> None:
    found = stored(tmp_path, subject, [(A, "Saude"), (B, None)])
    assert [own.item for own in choose.pending([A, B, C], subject, found)] == [C]


def test_what_failed_is_asked_again_after_what_never_was(tmp_path: Path, subject: Subject) -> None:
    """One that fails each time, and is dear, would else keep all others from being asked within a budget."""
    found = stored(tmp_path, subject, [(A, FAILED), (B, FAILED), (B, "Saude")])
    assert [own.item for own in choose.pending([A, B, C], subject, found)] == [C, A]


def test_an_answer_cut_off_before_its_repair_is_asked_again(tmp_path: Path, subject: Subject) -> None:
    path = answering.write(tmp_path, subject, [(A, None)], "20260101T000001Z-000000")
    path.write_text(path.read_text().replace('"encerrada":true', '"encerrada":false'))
    assert [own.item for own in choose.pending([A], subject, answers.read(tmp_path))] == [A]


def test_another_key_is_another_series(tmp_path: Path, subject: Subject) -> None:
    found = stored(tmp_path, subject, [(A, "Saude")])
    changed = replace(subject, provider=Provider(base_url="http://127.0.0.1:9/v1", model="m", digest="2"))
    elsewhere = replace(subject, provider=Provider(base_url="http://127.0.0.2:9/v1", model="m"))
    assert [own.item for own in choose.pending([A], changed, found)] == [A]
    assert not choose.pending([A], elsewhere, found)


def test_a_round_asks_all_but_what_is_stable_each_time_in_another_order(tmp_path: Path, subject: Subject) -> None:
    found = stored(tmp_path, subject, [(A, "Saude"), (A, "Saude"), (A, "Saude"), (B, "Saude"), (B, "Economia")])
    asked = choose.measuring([A, B, C], subject, found, RULE, 2)
    assert [(own.item, own.round) for own in asked] == [(B, 2), (C, 2)]
    whole = choose.measuring([A, B, C], subject, found, RULE, 1, include_stable=True)
    assert [own.item for own in whole] == [A, B, C]
    later = stored(tmp_path, subject, [(B, "Saude")], "2")
    (again,) = choose.measuring([B], subject, later, RULE, 1)
    assert again.seed != asked[0].seed
    assert choose.measuring([B], subject, later, RULE, 1) == [again]


def test_a_seed_is_never_that_of_the_usual_order() -> None:
    seeds = {choose.seed("s", number) for number in range(1000)}
    assert len(seeds) == 1000
    assert min(seeds) > 0
    assert max(seeds) < 2**31


def test_calls_are_estimated_by_those_before_them(tmp_path: Path, subject: Subject) -> None:
    assert choose.measured_usage(subject, answers.read(tmp_path)) is None
    found = stored(tmp_path, subject, [(A, "Saude"), (B, None)])
    assert choose.measured_usage(subject, found) == choose.Usage(100, 10, 2)


def test_what_changed_is_told_once(tmp_path: Path, subject: Subject) -> None:
    before = stored(tmp_path, subject, [(A, axis) for axis in ("Saude", "Economia", "Saude")] + [(B, "Saude")] * 3)
    after = stored(tmp_path, subject, [(A, "Economia"), (B, "Economia"), (C, "Saude")], "2")
    found = changes.changes(subject, [A, B, C], before, after, RULE)
    assert found.transitions == {
        ("DIVERGENTE", "OSCILANTE"): 1,
        ("ESTAVEL", "DIVERGENTE"): 1,
        ("NOVO", "EM_OBSERVACAO"): 1,
    }
    assert [(item, event.kind) for item, event in found.events] == [(A, "oscilacao"), (B, "regressao")]
    assert changes.changes(subject, [A, B, C], after, after, RULE) == changes.Changes({}, (), ())


def test_a_series_that_follows_another_says_so_where_the_label_differs(tmp_path: Path, subject: Subject) -> None:
    before = stored(tmp_path, subject, [(A, "Saude"), (B, "Saude")])
    newer = replace(subject, provider=Provider(base_url="http://127.0.0.1:9/v1", model="m2"))
    after = stored(tmp_path, newer, [(A, "Economia"), (B, "Saude")], "2")
    (told,) = changes.changes(newer, [A, B], before, after, RULE).relabelled
    assert told == changes.Relabelled(A, "Saude", "Economia", "model")
