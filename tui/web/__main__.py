"""``python -m tui.web``: what ``observatudo serve`` becomes. Two more options: ``--app`` and ``--heartbeat``."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from pathlib import Path
from typing import NoReturn

from observatudo.errors import ObservatudoError
from observatudo.paths import repository
from tui.web.settings import Settings, checked_name, token


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """End wrong usage with 64, as every command does."""
        self.print_usage(sys.stderr)
        self.exit(os.EX_USAGE, f"{self.prog}: {message}\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m tui.web")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int)
    parser.add_argument("--token-file", type=Path)
    parser.add_argument("--allow-host", action="append", default=[])
    parser.add_argument("--max-clients", type=int, default=4)
    parser.add_argument("--allow-actions", action="store_true")
    parser.add_argument("--app", default="tui", metavar="MODULE")
    parser.add_argument("--heartbeat", type=float, default=15.0, metavar="SECONDS")
    return parser


def _settings(given: argparse.Namespace) -> Settings:
    words, is_given = token(given.token_file)
    return Settings(
        root=repository(),
        token=words,
        token_is_given=is_given,
        host=given.host,
        port=given.port,
        allowed=tuple(checked_name(name) for name in given.allow_host),
        max_clients=given.max_clients,
        actions=given.allow_actions,
        module=given.app,
        heartbeat=given.heartbeat,
    )


def main() -> int:
    """Serve until a signal comes. Returns the exit code; errors are messages."""
    given = _parser().parse_args()
    try:
        settings = _settings(given)
        from tui.web.server import serve

        return asyncio.run(serve(settings))
    except ObservatudoError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
