"""Look-up: an indicator and a place found by words, their values, and where the values come from.

Reads the exported marts. Accents and case make no difference, nor do plurals in an indicator's words.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from observatudo import paths, snapshots
from observatudo.classify.text import fold, stems
from observatudo.config import load_dataset
from observatudo.errors import ObservatudoError
from observatudo.i18n import _

if TYPE_CHECKING:
    import duckdb

_LISTED = 12
_WORD = re.compile(r"[^\W_]+")
Found = TypeVar("Found")


@dataclass(frozen=True)
class Indicator:
    """An indicator of the mart: ``fonte/dataset`` is where it comes from, ``eixo`` its label."""

    id_indicador: str
    nome: str
    descricao: str | None
    unidade: str | None
    eixo: str
    fonte: str
    dataset: str
    tem_valor: bool


@dataclass(frozen=True)
class Place:
    """A municipality, state or the country; ``id_localidade`` is its IBGE code."""

    id_localidade: str
    nivel: str
    nome: str
    sigla_uf: str | None


@dataclass(frozen=True)
class Value:
    """One observation; ``valor`` in the indicator's unit, ``valor_por_mil`` per thousand inhabitants."""

    data_referencia: date
    periodicidade: str
    valor: float | None
    valor_texto: str | None
    justificativa: str | None
    valor_por_mil: float | None
    populacao: int | None
    ano_populacao: int | None


@dataclass(frozen=True)
class Corrected:
    """A published text that a declared correction replaced (docs/corrections.md), in file and line of the snapshot."""

    data_referencia: date
    campo: str
    valor_publicado: str
    valor_corrigido: str
    motivo: str
    fonte: str
    quem: str
    quando: date
    arquivo: str
    linha: int


@dataclass(frozen=True)
class Origin:
    """Where values come from: dataset, publisher, licence, snapshot, and the commit of the version in hand.

    ``files`` are the snapshot's, relative to the repository, each with its SHA-256. ``commit`` is the
    last one that changed ``dvc.lock``; ``committed`` says whether ``dvc.lock`` is as it was there.
    """

    dataset: str
    title: str
    publisher: str
    licenses: list[str]
    citation: str
    fetched_at: str
    files: dict[str, str]
    commit: str | None
    committed: bool


@dataclass(frozen=True)
class Answer:
    """The values of one indicator in one place, in order of date; ``notes`` say what else was meant or not.

    ``corrections`` are those that were applied to these values.
    """

    indicator: Indicator
    place: Place
    values: list[Value]
    origin: Origin
    notes: list[str]
    corrections: list[Corrected] = field(default_factory=list)


def find(root: Path, place: str, indicator: str, *, year: int | None = None, uf: str | None = None) -> Answer:
    """Return the values of the indicator and place that the words name, of one ``year`` or of all.

    ``place`` may be an IBGE code, ``indicator`` an id; ``uf`` (two letters) narrows the place. Raises
    ObservatudoError when the marts are missing, when nothing fits, or when several do (naming them).
    """
    import duckdb

    _require_marts(root)
    with duckdb.connect() as connection:
        _open(connection, root)
        where, notes = _choose_place(_places(connection), place, uf)
        what = _choose_indicator(_indicators(connection), indicator)
        values = _values(connection, what, where)
        corrected = _corrections(connection, root, what, where)
    shown = [value for value in values if year is None or value.data_referencia.year == year]
    if not shown:
        raise _no_values(what, where, values)
    days = {value.data_referencia for value in shown}
    told = [each for each in corrected if each.data_referencia in days]
    return Answer(what, where, shown, _origin(root, what), notes, told)


def _require_marts(root: Path) -> None:
    if not (root / paths.MARTS / "fact_indicador.parquet").is_file():
        raise ObservatudoError(_("there are no marts here yet"), where=paths.MARTS.as_posix(), next_step="dvc repro")


def _open(connection: duckdb.DuckDBPyConnection, root: Path) -> None:
    for mart in ("audit_conversao", "dim_indicador", "dim_localidade", "fact_indicador"):
        path = (root / paths.MARTS / f"{mart}.parquet").as_posix()
        connection.read_parquet(path).create_view(mart)


