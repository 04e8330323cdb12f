"""Third parties from PyPI that accept, or refuse, what ``observatudo provenance`` writes."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import cast

import attr
import cattrs
import requests
from google.protobuf import json_format
from in_toto_attestation.predicates.provenance.v1 import provenance_pb2
from in_toto_attestation.v1 import statement_pb2
from in_toto_attestation.v1.statement import Statement
from openlineage.client import event_v2, facet_v2
from requests.adapters import BaseAdapter
from requests_cache import CachedSession
from urllib3 import HTTPResponse

Json = Mapping[str, object]
CONTEXT = "https://w3id.org/ro/crate/1.1/context"
_FACETS: Mapping[str, type] = {
    "schema": facet_v2.schema_dataset.SchemaDatasetFacet,
    "version": facet_v2.dataset_version_dataset.DatasetVersionDatasetFacet,
    "documentation": facet_v2.documentation_dataset.DocumentationDatasetFacet,
    "ownership": facet_v2.ownership_dataset.OwnershipDatasetFacet,
    "dataQualityMetrics": facet_v2.data_quality_metrics_dataset.DataQualityMetricsDatasetFacet,
    "outputStatistics": facet_v2.output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet,
    "storage": facet_v2.storage_dataset.StorageDatasetFacet,
    "parent": facet_v2.parent_run.ParentRunFacet,
    "processing_engine": facet_v2.processing_engine_run.ProcessingEngineRunFacet,
    "jobType": facet_v2.job_type_job.JobTypeJobFacet,
}


def in_toto(text: str) -> Json:
    """Have in-toto's own classes take the statement and its predicate; return it. Raises what they raise."""
    content = cast(Json, json.loads(text))
    made = json_format.Parse(text, statement_pb2.Statement())
    Statement.copy_from_pb(made).validate()
    json_format.ParseDict(content["predicate"], provenance_pb2.Provenance())
    return content


def open_lineage(text: str) -> list[Json]:
    """Have OpenLineage's own classes take every event, facet by facet, no key left over; return the events."""
    events = [cast(Json, json.loads(line)) for line in text.splitlines()]
    for event in events:
        _event(event)
    return events


def _event(event: Json) -> None:
    kind = event_v2.RunEvent if "eventType" in event else event_v2.JobEvent
    own = dict(event)
    assert own.pop("schemaURL") == kind._get_schema()
    for name, known in (("run", event_v2.Run), ("job", event_v2.Job)):
        if name in own:
            _with_facets(known, cast(Json, own[name]))
            own[name] = {key: value for key, value in cast(Json, own[name]).items() if key != "facets"}
    for name, side in (("inputs", event_v2.InputDataset), ("outputs", event_v2.OutputDataset)):
        for dataset in cast(list[Json], own.pop(name, [])):
            _with_facets(side, dataset)
    _strictly(kind, own)


def _with_facets(kind: type, content: Json) -> None:
    own = dict(content)
    for group in ("facets", "inputFacets", "outputFacets"):
        for name, facet in cast(Mapping[str, Json], own.pop(group, {})).items():
            inner = dict(facet)
            assert inner.pop("_schemaURL") == _FACETS[name]._get_schema()  # type: ignore[attr-defined]
            assert inner.pop("_producer")
            _strictly(_FACETS[name], inner)
    _strictly(kind, own)


def _strictly(kind: type, content: Json) -> None:
    attr.resolve_types(kind)
    cattrs.Converter(forbid_extra_keys=True).structure(content, kind)


class _Bundled(BaseAdapter):
    """Answers with the context of RO-Crate 1.1 that the package ``rocrate`` brings, in place of the network."""

    def send(self, request: requests.PreparedRequest, *_args: object, **_options: object) -> requests.Response:
        found = requests.Response()
        body = (files("rocrate") / "data/ro-crate.jsonld").read_bytes()
        assert json.loads(body)["@id"] == CONTEXT
        found.raw = HTTPResponse(io.BytesIO(body), {"Content-Type": "application/ld+json"}, 200, preload_content=False)
        found.status_code, found.url, found.request = 200, request.url or "", request
        found.headers["Content-Type"] = "application/ld+json"
        return found

    def close(self) -> None:
        pass


def ro_crate(folder: Path, cache: Path) -> list[str]:
    """Return what the validator finds required, by the profile Workflow Run Crate and those it builds on, and wrong."""
    from rocrate_validator import models, services

    session = CachedSession(cache_name=str(cache), backend="sqlite", expire_after=-1)
    session.mount("https://", _Bundled())
    session.get(CONTEXT)
    settings = services.ValidationSettings(
        rocrate_uri=str(folder),
        profile_identifier="workflow-run-crate",
        requirement_severity=models.Severity.REQUIRED,
        offline=True,
        cache_path=str(cache),
    )
    result = services.validate(settings)
    found = [f"{issue.check.identifier}: {issue.message}" for issue in result.get_issues()]
    assert result.passed() is (not found)
    return found


def refuses(check: Callable[[], object]) -> bool:
    """Say whether a third party raises."""
    try:
        check()
    except (ValueError, AssertionError, json_format.ParseError, cattrs.BaseValidationError):
        return True
    return False
