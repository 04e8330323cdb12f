"""The BigQuery emulator's own Python environment, made once per repository, every file checked against its hash."""

from __future__ import annotations

import functools
import hashlib
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

HERE = Path(__file__).parent
FOLDER = HERE.parents[1] / ".observatudo/emulators"
LOCK = HERE / "requirements.lock"
VERSION = "3.13"
_EXTENSIONS = ("icu", "ducklake", "httpfs", "spatial")
_IMPORT = (
    "import sys, duckdb, duckdb_extensions as e\nfor n in sys.argv[1:]: e.import_extension(n, con=duckdb.connect())"
)


@dataclass(frozen=True)
class Environment:
    """An interpreter with the emulator, and the ``HOME`` in which its DuckDB finds its extensions."""

    python: Path
    home: Path


@functools.cache
def interpreter() -> Path | None:
    """Return a Python 3.13 of this machine, or None; nothing is downloaded."""
    from uv import find_uv_bin

    settings = {**os.environ, "UV_PYTHON_DOWNLOADS": "never"}
    if own := _of_pyenv():
        settings["PYENV_VERSION"] = own  # uv would take the shim, which refuses other versions than the chosen one
    command = [find_uv_bin(), "python", "find", "--no-project", VERSION]
    done = subprocess.run(command, env=settings, cwd="/", capture_output=True, text=True, check=False)
    return Path(done.stdout.strip()) if done.returncode == 0 else None


def _of_pyenv() -> str | None:
    if shutil.which("pyenv") is None:
        return None
    done = subprocess.run(["pyenv", "versions", "--bare"], capture_output=True, text=True, check=False)
    found = [line.strip() for line in done.stdout.splitlines() if line.strip().startswith(f"{VERSION}.")]
    return found[-1] if found else None


def environment() -> Environment:
    """Return the emulator's environment, making it if it is not there (763 MB, from the package index).

    Raises RuntimeError when there is no Python 3.13, and CalledProcessError when a package cannot be had.
    """
    python = interpreter()
    if python is None:
        raise RuntimeError(f"the BigQuery emulator needs Python {VERSION}: uv python install {VERSION}")
    key = hashlib.sha256(LOCK.read_bytes() + str(python).encode()).hexdigest()[:12]
    place = FOLDER / f"bigquery-{key}"
    made = Environment(place / "bin/python", place / "home")
    FOLDER.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{place}.lock"):
        if not (place / "made").exists():
            shutil.rmtree(place, ignore_errors=True)
            _make(place, python, made)
            (place / "made").touch()
    return made


def _make(place: Path, python: Path, made: Environment) -> None:
    from uv import find_uv_bin

    def run(*command: object, **more: str) -> None:
        subprocess.run([str(word) for word in command], env={**os.environ, **_index(), **more}, check=True)

    uv = find_uv_bin()
    run(uv, "venv", "--quiet", "--python", python, place)
    run(uv, "pip", "install", "--quiet", "--python", made.python, "--require-hashes", "-r", LOCK)
    made.home.mkdir()
    run(made.python, "-P", "-c", _IMPORT, *_EXTENSIONS, HOME=str(made.home))


def _index() -> dict[str, str]:
    """Return what tells uv, which does not read pip's settings, of an index that is configured there."""
    if os.environ.get("UV_DEFAULT_INDEX") or os.environ.get("UV_INDEX_URL"):
        return {}
    index = os.environ.get("PIP_INDEX_URL")
    if not index:
        command = [sys.executable, "-m", "pip", "config", "get", "global.index-url"]
        index = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    return {"UV_INDEX_URL": index} if index else {}
