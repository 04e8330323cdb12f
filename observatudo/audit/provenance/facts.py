"""What is known of how a committed version came to be: its files in Git, its dvc.lock, the records of its runs.

Nothing is taken from this machine or the clock: the same version gives the same facts in any clone. What nobody
recorded is left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError

from observatudo import dvccache, paths
from observatudo.errors import ObservatudoError
from observatudo.i18n import _
from observatudo.runs.inputs import file_sha256, listing_sha256
from observatudo.runs.model import Record
from observatudo.versions import Entry, Out, Version, Versions
from observatudo.yamlfile import plain

_MARTS = paths.MARTS.as_posix()


class _Lenient(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class License(_Lenient):
    """A licence as a declaration names it."""

    name: str
    title: str = ""
    path: str = ""


class Declared(_Lenient):
    """What a dataset's declaration says for people; one of another year need not suit today's model."""

    title: str = ""
    description: str = ""
    publisher: str = ""
    licenses: list[License] = []
    citation: str = ""


class SnapshotFile(_Lenient):
    """One file of a snapshot; ``origin`` is ``pypi:name@version``, an address, or ``file``."""

    sha256: str
    bytes: int | None = None
    origin: str = ""
    member: str | None = None

    @property
    def uri(self) -> str:
        """Return where the bytes came from as a URI, or an empty text."""
        registry, colon, rest = self.origin.partition(":")
        if registry in ("pypi", "npm") and colon:
            return f"pkg:{registry}/{rest.replace('@', '%40', rest.count('@') - 1)}"
        return self.origin if self.origin.startswith(("https://", "http://")) else ""


class Sidecar(_Lenient):
    """What is known of a snapshot."""

    files: dict[str, SnapshotFile] = {}
    fetched_at: str = ""
    publisher: str = ""
    license: str = ""
    citation: str = ""

    @property
    def sha256(self) -> str:
        """One hash for the whole snapshot, as ``observatudo.snapshots`` defines it."""
        return listing_sha256({name: file.sha256 for name, file in self.files.items()})


class Column(_Lenient):
    """A column in the glossary."""

    description: str = ""


class _Params(_Lenient):
    datasets: dict[str, JsonValue] = {}


_Model = TypeVar("_Model", bound=BaseModel)


@dataclass(frozen=True)
class File:
    """One file of an output: its path in the repository, the hashes of its bytes, its size in bytes."""

    path: str
    md5: str
    sha256: str
    size: int


@dataclass(frozen=True)
class Facts:
    """The facts of one commit. ``record`` is the run that made what it holds, or None when no record says so."""

    version: Version
    commit: str
    _hashed: dict[str, list[File]] = field(default_factory=dict)

    @property
    def date(self) -> str:
        """Return when the commit was made, ISO 8601 with its offset."""
        return self.version.date or ""

    @cached_property
    def outs(self) -> dict[str, Out]:
        """The outputs of declared stages by path; what dvc.lock keeps of removed datasets is left out."""
        lock = self.version.lock
        return {path: out for path, out in sorted(lock.outs.items()) if self._is_declared(lock.made_by[path])}

    def _is_declared(self, stage: str) -> bool:
        _verb, _at, key = stage.partition("@")
        return not key or not self._listed or key in self._listed

    @cached_property
    def _listed(self) -> frozenset[str]:
        return frozenset(_read(_Params, self.version.text(paths.PARAMS.as_posix())).datasets)

    @cached_property
    def stages(self) -> list[str]:
        """The stages, as dvc.lock lists them."""
        return [stage for stage in self.version.lock.deps if self._is_declared(stage)]

    def stage_outs(self, stage: str) -> list[str]:
        return [path for path in self.outs if self.version.lock.made_by[path] == stage]

    def is_in_git(self, path: str) -> bool:
        """Say whether Git, not DVC, holds an output (metrics do not go to the cache)."""
        return self.version.text(path) is not None

    @cached_property
    def records(self) -> list[Record]:
        """The records that the commit holds and that can be read, newest first."""
        place = paths.AUDIT_RUNS.as_posix()
        found = []
        for path in sorted(self.version.tree.paths(place), key=lambda path: path.rpartition("/")[2], reverse=True):
            try:
                found.append(Record.model_validate_json(self.version.text(path) or b""))
            except ValidationError:  # `verify` is who says so
                continue
        return found

    @cached_property
    def record(self) -> Record | None:
        """The newest successful run whose outputs are all this version's."""
        return next((one for one in self.records if one.status == "success" and self._made(one, set(self.outs))), None)

    def run_of(self, stage: str) -> Record | None:
        """Return the newest run in which the stage ran and made what this version has of it, or None."""
        outs = set(self.stage_outs(stage))
        for one in self.records:
            ran = one.stages.get(stage)
            if ran is not None and ran.status == "success" and ran.ended and self._made(one, outs):
                return one
        return None

    def _made(self, record: Record, outs: set[str]) -> bool:
        return outs <= record.outputs.keys() and all(record.outputs[path].md5 == self.outs[path].md5 for path in outs)

    @cached_property
    def params(self) -> JsonValue:
        """The content of params.yaml."""
        return _yaml(self.version.text(paths.PARAMS.as_posix()))

    @cached_property
    def datasets(self) -> dict[str, Declared]:
        """The declarations of the listed datasets, by key; of one that cannot be read, nothing is known."""
        place = paths.DATASET_CONFIGS.as_posix()
        return {key: _read(Declared, self.version.text(f"{place}/{key}.yaml")) for key in sorted(self._listed)}

    @cached_property
    def snapshots(self) -> dict[str, Sidecar]:
        """The sidecars of the listed datasets' snapshots, by key: those that there are, and that the run read."""
        names = {key: f"{paths.RAW.as_posix()}/{key}/snapshot.json" for key in sorted(self._listed)}
        found = {key: _read(Sidecar, self.version.text(name)) for key, name in names.items()}
        return {key: sidecar for key, sidecar in found.items() if sidecar.files and self._was_read(key, sidecar)}

    def _was_read(self, key: str, sidecar: Sidecar) -> bool:
        """Say whether the run's record names this snapshot, or says nothing of it."""
        known = self.record.datasets.get(key) if self.record is not None else None
        return known is None or known.snapshot_sha256 in (None, sidecar.sha256)

    @cached_property
    def configs(self) -> dict[str, str]:
        """Path → Git blob hash of the configuration that was used: as the record says, else as committed."""
        if self.record is not None and self.record.configs:
            return dict(sorted(self.record.configs.items()))
        places = (paths.PARAMS.as_posix(), "dvc.yaml", "configs")
        return {path: blob for place in places for path, blob in self.version.tree.paths(place).items()}

    @cached_property
    def columns(self) -> dict[str, Column]:
        """The glossary of columns, by name."""
        content = _yaml(self.version.text(paths.COLUMNS.as_posix()))
        items = content.items() if isinstance(content, dict) else ()
        return {name: Column.model_validate(value) for name, value in items if isinstance(value, dict)}

    @property
    def published(self) -> list[str]:
        """The outputs that are published: the marts; without any, all that DVC holds."""
        return [_MARTS] if _MARTS in self.outs else [path for path in self.outs if not self.is_in_git(path)]

    def files(self, path: str) -> list[File]:
        """Return the files of an output with the hashes of their bytes, pulled where the cache lacks them.

        Raises Missing, and ObservatudoError when the bytes are not those of dvc.lock or of the record.
        """
        if path not in self._hashed:
            found = [self._file(path, entry) for entry in self.version.files(path)]
            self._check(path, found)
            self._hashed[path] = found
        return self._hashed[path]

    def _file(self, out: str, entry: Entry) -> File:
        local = self.version.local(out, entry)
        name = f"{out}/{entry.relpath}" if entry.relpath else out
        md5 = dvccache.md5(local)
        if md5 != entry.md5:
            raise _tampered(name, str(local))
        return File(name, md5, file_sha256(local), local.stat().st_size)

    def _check(self, path: str, files: list[File]) -> None:
        """Hold the bytes against the SHA-256 that the run recorded."""
        known = self.record.outputs.get(path) if self.record is not None else None
        if known is None:
            return
        sha256 = folder_sha256(path, files) if self.outs[path].is_folder else files[0].sha256
        if sha256 != known.sha256:
            raise _tampered(path, path)

    def texts(self) -> Iterator[tuple[str, bytes]]:
        """Give the outputs that Git holds, with their bytes."""
        for path in self.outs:
            text = self.version.text(path)
            if text is not None:
                yield path, text