def _places(connection: duckdb.DuckDBPyConnection) -> list[Place]:
    query = "select id_localidade, nivel, nome, sigla_uf from dim_localidade order by id_localidade"
    return [Place(*row) for row in connection.execute(query).fetchall()]


def _indicators(connection: duckdb.DuckDBPyConnection) -> list[Indicator]:
    # audit_conversao has one row per indicator with values: the millions of the fact table need not be read
    query = """
        select id_indicador, nome, descricao, unidade, eixo, fonte, dataset,
            id_indicador in (select id_indicador from audit_conversao) as tem_valor
        from dim_indicador
        order by id_indicador
    """
    return [Indicator(*row) for row in connection.execute(query).fetchall()]


def _values(connection: duckdb.DuckDBPyConnection, what: Indicator, where: Place) -> list[Value]:
    query = """
        select data_referencia, periodicidade, valor, valor_texto, justificativa, valor_por_mil,
            populacao, ano_populacao
        from fact_indicador
        where id_indicador = ? and id_municipio = ?
        order by data_referencia
    """
    rows = connection.execute(query, [what.id_indicador, where.id_localidade]).fetchall()
    return [Value(*row) for row in rows]


def _corrections(connection: duckdb.DuckDBPyConnection, root: Path, what: Indicator, where: Place) -> list[Corrected]:
    path = root / paths.INGESTED / what.fonte / what.dataset / "correcao.parquet"
    if not path.is_file():
        return []
    query = """
        select cast(right(chave, 10) as date), coluna, valor_publicado, valor_corrigido, motivo, fonte, quem, quando,
            arquivo, linha
        from read_parquet(?) where starts_with(chave, ?) order by all
    """
    rows = connection.execute(query, [str(path), f"{what.id_indicador}/{where.id_localidade}/"]).fetchall()
    return [Corrected(*row) for row in rows]


def _choose_place(places: Sequence[Place], words: str, uf: str | None) -> tuple[Place, list[str]]:
    """A municipality comes before the state of the same name; which is said in the notes."""
    state = _state(places, uf)
    if words.strip() in {place.id_localidade for place in places}:
        return next(place for place in places if place.id_localidade == words.strip()), []
    named = _named([place for place in places if state is None or place.sigla_uf == state], words)
    towns = [place for place in named if place.nivel == "municipio"]
    chosen = towns or named
    if len(chosen) != 1:
        raise _unclear_place(words, chosen)
    notes = [
        _("{name} is also the name of a {level}; to choose it, give its code: {code}").format(
            name=other.nome, level=_level(other), code=other.id_localidade
        )
        for other in named
        if other is not chosen[0]
    ]
    return chosen[0], notes


def _state(places: Sequence[Place], uf: str | None) -> str | None:
    known = sorted({place.sigla_uf for place in places if place.sigla_uf})
    if uf is None or uf.strip().upper() in known:
        return uf and uf.strip().upper()
    raise ObservatudoError(
        _("there is no state “{uf}”").format(uf=uf),
        where="--uf",
        next_step=_("give one of: {states}").format(states=" ".join(known)),
    )


def _named(places: Sequence[Place], words: str) -> list[Place]:
    """Return the places of exactly this name; without any, those whose name has all the words.

    Words are compared whole, without accents: by stems Santa would be Santos, and Varginho Varginha.
    The state's letters may stand behind the name.
    """
    wanted = _words(words)
    plain = [(place, _words(place.nome)) for place in places]
    lettered = [(place, (*own, (place.sigla_uf or "").lower())) for place, own in plain]
    for having in (plain, lettered):
        if exact := [place for place, own in having if own == wanted]:
            return exact
    for having in (plain, lettered):
        if partly := [place for place, own in having if wanted and set(wanted) <= set(own)]:
            return partly
    return []


def _words(text: str) -> tuple[str, ...]:
    return tuple(_WORD.findall(fold(text)))


def _level(place: Place) -> str:
    return {"municipio": _("municipality"), "uf": _("state"), "pais": _("country")}[place.nivel]


def _choose_indicator(indicators: Sequence[Indicator], words: str) -> Indicator:
    """An indicator with values comes before one that is only described."""
    if words in {indicator.id_indicador for indicator in indicators}:
        return next(indicator for indicator in indicators if indicator.id_indicador == words)
    named = _best(indicators, words, lambda indicator: indicator.nome)
    named = named or _best(indicators, words, lambda indicator: f"{indicator.nome} {indicator.descricao or ''}")
    chosen = [indicator for indicator in named if indicator.tem_valor] or named
    if len(chosen) != 1:
        raise _unclear_indicator(words, chosen)
    return chosen[0]


