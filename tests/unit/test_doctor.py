"""Doctor finds what is wrong with a clone and says how to mend it; a good clone has nothing missing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer import Typer
from typer.testing import CliRunner

from observatudo.cli.doctor import doctor
from observatudo.doctor import Finding, examine


def missing(repository: Path) -> dict[str, Finding]:
    return {finding.check: finding for finding in examine(repository) if finding.status == "missing"}


def test_a_good_clone_has_nothing_missing(clone: Path) -> None:
    assert not missing(clone)


def test_every_finding_that_is_not_well_says_how_to_mend_it(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    for path in (clone / "data/raw").rglob("*.csv"):
        path.write_bytes(b"")
    bad = [finding for finding in examine(clone) if finding.status != "ok"]
    assert {"registro_civil/obito", "siconfi/ente", "Git hooks"} <= {finding.check for finding in bad}
    assert all(finding.next_step for finding in bad)


def test_a_damaged_snapshot_is_found_by_name(clone: Path) -> None:
    (clone / "data/raw/siconfi/ente/br_cods.csv").write_bytes(b"x")
    assert "data/raw/siconfi/ente/br_cods.csv" in missing(clone)["siconfi/ente"].detail


def test_a_package_that_differs_from_the_lock_is_found_by_name(clone: Path) -> None:
    lock = clone / "requirements.lock"
    lock.write_text(lock.read_text().replace("\nrich==", "\nrich==0.0.0.", 1))
    assert "rich " in missing(clone)["environment"].detail


@pytest.mark.parametrize(
    ("file", "before", "after", "tool"),
    [
        (".dvc/config", "analytics = false", "analytics = true", "DVC"),
        (".dvc/config", "analytics = false", "", "DVC"),
        ("dbt/dbt_project.yml", "send_anonymous_usage_stats: false", "send_anonymous_usage_stats: true", "dbt"),
    ],
)
def test_a_tool_that_reports_home_is_found(clone: Path, file: str, before: str, after: str, tool: str) -> None:
    path = clone / file
    assert before in path.read_text()
    path.write_text(path.read_text().replace(before, after))
    assert missing(clone)["usage statistics"].detail == f"sent by: {tool}"


def test_no_identity_for_commits_is_found(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "user.useConfigOnly")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "true")
    assert "user.email" in missing(clone)["Git identity"].next_step


def test_broken_declarations_are_a_finding_and_not_a_crash(clone: Path) -> None:
    (clone / "params.yaml").write_text("datasets: [")
    assert "declarations" in missing(clone)


def test_the_command_prints_json_and_exits_by_what_it_found(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(clone)
    app = Typer()
    app.command()(doctor)
    good = CliRunner().invoke(app, ["--json"])
    assert good.exit_code == 0
    assert {"check", "status", "detail", "next_step"} == set(json.loads(good.stdout)[0])
    (clone / "data/raw/siconfi/ente/br_cods.csv").unlink()
    bad = CliRunner().invoke(app, [])
    assert bad.exit_code == 1
    assert "✗ siconfi/ente" in bad.stdout
