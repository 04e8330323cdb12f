"""Snapshots over HTTP: all files or none, nothing for nothing, and what shrank or broke is refused."""

from __future__ import annotations

import io
import json
import re
import zipfile
from pathlib import Path

import pytest
import yaml

from observatudo import snapshots
from observatudo.errors import ObservatudoError, SnapshotError
from observatudo.runs import log
from observatudo.sources.guard import Refused
from tests.faulty import Answer, Call, Faulty, File, InTurn, Page, Status
from tests.fetching import KEY, commit, declare, fetch, git, http, impatient, repository, server, table

__all__ = ["impatient", "repository", "server"]

DATE = "Mon, 02 Nov 2026 10:00:00 GMT"


def events(root: Path) -> list[dict[str, object]]:
    found = [log.parse(line) for file in log.files(root) for line in file.read_bytes().splitlines()]
    return [{"result": e["result"], "checked": e["checked"]} for e in found if e and e["event"] == "fetched"]


def folder(root: Path) -> Path:
    return root / "data/raw" / KEY


def test_files_arrive_byte_for_byte_and_the_sidecar_says_where_from(server: Faulty, repository: Path) -> None:
    server.routes |= {"/a.csv": File(table(9), modified=DATE), "/b.csv": File(table(5))}
    declare(repository, http(server, "a.csv", "b.csv"))
    assert f"✓ {KEY}: changed" in fetch()
    snapshot = snapshots.verify(repository, KEY)
    assert (folder(repository) / "a.csv").read_bytes() == table(9)
    first = snapshot.files["a.csv"]
    assert (first.url, first.last_modified) == (f"{server.url}/a.csv", DATE)
    assert first.etag and first.fetched_at and first.origin.startswith("http:")
    assert snapshot.connector == "http" and snapshot.license == "CC-BY-4.0"
    assert events(repository) == [{"result": "new", "checked": False}]


def test_a_fetch_that_changes_nothing_leaves_git_with_nothing_to_say(server: Faulty, repository: Path) -> None:
    server.routes |= {"/a.csv": File(table(9)), "/b.csv": InTurn(File(table(5)), File(table(5), etag='"other"'))}
    declare(repository, http(server, "a.csv", "b.csv"))
    fetch()
    commit()
    for _turn in range(2):
        assert "unchanged" in fetch()
        assert git("status", "--porcelain") == ""
    assert [call.headers.get("if-none-match") is not None for call in server.calls[2:]] == [True] * 4


def test_a_changed_file_replaces_the_old_one_and_the_other_keeps_its_time(server: Faulty, repository: Path) -> None:
    server.routes |= {"/a.csv": File(table(9)), "/b.csv": File(table(5))}
    declare(repository, http(server, "a.csv", "b.csv"))
    fetch()
    sidecar = folder(repository) / snapshots.SIDECAR
    sidecar.write_text(re.sub(r'(?<="fetched_at": ")20', "19", sidecar.read_text()))  # a hundred years ago
    old = snapshots.read(repository, KEY)
    server.routes["/b.csv"] = File(table(6))
    assert "~ b.csv" in fetch()
    new = snapshots.verify(repository, KEY)
    assert new.files["a.csv"] == old.files["a.csv"]
    assert new.files["b.csv"].fetched_at != old.files["b.csv"].fetched_at and new.fetched_at != old.fetched_at


def test_a_file_that_somebody_edited_is_taken_anew(server: Faulty, repository: Path) -> None:
    server.routes["/a.csv"] = File(table(9))
    declare(repository, http(server, "a.csv"))
    fetch()
    commit()
    (folder(repository) / "a.csv").write_bytes(b"edited")
    fetch()
    assert git("status", "--porcelain") == ""
    assert "if-none-match" not in server.calls[-1].headers


