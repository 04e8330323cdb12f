"""Blame against an oracle: random histories with merges, replayed by reading every version's tables whole."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from observatudo.audit.timeline import Blame, Question, blame
from observatudo.audit.timeline.cells import Condition
from observatudo.versions import Versions
from observatudo.versions.store import Missing
from tests.past import DATASET, Past, label, observation, past

TABLE = f"{DATASET}/observacao"
PLACE = "3550308"


@dataclass(frozen=True)
class Content:
    """What one version has: the months of the cell with their values, a neighbour, and the label."""

    months: tuple[tuple[int, float], ...]
    neighbour: float
    axis: str | None

    @property
    def has_table(self) -> bool:
        return self.neighbour >= 0


CONTENT = st.builds(
    Content,
    months=st.dictionaries(st.integers(1, 2), st.sampled_from([0.0, -0.0, 1.0, 2.0, float("nan")]), max_size=2).map(
        lambda months: tuple(sorted(months.items()))
    ),
    neighbour=st.sampled_from([-1.0, 1.0, 2.0, 3.0]),
    axis=st.sampled_from([None, "Saude", "Economia"]),
)


@dataclass(frozen=True)
class Step:
    """One commit: its content (None: that of its first parent), and its parents, counted back from it."""

    content: Content | None
    parents: tuple[int, ...]


STEPS = st.lists(
    st.builds(
        Step,
        content=st.none() | CONTENT,
        parents=st.lists(st.integers(1, 3), min_size=1, max_size=2, unique=True).map(tuple),
    ),
    min_size=2,
    max_size=9,
)
LOST = st.lists(st.integers(0, 40), max_size=3)


@dataclass
class History:
    """Builds the commits with ``git fast-import``."""

    repo: Past
    stream: list[str] = field(default_factory=list)
    contents: list[Content | None] = field(default_factory=list)

    def add(self, number: int, step: Step) -> None:
        parents = [number - back for back in step.parents if number - back >= 0]
        inherited = self.contents[parents[0]] if parents else None
        content = step.content or inherited
        self.contents.append(content)
        message = f"version {number}"
        lines = [f"commit refs/heads/main\nmark :{number + 1}\ncommitter A <a@b> {1_700_000_000 + number} +0000"]
        lines.append(f"data {len(message)}\n{message}")
        lines += [f"{'merge' if place else 'from'} :{parent + 1}" for place, parent in enumerate(parents)]
        if not parents and number:
            lines[0] = "reset refs/heads/main\n" + lines[0]
        lock = self._lock(content)
        lines.append(f"M 100644 inline dvc.lock\ndata {len(lock)}\n{lock}" if lock else "D dvc.lock")
        self.stream.append("\n".join(lines) + "\n")

    def _lock(self, content: Content | None) -> str:
        if content is None:
            return ""
        self.repo.lock = {}
        if content.has_table:
            rows = [
                observation(PLACE, 2019, value, data_referencia=date(2019, month, 1)) for month, value in content.months
            ]
            self.repo.observations([*rows, observation("3304557", 2019, content.neighbour)])
        if content.axis:
            self.repo.labels([label("pib", content.axis)])
        return str(yaml.safe_dump({"schema": "2.0", "stages": self.repo.lock}))


def build(root: Path, steps: list[Step]) -> Past:
    """Return a repository with this history; whatever no branch leads to any more is merged at the end."""
    history = History(past(root))
    for number, step in enumerate(steps):
        history.add(number, step)
    reached = {number - back for number, step in enumerate(steps) for back in step.parents}
    loose = [number for number in range(len(steps) - 1) if number not in reached]
    for number in loose:
        history.add(len(history.contents), Step(None, (1, len(history.contents) - number)))
    stream = "".join(history.stream)
    subprocess.run(["git", "fast-import", "--quiet", "--force"], cwd=root, input=stream.encode(), check=True)
    history.repo.git("symbolic-ref", "HEAD", "refs/heads/main")
    history.repo.git("reset", "-q", "--hard", "main")
    return history.repo


def lose(repo: Past, which: list[int]) -> None:
    """Take some objects out of the cache."""
    objects = sorted(path for path in (repo.root / ".dvc/cache").rglob("*") if path.is_file())
    for number in which:
        if number < len(objects):
            objects[number].unlink(missing_ok=True)


# --- the oracle: every version read whole, every parent compared


def replay(repo: Past) -> dict[str, dict[str, tuple[object, object]]]:
    """Return commit → what changed → (old, new): ``row month``, ``month column`` or the indicator."""
    versions = Versions(repo.root)
    lines = repo.git("log", "--format=%H %P").splitlines()
    parents = {line.split()[0]: line.split()[1:] for line in lines}
    rows = {commit: cells(versions, commit) for commit in parents}
    labels = {commit: axis(versions, commit) for commit in parents}
    found: dict[str, dict[str, tuple[object, object]]] = {}
    for commit in parents:
        changed = differences(commit, parents, rows)
        own = rows[commit]
        if own is None or own:
            changed |= differences(commit, parents, labels)
        if changed:
            found[commit] = changed
    return found


def cells(versions: Versions, commit: str) -> dict[str, object] | None:
    version = versions.commit(commit)
    try:
        entries = [
            entry for entry in version.files(f"data/ingested/{DATASET}") if entry.relpath.endswith("/pib.parquet")
        ]
        read = [pq.read_table(version.local(f"data/ingested/{DATASET}", entry)).to_pylist() for entry in entries]
    except Missing:
        return None
    flat: dict[str, object] = {}
    for row in (row for table in read for row in table if row["id_municipio"] == PLACE):
        day = row["data_referencia"].isoformat()
        flat[f"row {day}"] = True
        for column in ("periodicidade", "valor", "valor_texto", "valor_original", "justificativa"):
            if row[column] is not None:
                flat[f"{day} {column}"] = row[column]
    return flat


def axis(versions: Versions, commit: str) -> dict[str, object] | None:
    version = versions.commit(commit)
    path = "data/classified/rotulo.parquet"
    try:
        read = [row for entry in version.files(path) for row in pq.read_table(version.local(path, entry)).to_pylist()]
    except Missing:
        return None
    return {row["id_indicador"]: row["eixo"] for row in read}


def differences(
    commit: str, parents: Mapping[str, list[str]], states: Mapping[str, dict[str, object] | None]
) -> dict[str, tuple[object, object]]:
    """What no version right before has like this; behind one that cannot be read, those before it count."""
    own = states[commit]
    if own is None:
        return {}
    before = [behind(parent, parents, states) for parent in parents[commit]] or [[{}]]
    olds = [old for each in before for old in each]
    names = {name for state in (own, *olds) for name in state}
    return {
        name: (olds[0].get(name), own.get(name))
        for name in names
        if all(repr_of(old.get(name)) != repr_of(own.get(name)) for old in olds)
    }


def repr_of(value: object) -> str:
    """NaN equals NaN, -0.0 equals 0.0."""
    return repr(value + 0.0 if isinstance(value, float) else value)


def behind(
    commit: str, parents: Mapping[str, list[str]], states: Mapping[str, dict[str, object] | None]
) -> list[dict[str, object]]:
    state = states[commit]
    if state is not None:
        return [state]
    if not parents[commit]:
        return [{}]
    return [old for parent in parents[commit] for old in behind(parent, parents, states)]


def told(found: Blame) -> dict[str, dict[str, tuple[object, object]]]:
    """Return what blame says in the oracle's words."""
    changes: dict[str, dict[str, tuple[object, object]]] = {}
    for entry in found.entries:
        own = dict(_told_cells(entry.cells))
        if entry.label:
            own["pib"] = (entry.label.a, entry.label.b)
        if own:
            changes[str(entry.commit)] = own
    return changes


