"""A small repository with one table of observations, brought into the emulators by the real code.

``python -m tests.cloud.repository ROOT`` brings it as a process of its own, which can be killed; it prints the loads.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pyarrow as pa

from observatudo import dvccache, parquet
from observatudo.cloud import clients, settings
from observatudo.cloud.settings import Settings
from observatudo.config import WarehouseParams
from observatudo.errors import ObservatudoError
from observatudo.warehouse.bigquery import bring, sent, statements
from observatudo.warehouse.bigquery.fingerprint import Fingerprint, of_files
from observatudo.warehouse.bigquery.ledger import Load
from observatudo.warehouse.bigquery.sent import Columns, Sent
from observatudo.warehouse.bigquery.statements import Place
from observatudo.warehouse.bigquery.telling import By, Watch
from observatudo.warehouse.tables import OBSERVATION, arrow_schema

if TYPE_CHECKING:
    from google.cloud.bigquery import Client

    from observatudo.warehouse.bigquery.jobs import Done

NAME = "prova__x_observacao"
KEY = ("id_indicador", "id_municipio", "data_referencia")
Row = tuple[object, ...]
Foreign = Literal["refuse", "replace"]


def observation(number: int, value: float | None, indicator: str = "prova_a") -> Row:
    """Return one row: ``number`` gives municipality and month."""
    month = date(2018 + number // 12 % 10, number % 12 + 1, 1)
    return (indicator, f"{1100000 + number:07d}", month, "mensal", value, None, None if value is None else "v", None)


def rows(count: int, value: float = 1.0, start: int = 0) -> list[Row]:
    """Return so many rows."""
    return [observation(number, value + number) for number in range(start, start + count)]


@dataclass
class Small:
    """The repository at ``root``, what was told of its loads, and a client past any proxy at ``direct``."""

    root: Path
    direct: str = ""
    columns: Columns = OBSERVATION
    key: tuple[str, ...] = KEY
    jobs: list[Done] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    @property
    def settings(self) -> Settings:
        return settings.load(self.root)

    @property
    def place(self) -> Place:
        return Place(self.settings.project, self.settings.raw_dataset)

    @property
    def folder(self) -> Path:
        return self.root / "data/prova"

    def write(self, content: Iterable[Row], file: str = "a", *, kept: bool = True) -> Sent:
        """Write a file in order of the key, keep it in the cache as DVC does, and return the table as it is now."""
        names = [name for name, _kind in self.columns]
        listed = [dict(zip(names, row, strict=True)) for row in content]
        listed.sort(key=lambda row: tuple(str(row[name]) for name in self.key))
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.root / ".dvc").mkdir(exist_ok=True)
        parquet.write(pa.Table.from_pylist(listed, schema=arrow_schema(self.columns)), self.folder / f"{file}.parquet")
        if kept:
            self.keep()
        return self.table()

    def table(self) -> Sent:
        month = "data_referencia" if "data_referencia" in dict(self.columns) else ""
        files = sent._files(self.root, self.folder.glob("*.parquet"))
        return Sent(NAME, self.columns, self.key, files, "Prova", month)

    def keep(self) -> None:
        for file in self.table().files:
            self.cached(file.md5).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(self.root / file.path, self.cached(file.md5))

    def cached(self, md5: str) -> Path:
        return dvccache.place(dvccache.folder(self.root), md5)

    def back_to(self, table: Sent) -> Sent:
        """Have the files of an older version in the folder, as ``dvc checkout`` does."""
        shutil.rmtree(self.folder)
        self.folder.mkdir()
        for file in table.files:
            shutil.copyfile(self.cached(file.md5), self.root / file.path)
        return self.table()

    def dataset(self, location: str = "") -> None:
        from google.cloud.bigquery import Dataset

        made = Dataset(f"{self.settings.project}.{self.settings.raw_dataset}")
        made.location = location or self.settings.location
        self.client().create_dataset(made)

    def client(self) -> Client:
        """Return a client of the emulator itself."""
        return clients.bigquery(self.settings.model_copy(update={"bigquery_host": self.direct}))

    def sql(self, text: str) -> list[Row]:
        """Run SQL past every proxy; ``{t}`` is the table, ``{carga}`` the ledger, ``{vez}`` the turn."""
        names = {"t": NAME, "carga": statements.LEDGER, "vez": statements.TURN}
        quoted = {short: self.place.table(name) for short, name in names.items()}
        return [tuple(row.values()) for row in self.client().query(text.format(**quoted)).result()]

    def bring(self, *tables: Sent, foreign: Foreign = "refuse", budget_gb: float = 100) -> Load:
        """Bring tables (the one of this repository, if none is named); return the first one's newest load."""
        params = WarehouseParams(target="bigquery", on_foreign_change=foreign, budget_gb=budget_gb)
        by = By("20261123T000000Z-abc", "0" * 40, "Maria")
        watch = replace(Watch(), job=self.jobs.append, said=self.said.append)
        return bring.bring(self.root, tables or [self.table()], self.settings, params, by, watch)[0]

    def refused(self, *tables: Sent, foreign: Foreign = "refuse") -> str:
        """Bring the table, which must fail as a person can read; return what was said."""
        try:
            self.bring(*tables, foreign=foreign)
        except ObservatudoError as error:
            assert error.next_step and error.where
            return str(error)
        raise AssertionError("it was loaded")

    def observed(self) -> Fingerprint:
        """Return the fingerprint of what the table shows, as the server computes it."""
        (found,) = self.sql(statements.observed(self.place, NAME, self.columns).replace("{", "{{").replace("}", "}}"))
        return Fingerprint.parse(str(found[0]))

    def loads(self) -> list[Row]:
        """Return the ledger: number, version, mode and rows of each load."""
        return self.sql("select sequencia, versao, modo, linhas from {carga} order by sequencia")

    def holds(self, table: Sent) -> bool:
        """Say whether the warehouse shows this version, and the ledger says so; no key may be there twice."""
        twice = f"select count(*) from (select 1 from {{t}} group by {', '.join(self.key)} having count(*) > 1)"
        assert self.sql(twice) == [(0,)]
        noted = self.sql("select versao, impressao from {carga} where tabela = '" + NAME + "' order by sequencia desc")
        is_shown = self.observed() == of_files([self.cached(file.md5) for file in table.files], table.columns)
        return is_shown and bool(noted) and noted[0] == (table.version, str(self.observed()))

    def is_consistent(self) -> None:
        """Hold that the ledger's newest row is what the table shows, and that no number was given twice."""
        noted = self.sql("select sequencia, impressao from {carga} where tabela = '" + NAME + "' order by 1 desc")
        assert noted and noted[0][1] == str(self.observed())
        numbers = [int(str(row[0])) for row in self.sql("select sequencia from {carga}")]
        assert len(set(numbers)) == len(numbers) and self.sql("select sequencia from {vez}") == [(max(numbers),)]


def values(small: Small) -> Sequence[Row]:
    """Return municipality and value of each row that is shown."""
    return small.sql("select id_municipio, valor from {t} where _ativo order by 1")


def main() -> None:
    """Bring the table of a repository; what cannot be is said on the error stream, with 1."""
    small = Small(Path(sys.argv[1]))
    try:
        load = small.bring()
    except ObservatudoError as error:
        print(type(error).__name__, error, error.next_step, file=sys.stderr)
        raise SystemExit(1) from None
    print(json.dumps([load.sequence, load.version, load.mode]))


if __name__ == "__main__":
    main()
