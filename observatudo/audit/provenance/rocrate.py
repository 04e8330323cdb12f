"""A Workflow Run RO-Crate (profile 0.5) of a version: a folder with what was published, and how it came to be.

Formats: https://w3id.org/ro/crate/1.1, https://w3id.org/ro/wfrun/workflow/0.5.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from urllib.parse import quote

from pydantic import JsonValue

from observatudo import journal, paths
from observatudo.audit.provenance.facts import Facts
from observatudo.audit.provenance.intoto import Thing
from observatudo.errors import ObservatudoError
from observatudo.i18n import _

METADATA = "ro-crate-metadata.json"
WORKFLOW = "dvc.yaml"
_PROFILES = {
    "https://w3id.org/ro/wfrun/process/0.5": ("Process Run Crate", "0.5"),
    "https://w3id.org/ro/wfrun/workflow/0.5": ("Workflow Run Crate", "0.5"),
    "https://w3id.org/workflowhub/workflow-ro-crate/1.0": ("Workflow RO-Crate", "1.0"),
}
_WORKFLOW_PROFILE = "https://bioschemas.org/profiles/ComputationalWorkflow/1.0-RELEASE"
_PARAMETER = "https://bioschemas.org/profiles/FormalParameter/1.0-RELEASE"
_CONTEXT: list[JsonValue] = [
    "https://w3id.org/ro/crate/1.1/context",
    {"sha256": "http://schema.org/sha256"},
]
_ALSO = (paths.PARAMS.as_posix(), "dvc.lock", "requirements.lock")
_TYPES = {
    ".csv": "text/csv",
    ".json": "application/json",
    ".md": "text/markdown",
    ".parquet": "application/vnd.apache.parquet",
    ".yaml": "application/yaml",
    ".lock": "text/plain",
}
_README = """\
# {subject}

What an observatory of Brazil's public municipal data published at commit {commit}, and how it came to be: an RO-Crate.
`ro-crate-metadata.json` says what each file is, which run made it, and from which snapshots, declarations and
parameters.
"""
_SPDX = "https://spdx.org/licenses/"


def write(facts: Facts, folder: Path) -> Path:
    """Write the crate as a new folder, whole or not at all, and return it.

    Raises ObservatudoError when the folder is there and not empty, Missing for published files that are nowhere.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ObservatudoError(
            _("there is something at that place already"), where=str(folder), next_step=_("name a new folder")
        )
    crate = _Crate(facts)
    text = crate.text()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as made:
        draft = Path(made, "crate")
        draft.mkdir()
        for path, content in crate.git.items():
            (draft / path).parent.mkdir(parents=True, exist_ok=True)
            (draft / path).write_bytes(content)
        for path, source in crate.copies.items():
            (draft / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, draft / path)
        (draft / METADATA).write_text(text, encoding="utf-8")
        draft.replace(folder)
    return folder


def _kind(name: str) -> str:
    """Return the media type of a file by its name."""
    return _TYPES.get(PurePosixPath(name).suffix, "application/octet-stream")


def _ref(name: str) -> Thing:
    return {"@id": name}


def _one(value: JsonValue) -> JsonValue:
    """Return the member of a list of one, as RO-Crate 1.1 would have it."""
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def _refs(names: list[str]) -> list[JsonValue]:
    return [_ref(name) for name in names]


