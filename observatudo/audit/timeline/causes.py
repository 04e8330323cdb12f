"""Why an output changed: which of its inputs did, by the hashes two dvc.locks name, and which files Git saw change."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from pydantic import JsonValue

from observatudo import paths
from observatudo.audit.timeline.gitlog import Commit
from observatudo.audit.timeline.model import Cause, Change, FileChange, Kind
from observatudo.audit.timeline.past import Past
from observatudo.versions.lock import Lock

_WHY = "why"
_LIBRARIES = "requirements.lock"
_RECORDS = f"{paths.AUDIT_RUNS.as_posix()}/"
_INGESTED = f"{paths.INGESTED.as_posix()}/"
_CONFIGS = paths.DATASET_CONFIGS.as_posix()
_KINDS: tuple[tuple[str, Kind], ...] = (
    (paths.OVERRIDES.as_posix(), "override"),
    ("data/classified/answers", "answers"),
    (paths.RAW.as_posix(), "snapshot"),
    (paths.CORRECTIONS.as_posix(), "correction"),
    ("configs/prompts", "prompt"),
    (paths.TAXONOMY.as_posix(), "taxonomy"),
    (paths.LABELLED.as_posix(), "examples"),
    ("configs", "config"),
)
_ORDER: tuple[Kind, ...] = (
    "unexplained", "snapshot", "correction", "override", "answers", "prompt", "taxonomy", "examples", "config",
    "params", "stage", "code", "libraries",
)  # fmt: skip
_FIRST = (f"{paths.RAW.as_posix()}/", f"{_CONFIGS}/")  # of a new stage, whose inputs are all new, only these are told
Owners = Callable[[Iterable[str]], set[str]]  # of outputs that changed, those that hold what is asked for


@dataclass(frozen=True)
class Why:
    """The causes of one output's change, and the ids of the runs whose records came with it."""

    causes: list[Cause]
    runs: list[str]


def everything(_outs: Iterable[str]) -> set[str]:
    """Owners where no output is more to the point than another."""
    return set()


def explain(
    past: Past, before: Commit | None, commit: Commit, out: str, *, about: str = "", owners: Owners = everything
) -> Why:
    """Return why ``out`` is another in ``commit`` than in ``before`` (None: there was none).

    ``about`` is the indicator asked for: overrides of others are left out, and so are datasets that do not own it,
    where ``owners`` names some. What is known of two commits is kept for next time.
    """
    name = json.dumps([before.sha if before else "", commit.sha, out, about, owners is not everything])
    known = past.cache.get(_WHY, [name])
    if name in known:
        causes, runs = json.loads(known[name])
        return Why([Cause.model_validate(cause) for cause in causes], runs)
    found = _explain(past, before, commit, out, about, owners)
    if commit.sha and commit.sha not in past.git.cut:
        kept = [[cause.model_dump(mode="json") for cause in found.causes], found.runs]
        past.cache.put(_WHY, {name: json.dumps(kept)})
    return found


def _explain(past: Past, before: Commit | None, commit: Commit, out: str, about: str, owners: Owners) -> Why:
    cut = commit.sha in past.git.cut
    changed = [] if cut else past.git.changed(before.sha if before else None, commit.sha)
    walked = _Walk(past.lock(before.lock if before else ""), past.lock(commit.lock), owners)
    walked.output(out)
    causes = [_with_files(cause, changed) for cause in walked.found]
    if about:
        causes = [_of_indicator(past, before, commit, cause, about) for cause in causes]
        causes = [cause for cause in causes if _concerns(cause, walked.narrowed)] or causes
    if any(cause.kind == "unexplained" for cause in causes):
        causes += _libraries(changed)
    causes = list({(cause.kind, cause.path): cause for cause in reversed(causes)}.values())
    causes.sort(key=lambda cause: (_ORDER.index(cause.kind), cause.path))
    added = [file.path for file in changed if file.path.startswith(_RECORDS) and file.status == "A"]
    return Why(causes, sorted({path.rsplit("/", 1)[-1].removesuffix(".json") for path in added}))


