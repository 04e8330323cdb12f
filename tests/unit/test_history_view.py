"""What screens read: order, filters, pages; and indexes that are missing, damaged or held by others."""

from __future__ import annotations

import sqlite3
import tempfile
import threading
import unicodedata
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from observatudo import history
from observatudo.history import store
from observatudo.history.view import RUN_SORTS, VERSION_SORTS, Run, View
from observatudo.runs.model import Record
from tests.histories import ONE, THREE, TWO, a_record, commit, git, keep, log_start, measured, refresh, repository

PEOPLE = ("Ana Lúcia", "JOÃO", "Zoë", "ß Straße")
BRANCHES = ("main", "dados/sidra", "correção", None)
STAGES = ("ingest@sidra/pib", "ingest@ibge/municipio", "classify", "load")


def several() -> list[Record]:
    """Return forty records that differ in everything one can filter and sort by."""
    found = []
    for number in range(40):
        run_id = f"202601{1 + number // 2:02d}T0000{number:02d}Z-{number}"
        record = a_record(run_id, status=("success", "failed", "interrupted")[number % 3], duration_s=number * 7 % 11)
        stage = record.stages["ingest@a/um"]
        dataset = record.datasets["a/um"]
        stages = {name: stage for place, name in enumerate(STAGES) if (number >> place) % 2}
        keys = {name.partition("@")[2] for name in stages if "@" in name} | {"só/mantido"}
        counts = {"rows_kept": number * 13 % 17 if number % 4 else None}
        states = {key: "unchanged" if key == "só/mantido" else "success" for key in keys}
        found.append(
            record.model_copy(
                update={
                    "who": record.who.model_copy(update={"name": PEOPLE[number % 4]}),
                    "branch": BRANCHES[number % 3 + number % 2],
                    "commit": f"{number:040x}" if number % 5 else None,
                    "stages": stages,
                    "datasets": {k: dataset.model_copy(update=counts | {"status": s}) for k, s in states.items()},
                }
            )
        )
    return found


@pytest.fixture(scope="module")
def home() -> object:
    with tempfile.TemporaryDirectory() as folder:
        home = repository(Path(folder))
        for record in several():
            keep(home, record)
        for number, (author, message) in enumerate([("Ana", "Começo"), ("Zoë", "dados"), ("Ana", "código")]):
            (home / ("observatudo" if number == 2 else "configs")).mkdir(exist_ok=True)
            (home / ("observatudo" if number == 2 else "configs") / f"{number}.py").write_text("x")
            git(home, "add", "configs", "observatudo") if number == 2 else git(home, "add", "configs")
            git(home, "commit", "-q", "-m", message, "--author", f"{author} <a@example.org>", when=1_700_000_000)
        git(home, "branch", "velho", "HEAD~1")
        refresh(home)
        yield home


def plain(text: str) -> str:
    """Return text without case and accents, written apart from the module's own way."""
    return "".join(c for c in unicodedata.normalize("NFD", text.casefold()) if unicodedata.category(c) != "Mn")


def has(fields: dict[str, tuple[str | None, ...]], wanted: str, spoken: dict[str, str]) -> bool:
    """Say whether fields (name → values) have all the words of a filter; ``spoken`` is field in a filter → name."""
    for whole in wanted.split():
        word = whole[1:] if whole[0] == "-" and len(whole) > 1 else whole
        before, _colon, after = word.partition(":")
        is_field = ":" in word and before.lower() in spoken
        places = [spoken[before.lower()]] if is_field else list(fields)
        sought = plain(after if is_field else word)
        if not sought:
            continue
        found = any(sought in plain(value or "") for place in places for value in fields[place])
        if found == (word != whole):
            return False
    return True


def of_run(run: Run) -> dict[str, tuple[str | None, ...]]:
    names = ("run_id", "status", "kind", "experiment", "commit", "branch", "who", "host")
    single: dict[str, tuple[str | None, ...]] = {name: (getattr(run, name),) for name in names}
    return single | {"stages": run.stages, "touched": run.touched}


RUN_SPOKEN = {name: name for name in ("status", "kind", "commit", "branch", "who")}
RUN_SPOKEN |= {"stage": "stages", "dataset": "touched"}
_word = st.sampled_from(
    [
        "ana",
        "JOAO",
        "zoe",
        "sidra",
        "failed",
        "success",
        "main",
        "corre",
        "0000",
        "strasse",
        "2026",
        "load",
        "-",
        ":",
        "é",
    ]
) | st.text(min_size=1, max_size=3)
_prefix = st.sampled_from(
    ["", "", "-", "status:", "-who:", "branch:", "STAGE:", "dataset:", "-commit:", "odd:", "kind:"]
)
_wanted = st.lists(st.tuples(_prefix, _word).map("".join), max_size=3).map(" ".join)


