"""The official places, to tell codes and names of municipalities from other numbers and words."""

from __future__ import annotations

import csv
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from observatudo import paths
from observatudo.onboard.words import folded

_IGNORED: Final = re.compile(r"\d{2}0000\d?")


@dataclass(frozen=True)
class Places:
    """``codes``: of seven digits and six; ``names``: state → keys; ``states``: folded spelling → letters."""

    codes: frozenset[str]
    names: Mapping[str, frozenset[str]]
    states: Mapping[str, str]
    state_codes: Mapping[str, str]

    def is_code(self, text: str) -> bool:
        """Say whether the text is a municipality's code in one of the spellings in use."""
        plain = text.removesuffix(".0")
        return plain in self.codes or _IGNORED.fullmatch(plain) is not None

    def is_state_code(self, text: str) -> bool:
        return text.removesuffix(".0") in self.state_codes

    def state(self, text: str) -> str | None:
        """Return the two letters of a state, written as letters, name or code."""
        return self.states.get(folded(text)) or self.state_codes.get(text.removesuffix(".0"))

    def is_name(self, text: str, state: str | None = None) -> bool:
        key = name_key(text)
        if state is not None:
            return key in self.names.get(state, ())
        return any(key in names for names in self.names.values())

    def state_of(self, texts: Iterable[str]) -> str | None:
        """Return the one state that nearly all of these names belong to, if there is one."""
        keys = [name_key(text) for text in texts]
        share = {uf: sum(key in names for key in keys) / max(len(keys), 1) for uf, names in self.names.items()}
        ranked = sorted(share, key=lambda uf: -share[uf])
        if len(ranked) > 1 and share[ranked[0]] >= 0.8 and share[ranked[0]] > 1.5 * share[ranked[1]]:
            return ranked[0]
        return None


def name_key(text: str) -> str:
    """Return the name as ingest compares it: without accents, case, blanks and punctuation."""
    return re.sub(r"[^a-z0-9]", "", folded(text))


def official(root: Path, directory: Path) -> Places:
    """Read the official list ingested in ``directory`` and the states of the repository at ``root``."""
    import pyarrow.parquet as parquet

    codes: set[str] = set()
    names: dict[str, set[str]] = defaultdict(set)
    state_of: dict[str, str] = {}
    for row in parquet.read_table(directory / "referencia.parquet").to_pylist():
        code = str(row["id_municipio"])
        codes |= {code, code[:6]}
        state_of[code] = str(row["sigla_uf"])
        names[state_of[code]].add(name_key(str(row["nome"])))
    for row in parquet.read_table(directory / "divergencia.parquet").to_pylist():
        if row["coluna"] == "nome" and row["id_municipio"] in state_of:
            names[state_of[row["id_municipio"]]].add(name_key(str(row["valor"])))
    spellings: dict[str, str] = {}
    numbers: dict[str, str] = {}
    with (root / paths.STATES).open(encoding="utf-8", newline="") as file:
        for line in csv.DictReader(file):
            spellings |= {folded(line["sigla_uf"]): line["sigla_uf"], folded(line["nome_uf"]): line["sigla_uf"]}
            numbers[line["id_uf"]] = line["sigla_uf"]
    return Places(frozenset(codes), {uf: frozenset(keys) for uf, keys in names.items()}, spellings, numbers)
