"""Small disks that are really full or read-only: memory disks mounted where a test asks for one."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import REQUIRE_ALL

_BLOCK = 65_536


@contextmanager
def disk(at: Path, megabytes: int) -> Iterator[Path]:
    """Mount an empty disk of this size at a folder, made if need be; skip the test where that is not allowed."""
    at.mkdir(parents=True, exist_ok=True)
    with _mounted(at, "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs"):
        yield at


@contextmanager
def read_only(at: Path) -> Iterator[None]:
    """Make what lies under a folder read-only; skip the test where that is not allowed."""
    with _mounted(at, "--bind", str(at)):
        freeze(at)
        yield


@contextmanager
def _mounted(at: Path, *how: str) -> Iterator[None]:
    done = _do("mount", *how, str(at))
    if done.returncode:
        reason = f"needs mount as root: {done.stderr.strip()}"
        if os.geteuid() == 0 and os.environ.get(REQUIRE_ALL):
            pytest.fail(f"{reason}, and {REQUIRE_ALL} is set", pytrace=False)
        pytest.skip(reason)
    try:
        yield
    finally:
        _do("umount", "--lazy", str(at))


def fill(at: Path, leave: int = 0) -> Path:
    """Fill the disk up to so many bytes; deleting the returned file makes room again."""
    filler = at / ".filler"
    with filler.open("wb", buffering=0) as out:
        stat = os.statvfs(at)
        left = stat.f_bavail * stat.f_frsize - leave
        try:
            while left > 0:
                left -= out.write(bytes(min(left, _BLOCK)))
        except OSError:  # full before all was written: the file's own bookkeeping takes room too
            pass
    return filler


def freeze(at: Path) -> None:
    """Make the disk read-only."""
    done = _do("mount", "-o", "remount,ro,bind", str(at))
    assert done.returncode == 0, done.stderr


def thaw(at: Path) -> None:
    """Make the disk writable again."""
    done = _do("mount", "-o", "remount,rw,bind", str(at))
    assert done.returncode == 0, done.stderr


def _do(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True)