def _tampered(name: str, where: str) -> ObservatudoError:
    return ObservatudoError(
        _("the bytes of {name} are not the recorded ones: no provenance can be stated for them").format(name=name),
        where=where,
        next_step="observatudo verify --deep",
    )


def gather(versions: Versions, name: str) -> Facts:
    """Return the facts of a commit, tag, branch or experiment.

    Raises ObservatudoError for an unknown revision, for what is not committed, and for a version without outputs.
    """
    version = versions.find(name)
    if version.kind not in ("commit", "experiment") or version.commit is None:
        raise ObservatudoError(
            _("provenance is of a committed version, and {name} is none").format(name=name),
            where=str(version.root),
            next_step=_("git commit, then observatudo provenance HEAD"),
        )
    facts = Facts(version, version.commit)
    if not facts.outs:
        raise ObservatudoError(
            _("{name} has no outputs: nothing was run in it").format(name=name),
            where=f"{name}:dvc.lock",
            next_step=_("dvc repro, then commit; or name a later version: git log --oneline -- dvc.lock"),
        )
    return facts


def _yaml(text: bytes | None) -> JsonValue:
    try:
        content: JsonValue = json.loads(json.dumps(plain(text or b""), default=str))
    except yaml.YAMLError:
        return None
    return content


def _read(model: type[_Model], text: bytes | None) -> _Model:
    """Read a YAML or JSON text leniently; what cannot be read says nothing."""
    content = _yaml(text)
    try:
        return model.model_validate(content if isinstance(content, Mapping) else {})
    except ValidationError:
        return model.model_validate({})


def zulu(time: str) -> str:
    """Return an ISO 8601 time with an offset as UTC with ``Z``, to the second."""
    from datetime import UTC, datetime

    return datetime.fromisoformat(time).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def folder_sha256(folder: str, files: list[File]) -> str:
    """Return the SHA-256 of a folder's listing, as run records have it (see ``runs.model.Output``)."""
    return listing_sha256({file.path.removeprefix(f"{folder}/"): file.sha256 for file in files})
