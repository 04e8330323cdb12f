"""OpenLineage events (spec 2-0-2): per stage one START and one COMPLETE, with the tables it read and made.

Format: https://openlineage.io/spec/2-0-2/OpenLineage.json. Times and runs come from the run records. Of a stage whose
run nobody recorded there is a job event without a run, at the time of the commit.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field

from pydantic import JsonValue

from observatudo import paths
from observatudo.audit.provenance.facts import Facts, File, folder_sha256, zulu
from observatudo.audit.provenance.intoto import Thing
from observatudo.runs.model import Record

PRODUCER = "urn:observatudo:provenance:1"
NAMESPACE = "observatudo"
_SPEC = "https://openlineage.io/spec"
_EVENTS = f"{_SPEC}/2-0-2/OpenLineage.json#/$defs"
_FACETS = {
    "schema": ("1-2-0", "SchemaDatasetFacet"),
    "version": ("1-0-1", "DatasetVersionDatasetFacet"),
    "documentation": ("1-1-0", "DocumentationDatasetFacet"),
    "ownership": ("1-0-1", "OwnershipDatasetFacet"),
    "dataQualityMetrics": ("1-0-1", "DataQualityMetricsDatasetFacet"),
    "outputStatistics": ("1-0-2", "OutputStatisticsOutputDatasetFacet"),
    "storage": ("1-0-1", "StorageDatasetFacet"),
    "parent": ("1-2-0", "ParentRunFacet"),
    "processing_engine": ("1-1-1", "ProcessingEngineRunFacet"),
    "jobType": ("2-0-4", "JobTypeJobFacet"),
}
_INPUTS = (f"{paths.RAW.as_posix()}/", "configs/", "data/classified/")


def events(facts: Facts) -> str:
    """Return the events as NDJSON text, in order of time. Raises Missing for a table that is nowhere."""
    found = sorted(_Lineage(facts).events(), key=lambda event: (str(event["eventTime"]), _order(event)))
    return "".join(json.dumps(event, ensure_ascii=False, sort_keys=True) + "\n" for event in found)


def _order(event: Thing) -> int:
    """Return what has a run begin before, and end after, its stages of the same second."""
    return 0 if "inputs" in event else -1 if event["eventType"] == "START" else 1


def _facet(name: str, content: Thing) -> Thing:
    version, schema = _FACETS[name]
    url = f"{_SPEC}/facets/{version}/{schema}.json#/$defs/{schema}"
    return {"_producer": PRODUCER, "_schemaURL": url, **content}


def run_uuid(run: str, stage: str = "") -> str:
    """Return the UUID by which OpenLineage knows a run, or one stage of it: always the same one."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"urn:observatudo:run:{run}:{stage}"))


