"""What ``prompts`` lists, which texts ``prompts ab`` draws, and what it makes of answers that are known beforehand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from observatudo import paths
from observatudo.ask import ab, ab_figures, ab_sample, listing
from observatudo.ask.ab_sample import Case, Sample
from observatudo.classify import answers
from observatudo.classify.prompts import Item
from observatudo.classify.subjects import Subject, subject
from observatudo.classify.taxonomy import load_taxonomy
from observatudo.errors import ConfigError, ObservatudoError
from tests import answering, asking
from tests.asking import NAME

URL = "http://127.0.0.1:9/v1"  # nothing here asks
HEADER = "nome,descricao,eixo,eixo_alt\n"
TABLES = {
    "painel": "Leito de UTI,,Saude,\nPartos,,Saude,Economia\nSalários,,Economia,\nVacinas,,Saude,\n",
    "indice": "Fábricas,,Economia,\nFábricas,  em   obras,Economia,\nSigla,,Indefinido,\n",
}
QUESTION = "# Sistema\n{{ eixos[0].chave }}\n# Indicador\nNome: {{ nome }}\n# Reparo\n{{ motivo }}\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a repository with one model, two prompts and two labelled tables."""
    made = asking.make(tmp_path, URL).root
    (made / paths.LABELLED).mkdir()
    for name, rows in TABLES.items():
        (made / paths.LABELLED / f"{name}.csv").write_text(HEADER + rows, encoding="utf-8")
    (made / paths.PROMPTS / "curto.md").write_text(QUESTION, encoding="utf-8")
    return made


def of_tables(root: Path, *tables: str, prompts: Sequence[str] = ("eixo",)) -> Sample:
    taxonomy = load_taxonomy(root)
    return ab_sample.of_tables(root, taxonomy, tables, [subject(root, NAME, taxonomy, own).prompt for own in prompts])


def names(sample: Sample) -> list[str]:
    return [own.item.nome for own in sample.cases]


def test_prompts_are_listed_with_who_gets_them_and_how_many_answers_they_have(root: Path) -> None:
    taxonomy = load_taxonomy(root)
    eixo, curto = subject(root, NAME, taxonomy), subject(root, NAME, taxonomy, "curto")
    items = [Item(name) for name in "abc"]
    answering.write(root, eixo, [(items[0], "Saude"), (items[1], None), (items[2], answering.FAILED)], "1")
    answering.write(root, curto, [(items[0], "Saude")], "2")
    (root / paths.PROMPTS / "curto.md").write_text(QUESTION.replace("Nome", "Nome dele"), encoding="utf-8")
    (root / paths.PROMPTS / "torto.md").write_text("# Sistema\n", encoding="utf-8")
    found = listing.listing(root)
    assert [(own.name, own.models, own.answers) for own in found.prompts] == [
        ("curto", (), 0),
        ("eixo", (NAME,), 2),
        ("torto", (), 0),
    ]
    assert [own.characters for own in found.prompts][1:] == [len(eixo.prompt.text), None]
    assert "# Indicador" in found.prompts[2].problem
    assert found.earlier == (listing.Earlier("curto", curto.prompt.hash, 1),)


def test_texts_that_a_prompt_says_are_left_out_and_counted(root: Path) -> None:
    every = of_tables(root, prompts=("curto",))
    assert (every.available, every.left_out) == (7, 0)
    told = of_tables(root, prompts=("curto", "eixo"))  # Vacinas is an example of the taxonomy; Leito only begins one
    assert (set(names(every)) - set(names(told)), told.left_out) == ({"Vacinas"}, 1)


def test_a_table_can_be_named(root: Path) -> None:
    assert set(names(of_tables(root, "indice"))) == {"Fábricas", "Sigla"}
    with pytest.raises(ConfigError, match="“indise”; did you mean “indice”") as caught:
        of_tables(root, "painel", "indise")
    assert "indice, painel" in caught.value.next_step


