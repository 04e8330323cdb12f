"""data/classified/overrides.csv: read strictly, wrong lines named."""

from __future__ import annotations

from pathlib import Path

import pytest

from observatudo import paths
from observatudo.classify import overrides
from observatudo.classify.taxonomy import load_taxonomy
from observatudo.errors import ConfigError

HEADER = "id_indicador,eixo,autor,data,justificativa\n"


def _read(root: Path, folder: Path, text: str) -> dict[str, str]:
    path = folder / "overrides.csv"
    path.write_text(text, encoding="utf-8")
    return overrides.read(path, load_taxonomy(root))


def test_the_file_of_the_repository_can_be_read(root: Path) -> None:
    overrides.read(root / paths.OVERRIDES, load_taxonomy(root))


def test_decisions_are_read_by_key_or_title(root: Path, tmp_path: Path) -> None:
    text = HEADER + 'a,Saúde,Ana,2026-01-31,"é saúde,\nsem dúvida"\n\nb,Indefinido,Rui,2026-02-01,vago\n'
    assert _read(root, tmp_path, text) == {"a": "Saude", "b": "Indefinido"}


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("", 1, "header"),
        ("id;eixo\n", 1, "header"),
        (HEADER + "a,Saude,Ana,2026-01-31,x\nb,Saude,Ana,2026-01-31\n", 3, "4 cells"),
        (HEADER + "a,Saude,,2026-01-31,x\n", 2, "autor"),
        (HEADER + "a,Saudee,Ana,2026-01-31,x\n", 2, "Saude?"),
        (HEADER + "a,Saude,Ana,31/01/2026,x\n", 2, "31/01/2026"),
        (HEADER + "a,Saude,Ana,2026-01-31,x\na,Economia,Ana,2026-01-31,x\n", 3, "line 2"),
        (HEADER + "a,Saude,Ana,2026-01-31, \n", 2, "justificativa"),
    ],
)
def test_a_wrong_line_is_named(root: Path, tmp_path: Path, text: str, line: int, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        _read(root, tmp_path, text)
    assert caught.value.where.endswith(f"overrides.csv:{line}")
    assert message in caught.value.message


def test_a_missing_file_and_another_encoding_are_explained(root: Path, tmp_path: Path) -> None:
    path = tmp_path / "overrides.csv"
    with pytest.raises(ConfigError, match="not there"):
        overrides.read(path, load_taxonomy(root))
    path.write_bytes((HEADER + "a,Saúde,Ana,2026-01-31,x\n").encode("latin-1"))
    with pytest.raises(ConfigError, match="UTF-8"):
        overrides.read(path, load_taxonomy(root))