@dataclass
class _Lineage:
    """The events of one version; each table is described once."""

    facts: Facts
    _described: dict[str, list[Thing]] = field(default_factory=dict)

    def events(self) -> Iterator[Thing]:
        runs = dict[str, Record]()
        for stage in filter(self.facts.stage_outs, self.facts.stages):
            record = self.facts.run_of(stage)
            if record is None:
                yield self._event("JobEvent", self.facts.date) | self._of_stage(stage, is_whole=True)
                continue
            runs[record.run_id] = record
            yield from self._stage(stage, record)
        for record in runs.values():
            yield from self._run(record)

    def _event(self, kind: str, time: str) -> Thing:
        return {"eventTime": zulu(time), "producer": PRODUCER, "schemaURL": f"{_EVENTS}/{kind}"}

    def _run(self, record: Record) -> Iterator[Thing]:
        """Give the start and end of the whole run."""
        job: Thing = {"namespace": NAMESPACE, "name": record.command, "facets": {"jobType": self._type("DAG")}}
        run: Thing = {"runId": run_uuid(record.run_id), "facets": {"processing_engine": self._engine(record)}}
        for state, time in (("START", record.started), ("COMPLETE", record.ended)):
            yield self._event("RunEvent", time) | {"eventType": state, "run": run, "job": job}

    def _stage(self, stage: str, record: Record) -> Iterator[Thing]:
        ran = record.stages[stage]
        parent: Thing = {
            "run": {"runId": run_uuid(record.run_id)},
            "job": {"namespace": NAMESPACE, "name": record.command},
        }
        facets: Thing = {"parent": _facet("parent", parent), "processing_engine": self._engine(record)}
        run: Thing = {"runId": run_uuid(record.run_id, stage), "facets": facets}
        for state, time in (("START", ran.started), ("COMPLETE", ran.ended or ran.started)):
            about = self._of_stage(stage, is_whole=state == "COMPLETE")
            yield self._event("RunEvent", time) | {"eventType": state, "run": run} | about

    def _of_stage(self, stage: str, *, is_whole: bool) -> Thing:
        """Return the job and its inputs and outputs; outputs by name alone, unless all is known by then."""
        outs = [one for path in self.facts.stage_outs(stage) for one in self._output(path)]
        made: list[JsonValue] = [*outs] if is_whole else [*map(_name, outs)]
        read: list[JsonValue] = [*self._inputs(stage)]
        job: Thing = {"namespace": NAMESPACE, "name": stage, "facets": {"jobType": self._type("TASK")}}
        return {"job": job, "inputs": read, "outputs": made}

    @staticmethod
    def _type(kind: str) -> Thing:
        return _facet("jobType", {"processingType": "BATCH", "integration": "DVC", "jobType": kind})

    @staticmethod
    def _engine(record: Record) -> Thing:
        return _facet("processing_engine", {"name": "Python", "version": record.where.python})

    def _inputs(self, stage: str) -> Iterator[Thing]:
        """Give what a stage read: tables of other stages, snapshots, configuration, human decisions; not its code."""
        for path, md5 in self.facts.version.lock.deps[stage].items():
            above = [out for out in self.facts.outs if out == path or out.startswith(f"{path}/")]
            if above:
                for out in above:
                    yield from map(_with_version, self._output(out))  # all else is said where it is an output
            elif path.startswith(_INPUTS):
                yield {"namespace": NAMESPACE, "name": path, "facets": self._source(path, md5)}

    def _source(self, path: str, md5: str) -> Thing:
        """Return the facets of an input that no stage makes."""
        found: Thing = {"version": _facet("version", {"datasetVersion": md5})} if md5 else {}
        key = path.removeprefix(f"{paths.RAW.as_posix()}/")
        return found | (self._about(key) if key in self.facts.snapshots else {})

    def _about(self, key: str) -> Thing:
        """Return what a dataset's declaration says, as facets."""
        declared = self.facts.datasets.get(key)
        if declared is None:
            return {}
        text = ". ".join(part.strip().rstrip(".") for part in (declared.title, declared.description) if part)
        found: Thing = {}
        if text:
            found["documentation"] = _facet("documentation", {"description": text, "contentType": "text/plain"})
        if declared.publisher:
            owners: list[JsonValue] = [{"name": declared.publisher, "type": "PUBLISHER"}]
            found["ownership"] = _facet("ownership", {"owners": owners})
        return found

    def _output(self, path: str) -> list[Thing]:
        """Return the tables of an output as datasets with all their facets; files that are no tables as one."""
        if path not in self._described:
            self._described[path] = [self._in_git(path)] if self.facts.is_in_git(path) else [*self._tables(path)]
        return self._described[path]

    def _in_git(self, path: str) -> Thing:
        version = _facet("version", {"datasetVersion": self.facts.outs[path].md5})
        return {"namespace": NAMESPACE, "name": path, "facets": {"version": version}}

    def _tables(self, path: str) -> Iterator[Thing]:
        groups: dict[str, list[File]] = {}
        for file in self.facts.files(path):
            groups.setdefault(_table(path, file.path), []).append(file)
        for name, files in groups.items():
            yield self._table(path, name, files)

    def _table(self, out: str, name: str, files: list[File]) -> Thing:
        key = out.removeprefix(f"{paths.INGESTED.as_posix()}/")
        version = files[0].md5 if len(files) == 1 else folder_sha256(name, files)
        size = sum(file.size for file in files)
        counts: Thing = {"bytes": size, "fileCount": len(files), "columnMetrics": {}}
        statistics: Thing = {"size": size, "fileCount": len(files)}
        facets: Thing = {"version": _facet("version", {"datasetVersion": version}), **self._about(key)}
        storage: Thing = {"storageLayer": "DVC"}
        if files[0].path.endswith(".parquet"):
            rows, columns = self._footers(out, files)
            counts["rowCount"] = statistics["rowCount"] = rows
            facets["schema"] = _facet("schema", {"fields": columns})
            storage["fileFormat"] = "parquet"
        facets["dataQualityMetrics"] = _facet("dataQualityMetrics", counts)
        facets["storage"] = _facet("storage", storage)
        made: Thing = {"outputStatistics": _facet("outputStatistics", statistics)}
        return {"namespace": NAMESPACE, "name": name, "facets": facets, "outputFacets": made}

    def _footers(self, out: str, files: list[File]) -> tuple[int, list[JsonValue]]:
        """Return the rows of all files and the first one's columns, from the Parquet footers."""
        import pyarrow.parquet as pq

        entries = {entry.relpath: entry for entry in self.facts.version.files(out)}
        places = [self.facts.version.local(out, entries[file.path[len(out) + 1 :]]) for file in files]
        rows = sum(pq.read_metadata(place).num_rows for place in places)
        columns: list[JsonValue] = []
        for position, column in enumerate(pq.read_schema(places[0]), start=1):
            known = self.facts.columns.get(column.name)
            described: Thing = {"description": known.description} if known is not None and known.description else {}
            columns.append({"name": column.name, "type": str(column.type), "ordinal_position": position} | described)
        return rows, columns


def _name(dataset: Thing) -> Thing:
    return {"namespace": dataset["namespace"], "name": dataset["name"]}


def _with_version(dataset: Thing) -> Thing:
    facets = dataset["facets"]
    assert isinstance(facets, dict)
    return _name(dataset) | {"facets": {name: facets[name] for name in ("version",) if name in facets}}


def _table(out: str, file: str) -> str:
    """Return the table a file of an output belongs to: a folder of files in it is one table, else the file."""
    inside = file[len(out) + 1 :].split("/")
    return f"{out}/{inside[0]}" if len(inside) > 1 or inside[0] else out
