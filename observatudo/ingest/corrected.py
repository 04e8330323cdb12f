"""Declared corrections, applied to the texts of a batch before they are typed, so that every check holds for them.

``corrigido`` is ``lido`` with the corrected texts; of a corrected field it also has the text as published and the
reason. Rows are found by their key as published: typed and placed once without corrections. ``encontrado`` keeps
every row a correction's key led to, over all batches; what of it fits is what was applied.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from observatudo import corrections
from observatudo.errors import DataError
from observatudo.i18n import _
from observatudo.ingest import casts, places
from observatudo.ingest.rows import period
from observatudo.ingest.sql import failure, ident, literal, published, raw, reason

if TYPE_CHECKING:
    from pathlib import Path

    import duckdb

    from observatudo.config import Dataset, ParamValue
    from observatudo.corrections import Declared

FILE = "correcao.parquet"
_SHOWN = 3
_DECLARED = """
CREATE TABLE correcao (
    _c INTEGER, chave VARCHAR, coluna VARCHAR, de VARCHAR, para VARCHAR, motivo VARCHAR, fonte VARCHAR, quem VARCHAR,
    quando DATE{keys}
);
CREATE TABLE encontrado (_c INTEGER, arquivo VARCHAR, linha BIGINT, texto VARCHAR);
"""
APPLIED = """
SELECT c.chave, c.coluna, c.de AS valor_publicado, c.para AS valor_corrigido, c.motivo, c.fonte, c.quem, c.quando,
    e.arquivo, e.linha
FROM correcao AS c JOIN encontrado AS e ON e._c = c._c AND e.texto = c.de
ORDER BY c.chave, c.coluna, e.arquivo, e.linha
"""
_FITTING = "FROM achado AS a JOIN correcao AS c ON c._c = a._c AND c.de = a.texto AND c.coluna = {field}"


@dataclass(frozen=True)
class Corrector:
    """The corrections of one dataset and the SQL that applies them to a batch."""

    declared: list[Declared]
    fields: list[str]
    copy: str
    typed: str
    found: str

    def apply(self, con: duckdb.DuckDBPyConnection) -> None:
        """Make ``corrigido`` of ``lido``, and note the rows that the corrections' keys lead to."""
        con.execute(self.copy)
        con.execute(self.typed)
        con.execute(self.found)
        con.execute("INSERT INTO encontrado SELECT _c, arquivo, linha, texto FROM achado")
        for name in self.fields:
            con.execute(
                f"UPDATE corrigido SET {raw(name)} = f.para, {published(name)} = f.de, {reason(name)} = f.motivo"
                f" FROM (SELECT a._n, c.para, c.de, c.motivo {_FITTING.format(field=literal(name))}) AS f"
                " WHERE corrigido._n = f._n"
            )

    def finish(self, con: duckdb.DuckDBPyConnection, key: str) -> int:
        """Return how many texts were corrected, after the last batch; raises DataError naming what is stale."""
        texts: dict[int, list[tuple[str, str]]] = {}
        query = "SELECT _c, texto, arquivo || ':' || linha FROM encontrado ORDER BY ALL"
        for number, text, where in con.execute(query).fetchall():
            texts.setdefault(number, []).append((text, where))
        stale = [
            _stale(each, texts.get(number, []), key)
            for number, each in enumerate(self.declared)
            if not any(text == each.correction.from_.strip() for text, _where in texts.get(number, []))
        ]
        if stale:
            raise DataError(
                _("corrections no longer fit what is published:") + "".join(f"\n    {line}" for line in stale),
                where=str(corrections.path(key)),
                next_step=_("edit these lines as each says, then dvc repro"),
            )
        return int(con.execute(f"SELECT count(*) FROM ({APPLIED})").fetchall()[0][0])


