"""Rules for the files of the repository: what the lock may say, what no file may name, how long code may be."""

from __future__ import annotations

import configparser
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.conftest import ROOT
from tests.contract import modules

# Put together from halves, so that this file does not hold what it forbids.
HOSTS = [
    "pypi" + ".org",
    "python" + "hosted",
    "npm" + "js",
    "yarn" + "pkg",
    "conda" + ".io",
    "npm" + "mirror",
    "simple" + "index",
]
MACHINE = re.compile(r"(?<![\w.])/(?:" + "wo" + "rk|t" + r"mp|root|home|Users|opt)/\w")


def committed() -> dict[Path, str]:
    """Return path → text of every text file in Git but the snapshots, which stay as they were published."""
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    found = {}
    for name in filter(None, names.split("\0")):
        path = ROOT / name
        if path.is_file() and (not name.startswith("data/raw/") or path.name == "snapshot.json"):
            content = path.read_bytes()
            if b"\0" not in content:
                found[Path(name)] = content.decode("utf-8")
    return found


def test_no_file_names_a_registry_or_a_path_of_one_machine() -> None:
    wrong = [
        f"{path}:{number}: {line.strip()[:100]}"
        for path, text in committed().items()
        for number, line in enumerate(text.splitlines(), 1)
        if any(host in line for host in HOSTS) or MACHINE.search(line)
    ]
    assert not wrong, "\n".join(wrong)


def test_text_files_end_their_lines_the_same_way() -> None:
    assert not [path for path, text in committed().items() if "\r" in text]


def test_the_lock_pins_every_package_by_hash_and_names_no_address() -> None:
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    entries = re.split(r"\n(?=\S)", text.strip())
    assert len(entries) > 200
    assert not [
        entry for entry in entries if not re.match(r"[\w.-]+==[\w.+!]+( ;[^\n]*)? \\\n    --hash=sha256:", entry)
    ]
    assert "://" not in text


def test_the_lock_holds_what_pyproject_asks_for() -> None:
    """Resolving anew is `make lock`'s work; that each direct dependency is pinned within its bounds is checked here."""
    import tomllib

    from packaging.requirements import Requirement

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    asked = [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]]
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    pinned = dict(re.findall(r"^([\w.-]+)==([^\s;]+)", lock, flags=re.MULTILINE))
    for requirement in map(Requirement, asked):
        assert requirement.specifier.contains(pinned[requirement.name.lower()], prereleases=True), requirement


def test_no_tool_reports_home_in_a_clone() -> None:
    settings = configparser.ConfigParser(interpolation=None)
    settings.read(ROOT / ".dvc/config", encoding="utf-8")
    assert settings["core"]["analytics"] == settings["core"]["check_update"] == "false"
    flags = yaml.safe_load((ROOT / "dbt/dbt_project.yml").read_text(encoding="utf-8"))["flags"]
    assert flags["send_anonymous_usage_stats"] is False
    assert "MLFLOW_DISABLE_TELEMETRY" in (ROOT / "Makefile").read_text(encoding="utf-8")


def test_every_module_that_starts_mlflow_turns_its_telemetry_off_first() -> None:
    users = [
        path
        for name, path in modules.find(ROOT).items()
        if any(found.split(".")[0] == "mlflow" for found in modules.imports(name, path))
    ]
    assert users
    assert not [path for path in users if "MLFLOW_DISABLE_TELEMETRY" not in path.read_text(encoding="utf-8")]


def test_functions_stay_short_enough_to_read() -> None:
    lengths = {name: size for path in modules.find(ROOT).values() for name, size in modules.functions(path)}
    assert not {name: size for name, size in lengths.items() if size > 60}
    assert sorted(lengths.values())[int(len(lengths) * 0.9)] <= 40


@pytest.mark.parametrize("folder", ["observatudo", "stages", "tui", "tests"])
def test_files_stay_short_enough_to_read(folder: str) -> None:
    files = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in (ROOT / folder).rglob("*.py")}
    assert not {path: lines for path, lines in files.items() if lines > 500}


def test_hooks_never_replace_one_that_is_there(tmp_path: Path) -> None:
    """The script that ``make repro`` runs, in a repository of its own, beside a hook somebody wrote."""
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    script = tmp_path / "scripts/hooks"
    script.parent.mkdir()
    script.write_bytes((ROOT / "scripts/hooks").read_bytes())
    own = tmp_path / ".git/hooks/pre-commit"
    own.parent.mkdir(exist_ok=True)
    own.write_text("#!/bin/sh\n# mine\n")
    subprocess.run(["sh", str(script)], check=True)
    assert own.read_text() == "#!/bin/sh\n# mine\n"
    assert "dvc git-hook post-checkout" in (tmp_path / ".git/hooks/post-checkout").read_text()


def test_hooks_can_be_refused_for_good(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    subprocess.run(["git", "config", "observatudo.hooks", "false"], cwd=tmp_path, check=True)
    script = tmp_path / "scripts/hooks"
    script.parent.mkdir()
    script.write_bytes((ROOT / "scripts/hooks").read_bytes())
    subprocess.run(["sh", str(script)], check=True)
    assert not (tmp_path / ".git/hooks/post-checkout").exists()


def test_a_commit_works_where_dvc_is_not_installed(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    script = tmp_path / "scripts/hooks"
    script.parent.mkdir()
    script.write_bytes((ROOT / "scripts/hooks").read_bytes())
    subprocess.run(["sh", str(script)], check=True)
    plain = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    who = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    done = subprocess.run(
        ["git", *who, "commit", "-q", "--allow-empty", "-m", "x"],
        cwd=tmp_path,
        env=plain,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