@dataclass
class _Walk:
    """Goes from an output to the inputs that differ, through every stage between them."""

    a: Lock
    b: Lock
    owners: Owners
    found: list[Cause] = field(default_factory=list)
    narrowed: set[str] = field(default_factory=set)
    _seen: set[tuple[str, str]] = field(default_factory=set)

    def output(self, out: str) -> None:
        """Take in what differs for the stage that makes ``out``."""
        stages = (self.a.made_by.get(out, ""), self.b.made_by.get(out, ""))
        if stages in self._seen or not any(stages):
            return
        self._seen.add(stages)
        stage = stages[1] or stages[0]
        differing = list(_differing(self.a.deps.get(stages[0], {}), self.b.deps.get(stages[1], {})))
        for path, change in differing:
            self._dependency(stage, path, change, is_new=not all(stages))
        if not all(stages):
            come: Change = "added" if stages[1] else "removed"
            self.found.append(Cause(kind="stage", path=stage, stage=stage, change=come))
            return
        parameters = list(_parameters(stage, self.a.params.get(stages[0], {}), self.b.params.get(stages[1], {})))
        self.found += parameters
        if not differing and not parameters:
            self.found.append(Cause(kind="unexplained", path=stage, stage=stage, change="changed"))

    def _dependency(self, stage: str, path: str, change: Change, *, is_new: bool) -> None:
        outs = [out for out in {**self.a.outs, **self.b.outs} if _overlap(out, path)]
        changed = sorted(out for out in outs if self._md5(self.a, out) != self._md5(self.b, out))
        if changed:
            own = self.owners(changed) if len(changed) > 1 or path != changed[0] else set()
            self.narrowed |= own
            for out in changed:
                if (out in own or not own) and not (is_new and out in self.a.outs):
                    self.output(out)
        elif not is_new or path.startswith(_FIRST):
            self.found.append(Cause(kind=_kind(path), path=path, stage=stage, change=change))

    @staticmethod
    def _md5(lock: Lock, out: str) -> str:
        return lock.outs[out].md5 if out in lock.outs else ""


def _overlap(out: str, path: str) -> bool:
    return out == path or out.startswith(f"{path}/") or path.startswith(f"{out}/")


def _differing(a: Mapping[str, JsonValue], b: Mapping[str, JsonValue]) -> Iterator[tuple[str, Change]]:
    for name in sorted({*a, *b}):
        if name not in a:
            yield name, "added"
        elif name not in b:
            yield name, "removed"
        elif a[name] != b[name]:
            yield name, "changed"


def _parameters(stage: str, a: Mapping[str, JsonValue], b: Mapping[str, JsonValue]) -> Iterator[Cause]:
    flat_a, flat_b = dict(_flat("", dict(a))), dict(_flat("", dict(b)))
    for key, change in _differing(flat_a, flat_b):
        yield Cause(kind="params", path=key, stage=stage, change=change, a=flat_a.get(key), b=flat_b.get(key))


def _flat(key: str, value: JsonValue) -> Iterator[tuple[str, JsonValue]]:
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            yield from _flat(f"{key}.{name}" if key else name, inner)
    else:
        yield key, value


def _kind(path: str) -> Kind:
    return next((kind for place, kind in _KINDS if path == place or path.startswith(f"{place}/")), "code")


def _with_files(cause: Cause, changed: list[FileChange]) -> Cause:
    """Add the files that Git saw change at a dependency; of one file that changed twice, the newest change."""
    if cause.kind in ("params", "stage", "unexplained"):
        path = paths.PARAMS.as_posix() if cause.kind == "params" else ""
        own = [file for file in changed if file.path == path]
    else:
        places = (f"{cause.path}/", f"{cause.path}.dvc")
        own = [file for file in changed if file.path == cause.path or file.path.startswith(places)]
    return cause.model_copy(update={"files": list({file.path: file for file in reversed(own)}.values())[::-1]})


def _of_indicator(past: Past, before: Commit | None, commit: Commit, cause: Cause, indicator: str) -> Cause:
    """Say of a change of human decisions what it decided on this indicator."""
    if cause.kind != "override":
        return cause
    a = _decision(past.git.text(before.sha, cause.path) if before else None, indicator)
    now = past.git.text(commit.sha, cause.path) if commit.sha else _on_disk(past, cause.path)
    return cause.model_copy(update={"a": a, "b": _decision(now, indicator)})


def _on_disk(past: Past, path: str) -> bytes | None:
    return (past.root / path).read_bytes() if (past.root / path).is_file() else None


def _decision(text: bytes | None, indicator: str) -> str | None:
    """Return the line of one indicator in the file of human decisions, read leniently."""
    rows = csv.DictReader(io.StringIO((text or b"").decode("utf-8-sig", errors="replace")))
    row = next((row for row in rows if row.get("id_indicador") == indicator), None)
    return None if row is None else ", ".join(value for name, value in row.items() if name != "id_indicador" and value)


def _concerns(cause: Cause, owners: set[str]) -> bool:
    """Leave out decisions on other indicators, and declarations of datasets that do not own this one."""
    if cause.kind == "override":
        return cause.a != cause.b
    if cause.path == _CONFIGS and owners and cause.files:
        own = {f"{_CONFIGS}/{out.removeprefix(_INGESTED)}.yaml" for out in owners}
        return any(file.path in own for file in cause.files)
    return True


def _libraries(changed: list[FileChange]) -> list[Cause]:
    own = [file for file in changed if file.path == _LIBRARIES]
    return [Cause(kind="libraries", path=_LIBRARIES, stage="", change="changed", files=own)] if own else []