@settings(max_examples=200, deadline=None)
@example(wanted="¸")
@given(wanted=_wanted)
def test_filters_find_what_a_plain_reading_finds(home: Path, wanted: str) -> None:
    with closing(View(home)) as view:
        everything = view.runs(view.run_ids())
        found = view.runs(view.run_ids(wanted))
        assert view.problem == ""
    assert len(everything) == 40
    assert found == [run for run in everything if has(of_run(run), wanted, RUN_SPOKEN)]


@pytest.mark.parametrize(
    ("wanted", "subjects"),
    [
        ("", ["código", "dados", "Começo"]),
        ("author:zoe", ["dados"]),
        ("ref:main", ["código"]),
        ("velho", ["dados"]),
        ("ref:HEAD -codigo", []),
        ("changed:code", ["código"]),
        ("-changed:code comeco", ["Começo"]),
        ("kind:experiment", []),
        ("'; DROP TABLE run; --", []),
    ],
)
def test_versions_are_filtered_alike(home: Path, wanted: str, subjects: list[str]) -> None:
    with closing(View(home)) as view:
        assert [row.subject for row in view.versions(view.version_ids(wanted))] == subjects
        assert view.problem == ""


KEYS = {"started": "started", "duration": "duration_s"}


@pytest.mark.parametrize("sort", RUN_SORTS)
def test_orders_are_whole_and_turn_round(home: Path, sort: str) -> None:
    with closing(View(home)) as view:
        down, up = view.run_ids("", sort), view.run_ids("", sort, descending=False)
        assert list(down) == list(up)[::-1]
        assert view.first_runs(7, "-failed", sort) == view.run_ids("-failed", sort)[:7].tolist()
        values = [getattr(run, KEYS.get(sort, sort)) for run in view.runs(up)]
    none, rest = [v for v in values if v is None], [v for v in values if v is not None]
    assert values == none + sorted(rest)


@pytest.mark.parametrize("sort", VERSION_SORTS)
def test_versions_of_one_second_come_children_first(home: Path, sort: str) -> None:
    with closing(View(home)) as view:
        down, up = view.version_ids("", sort), view.version_ids("", sort, descending=False)
        assert list(down) == list(up)[::-1]
        assert view.first_versions(2, "", sort) == down[:2].tolist()
        rows = view.versions(down)
    if sort == "date":
        assert [row.parents[0] for row in rows[:-1]] == [row.commit for row in rows[1:]]


def test_pages_come_in_the_order_asked_for_and_lack_what_is_gone(home: Path) -> None:
    with closing(View(home)) as view:
        first, second, third = view.first_runs(3)
        everything = view.runs([first, second, third])
        assert view.runs([third, 10**9, first]) == [everything[2], everything[0]]
        assert view.run(everything[0].run_id) == everything[0]
        assert view.run("none") is None
        assert view.datasets(everything[0].run_id) == history.datasets(home, everything[0])