def test_all_files_or_none(server: Faulty, repository: Path) -> None:
    server.routes |= {"/a.csv": File(table(9)), "/b.csv": File(table(5))}
    declare(repository, http(server, "a.csv", "b.csv"))
    fetch()
    commit()
    server.routes |= {"/a.csv": File(table(10)), "/b.csv": Status(404)}
    with pytest.raises(SnapshotError, match="404"):
        fetch()
    assert git("status", "--porcelain") == ""
    assert events(repository)[-1] == {"result": "failed", "checked": False}
    assert not list((repository / ".observatudo").glob("fetch-*"))


@pytest.mark.parametrize(
    ("came", "said"),
    [
        (table(89), "100 rows; came 89 rows, 89.00%"),
        (table(0), "100 rows; came 0 rows"),
        (table(100, "codigo;ano"), "“valor”"),
        (table(100, "codigo;Ano;valor"), "“ano”"),
        (b"x" * 50 + b'\n"', "100 rows"),
        (b"codigo;codigo;codigo\n1;2;3\n", "cannot be read"),
    ],
    ids=["shrank", "no-rows", "lost-column", "renamed-column", "garbage", "unreadable"],
)
def test_what_shrank_or_broke_is_refused_and_the_old_one_stays(
    server: Faulty, repository: Path, came: bytes, said: str
) -> None:
    server.routes["/a.csv"] = File(table(100))
    declare(repository, http(server, "a.csv"))
    fetch()
    commit()
    server.routes["/a.csv"] = File(came)
    with pytest.raises(Refused) as raised:
        fetch()
    assert said in str(raised.value) and "--accept" in raised.value.next_step
    assert git("status", "--porcelain") == ""
    assert (repository / ".observatudo/refused" / KEY / "a.csv").read_bytes() == came
    assert events(repository)[-1] == {"result": "refused", "checked": False}
    assert "accepted: a.csv" in fetch(KEY, "--accept")
    assert (folder(repository) / "a.csv").read_bytes() == came
    assert not (repository / ".observatudo/refused" / KEY).exists()


def test_what_grew_changed_or_was_renamed_as_declared_is_taken(server: Faulty, repository: Path) -> None:
    server.routes["/a.csv"] = File(table(100))
    declare(repository, http(server, "a.csv"))
    fetch()
    for came in (table(90, shift=1), table(300), table(300, "codigo;ano;Valor novo"), table(300, "a;codigo;ano;valor")):
        server.routes["/a.csv"] = File(came)
        assert "changed" in fetch()
    declare(repository, http(server, "a.csv"), min_rows_share=0.1)
    server.routes["/a.csv"] = File(table(31, "a;codigo;ano;valor"))
    assert "changed" in fetch()


def test_an_error_page_is_refused_even_the_first_time(server: Faulty, repository: Path) -> None:
    server.routes["/a.csv"] = Page()
    declare(repository, http(server, "a.csv"))
    with pytest.raises(SnapshotError, match="HTML"):
        fetch()
    assert not list(folder(repository).glob("*"))


def test_the_first_file_is_taken_whatever_the_declaration_thinks_of_it(server: Faulty, repository: Path) -> None:
    server.routes["/a.csv"] = File(b"x,y\n1,2\n")
    declare(repository, http(server, "a.csv"))
    assert "changed" in fetch()


def test_a_file_that_is_no_longer_declared_goes_and_one_brought_by_hand_stays(server: Faulty, repository: Path) -> None:
    server.routes |= {"/a.csv": File(table(9)), "/b.csv": File(table(5))}
    declare(repository, http(server, "a.csv", "b.csv"))
    fetch()
    (repository / "c.csv").write_bytes(table(7))
    fetch(KEY, "--from", "c.csv")
    declare(repository, http(server, "a.csv"))
    assert "- b.csv" in fetch()
    snapshot = snapshots.verify(repository, KEY)
    assert sorted(snapshot.files) == ["a.csv", "c.csv"]
    assert snapshot.connector == "http+file" and snapshot.source["files"] == [{"as": "c.csv", "name": "c.csv"}]


