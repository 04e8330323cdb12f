"""What a clone needs to work, looked at one by one; each answer says how to mend what it finds."""

from __future__ import annotations

import configparser
import locale
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Literal

from observatudo import config, leftovers, snapshots
from observatudo.audit.rollback import unfinished
from observatudo.errors import ObservatudoError
from observatudo.i18n import _, language
from observatudo.yamlfile import parse

Status = Literal["ok", "missing", "optional"]
FREE_BYTES = 2_000_000_000
HOOKS = ("post-checkout", "pre-commit", "pre-push")


@dataclass(frozen=True)
class Finding:
    """One line of the report. ``missing`` fails the whole; ``optional`` is worth knowing and no more."""

    check: str
    status: Status
    detail: str
    next_step: str = ""


def examine(root: Path) -> Iterator[Finding]:
    """Yield the findings for the repository at ``root``, one by one, none of which changes anything."""
    checks: list[Callable[[Path], Iterator[Finding]]] = [
        _python,
        _git,
        _environment,
        _components,
        _dvc,
        _telemetry,
        _disk,
        _snapshots,
        _leftovers,
        _rollback,
        _tools,
        _cloud,
        _language,
    ]
    for check in checks:
        yield from check(root)


def _python(_root: Path) -> Iterator[Finding]:
    version = ".".join(str(part) for part in sys.version_info[:3])
    good = sys.version_info >= (3, 11)
    yield Finding(
        "Python",
        "ok" if good else "missing",
        f"{version}  {sys.executable}",
        "" if good else _("install Python 3.11 or newer, delete .venv, then make repro"),
    )


def _git(root: Path) -> Iterator[Finding]:
    if shutil.which("git") is None:
        yield Finding("Git", "missing", _("not found"), "sudo apt install git")
        return
    yield Finding("Git", "ok", _output(["git", "--version"], root).removeprefix("git version "))
    who = _output(["git", "var", "GIT_AUTHOR_IDENT"], root).rpartition(">")[0]  # fails where a commit would
    yield Finding(
        _("Git identity"),
        "ok" if who else "missing",
        f"{who}>" if who else _("commits have no author yet"),
        "" if who else 'git config --global user.name "…" && git config --global user.email "…"',
    )


def _environment(root: Path) -> Iterator[Finding]:
    wrong = [f"{name} {found or '–'} ≠ {pinned}" for name, pinned, found in _against_lock(root) if found != pinned]
    detail = _("{count} packages differ from requirements.lock: {some}").format(
        count=len(wrong), some=", ".join(wrong[:3]) + ("…" if len(wrong) > 3 else "")
    )
    yield Finding(
        _("environment"),
        "missing" if wrong else "ok",
        detail if wrong else _("everything in requirements.lock is installed"),
        "touch requirements.lock && make repro" if wrong else "",
    )


def _against_lock(root: Path) -> Iterator[tuple[str, str, str | None]]:
    """Yield name, pinned version and installed version of all entries of the lock that hold on this machine."""
    from packaging.requirements import Requirement

    for line in (root / "requirements.lock").read_text(encoding="utf-8").splitlines():
        if line[:1].isalnum():
            entry = Requirement(line.rstrip(" \\"))
            if entry.marker is None or entry.marker.evaluate():
                yield entry.name, str(entry.specifier).removeprefix("=="), _version(entry.name)


def _components(_root: Path) -> Iterator[Finding]:
    names = ("dvc", "duckdb", "dbt-core", "dbt-duckdb", "mlflow", "pyarrow")
    versions = {name: _version(name) for name in names}
    absent = [name for name, version in versions.items() if version is None]
    yield Finding(
        _("components"),
        "missing" if absent else "ok",
        ", ".join(f"{name} {version or '–'}" for name, version in versions.items()),
        "make repro" if absent else "",
    )


def _dvc(root: Path) -> Iterator[Finding]:
    there = (root / ".dvc/config").is_file()
    yield Finding(
        "DVC",
        "ok" if there else "missing",
        str(root) if there else _("no .dvc/config here"),
        "" if there else "git checkout -- .dvc",
    )
    folder = root / (_output(["git", "rev-parse", "--git-path", "hooks"], root) or ".git/hooks")
    absent = [name for name in HOOKS if not (folder / name).is_file()]
    yield Finding(
        _("Git hooks"),
        "optional" if absent else "ok",
        _("missing: {names}; data does not follow git checkout by itself").format(names=", ".join(absent))
        if absent
        else ", ".join(HOOKS),
        _("make hooks   (or type dvc checkout after git checkout)") if absent else "",
    )