def test_two_texts_that_differ_in_blanks_only_are_one_question(root: Path) -> None:
    more = root / paths.LABELLED / "outra.csv"
    more.write_text(HEADER + "Fábricas,em  obras,Saude,\nCódigo  9,,Indefinido,\n", encoding="utf-8")
    assert of_tables(root, prompts=("curto",)).available == 8


def test_without_a_labelled_table_it_says_what_else_there_is(root: Path) -> None:
    for path in (root / paths.LABELLED).iterdir():
        path.unlink()
    with pytest.raises(ConfigError, match="no labelled text") as caught:
        of_tables(root)
    assert "--indicators" in caught.value.next_step


def test_more_than_there_is_cannot_be_drawn(root: Path) -> None:
    with pytest.raises(ObservatudoError, match="9 texts are wanted, and there are 6"):
        ab_sample.draw(of_tables(root), 9, 1)


def test_indicators_have_the_label_that_their_source_or_a_person_gave(root: Path) -> None:
    from tests import fixtures_warehouse as fixtures

    rows: list[tuple[object, ...]] = [
        ("brmunipanel_a", "Mortes", None, None, "unica", "Saúde", None),
        ("brmunipanel_b", "Ganhos", None, None, "unica", None, None),
        ("brmunipanel_c", "Coisas", None, None, "unica", "Saúde", None),
        ("brmunipanel_d", "Coisas", None, None, "unica", "Economia", None),
        ("brmunipanel_e", "Nada", None, None, "unica", "Tema 7", None),
    ]
    fixtures.indicators(root, fixtures.VARIABLES, rows)
    with (root / paths.OVERRIDES).open("a", encoding="utf-8") as file:
        file.write("brmunipanel_b,Economia,Ana,2026-01-01,renda\nbrmunipanel_a,Economia,Ana,2026-01-01,engano\n")
    taxonomy = load_taxonomy(root)
    found = ab_sample.of_catalogue(root, taxonomy, [subject(root, NAME, taxonomy, "curto").prompt])
    assert {(own.item.nome, own.label, own.item.ids) for own in found.cases} == {
        ("Mortes", "Saude", ("brmunipanel_a",)),
        ("Ganhos", "Economia", ("brmunipanel_b",)),
        ("Coisas", None, ("brmunipanel_c", "brmunipanel_d")),
        ("Nada", None, ("brmunipanel_e",)),
    }
    assert {own.source for own in found.cases} == {fixtures.VARIABLES}


AXES = ("Saude", "Economia", "Indefinido")
POPULATIONS = st.lists(st.sampled_from(AXES), min_size=1, max_size=30)
PATIENT = settings(deadline=None)


def population(labels: Sequence[str]) -> Sample:
    cases = [Case(Item(f"texto {at}"), axis, (), "t") for at, axis in enumerate(labels)]
    return Sample(tuple(cases), len(cases), 0)


@PATIENT
@given(POPULATIONS, st.data(), st.integers(0, 99))
def test_the_draw_is_as_even_over_the_axes_as_there_are_texts(
    labels: list[str], data: st.DataObject, seed: int
) -> None:
    size = data.draw(st.integers(1, len(labels)))
    there, drawn = Counter(labels), Counter(own.label for own in ab_sample.draw(population(labels), size, seed).cases)
    assert sum(drawn.values()) == size
    most = max(drawn.values())
    assert all(drawn[axis] in (most, most - 1) or drawn[axis] == there[axis] for axis in there)


@PATIENT
@given(POPULATIONS, st.integers(0, 99))
def test_a_larger_draw_holds_the_smaller_and_no_order_of_the_tables_moves_it(labels: list[str], seed: int) -> None:
    whole = population(labels)
    all_drawn = names(ab_sample.draw(whole, len(labels), seed))
    for size in range(1, len(labels)):
        assert names(ab_sample.draw(whole, size, seed)) == all_drawn[:size]
    turned = Sample(tuple(reversed(whole.cases)), whole.available, 0)
    assert names(ab_sample.draw(turned, len(labels), seed)) == all_drawn


