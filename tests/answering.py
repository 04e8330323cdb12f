"""Answers of models for tests, written as ``observatudo ask`` writes them: in shorthand, one letter per answer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from observatudo import paths
from observatudo.classify.answers import Execution, Line, Observation, Purpose, Reply, dumps
from observatudo.classify.prompts import Item
from observatudo.classify.subjects import Subject

INVALID, FAILED = "x", "e"
_HOUR = "2026-01-01T00:00:00+00:00"
NOBODYS = Execution(
    execucao="20260101T000000Z-000000", inicio=_HOUR, finalidade="perguntar", provedor="m", modelo="m",
    endereco="http://127.0.0.1:9/v1", prompt="p", prompt_hash="0", prompt_texto="", taxonomia="1", parametros="{}",
)  # fmt: skip


def reply(axis: str | None, number: int, series: str = "s", item: Item | None = None, **more: object) -> Reply:
    """Return the ``number``-th answer of a series; no axis: an answer that is none, ``FAILED``: a failed call."""
    status = "erro" if axis == FAILED else "ok" if axis else "invalida"
    own = item or Item("texto", "", ("a",))
    values: dict[str, object] = {
        "serie": series, "conteudo": own.hash, "id_indicador": list(own.ids), "nome": own.nome, "rodada": number,
        "tentativa": 1, "encerrada": True, "hora": f"2026-01-01T{number // 60:02}:{number % 60:02}:00+00:00",
        "status": status, "eixo": axis if status == "ok" else None,
        "resposta": f'{{"eixo": "{axis}"}}', "semente": number,
        "ordem": [], "nivel": "json_object", "latencia": 0.5, "tokens_entrada": 100, "tokens_saida": 10, "custo": 0.01,
    }  # fmt: skip
    return Reply.model_validate({**values, **more})


def observations(letters: str) -> list[Observation]:
    """Return a series by letters: ``x`` an answer that is none, ``e`` a failed call, any other an axis."""
    own = NOBODYS
    return [Observation(own, (reply(None if x == INVALID else x, at),)) for at, x in enumerate(letters, start=1)]


def write(
    root: Path,
    subject: Subject,
    answers: Sequence[tuple[Item, str | None]],
    name: str,
    start: int = 1,
    purpose: Purpose = "perguntar",
) -> Path:
    """Write an execution with one answer per item, in order; ``None`` is an answer that is none."""
    lines: list[Line] = [subject.execution(name, _HOUR, purpose)]
    for number, (item, axis) in enumerate(answers, start=start):
        lines.append(reply(axis, number, subject.series(item), item))
    path = root / paths.ANSWERS / f"{name}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(dumps(line) for line in lines))
    return path
