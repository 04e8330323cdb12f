"""``observatudo api``: runs, datasets, versions, comparisons, labels and alerts over HTTP, read-only."""

from __future__ import annotations

from typing import Annotated

import typer

from observatudo.i18n import _


def api(
    host: Annotated[str, typer.Option(help=_("Where to listen; others reach it only there."))] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help=_("Its port."))] = 8766,
    allow_host: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help=_("A name it goes by, as behind a proxy; repeatable."))
    ] = None,
) -> None:
    """Serve until Ctrl-C. The token is that of OBSERVATUDO_API_TOKEN; without it one is made and printed once."""
    _require()
    from observatudo.api import server
    from observatudo.paths import repository

    root = repository()
    key, is_new = server.token(host)
    shown = f"[{host}]" if ":" in host and not host.startswith("[") else host
    typer.echo(_("listening at {address}; Ctrl-C ends it").format(address=f"http://{shown}:{port}"))
    if is_new:
        typer.echo(_("token, until it ends: {token}").format(token=key))
    typer.echo(_("description: {address}").format(address=f"http://{shown}:{port}/openapi.json"))
    server.run(root, host.strip("[]"), port, key, allow_host or [])


def _require() -> None:
    """Raise ObservatudoError where the extra is not installed."""
    from importlib.util import find_spec

    from observatudo.errors import ObservatudoError

    missing = [name for name in ("fastapi", "uvicorn") if find_spec(name) is None]
    if missing:
        raise ObservatudoError(
            _("the HTTP API needs packages that are not installed: {names}").format(names=", ".join(missing)),
            next_step='uv pip install -e ".[api]"',
        )