def test_a_file_by_hand_that_shrank_is_refused_too(server: Faulty, repository: Path) -> None:
    server.routes["/a.csv"] = File(table(100))
    declare(repository, http(server, "a.csv"))
    fetch()
    (repository / "less.csv").write_bytes(table(10))
    with pytest.raises(Refused) as raised:
        fetch(KEY, "--from", "less.csv", "--as", "a.csv")
    assert raised.value.next_step.endswith(f"fetch {KEY} --from less.csv --as a.csv --accept")
    fetch(KEY, "--from", "less.csv", "--as", "a.csv", "--accept")
    assert (folder(repository) / "a.csv").read_bytes() == table(10)


def test_one_member_comes_out_of_an_archive(server: Faulty, repository: Path) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as out:
        out.writestr("2024/dados.csv", table(9))
        out.writestr("leia.txt", "x")
    server.routes["/d.zip"] = File(packed.getvalue())
    item = {"url": f"{server.url}/d.zip", "file": "a.csv", "member": "2024/dados.csv"}
    declare(repository, {"http": [item]})
    fetch()
    commit()
    assert (folder(repository) / "a.csv").read_bytes() == table(9)
    assert snapshots.verify(repository, KEY).files["a.csv"].member == "2024/dados.csv"
    fetch()
    assert git("status", "--porcelain") == "" and "if-none-match" in server.calls[-1].headers
    declare(repository, {"http": [{**item, "member": "2023/dados.csv"}]})
    with pytest.raises(SnapshotError, match=r"holds no file “2023/dados\.csv”"):
        fetch()


def test_a_secret_of_an_address_is_in_no_sidecar_and_no_log(server: Faulty, repository: Path) -> None:
    server.routes["/a.csv"] = InTurn(File(table(9)), Status(404))
    url = f"{server.url.replace('//', '//ana:segredo-1@')}/a.csv?token=segredo-2&ano=2024"
    declare(repository, {"http": [{"url": url, "file": "a.csv", "form": {"senha": "segredo-3", "uf": "SP"}}]})
    fetch()
    with pytest.raises(ObservatudoError) as raised:
        fetch()
    told = [path.read_text() for path in (*log.files(repository), folder(repository) / snapshots.SIDECAR)]
    assert "segredo" not in "".join([*told, str(raised.value)])
    assert server.calls[0].query["token"] == "segredo-2" and b"segredo-3" in server.calls[0].body


def test_two_files_of_one_name_are_refused(server: Faulty, repository: Path) -> None:
    server.routes["/a.csv"] = File(table(9))
    declare(repository, http(server, "a.csv", "a.csv"))
    with pytest.raises(ObservatudoError, match=r"a\.csv"):
        fetch()


@pytest.mark.parametrize("name", ["snapshot.json", "a.csv.dvc"])
def test_a_name_that_we_need_ourselves_is_refused(server: Faulty, repository: Path, name: str) -> None:
    server.routes[f"/{name}"] = File(b'{"a": 1}')
    declare(repository, http(server, name))
    with pytest.raises(SnapshotError, match="no plain name"):
        fetch()


def test_check_tells_news_and_takes_nothing(server: Faulty, repository: Path) -> None:
    server.routes["/a.csv"] = File(table(9), modified=DATE)
    declare(repository, http(server, "a.csv"))
    assert "there is news" in fetch("--check")
    fetch()
    commit()
    assert "no news" in fetch("--check")
    assert server.calls[-1].method == "HEAD"
    server.routes["/a.csv"] = File(table(10), modified=DATE.replace("02", "03"))
    assert json.loads(fetch("--check", "--json")) == [{"dataset": KEY, "news": True, "message": ""}]
    assert git("status", "--porcelain") == ""
    checks = [event for event in events(repository) if event["checked"]]
    assert [event["result"] for event in checks] == ["new", "same", "new"]


