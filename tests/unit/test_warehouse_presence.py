"""The warehouse file is current only while it was built from the receipt that is there."""

from __future__ import annotations

from pathlib import Path

from observatudo.warehouse import presence


def test_it_follows_the_receipt(tmp_path: Path) -> None:
    receipt = tmp_path / "data/warehouse/recibo.json"
    assert presence.is_current(tmp_path)  # nothing loaded, nothing to hold
    receipt.parent.mkdir(parents=True)
    receipt.write_text("1")
    assert not presence.is_current(tmp_path)
    (tmp_path / presence.WAREHOUSE).parent.mkdir()
    (tmp_path / presence.WAREHOUSE).touch()
    presence.mark(tmp_path)
    assert presence.is_current(tmp_path)
    receipt.write_text("2")  # what git checkout and dvc checkout do
    assert not presence.is_current(tmp_path)
    receipt.write_text("1")
    (tmp_path / presence.WAREHOUSE).unlink()
    assert not presence.is_current(tmp_path)
