"""The connector ``package``: named files of a named version of a package, checked against its SHA-256."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from observatudo import snapshots
from observatudo.errors import ConfigError, ObservatudoError, SnapshotError
from observatudo.i18n import _
from observatudo.runs.inputs import file_sha256
from observatudo.sources import archive
from observatudo.sources.contract import Before, Report, Taken

if TYPE_CHECKING:
    from observatudo.config import Package


def bring(packages: Sequence[Package], staged: Path, report: Report) -> list[Taken]:
    """Write the members of the packages into ``staged``; ``report`` hears of each download.

    Raises ConfigError, SnapshotError, or ObservatudoError when a registry's client fails.
    """
    for package in packages:
        for name in package.members:
            _plain(name)
    taken = []
    for package in packages:
        report(title(package))
        with tempfile.TemporaryDirectory(prefix=".", dir=staged) as folder:
            artifact = _download(package, Path(folder))
            _check(package, artifact)
            archive.extract(artifact, package.members, staged)
        for name, member in package.members.items():
            taken.append(Taken(name=name, origin=title(package), url="", member=member))
    return taken


def is_new(packages: Sequence[Package], before: Before) -> bool:
    """Say whether what is declared is not what stands there: a version with its SHA-256 never changes by itself."""
    return any(
        name not in before or (before[name].origin, before[name].member) != (title(package), member)
        for package in packages
        for name, member in package.members.items()
    )


def title(package: Package) -> str:
    """Return how sidecars and messages name one version of a package."""
    return f"{package.registry}:{package.name}@{package.version}"


def _download(package: Package, folder: Path) -> Path:
    _run(package, _pypi(package, folder) if package.registry == "pypi" else _npm(package, folder), folder)
    found = list(folder.iterdir())
    if len(found) != 1:
        raise ObservatudoError(
            _("{package}: expected one downloaded file, found {count}").format(package=title(package), count=len(found))
        )
    return found[0]


def _pypi(package: Package, folder: Path) -> list[str]:
    module = [sys.executable, "-m", "observatudo.sources.pypi"]
    return [*module, package.name, package.version, package.distribution, str(folder)]


def _npm(package: Package, folder: Path) -> list[str]:
    """``npm pack`` of a registry's package only downloads its archive; ``--ignore-scripts`` makes sure."""
    npm = shutil.which("npm")
    if npm is None:
        raise ObservatudoError(
            _("{package} comes from the npm registry, and npm is not installed").format(package=title(package)),
            next_step=_("sudo apt install npm   (or keep the committed snapshot: nothing else needs npm)"),
        )
    spec = f"{package.name}@{package.version}"
    return [npm, "pack", "--ignore-scripts", "--pack-destination", str(folder), spec]


def _run(package: Package, command: list[str], folder: Path) -> None:
    """Run a registry's client, away from the repository so that no settings file there is taken for its own."""
    code = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": str(code)}
    done = subprocess.run(
        command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip().splitlines()[-3:]
        raise ObservatudoError(
            _("{package} could not be downloaded").format(package=title(package)) + "".join(f"\n  {s}" for s in said),
            next_step=_("check the network and the package's name and version; the snapshot is as it was"),
        )


def _check(package: Package, artifact: Path) -> None:
    found = file_sha256(artifact)
    if found != package.sha256:
        raise SnapshotError(
            _("{package}: {file} is not the file that was declared: expected SHA-256 {expected}, found {found}").format(
                package=title(package), file=artifact.name, expected=package.sha256, found=found
            ),
            next_step=_("find out why it changed before you put the new SHA-256 into the declaration"),
        )


def _plain(name: str) -> None:
    """Refuse a local name that is not a plain file name of the snapshot's own folder."""
    if Path(name).name != name or name.startswith(".") or name == snapshots.SIDECAR:
        raise ConfigError(_("“{name}” is not a plain file name").format(name=name), where="snapshot.packages.members")