@dataclass
class _Crate:
    """The entities of a crate, and the files that go with it: bytes from Git, and copies of cached objects."""

    facts: Facts
    git: dict[str, bytes] = field(default_factory=dict)
    copies: dict[str, Path] = field(default_factory=dict)
    _entities: dict[str, Thing] = field(default_factory=dict)
    _inputs: list[str] = field(default_factory=list)
    _outputs: list[str] = field(default_factory=list)
    _agent: str = ""

    def text(self) -> str:
        """Return the metadata as JSON text."""
        forms = _refs(["https://w3id.org/ro/crate/1.1", "https://w3id.org/workflowhub/workflow-ro-crate/1.0"])
        self._add(METADATA, "CreativeWork", conformsTo=forms, about=_ref("./"))
        self._entities["./"] = {}  # the second, by custom; its content is known last
        results = self._published()
        objects = [*self._held_by_git(), *self._snapshots()]
        self._workflow()
        self._readme()
        self._action(objects, results)
        self._root()
        graph: list[JsonValue] = [*self._entities.values()]
        content: Thing = {"@context": _CONTEXT, "@graph": graph}
        return json.dumps(content, indent=2, ensure_ascii=False) + "\n"

    def _add(self, iri: str, kind: str, /, **more: JsonValue) -> str:
        """Add an entity; what is not known is left out."""
        known = {key: _one(value) for key, value in more.items() if value not in (None, "", [])}
        self._entities[iri] = {"@id": iri, "@type": kind, **known}
        return iri

    def _file(self, path: str, content: bytes, /, **more: JsonValue) -> str:
        """Add a file that Git holds."""
        self.git[path] = content
        kind = _kind(path)
        return self._add(quote(path), "File", name=path, contentSize=str(len(content)), encodingFormat=kind, **more)

    def _parameter(self, name: str, example: str) -> str:
        """Add a formal parameter of the workflow, of which ``example`` is the value here."""
        self._entities[example]["exampleOfWork"] = _ref(f"#{name}")
        return self._add(
            f"#{name}",
            "FormalParameter",
            conformsTo=_ref(_PARAMETER),
            name=name,
            additionalType="File",
            workExample=_ref(example),
        )

    def _published(self) -> list[str]:
        """Add the published files and return their names."""
        found = []
        for out in self.facts.published:
            entries = {f"{out}/{entry.relpath}".rstrip("/"): entry for entry in self.facts.version.files(out)}
            for file in self.facts.files(out):
                self.copies[file.path] = self.facts.version.local(out, entries[file.path])
                kind = _kind(file.path)
                name = PurePosixPath(file.path).name
                size = str(file.size)
                iri = quote(file.path)
                self._add(iri, "File", name=name, contentSize=size, encodingFormat=kind, sha256=file.sha256)
                self._outputs.append(self._parameter(f"output-{iri}", iri))
                found.append(iri)
        return found

    def _held_by_git(self) -> list[str]:
        """Add parameters, lock and declarations, and return the names of those that are inputs."""
        declared = [f"{paths.DATASET_CONFIGS.as_posix()}/{key}.yaml" for key in self.facts.datasets]
        found = []
        for name in (*_ALSO, *declared):
            content = self.facts.version.text(name)
            if content is not None:
                found.append(self._file(name, content))
        inputs = [name for name in found if name != "dvc.lock"]
        self._inputs += [self._parameter(f"input-{name}", name) for name in inputs]
        if self.facts.record is not None:
            name = journal.record_file(Path(), self.facts.record.run_id).as_posix()
            self._file(name, self.facts.version.text(name) or b"", description="The record of the run.")
        return inputs

    def _snapshots(self) -> list[str]:
        """Add the snapshots' sidecars and, by their hashes, the files they describe; return the names."""
        found = []
        for key, sidecar in self.facts.snapshots.items():
            name = f"{paths.RAW.as_posix()}/{key}/snapshot.json"
            sources: list[str] = []
            for file, known in sorted(sidecar.files.items()):
                sources.append(
                    self._add(
                        f"urn:sha256:{known.sha256}",
                        "File",
                        name=f"{paths.RAW.as_posix()}/{key}/{file}",
                        sha256=known.sha256,
                        contentSize=None if known.bytes is None else str(known.bytes),
                        encodingFormat=_kind(file),
                        identifier=known.uri,
                        dateModified=sidecar.fetched_at,
                    )
                )
            text = self.facts.version.text(name) or b""
            iri = self._file(name, text, about=_refs(sources), description=sidecar.citation)
            self._inputs.append(self._parameter(f"input-{iri}", iri))
            found += [iri, *sources]
        return found

    def _workflow(self) -> None:
        self._file(WORKFLOW, self.facts.version.text(WORKFLOW) or b"")
        self._add("https://dvc.org", "ComputerLanguage", name="DVC", url="https://dvc.org")
        self._entities[WORKFLOW] |= {
            "@type": ["File", "SoftwareSourceCode", "ComputationalWorkflow"],
            "name": "The pipeline",
            "version": self.facts.commit,
            "conformsTo": _ref(_WORKFLOW_PROFILE),
            "programmingLanguage": _ref("https://dvc.org"),
            "input": _refs(self._inputs),
            "output": _refs(self._outputs),
        }

    def _readme(self) -> None:
        text = _README.format(commit=self.facts.commit, subject=self.facts.version.subject)
        self._file("README.md", text.encode(), about=_ref("./"))

    def _action(self, objects: list[str], results: list[str]) -> None:
        """Add the run, with what its record says; without one, only that the workflow gave these results."""
        record, more = self.facts.record, dict[str, JsonValue]()
        if record is not None:
            more = {"startTime": record.started, "endTime": record.ended, "description": record.command}
            person = record.who.name or record.who.login
            if person:
                self._agent = self._add("#agent", "Person", name=person, email=record.who.email)
                more["agent"] = _ref(self._agent)
        else:
            more = {"description": "No record of this run: who ran it and when is not known."}
        self._add(
            f"#run-{record.run_id if record is not None else 'unrecorded'}",
            "CreateAction",
            name="Run of the pipeline",
            instrument=_ref(WORKFLOW),
            object=_refs(objects),
            result=_refs(results),
            actionStatus="http://schema.org/CompletedActionStatus",
            **more,
        )

    def _root(self) -> None:
        files = [name for name, one in self._entities.items() if one.get("@type") == "File" or name == WORKFLOW]
        for url, (name, version) in _PROFILES.items():
            self._add(url, "CreativeWork", name=name, version=version)
        runs = [name for name, one in self._entities.items() if one.get("@type") == "CreateAction"]
        self._add(
            "./",
            "Dataset",
            identifier=self.facts.commit,
            name=f"Observatudo, version {self.facts.commit[:10]}",
            description=self.facts.version.subject or "",
            datePublished=self.facts.date,
            author=_ref(self._agent) if self._agent else None,
            license=_refs(self._licenses()),
            conformsTo=_refs([*_PROFILES]),
            mainEntity=_ref(WORKFLOW),
            mentions=_refs(runs),
            hasPart=_refs(files),
        )

    def _licenses(self) -> list[str]:
        """Add the licences that the declarations name and return them; SPDX's own addresses where there is none."""
        found = {}
        for declared in self.facts.datasets.values():
            for one in declared.licenses:
                found[one.path or f"{_SPDX}{one.name}"] = one.title or one.name
        if not found:
            return [self._add("#license-unknown", "CreativeWork", name="not declared", description="not declared")]
        return [
            self._add(url, "CreativeWork", name=name, description=name, identifier=url)
            for url, name in sorted(found.items())
        ]
