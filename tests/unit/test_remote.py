"""A folder becomes DVC's default remote: what is written, what is refused, what a push sends."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from observatudo import remote
from observatudo.cloud import bucket, sending
from observatudo.errors import ObservatudoError
from tests.conftest import ROOT
from tests.past import Past, observation, past

NAMES = ["dados", "uma pasta", "município é ção", "a, b"]


@pytest.fixture
def here(tmp_path: Path) -> Past:
    made = past(tmp_path / "casa/observatório")
    made.observations([observation("3550308", 2019, 1.0)])
    made.commit("first")
    return made


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("shared", [True, False])
def test_a_folder_beside_the_repository_is_set_by_a_path_that_moves_along(here: Past, name: str, shared: bool) -> None:
    made = remote.set_up(here.root, here.root.parent / name, shared=shared)
    assert made.folder == here.root.parent / name and made.folder.is_dir()
    assert made.verify and made.is_shared is shared
    file = here.root / ".dvc" / ("config" if shared else "config.local")
    assert f"../../{name}" in file.read_text(encoding="utf-8")
    moved = here.root.parent.rename(here.root.parent.with_name("elsewhere"))
    found = remote.current(moved / here.root.name)
    assert found is not None and found.folder == moved / name


def test_what_stands_in_the_shared_configuration_stays_with_its_comments(here: Past) -> None:
    before = (ROOT / ".dvc/config").read_text(encoding="utf-8")
    (here.root / ".dvc/config").write_text(before, encoding="utf-8")
    remote.set_up(here.root, here.root.parent / "dados", shared=True)
    after = (here.root / ".dvc/config").read_text(encoding="utf-8").splitlines()
    assert [line for line in before.splitlines() if line not in after] == []


@pytest.mark.parametrize("name", ["100%(x)s", "both ' and \"", "50% # of it %"])
def test_a_path_that_dvc_would_misread_changes_nothing(here: Past, name: str) -> None:
    remote.set_up(here.root, here.root.parent / "dados")
    before = (here.root / ".dvc/config.local").read_bytes()
    try:
        made = remote.set_up(here.root, here.root.parent / name, replace=True)
    except ObservatudoError as error:
        assert "cannot hold" in error.message
        assert (here.root / ".dvc/config.local").read_bytes() == before
    else:
        assert made.folder == here.root.parent / name


def test_another_remote_is_only_replaced_when_told(here: Past) -> None:
    first = remote.set_up(here.root, here.root.parent / "one")
    with pytest.raises(ObservatudoError, match="already has a default remote, dados") as refused:
        remote.set_up(here.root, here.root.parent / "two words")
    assert "two words' --replace" in refused.value.next_step
    assert not (here.root.parent / "two words").exists() and remote.current(here.root) == first
    assert remote.set_up(here.root, here.root.parent / "one") == first, "the same again is no other"
    made = remote.set_up(here.root, here.root.parent / "two words", replace=True)
    assert made.folder == here.root.parent / "two words"


def test_shared_in_place_of_local_counts_here_too(here: Past) -> None:
    remote.set_up(here.root, here.root.parent / "one")
    made = remote.set_up(here.root, here.root.parent / "two", shared=True, replace=True)
    assert made.is_shared and made.folder == here.root.parent / "two"
    assert "dados" not in (here.root / ".dvc/config.local").read_text()


def test_a_cloud_that_is_set_is_shown_and_not_overwritten(here: Past) -> None:
    here.write(".dvc/config", "[core]\n    remote = cloud\n['remote \"cloud\"']\n    url = gs://bucket/x\n")
    found = remote.current(here.root)
    assert found is not None and (found.url, found.folder, found.verify) == ("gs://bucket/x", None, False)
    with pytest.raises(ObservatudoError, match="gs://bucket/x"):
        remote.set_up(here.root, here.root.parent / "dados")


def test_folders_that_cannot_be_it_are_refused(here: Past) -> None:
    beside = here.root.parent
    (beside / "file").write_text("x")
    (beside / "photos").mkdir()
    (beside / "photos/a.jpg").write_text("x")
    for folder, why in ((here.root / "store", "inside"), (beside / "file", "a file"), (beside / "photos", "a.jpg")):
        with pytest.raises(ObservatudoError, match=why):
            remote.set_up(here.root, folder)
    assert remote.current(here.root) is None


def test_without_a_remote_or_its_folder_the_next_step_is_said(here: Past) -> None:
    with pytest.raises(ObservatudoError) as none:
        remote.push(here.root)
    assert none.value.next_step.startswith("observatudo remote ")
    made = remote.set_up(here.root, here.root.parent / "dados")
    assert made.folder is not None
    made.folder.rmdir()
    with pytest.raises(ObservatudoError, match="is its disk connected"):
        remote.push(here.root)
    assert not made.folder.exists(), "nothing is written to where a disk is not mounted"


def test_what_was_deleted_in_the_folder_is_sent_again_although_its_listing_is_there(here: Past) -> None:
    made = remote.set_up(here.root, here.root.parent / "dados")
    assert made.folder is not None
    remote.push(here.root)
    victim = next(path for path in (made.folder / "files/md5").rglob("??*/*") if path.suffix != ".dir")
    victim.unlink()
    assert remote.push(here.root).sent == 1 and victim.is_file()


def test_what_an_answer_for_a_token_says_is_not_passed_on() -> None:
    """The endpoint's answer stands in the error of Google's library; it may quote what it was sent."""
    from google.auth.exceptions import RefreshError

    try:
        raise RefreshError("invalid_grant: SEGREDO", {"error_description": "SEGREDO"})
    except RefreshError as error:
        reasons = sending._Reasons()
        reasons.handle(logging.LogRecord("dvc", logging.ERROR, "", 0, "", (), (type(error), error, None)))
        assert (reasons.first, bucket.told(error)) == ("RefreshError", "RefreshError")
    assert bucket.told(OSError("no\nroom")) == "no room"