def test_check_compares_the_bytes_where_validators_do_not_tell(server: Faulty, repository: Path) -> None:
    server.routes["/a.csv"] = File(table(9), etag="")
    declare(repository, http(server, "a.csv"))
    fetch()
    commit()
    assert "no news" in fetch("--check")
    server.routes["/a.csv"] = File(table(8), etag="")
    assert "there is news" in fetch("--check")
    assert git("status", "--porcelain") == ""


def test_check_of_a_source_that_is_down_says_so(server: Faulty, repository: Path) -> None:
    server.routes["/a.csv"] = File(table(9))
    declare(repository, http(server, "a.csv"))
    fetch()
    server.routes["/a.csv"] = Status(503)
    found = json.loads(fetch("--check", "--json", code=1))
    assert found[0]["news"] is None and "503" in found[0]["message"]
    assert events(repository)[-1] == {"result": "failed", "checked": True}


@pytest.mark.parametrize("words", [["--check", "--accept"], ["--check", "--from", "x"], ["--json"]])
def test_what_does_not_go_together_is_wrong_usage(server: Faulty, repository: Path, words: list[str]) -> None:
    declare(repository, http(server, "a.csv"))
    fetch(*words, code=2)


def test_a_second_fetch_meanwhile_is_told_to_wait(server: Faulty, repository: Path) -> None:
    said: list[str] = []

    def nested(call: Call) -> Answer:
        with pytest.raises(ObservatudoError, match="another process fetches") as raised:
            fetch()
        said.append(str(raised.value))
        return File(table(9))(call)

    server.routes["/a.csv"] = nested
    declare(repository, http(server, "a.csv"))
    fetch()
    assert len(said) == 1


def test_a_disk_that_fills_up_at_the_end_brings_the_old_files_back(
    server: Faulty, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.routes |= {"/a.csv": File(table(9)), "/b.csv": File(table(5))}
    declare(repository, http(server, "a.csv", "b.csv"))
    fetch()
    commit()
    server.routes |= {"/a.csv": File(table(10)), "/c.csv": File(table(7))}
    declare(repository, http(server, "a.csv", "c.csv"))
    part = folder(repository) / f".{snapshots.SIDECAR}.part"
    part.mkdir()  # the sidecar cannot be written
    with pytest.raises(AssertionError):
        fetch()
    part.rmdir()
    assert git("status", "--porcelain", "data") == ""
    assert sorted(snapshots.verify(repository, KEY).files) == ["a.csv", "b.csv"]


def test_the_datasets_of_the_package_keep_the_sidecars_they_have(repository: Path) -> None:
    """A fetch by this version says of a package what earlier versions said."""
    from observatudo.config import Dataset
    from observatudo.sources.take import _snapshot
    from tests.conftest import ROOT

    for key in ("brmunipanel/variavel", "siconfi/ente"):
        declared = Dataset.model_validate(yaml.safe_load((ROOT / f"configs/datasets/{key}.yaml").read_text()))
        stood = snapshots.read(ROOT, key)
        made = _snapshot(key, declared, stood.files).model_copy(update={"fetched_at": stood.fetched_at})
        assert made.to_json() == stood.to_json()


@pytest.mark.parametrize(
    "name", ["../../up.csv", "/{folder}/up.csv", ".up.csv", "sub/up.csv", "snapshot.json", "*.csv", "a\nb.csv"]
)
def test_a_local_file_lands_in_its_own_folder_only(repository: Path, name: str) -> None:
    declare(repository, {})
    Path("mine").mkdir()
    Path("mine/a.csv").write_bytes(table(10))
    before = sorted(repository.rglob("*.csv"))
    with pytest.raises(ObservatudoError, match="has no file") as raised:
        fetch(KEY, "--from", "mine/a.csv", "--as", name.format(folder=repository))
    assert raised.value.next_step == f"observatudo fetch {KEY} --from mine/a.csv --as NAME"
    assert sorted(repository.rglob("*.csv")) == before
