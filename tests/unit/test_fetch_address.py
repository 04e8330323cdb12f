"""Addresses as people see them: nothing in them that opens a door."""

from __future__ import annotations

import pytest

from observatudo.sources.address import shown


@pytest.mark.parametrize(
    ("given", "seen"),
    [
        ("ftp:/maria:segredo@exemplo.org/a.csv", "ftp://exemplo.org/a.csv"),
        ("https:/exemplo.org/a.csv?token=segredo&ano=2020", "https://exemplo.org/a.csv?token=***&ano=2020"),
        ("data/raw/a.csv", "data/raw/a.csv"),
        ("C:/dados/a.csv", "C:/dados/a.csv"),
    ],
)
def test_a_path_that_is_an_address_is_shown_without_its_secrets(given: str, seen: str) -> None:
    assert shown(given) == seen