def test_another_seed_draws_others() -> None:
    whole = population(["Saude"] * 40)
    assert len({tuple(names(ab_sample.draw(whole, 5, seed))) for seed in range(5)}) == 5


CASES = (
    Case(Item("um"), "Saude", (), "t"),
    Case(Item("dois"), "Saude", ("Economia",), "t"),
    Case(Item("tres"), "Economia", (), "t"),
    Case(Item("quatro"), None, (), "t"),
    Case(Item("cinco"), "Economia", (), "t"),
)


@pytest.fixture
def both(root: Path) -> tuple[Subject, Subject]:
    taxonomy = load_taxonomy(root)
    return subject(root, NAME, taxonomy), subject(root, NAME, taxonomy, "curto")


def write(root: Path, who: Subject, axes: Sequence[str | None], name: str) -> None:
    answering.write(root, who, [(case.item, axis) for case, axis in zip(CASES, axes, strict=False)], name)


def test_figures_of_answers_known_beforehand(root: Path, both: tuple[Subject, Subject]) -> None:
    write(root, both[0], ["Saude", "Economia", None, "Saude", answering.FAILED], "1")
    write(root, both[1], ["Saude", "Saude", "Economia", "Economia", "Economia"], "2")
    stored = answers.read(root)
    a, b = (ab_figures.side(own, CASES, stored) for own in both)
    assert (a.name, a.answered, a.waiting, a.invalid.count, a.invalid.of) == ("teste:eixo", 4, 1, 1, 4)
    assert (a.accuracy.count, a.accuracy.of, a.acceptable.count, a.accuracy.share) == (1, 3, 2, 0.3333)
    assert (b.accuracy.count, b.accuracy.of, b.accuracy.share, b.waiting) == (4, 4, 1.0, 0)
    assert (a.calls, a.tokens_in, a.cost, a.latency_median_s, a.levels) == (4, 400, 0.04, 0.5, {"json_object": 4})
    found = ab_figures.together(*both, CASES, stored)
    assert (found.both, found.equal, found.share) == (3, 1, 0.3333)
    assert (found.labelled, found.only_a, found.only_b, found.p) == (3, 0, 2, 0.5)
    assert [(own.name, own.label, own.a, own.b) for own in ab_figures.differences(*both, CASES, stored)] == [
        ("dois", "Saude", "Economia", "Saude"),
        ("tres", "Economia", None, "Economia"),
        ("quatro", None, "Saude", "Economia"),
    ]
    text = ab_figures.conclusion(a, b, found)
    assert text.startswith("No difference is shown: teste:curto alone is right on 2 of 3")
    assert "51.01% and 100.00%" in text
    assert ab_figures.suggestion(*both, (a, b), found) == ab_figures.Suggestion(
        "teste:curto", NAME, "curto", False, 1.0, 0.51
    )


def test_only_the_first_answer_of_a_series_counts_and_a_failed_call_is_none(
    root: Path, both: tuple[Subject, Subject]
) -> None:
    write(root, both[0], [answering.FAILED], "1")
    answering.write(root, both[0], [(CASES[0].item, "Economia")], "2", start=2)
    answering.write(root, both[0], [(CASES[0].item, "Saude")], "3", start=3)
    first = ab_figures.first_answer(answers.read(root), both[0], CASES[0].item)
    assert first is not None
    assert first.reply.eixo == "Economia"


def test_what_an_endpoint_does_not_tell_is_not_made_up(root: Path, both: tuple[Subject, Subject]) -> None:
    write(root, both[0], ["Saude", "Saude"], "1")
    path = root / paths.ANSWERS / "1.jsonl"
    text = path.read_text(encoding="utf-8")
    last = text.rindex('"tokens_entrada":100')
    path.write_text(text[:last] + text[last:].replace("100", "null", 1).replace('"custo":0.01', '"custo":null'))
    a = ab_figures.side(both[0], CASES, answers.read(root))
    assert (a.calls, a.tokens_in, a.tokens_out, a.cost) == (2, None, 20, None)