def _telemetry(root: Path) -> Iterator[Finding]:
    settings = configparser.ConfigParser(interpolation=None, strict=False)
    settings.read([root / ".dvc/config", root / ".dvc/config.local"], encoding="utf-8")
    talking = []
    if settings.get("core", "analytics", fallback="true").lower() != "false":
        talking.append(("DVC", "dvc config core.analytics false"))
    if os.environ.get("MLFLOW_DISABLE_TELEMETRY", "").lower() != "true":
        talking.append(("MLflow", _("make repro writes the setting into .venv; else MLFLOW_DISABLE_TELEMETRY=true")))
    if not _dbt_is_silent(root):
        talking.append(("dbt", _("in dbt/dbt_project.yml, flags: send_anonymous_usage_stats: false")))
    yield Finding(
        _("usage statistics"),
        "missing" if talking else "ok",
        _("sent by: {names}").format(names=", ".join(name for name, _mend in talking))
        if talking
        else _("off: DVC, dbt, MLflow"),
        "; ".join(mend for _name, mend in talking),
    )


def _dbt_is_silent(root: Path) -> bool:
    content, _lines = parse(root / "dbt/dbt_project.yml")
    flags = content.get("flags") if isinstance(content, dict) else None
    return isinstance(flags, dict) and flags.get("send_anonymous_usage_stats") is False


def _disk(root: Path) -> Iterator[Finding]:
    free = shutil.disk_usage(root).free
    yield Finding(
        _("disk space"),
        "ok" if free >= FREE_BYTES else "missing",
        _("{size:.1f} GB free").format(size=free / 1e9),
        "" if free >= FREE_BYTES else _("make room: 2 GB at least; dvc gc --workspace drops data of other versions"),
    )


def _snapshots(root: Path) -> Iterator[Finding]:
    try:
        keys = config.declared(root)
    except ObservatudoError as error:
        yield Finding(_("declarations"), "missing", error.message, error.next_step)
        return
    for key in keys:
        try:
            snapshot = snapshots.verify(root, key)
        except ObservatudoError as error:
            yield Finding(key, "missing", f"{error.message} ({error.where})", error.next_step)
        else:
            about = _("snapshot of {when}, {count} files as its sidecar says")
            yield Finding(key, "ok", about.format(when=snapshot.fetched_at, count=len(snapshot.files)))


def _leftovers(root: Path) -> Iterator[Finding]:
    try:
        keys = leftovers.find(root)
    except ObservatudoError:
        return  # what is wrong with params.yaml is said above
    if keys:
        found = _("datasets that are not in params.yaml left something behind: {keys}").format(keys=", ".join(keys))
        yield Finding(_("leftovers"), "optional", found, "observatudo remove")


def _rollback(root: Path) -> Iterator[Finding]:
    if not (root / unfinished.INTENT).is_file():
        return
    from observatudo.audit.rollback import apply

    try:
        yield Finding("rollback", "missing", apply.state(root), unfinished.FINISH)
    except ObservatudoError as error:
        yield Finding("rollback", "missing", error.message, error.next_step)


def _tools(_root: Path) -> Iterator[Finding]:
    for name, why, command in (
        ("npm", _("to fetch ibge/municipio anew"), "sudo apt install npm"),
        ("tmux", _("for some tests"), "sudo apt install tmux"),
        ("chromium", _("for some tests"), "sudo apt install chromium"),
    ):
        path = shutil.which(name)
        yield Finding(
            name,
            "ok" if path else "optional",
            path or _("not found; only {why}").format(why=why),
            "" if path else command,
        )


def _cloud(root: Path) -> Iterator[Finding]:
    from observatudo.cloud import doctor

    yield from doctor.examine(root)


def _language(_root: Path) -> Iterator[Finding]:
    encoding = locale.getpreferredencoding(False)
    good = encoding.lower().replace("-", "") == "utf8"
    yield Finding(
        _("language"),
        "ok" if good else "optional",
        f"{language()}, {encoding}",
        "" if good else "export LANG=C.UTF-8",
    )


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _output(command: list[str], root: Path) -> str:
    return subprocess.run(command, cwd=root, capture_output=True, text=True).stdout.strip()
