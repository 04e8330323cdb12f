"""The application: routes under /v1 that read, and nothing that writes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Depends, FastAPI, Query, Request
from fastapi import Path as InPath
from fastapi.encoders import jsonable_encoder
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.security import HTTPBearer
from starlette.exceptions import HTTPException
from starlette.responses import Response

from observatudo.api import problems, schema
from observatudo.api.models import (
    RUN,
    AlertsOut,
    DatasetPage,
    ExplanationOut,
    Health,
    LabelPage,
    RunDetail,
    RunPage,
    VersionOut,
    VersionPage,
)
from observatudo.api.problems import Refused
from observatudo.api.work import Workshop
from observatudo.compare.model import Comparison
from observatudo.datasets import DatasetState
from observatudo.errors import ObservatudoError
from observatudo.i18n import _

DIFF_SECONDS = 60.0
Limit = Annotated[int, Query(ge=1, le=200, description="How many at most.")]
Offset = Annotated[int, Query(ge=0, le=1_000_000, description="How many to leave out first.")]
_REVISION = r"^[A-Za-z0-9_]([A-Za-z0-9_/~^-]|\.[A-Za-z0-9_/~^-])*$"
Revision = Annotated[
    str, Query(pattern=_REVISION, max_length=200, description="A revision, tag, branch, run or “workspace”.")
]
Name = Annotated[str, InPath(pattern=r"^[a-z][a-z0-9_]*$", max_length=100)]
Indicator = Annotated[str, InPath(pattern=r"^[a-z][a-z0-9_]*$", max_length=120, examples=["sidra_populacao"])]


def known_query(request: Request) -> None:
    """Refuse query parameters that the path does not know, and one that is given twice where it takes one value."""
    wanted = request.scope["route"].dependant.query_params
    lists = {each.alias for each in wanted if each.alias == "table"}
    for name in request.query_params:
        if name not in {each.alias for each in wanted}:
            raise Refused(422, _("There is no parameter {name} here.").format(name=ascii(name)))
        if name not in lists and len(request.query_params.getlist(name)) > 1:
            raise Refused(422, _("The parameter {name} is given twice.").format(name=name))


def create(root: Path, *, diff_seconds: float = DIFF_SECONDS) -> FastAPI:
    """Return the application over the repository at ``root``, without its gate: see ``gate.Gate``."""
    app = FastAPI(
        title="Observatudo",
        version="1",
        redirect_slashes=False,
        docs_url=None,
        redoc_url=None,
        description=schema.DESCRIPTION,
    )
    shop = Workshop(root, diff_seconds)
    secured = [Depends(HTTPBearer(auto_error=False)), Depends(known_query)]
    app.include_router(_open(), dependencies=[Depends(known_query)])
    for router in (_history(root), _data(root), _labels(root, shop), _comparisons(root, shop)):
        app.include_router(router, prefix="/v1", dependencies=secured, responses=schema.PROBLEMS)
    _handlers(app, root)
    schema.describe(app)
    return app


def _handlers(app: FastAPI, root: Path) -> None:
    """Answer every failure with a problem; of one nobody foresaw nothing is told."""

    async def refused(_request: Request, error: Refused) -> Response:
        return problems.explained(error.status, error, str(root), error.headers)

    async def explained(_request: Request, error: ObservatudoError) -> Response:
        return problems.explained(409, error, str(root))

    async def invalid(_request: Request, error: RequestValidationError) -> Response:
        told = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
        return problems.response(422, told)

    async def plain(_request: Request, error: HTTPException) -> Response:
        return problems.response(error.status_code, str(error.detail), headers=dict(error.headers or {}))

    async def unforeseen(_request: Request, _error: Exception) -> Response:
        return problems.response(500, _("This should not have happened; the server's own output says more."))

    app.exception_handler(Refused)(refused)
    app.exception_handler(ObservatudoError)(explained)
    app.exception_handler(RequestValidationError)(invalid)
    app.exception_handler(HTTPException)(plain)
    app.exception_handler(Exception)(unforeseen)


def _open() -> APIRouter:
    router = APIRouter()

    @router.get("/health", summary="Whether the server answers", responses=schema.OPEN_PROBLEMS)
    def health() -> Health:
        return Health()

    return router


def _history(root: Path) -> APIRouter:
    from observatudo import history

    router = APIRouter(tags=["history"])

    @router.get("/runs", summary="The runs, newest first")
    def runs(limit: Limit = 50, offset: Offset = 0) -> RunPage:
        found = history.runs(root)
        return RunPage(total=len(found), items=found[offset : offset + limit])

    @router.get("/runs/{run_id}", summary="One run, and what it did to each dataset")
    def run(
        run_id: Annotated[str, InPath(pattern="^[0-9A-Za-z-]+$", max_length=80, examples=[RUN])],
    ) -> RunDetail:
        try:
            found = history.find(root, run_id)
        except ObservatudoError as error:
            raise Refused(404, error.message, next_step=error.next_step) from None
        return RunDetail(run=found, datasets=history.datasets(root, found))

    @router.get("/versions", summary="The commits of the branch that is checked out, newest first")
    def versions(limit: Limit = 50, offset: Offset = 0) -> VersionPage:
        total, items = _commits(root, limit, offset)
        return VersionPage(total=total, items=items)

    return router


def _commits(root: Path, limit: int, offset: int) -> tuple[int, list[VersionOut]]:
    import git

    try:
        repository = git.Repo(root)
        total = int(repository.git.rev_list("--count", "HEAD", "--"))
    except (git.InvalidGitRepositoryError, git.GitCommandError):
        return 0, []  # no repository, or one without a commit
    found = repository.iter_commits("HEAD", max_count=limit, skip=offset)
    return total, [
        VersionOut(
            commit=each.hexsha,
            parents=[parent.hexsha for parent in each.parents],
            author=each.author.name or "",
            date=each.committed_datetime.isoformat(),
            subject=str(each.summary),
        )
        for each in found
    ]


def _data(root: Path) -> APIRouter:
    from observatudo.datasets import states

    router = APIRouter(tags=["data"])

    @router.get("/datasets", summary="The declared datasets: rows, match rate, version, freshness")
    def datasets() -> DatasetPage:
        found = states(root)
        return DatasetPage(total=len(found), items=found)

    @router.get("/datasets/{source}/{name}", summary="One declared dataset")
    def dataset(source: Name, name: Name) -> DatasetState:
        found = next((each for each in states(root) if each.dataset == f"{source}/{name}"), None)
        if found is None:
            raise Refused(404, _("No dataset “{key}” is declared.").format(key=f"{source}/{name}"))
        return found

    @router.get("/alerts", summary="What is wrong, since when, and who has seen it", response_model=AlertsOut)
    def alerts() -> Response:
        from observatudo.alerts import state

        return JSONResponse(jsonable_encoder(state.of(root).as_dict()))

    return router


def _labels(root: Path, shop: Workshop) -> APIRouter:
    router = APIRouter(tags=["labels"])

    @router.get("/labels", summary="Indicators and their axes", response_model=LabelPage)
    def labels(
        limit: Limit = 50,
        offset: Offset = 0,
        axis: Annotated[str | None, Query(max_length=100, description="Only this axis, by its key.")] = None,
        origin: Annotated[str | None, Query(max_length=100, description="Only labels from here.")] = None,
        below: Annotated[float | None, Query(ge=0, le=1, description="Only with a confidence below this.")] = None,
        words: Annotated[str, Query(max_length=200, description="Each stands in id, name or dataset.")] = "",
    ) -> Response:
        from observatudo.labels.state import state

        with shop.reading():
            chosen = state(root).select(words.split(), axis, origin, below)
        page = {"total": len(chosen), "items": jsonable_encoder(chosen[offset : offset + limit])}
        return JSONResponse(page)

    @router.get("/labels/{indicator}", summary="All that led to one label", response_model=ExplanationOut)
    def explanation(indicator: Indicator) -> Response:
        from observatudo.labels.explain import explain
        from observatudo.labels.state import state

        with shop.reading():
            if indicator not in {each.id for each in state(root).indicators}:
                raise Refused(404, _("No label of an indicator “{id}”.").format(id=indicator))
            return JSONResponse(jsonable_encoder(explain(root, indicator).as_dict()))

    return router


def _comparisons(root: Path, shop: Workshop) -> APIRouter:
    router = APIRouter(tags=["comparisons"])

    @router.get("/diff", summary="Two versions, compared down to the row", response_model=Comparison)
    async def diff(
        a: Annotated[Revision, Query(examples=["HEAD~1"])],
        b: Revision = "workspace",
        table: Annotated[
            list[Annotated[str, Query(pattern=r"^[A-Za-z0-9_*?/.-]+$", max_length=200)]],
            Query(max_length=20, description="Only tables that fit one of these patterns."),
        ] = [],  # noqa: B006  FastAPI copies it
        samples: Annotated[int, Query(ge=0, le=100, description="Examples of each kind of change.")] = 3,
    ) -> Response:
        from anyio.to_thread import run_sync

        older, newer = [await run_sync(_side, root, name) for name in (a, b)]
        return Response(await shop.diff(older, newer, table, samples), media_type="application/json")

    return router


def _side(root: Path, name: str) -> str:
    """Return a version's own name: never that of a file or folder, which ``diff`` would take as well."""
    from observatudo.versions import Versions

    if name == "workspace":
        return name
    try:
        found = Versions(root).find(name)
    except ObservatudoError as error:
        raise Refused(404, error.message, next_step=error.next_step) from None
    if found.on_disk:
        raise Refused(404, _("No version is called “{name}”.").format(name=name))
    return found.name if found.kind == "run" else found.commit or found.name