def test_without_labels_nothing_is_said_of_right_and_wrong(root: Path, both: tuple[Subject, Subject]) -> None:
    cases = [Case(case.item, None, (), "t") for case in CASES]
    for number, own in enumerate(both):
        write(root, own, ["Saude"] * 5, str(number))
    stored = answers.read(root)
    a, b = (ab_figures.side(own, cases, stored) for own in both)
    found = ab_figures.together(*both, cases, stored)
    assert (found.share, found.kappa, found.p, a.accuracy.share) == (1.0, None, None, None)
    assert ab_figures.conclusion(a, b, found).startswith("No label is known")
    assert ab_figures.suggestion(*both, (a, b), found) is None


def test_a_side_that_is_never_right_is_suggested_no_weight(root: Path, both: tuple[Subject, Subject]) -> None:
    for number, own in enumerate(both):
        write(root, own, ["Indefinido", None, None], str(number))
    stored = answers.read(root)
    sides = [ab_figures.side(own, CASES[:3], stored) for own in both]
    assert ab_figures.suggestion(*both, sides, ab_figures.together(*both, CASES[:3], stored)) is None


def test_a_difference_that_chance_would_seldom_make_is_called_one(root: Path, both: tuple[Subject, Subject]) -> None:
    cases = [Case(Item(f"texto {number}"), "Saude", (), "t") for number in range(8)]
    for own, axis, name in zip(both, ("Economia", "Saude"), "ab", strict=True):
        answering.write(root, own, [(case.item, axis) for case in cases], name)
    stored = answers.read(root)
    a, b = (ab_figures.side(own, cases, stored) for own in both)
    found = ab_figures.together(*both, cases, stored)
    assert (found.only_a, found.only_b, found.p) == (0, 8, 0.007812)
    assert ab_figures.conclusion(a, b, found).startswith("teste:curto alone is right on 8 of 8 labelled texts")


@pytest.mark.parametrize(("p", "text"), [(1.0, "1.000"), (0.0481, "0.048"), (0.0004, "< 0.001"), (1e-30, "< 0.001")])
def test_p_values_as_people_read_them(p: float, text: str) -> None:
    assert ab_figures.p_text(p) == text


@pytest.mark.parametrize(
    ("text", "model", "prompt"),
    [("teste", "teste", "eixo"), ("teste:curto", "teste", "curto"), (":curto", "teste", "curto")],
)
def test_a_side_is_a_model_a_prompt_or_both(root: Path, text: str, model: str, prompt: str) -> None:
    found = ab.side(root, text, load_taxonomy(root))
    assert (found.name, found.prompt.name) == (model, prompt)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("test", "did you mean teste?"),
        ("teste:kurto", "no prompt “kurto”; did you mean “curto”?"),
        ("teste:", "no prompt “”"),
        ("curto", "a prompt is written :curto, or MODEL:curto"),
        ("", "no model “”"),
    ],
)
def test_a_side_that_is_none_is_told_with_the_nearest(root: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        ab.side(root, text, load_taxonomy(root))
    assert said in str(caught.value)


@pytest.mark.parametrize(("providers", "count"), [("{}", "there are 0: –"), ("{a: 1.0, b: 1.0}", "there are 2: a, b")])
def test_a_prompt_alone_needs_one_model_that_counts(root: Path, providers: str, count: str) -> None:
    path = root / paths.PARAMS
    path.write_text(path.read_text(encoding="utf-8").replace("{teste: 0.8}", providers), encoding="utf-8")
    with pytest.raises(ConfigError, match=count):
        ab.side(root, ":curto", load_taxonomy(root))
