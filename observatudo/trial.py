"""One ingest tried aside: what would be rejected and which checks would fail, before a run. Nothing is kept."""

from __future__ import annotations

import fnmatch
import json
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from observatudo import config, paths, snapshots
from observatudo.errors import ObservatudoError
from observatudo.i18n import _

if TYPE_CHECKING:
    from observatudo.config import Dataset
    from observatudo.ingest.pipeline import Report

SAMPLES = 3


@dataclass(frozen=True)
class Reject:
    """One rejected value: the snapshot's file, the line its record begins on, the column, and the text there."""

    file: str
    line: int
    column: str
    text: str


@dataclass(frozen=True)
class Reason:
    """Why rows are rejected: the word in ``rejeitado.parquet``, how many rows, what to do about it, and samples."""

    reason: str
    rows: int
    advice: str
    samples: list[Reject]


@dataclass(frozen=True)
class Failed:
    """A check that fails; ``fatal`` ones stop the run."""

    check: str
    level: str
    column: str | None
    failed: int
    found: float | None
    limit: float | None
    sample: list[str]


@dataclass(frozen=True)
class Stopped:
    """What ends the ingest before it has a result: message, place, and the next thing to do."""

    message: str
    where: str
    next_step: str


@dataclass(frozen=True)
class Counts:
    """Rows of the published files, and ``rows`` of the result."""

    rows_read: int
    rows_kept: int
    rows_rejected: int
    rows: int


@dataclass(frozen=True)
class Trial:
    """What a run would do to one dataset. ``now`` is None where it stops first, ``before`` without an earlier output.

    ``ignored`` are the columns nobody asked for, by file; ``corrections`` counts the texts that were corrected.
    """

    dataset: str
    would_run: bool
    stopped: Stopped | None = None
    now: Counts | None = None
    before: Counts | None = None
    corrections: int = 0
    rejects: list[Reason] = field(default_factory=list)
    checks: list[Failed] = field(default_factory=list)
    ignored: dict[str, list[str]] = field(default_factory=dict)

    def as_dict(self) -> dict[str, object]:
        """Return what ``observatudo check --json`` prints."""
        return {"schema": 1, **asdict(self)}


def check(root: Path, key: str, file: Path | None = None, name: str | None = None, samples: int = SAMPLES) -> Trial:
    """Ingest the snapshot of a dataset aside; ``file`` stands in for its file ``name`` (default: see ``_name``).

    What the declaration, the snapshot or the data would stop a run with is in the result. Raises ObservatudoError
    for a dataset that is not on the list, and a file or name that cannot be.
    """
    config.load_params(root).dataset(key)
    before = _before(root, key)
    with tempfile.TemporaryDirectory(prefix="observatudo-check-") as folder:
        work = Path(folder)
        try:
            files = _files(root, key, file, name, work / "snapshot")
            return _tried(root, key, files, work / "work", before, samples)
        except _WrongFile:
            raise
        except ObservatudoError as error:
            shown = (text.replace(f"{work / 'snapshot'}/", "") for text in (error.message, error.where))
            message, where = (text.replace(f"{root}/", "") for text in shown)
            return Trial(key, False, Stopped(message, where, error.next_step), before=before)


class _WrongFile(ObservatudoError):
    """The file or name on the command line, which is no fault of the data."""


def _files(root: Path, key: str, file: Path | None, name: str | None, folder: Path) -> list[Path]:
    """Return the snapshot's files; with ``file`` those of a folder of links, in which it stands for one of them."""
    if file is None:
        own = snapshots.folder(root, key)
        return [own / each for each in sorted(snapshots.verify(root, key).files)]
    if not file.is_file():
        raise _WrongFile(_("there is no file {file}").format(file=file))
    has_one = (snapshots.folder(root, key) / snapshots.SIDECAR).exists()
    standing = (
        {each: snapshots.folder(root, key) / each for each in snapshots.verify(root, key).files} if has_one else {}
    )
    chosen = _name(key, config.load_dataset(root, key), [*standing], file, name)
    folder.mkdir()
    for each, path in sorted({**standing, chosen: file.resolve()}.items()):
        (folder / each).symlink_to(path)
    return sorted(folder.iterdir())