def _best(items: Iterable[Found], words: str, text: Callable[[Found], str]) -> list[Found]:
    """Return the items whose text is exactly the words; without any, those that have all the words."""
    wanted = stems(words)
    having = [(item, stems(text(item))) for item in items]
    exact = [item for item, own in having if own == wanted]
    return exact or [item for item, own in having if wanted and set(wanted) <= set(own)]


def _unclear_place(words: str, found: Sequence[Place]) -> ObservatudoError:
    if not found:
        return ObservatudoError(
            _("no place is called “{words}”").format(words=words),
            where=f"{paths.MARTS}/dim_localidade.parquet",
            next_step=_("write its name in full, or its IBGE code"),
        )
    names = [f"{place.nome} ({place.sigla_uf or place.nivel}, {place.id_localidade})" for place in found]
    return ObservatudoError(
        _("“{words}” may be {count} places:").format(words=words, count=len(found)) + _listing(names),
        next_step=_("choose with --uf {uf}, or give the code: {code}").format(
            uf=found[0].sigla_uf, code=found[0].id_localidade
        ),
    )


def _unclear_indicator(words: str, found: Sequence[Indicator]) -> ObservatudoError:
    if not found:
        return ObservatudoError(
            _("no indicator is described by “{words}”").format(words=words),
            where=f"{paths.MARTS}/dim_indicador.parquet",
            next_step=_("try fewer words; all indicators are in {file}").format(
                file=f"{paths.MARTS}/dim_indicador.csv"
            ),
        )
    names = [f"{indicator.id_indicador}: {indicator.nome}" for indicator in found]
    return ObservatudoError(
        _("“{words}” may be {count} indicators:").format(words=words, count=len(found)) + _listing(names),
        next_step=_("add a word, or give the id: {id}").format(id=found[0].id_indicador),
    )


def _listing(names: Sequence[str]) -> str:
    rest = [_("… and {count} more").format(count=len(names) - _LISTED)] if len(names) > _LISTED else []
    return "".join(f"\n  {name}" for name in [*names[:_LISTED], *rest])


def _no_values(what: Indicator, where: Place, others: Sequence[Value]) -> ObservatudoError:
    years = sorted({value.data_referencia.year for value in others})
    if years:
        advice = _("there are values for: {years}").format(years=", ".join(map(str, years)))
    elif what.tem_valor:
        advice = _("the source has no value for this place; try another")
    else:
        advice = _("{dataset} only describes this indicator; no dataset brings its values").format(
            dataset=f"{what.fonte}/{what.dataset}"
        )
    return ObservatudoError(
        _("no value of “{indicator}” for {place} in what was asked").format(indicator=what.nome, place=where.nome),
        where=what.id_indicador,
        next_step=advice,
    )


def _origin(root: Path, what: Indicator) -> Origin:
    key = f"{what.fonte}/{what.dataset}"
    declaration, snapshot = load_dataset(root, key), snapshots.read(root, key)
    folder = snapshots.folder(Path(), key)
    commit, committed = _version(root)
    return Origin(
        dataset=key,
        title=declaration.title,
        publisher=declaration.publisher,
        licenses=[licence.title or licence.name for licence in declaration.licenses],
        citation=" ".join(declaration.citation.split()),
        fetched_at=snapshot.fetched_at,
        files={(folder / name).as_posix(): file.sha256 for name, file in sorted(snapshot.files.items())},
        commit=commit,
        committed=committed,
    )


def _version(root: Path) -> tuple[str | None, bool]:
    """Return the commit that last changed dvc.lock, and whether dvc.lock is still as committed."""
    import git

    try:
        repository = git.Repo(root, search_parent_directories=True)
        last = next(repository.iter_commits(paths=str(root / "dvc.lock"), max_count=1), None)
    except (git.InvalidGitRepositoryError, ValueError):  # no repository, or one without commits
        return None, False
    if last is None:
        return None, False
    return last.hexsha, not repository.is_dirty(path=str(root / "dvc.lock"))