def prepare(
    con: duckdb.DuckDBPyConnection, root: Path, key: str, dataset: Dataset, params: dict[str, ParamValue]
) -> Corrector | None:
    """Read the dataset's corrections and make the empty tables; None where there are none. Raises ConfigError."""
    declared = corrections.declared(root, key, dataset)
    if not declared:
        return None
    names = corrections.key_of(dataset)
    con.execute(_DECLARED.format(keys="".join(f", _k{number} VARCHAR" for number in range(len(names)))))
    slots = ", ".join("?" * (9 + len(names)))
    for number, each in enumerate(declared):
        said = each.correction
        texts = [each.shown(), each.field, said.from_.strip(), said.to.strip(), said.reason, said.source, said.who]
        con.execute(f"INSERT INTO correcao VALUES ({slots})", [number, *texts, said.when, *each.key])
    fields = sorted({each.field for each in declared})
    return Corrector(
        declared, fields, _copy(fields), _typed(dataset, params), _found(dataset, fields, _key(dataset, names))
    )


def _copy(fields: list[str]) -> str:
    added = "".join(
        f", CAST(NULL AS VARCHAR) AS {published(name)}, CAST(NULL AS VARCHAR) AS {reason(name)}" for name in fields
    )
    return f"CREATE OR REPLACE TEMP TABLE corrigido AS SELECT *{added}, row_number() OVER () AS _n FROM lido"


def _typed(dataset: Dataset, params: dict[str, ParamValue]) -> str:
    return f"CREATE OR REPLACE TEMP TABLE tipado AS {casts.typed_query(dataset, params, 'corrigido')}"


def _found(dataset: Dataset, fields: list[str], key: list[str]) -> str:
    """Return the statement that makes ``achado``: the rows of the batch that the keys lead to, with the text there."""
    text = " ".join(f"WHEN {literal(name)} THEN coalesce(t.{raw(name)}, '')" for name in fields)
    same = " AND ".join(f"c._k{number} = {each}" for number, each in enumerate(key))
    return f"""
        CREATE OR REPLACE TEMP TABLE achado AS
        SELECT c._c, t._n, CAST(t._arquivo AS VARCHAR) AS arquivo, t._linha AS linha, CASE c.coluna {text} END AS texto
        FROM (SELECT t.*, {places.columns(dataset.locality)} FROM tipado AS t {places.join(dataset.locality)}) AS t
        JOIN correcao AS c ON {same}
    """


def _key(dataset: Dataset, names: tuple[str, ...]) -> list[str]:
    """Return the expressions of the key's parts; what cannot be typed or placed is known by its text."""
    if dataset.kind != "observacao":
        return [f"coalesce(CAST(t.{ident(name)} AS VARCHAR), t.{raw(name)})" for name in names]
    columns, locality, when = dataset.indicator_columns, dataset.locality, dataset.period
    assert locality is not None
    assert when is not None
    place = "CAST(t._id_local AS VARCHAR)"
    if locality.code is not None:
        place = f"coalesce({place}, t.{raw(locality.code)})"
    sound = " AND ".join(f"t.{failure(name)} IS NULL" for name in when.fields().values())
    day = f"CASE WHEN {sound} THEN CAST({period(dataset)} AS VARCHAR) END"
    return [f"t.{ident(columns.id)}" if columns else "c._k0", place, day]


def _stale(declared: Declared, found: list[tuple[str, str]], key: str) -> str:
    """Return one line: where the correction stands, what is published now, and the edit."""
    place = f"{corrections.path(key)}:{declared.line}: {declared.shown()} {declared.field}: "
    if not found:
        return place + _("no row has this key; delete the correction, or correct its key")
    shown = ", ".join(f"“{text}” ({where})" for text, where in found[:_SHOWN])
    if all(text == declared.correction.to.strip() for text, _where in found):
        return place + _("published now: {texts}; the source has corrected it: delete the correction").format(
            texts=shown
        )
    return place + _("published now: {texts}, not “{text}”; correct “from”, or delete the correction").format(
        texts=shown, text=declared.correction.from_
    )