def _name(key: str, dataset: Dataset, standing: list[str], file: Path, name: str | None) -> str:
    """Return the name asked for; else that of the only file there is; else its own where the declaration reads it."""
    if name is not None:
        if "/" in name or name.startswith("."):
            raise _WrongFile(_("“{name}” is no name of a file of a snapshot").format(name=name), where="--as")
        return name
    if len(standing) == 1:
        return standing[0]
    if any(fnmatch.fnmatch(file.name, resource.path) for resource in dataset.resources):
        return file.name
    raise _WrongFile(
        _("no resource of “{key}” reads a file called {name}").format(key=key, name=file.name),
        where=str(config.dataset_path(key)),
        next_step=_("say with --as which file it stands for: {names}").format(
            names=", ".join(standing or [resource.path for resource in dataset.resources])
        ),
    )


def _tried(root: Path, key: str, files: list[Path], work: Path, before: Counts | None, samples: int) -> Trial:
    from observatudo.ingest import pipeline

    report = pipeline.make(root, key, files, work, strict=False)
    checks = [
        Failed(each.check, each.level, each.column, each.failed, each.found, each.limit, each.sample)
        for each in report.checks
        if not each.passed
    ]
    return Trial(
        dataset=key,
        would_run=not any(each.level == "fatal" for each in checks),
        now=Counts(report.rows_read, report.rows_kept, report.rows_rejected, report.rows),
        before=before,
        corrections=report.corrections,
        rejects=_rejects(report, work / pipeline.RESULT / "rejeitado.parquet", samples),
        checks=checks,
        ignored=report.ignored_columns,
    )


def _before(root: Path, key: str) -> Counts | None:
    """Return the counts of the output in hand, None where there is none that can be read."""
    try:
        text = (root / paths.INGESTED / key / "relatorio.json").read_text(encoding="utf-8")
        told = json.loads(text)
        return Counts(*(int(told[name]) for name in ("rows_read", "rows_kept", "rows_rejected", "rows")))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _rejects(report: Report, path: Path, samples: int) -> list[Reason]:
    """Return the reasons, the most frequent first, each with its first rejects in order of file and line."""
    import duckdb

    query = "SELECT arquivo, linha, coluna, texto FROM read_parquet(?) WHERE motivo = ? ORDER BY ALL LIMIT ?"
    found = []
    with duckdb.connect() as con:
        for reason, rows in sorted(report.rejected_by_reason.items(), key=lambda item: (-item[1], item[0])):
            lines = con.execute(query, [str(path), reason, samples]).fetchall()
            shown = [Reject(file, line, column or "", text or "") for file, line, column, text in lines]
            found.append(Reason(reason, rows, advice(reason), shown))
    return found


def advice(reason: str) -> str:
    """Return what to do about rows rejected for this reason, in one sentence."""
    words = {
        "linha_vazia": _("nothing: these lines have no content"),
        "numero_de_colunas": _("look at the lines: a delimiter inside a text, or a wrong dialect.quoteChar"),
        "fora_do_filtro": _("nothing, if the resource's filter is meant to leave them out"),
        "vazio": _("correct the value, or drop constraints.required if it may be missing"),
        "nao_inteiro": _("set groupChar, or type: number; words for “no value” belong into missingValues"),
        "nao_numero": _("set decimalChar and groupChar; words for “no value” belong into missingValues"),
        "nao_booleano": _("add the texts to trueValues or falseValues"),
        "nao_data": _("set the field's format as the dates are written"),
        "numero_ambiguo": _("say decimalChar and groupChar instead of decimalChar: any"),
        "unidade_desconhecida": _("add the unit to the table of the field's factor"),
        "fora_da_tabela": _("add the text to the table of the lookup"),
        "fora_do_padrao": _("look at the texts: correct them, or constraints.pattern"),
        "fora_da_lista": _("look at the texts: recode or correct them, or add them to constraints.enum"),
        "abaixo_do_minimo": _("look at the values: correct them, or lower constraints.minimum"),
        "acima_do_maximo": _("look at the values: correct them, or raise constraints.maximum"),
        "id_invalido": _("derive the id with slug: small letters, digits and “_”, a letter first"),
        "municipio_nao_encontrado": _("add the spelling to the exceptions' table, with its reason"),
        "nome_ambiguo": _("add the name to the exceptions' table, with the municipality that is meant"),
        "codigo_desconhecido": _("look at the codes: another level (locality.levels), or a wrong column"),
        "municipio_ignorado": _("nothing: the source does not know which municipality"),
        "bloco_repetido": _("tell the publisher: two states share one block of values"),
        "chave_duplicada": _("find what tells the rows apart, or filter one of them out; the run stops"),
    }
    return words.get(reason, _("look at the lines"))
