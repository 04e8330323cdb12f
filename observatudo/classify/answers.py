"""What models answered (``data/classified/answers/*.jsonl``): one file per execution, one JSON object per line.

Lines, told apart by ``tipo``: ``execucao`` (the first: which model, prompt and parameters), ``sondagem`` (how far the
endpoint keeps to a form), ``resposta`` (one call and what came of it) and ``fim`` (how the execution ended; missing
where it was killed). A file is appended to by its own execution only, so branches never conflict in one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, RootModel, ValidationError

from observatudo import paths
from observatudo.errors import DataError
from observatudo.i18n import _

Status = Literal["ok", "invalida", "erro"]
Purpose = Literal["perguntar", "medir", "comparar"]
End = Literal["completa", "orcamento", "interrompida", "disjuntor", "recusada"]


class _Line(BaseModel):
    """Base of the lines: keys that a later version adds are passed over."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True, allow_inf_nan=False)


class Execution(_Line):
    """The first line. ``inicio`` is UTC, ISO 8601; ``prompt_texto`` is what the model was told, in the usual order."""

    tipo: Literal["execucao"] = "execucao"
    execucao: str
    inicio: str
    finalidade: Purpose
    provedor: str
    modelo: str
    digest: str = ""
    endereco: str
    prompt: str
    prompt_hash: str
    prompt_texto: str
    taxonomia: str
    parametros: str
    moeda: str = ""


class Probe(_Line):
    """What became of one way of asking for a form: ``ok``, ``recusado`` (refused), ``ignorado`` (not kept to)."""

    tipo: Literal["sondagem"] = "sondagem"
    nivel: str
    resultado: Literal["ok", "recusado", "ignorado"]
    detalhe: str = ""


class Reply(_Line):
    """One call. ``encerrada`` is false for an answer that was none and is followed by a second attempt.

    ``eixo`` is null unless ``status`` is ``ok``; ``motivo`` says why it is not. ``latencia`` is in seconds, ``custo``
    in the execution's ``moeda``; null where unknown. ``resposta`` is the raw text, ``impressao`` what the endpoint
    says of its own version.
    """

    tipo: Literal["resposta"] = "resposta"
    serie: str
    conteudo: str
    id_indicador: list[str]
    nome: str
    rodada: int
    tentativa: int
    encerrada: bool
    hora: str
    status: Status
    eixo: str | None
    confianca: float | None = None
    resposta: str | None
    motivo: str = ""
    semente: int
    ordem: list[str]
    nivel: str
    latencia: float
    tokens_entrada: int | None = None
    tokens_saida: int | None = None
    custo: float | None = None
    impressao: str | None = None


class Ended(_Line):
    """The last line of an execution that came to its end; ``detalhe`` is for people."""

    tipo: Literal["fim"] = "fim"
    hora: str
    motivo: End
    detalhe: str = ""
    chamadas: int


Line = Execution | Probe | Reply | Ended


class _AnyLine(RootModel[Annotated[Line, Field(discriminator="tipo")]]):
    """Whichever of the four a line is."""


@dataclass(frozen=True)
class Observation:
    """One question put to a model and what it came to: its last call, and those before it.

    ``attempts`` are the calls in order, the last one included. Not ``is_whole``: cut off before a second attempt.
    """

    execution: Execution
    attempts: tuple[Reply, ...]

    @property
    def reply(self) -> Reply:
        """Return the call that counts."""
        return self.attempts[-1]

    @property
    def is_whole(self) -> bool:
        return self.reply.encerrada

    @property
    def order(self) -> tuple[str, str, int]:
        """Return what observations are sorted by: the hour of the last call, then execution and round."""
        return self.reply.hora, self.execution.execucao, self.reply.rodada


@dataclass
class Answers:
    """All of them. ``cut`` names files whose last line was cut off by a kill; that line is left out."""

    executions: list[Execution] = field(default_factory=list)
    probes: dict[str, list[Probe]] = field(default_factory=dict)
    ends: dict[str, Ended] = field(default_factory=dict)
    by_series: dict[str, list[Observation]] = field(default_factory=dict)
    cut: list[str] = field(default_factory=list)

    def whole(self, key: str) -> list[Observation]:
        """Return the observations of a series that came to an end, oldest first."""
        return [own for own in self.by_series.get(key, ()) if own.is_whole]

    def all(self) -> Iterator[Observation]:
        """Give every observation, series by series."""
        for own in self.by_series.values():
            yield from own


def read(root: Path) -> Answers:
    """Return the answers of the repository at ``root``; none where there is no folder.

    A line that stands twice (a copied file) counts once. Raises DataError, with file and line, for a line that is
    none of the four, and for a file that does not begin with its execution.
    """
    found = Answers()
    grouped: dict[tuple[str, str, int], list[Reply]] = {}
    by_name: dict[str, Execution] = {}
    for path in sorted((root / paths.ANSWERS).glob("*.jsonl")):
        lines = _lines(root, path, found)
        if not lines:
            continue
        execution = lines[0]
        if not isinstance(execution, Execution):
            raise _damaged(root, path, 1, _("the first line does not tell the execution"))
        if execution.execucao not in by_name:
            by_name[execution.execucao] = execution
            found.executions.append(execution)
        _sort_in(found, grouped, by_name[execution.execucao], lines[1:])
    for (name, key, _round), attempts in grouped.items():
        own = Observation(by_name[name], tuple(sorted(attempts, key=lambda reply: reply.tentativa)))
        found.by_series.setdefault(key, []).append(own)
    for observations in found.by_series.values():
        observations.sort(key=lambda own: own.order)
    found.executions.sort(key=lambda own: (own.inicio, own.execucao))
    return found


def _sort_in(
    found: Answers,
    grouped: dict[tuple[str, str, int], list[Reply]],
    execution: Execution,
    lines: Sequence[Line],
) -> None:
    for line in lines:
        if isinstance(line, Reply):
            attempts = grouped.setdefault((execution.execucao, line.serie, line.rodada), [])
            if all(line.tentativa != own.tentativa for own in attempts):
                attempts.append(line)
        elif isinstance(line, Probe):
            probes = found.probes.setdefault(execution.execucao, [])
            if line not in probes:
                probes.append(line)
        elif isinstance(line, Ended):
            found.ends.setdefault(execution.execucao, line)


def _lines(root: Path, path: Path, found: Answers) -> list[Line]:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise _damaged(root, path, 0, str(error.strerror)) from None
    *whole, rest = content.split(b"\n")
    if rest:  # a kill in the middle of a write; what came before it is whole
        found.cut.append(path.relative_to(root).as_posix())
    lines: list[Line] = []
    for number, text in enumerate(whole, start=1):
        if not text.strip():
            continue
        try:
            lines.append(_AnyLine.model_validate_json(text).root)
        except ValidationError as error:
            first = error.errors()[0]
            why = ": ".join([*(str(part) for part in first["loc"][1:]), first["msg"]])
            raise _damaged(root, path, number, why) from None
    return lines


def _damaged(root: Path, path: Path, line: int, why: str) -> DataError:
    name = path.relative_to(root).as_posix()
    return DataError(
        _("a file of answers is damaged: {why}").format(why=why),
        where=f"{name}:{line}" if line else name,
        next_step=f"git log -p -- {name}   ·   git checkout -- {name}",
    )


def dumps(line: Line) -> bytes:
    """Return a line as it is written, with its line end."""
    return json.dumps(line.model_dump(), ensure_ascii=False, separators=(",", ":")).encode(errors="replace") + b"\n"
