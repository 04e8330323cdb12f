"""``observatudo serve``: the dashboard in a browser, for this machine alone unless told otherwise."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from observatudo.i18n import _

SERVER = "tui.web"


def serve(
    host: Annotated[str, typer.Option(help=_("Where to listen; others reach it only there."))] = "127.0.0.1",
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help=_("Its port; default: 8765, or a free one; 0: any free one."))
    ] = None,
    token_file: Annotated[
        Path | None, typer.Option(help=_("A file with the token; default: OBSERVATUDO_TOKEN, else a new one."))
    ] = None,
    allow_host: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help=_("A name it goes by, as behind a proxy; repeatable."))
    ] = None,
    max_clients: Annotated[int, typer.Option(min=1, max=100, help=_("Dashboards open at once."))] = 4,
    allow_actions: Annotated[
        bool, typer.Option("--allow-actions", help=_("Let who opens it change the repository."))
    ] = False,
) -> None:
    """Serve until Ctrl-C, in this process. Exits 0 or 130 when ended, 1 when it cannot start."""
    import os
    import sys

    from observatudo.paths import repository

    root = repository()
    words = [f"--host={host}", f"--max-clients={max_clients}", *(f"--allow-host={name}" for name in allow_host or [])]
    words += [] if port is None else [f"--port={port}"]
    words += [] if token_file is None else [f"--token-file={token_file.absolute()}"]
    words += ["--allow-actions"] if allow_actions else []
    _require(root)
    os.chdir(root)
    sys.stdout.flush()
    interpreter = [sys.executable, *(["-P"] if sys.flags.safe_path else [])]
    os.execv(sys.executable, [*interpreter, "-m", SERVER, *words])  # noqa: S606  # no shell is wanted


def _require(root: Path) -> None:
    """Raise ObservatudoError where the dashboard's code is not beside the repository, as in a bare installation."""
    from importlib.util import find_spec

    from observatudo.errors import ObservatudoError

    if not (root / "tui/web").is_dir() and find_spec(SERVER.partition(".")[0]) is None:
        raise ObservatudoError(
            _("this repository has no dashboard: the folder tui/ is missing"),
            where=str(root),
            next_step="git checkout HEAD -- tui",
        )