def _told_cells(cells: list) -> Iterator[tuple[str, tuple[object, object]]]:  # type: ignore[type-arg]
    for cell in cells:
        day = cell.key["data_referencia"]
        if cell.change != "changed":
            yield f"row {day}", (None, True) if cell.change == "added" else (True, None)
        for column in cell.columns:
            yield f"{day} {column.column}", (column.a, column.b)


def check(root: Path, steps: list[Step], lost: list[int]) -> None:
    repo = build(root, steps)
    lose(repo, lost)
    expected = replay(repo)
    question = Question(TABLE, (Condition(("id_indicador",), "pib"), Condition(("id_municipio",), PLACE)))
    if not any(any(name.startswith("row") for name in changed) for changed in expected.values()):
        return  # no version has the row: told as an error, tested elsewhere
    for _time in ("cold", "warm"):
        found = blame(root, question, "HEAD")
        assert json.dumps(told(found), sort_keys=True) == json.dumps(expected, sort_keys=True)
        order = repo.git("log", "--date-order", "--format=%H").splitlines()
        listed = [order.index(str(entry.commit)) for entry in found.entries]
        assert listed == sorted(listed)


def _settings(examples: int) -> settings:
    return settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )


@_settings(12)
@given(steps=STEPS, lost=LOST)
def test_blame_tells_what_a_replay_of_every_version_finds(
    tmp_path_factory: pytest.TempPathFactory, steps: list[Step], lost: list[int]
) -> None:
    root = tmp_path_factory.mktemp("history")
    check(root / "repo", steps, lost)
    shutil.rmtree(root)


@pytest.mark.drill
@_settings(1000)
@given(steps=STEPS, lost=LOST)
def test_blame_tells_what_a_replay_of_a_thousand_histories_finds(
    tmp_path_factory: pytest.TempPathFactory, steps: list[Step], lost: list[int]
) -> None:
    root = tmp_path_factory.mktemp("history")
    check(root / "repo", steps, lost)
    shutil.rmtree(root)