def test_threads_read_at_once(home: Path) -> None:
    view = View(home)
    found: list[int] = []

    def read() -> None:
        found.append(len(view.run_ids("ana")))
        view.close()

    threads = [threading.Thread(target=read) for _number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 1
    assert len(found) == 4


def empty(view: View) -> bool:
    answers = (
        view.run_ids(),
        view.first_runs(3),
        view.runs([1]),
        view.datasets(ONE),
        view.versions([1]),
        view.metrics(),
    )
    return not any(answers) and view.run(ONE) is None and view.measures("data/metrics/load.json") == []


def test_without_an_index_everything_is_empty_and_the_problem_is_told(tmp_path: Path) -> None:
    with closing(View(tmp_path)) as view:
        assert empty(view)
        assert "not made yet" in view.problem
        before = view.generation()
        keep(tmp_path, a_record(ONE))
        history.runs(tmp_path)
        assert len(view.run_ids()) == 1
        assert view.problem == ""
        assert view.generation() != before


@pytest.mark.parametrize("damage", ["text", "page", "other"])
def test_a_damaged_index_gives_empty_answers_and_then_the_new_one(tmp_path: Path, damage: str) -> None:
    for number in range(30):
        keep(tmp_path, a_record(f"202601{number + 1:02d}T000000Z-1"))
    history.runs(tmp_path)
    path = tmp_path / store.FILE
    content = path.read_bytes()
    with closing(View(tmp_path)) as view:
        assert store.delete(tmp_path)
        path.write_bytes(
            {"text": b"no database " * 1000, "page": content[:4096] + b"\x99" * (len(content) - 4096), "other": b""}[
                damage
            ]
        )
        assert list(view.run_ids()) == []
        assert view.problem
        history.runs(tmp_path)
        assert len(history.runs(tmp_path)) == 30
        assert len(view.run_ids()) == 30
        assert view.problem == ""


def test_readers_neither_wait_for_a_writer_nor_stop_one(tmp_path: Path) -> None:
    keep(tmp_path, a_record(ONE))
    history.runs(tmp_path)
    with closing(View(tmp_path)) as view, closing(sqlite3.connect(tmp_path / store.FILE)) as writer:
        before = view.generation()
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("UPDATE run SET status = 'failed'")
        assert [run.status for run in view.runs(view.run_ids())] == ["success"]
        assert view.generation() == before
        writer.execute("COMMIT")
        assert [run.status for run in view.runs(view.run_ids())] == ["failed"]
        assert view.generation() != before


def test_an_index_that_somebody_keeps_for_himself_is_a_problem_not_a_wait(tmp_path: Path) -> None:
    keep(tmp_path, a_record(ONE))
    history.runs(tmp_path)
    with closing(sqlite3.connect(tmp_path / store.FILE)) as other, closing(View(tmp_path)) as view:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("UPDATE run SET status = 'failed'")
        other.commit()
        assert list(view.run_ids()) == []
        assert "cannot be read now" in view.problem
    assert (tmp_path / store.FILE).is_file()


def test_an_index_deleted_and_made_anew_is_noticed(tmp_path: Path) -> None:
    keep(tmp_path, a_record(ONE))
    history.runs(tmp_path)
    with closing(View(tmp_path)) as view:
        before = view.generation()
        assert len(view.run_ids()) == 1
        assert store.delete(tmp_path)
        keep(tmp_path, a_record(TWO))
        history.runs(tmp_path)
        assert len(view.run_ids()) == 2
        assert view.generation() != before


def test_a_run_that_gets_its_record_is_listed_once(tmp_path: Path) -> None:
    log_start(tmp_path, THREE, "ingest@a/um")
    history.runs(tmp_path)
    with closing(View(tmp_path)) as view:
        keep(tmp_path, a_record(THREE))
        history.runs(tmp_path)
        assert [run.source for run in view.runs(view.run_ids())] == ["record"]
        (tmp_path / "audit/runs/2026/01" / f"{THREE}.json").unlink()
        history.runs(tmp_path)
        assert [run.source for run in view.runs(view.run_ids())] == ["log"]


def test_measures_are_read_along_first_parents_with_the_work_tree_on_top(tmp_path: Path) -> None:
    home = repository(tmp_path)
    commits = []
    for number in range(3):
        measured(home, number)
        commits.append(commit(home, f"versão {number}", 1_700_000_000 + number))
    git(home, "checkout", "-q", "-b", "lado", commits[0])
    measured(home, 99)
    commit(home, "lado", 1_700_000_010)
    git(home, "checkout", "-q", "main")
    git(home, "merge", "-q", "-s", "ours", "lado", "-m", "junta")
    refresh(home)
    with closing(View(home)) as view:
        found = view.measures("data/metrics/load.json")
        assert [(item.commit, item.content) for item in found] == [
            (sha, {"rows": number}) for number, sha in reversed(list(enumerate(commits)))
        ]
        assert view.measures("data/metrics/volumetria.csv", 1)[0].content == {
            "rows": [{"dataset": "a/um", "linhas": "2"}]
        }
        (home / "data/metrics/load.json").write_text('{"rows": NaN, "mais": "\\ud800"}')
        assert view.measures("data/metrics/load.json")[0].content["rows"] is None
        (home / "data/metrics/load.json").write_text("<<<<<<< HEAD")
        (top, *rest) = view.measures("data/metrics/load.json")
        assert (top.commit, top.content, len(rest)) == ("", {}, 3)
        assert view.measures("data/metrics/../../params.yaml") == []
        assert view.metrics() == ["data/metrics/load.json", "data/metrics/volumetria.csv"]
