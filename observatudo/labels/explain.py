"""Everything that led to one label: who decided, on what grounds, what models answered word by word, and before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path

from observatudo import paths
from observatudo.classify.answers import Observation, Reply
from observatudo.classify.labels import Indicator
from observatudo.classify.names import CONSENSUS, DECIDED, EMBEDDED, PERSON, RULES, SOURCE
from observatudo.classify.panel import Said
from observatudo.classify.prompts import Item
from observatudo.errors import ObservatudoError
from observatudo.i18n import _
from observatudo.labels import decide, sources, timeline
from observatudo.labels.entries import Entry
from observatudo.labels.evidence import Vote
from observatudo.labels.sources import Sources
from observatudo.labels.timeline import History


@dataclass(frozen=True)
class Versions:
    """What a label was made with; ``model`` and ``prompt`` are None where no model's answers counted."""

    classifier: str
    model: str | None
    prompt: str | None
    taxonomy: str


@dataclass(frozen=True)
class Told:
    """One call to a model. ``time`` is UTC, ISO 8601; ``latency_s`` seconds; ``cost`` in ``currency``, None unknown.

    ``is_current``: its series is the one in force. Not ``is_whole``: it was none, and a second attempt followed or was
    cut off. ``axis`` and ``confidence`` are None where it is no answer, and ``reason`` says why. ``order`` are the axes
    in the order in which they were given.
    """

    provider: str
    model: str
    digest: str
    execution: str
    purpose: str
    time: str
    prompt: str
    prompt_hash: str
    series: str
    is_current: bool
    round: int
    attempt: int
    is_whole: bool
    status: str
    axis: str | None
    raw: str | None
    reason: str
    confidence: float | None
    seed: int
    order: tuple[str, ...]
    level: str
    latency_s: float
    tokens_in: int | None
    tokens_out: int | None
    cost: float | None
    currency: str


@dataclass(frozen=True)
class Link:
    """A model's series in force and the one it follows; ``axis`` (None: no answer yet) and ``before`` are their axes.

    ``cause`` says what made the key another: input, taxonomy, prompt or model.
    """

    provider: str
    series: str
    follows: str
    cause: str
    axis: str | None
    before: str | None


@dataclass(frozen=True)
class Explanation:
    """One label and its evidence. ``votes`` are as they stood when the label was made, ``answers`` (newest first) and
    ``lineage`` as they are stored now. ``prompts``: hash → the text that models were told. ``problems`` say, in words,
    what is missing, and what the next run will change.
    """

    id: str
    name: str
    description: str
    dataset: str
    axis: str
    confidence: float
    origin: str
    versions: Versions
    votes: tuple[Vote, ...]
    answers: tuple[Told, ...]
    lineage: tuple[Link, ...]
    prompts: dict[str, str] = field(repr=False)
    history: History
    indicator: dict[str, object] | None
    problems: tuple[str, ...]

    def as_dict(self) -> dict[str, object]:
        """Return what ``observatudo explain ID --json`` prints."""
        found = asdict(self)
        found["history"] = self.history.as_dict() | {"indicator": found.pop("indicator")}
        return found

    def vote(self, classifier: str) -> Vote | None:
        """Return what one classifier said."""
        return next((own for own in self.votes if own.classifier == classifier), None)

    @property
    def grounds(self) -> list[Vote]:
        """Return the votes that made the label, the nearest grounds first."""
        if self.origin in DECIDED:
            wanted = [self.vote(self.origin)]
        elif self.origin == "regra":
            wanted = [self.vote(RULES), self.vote(EMBEDDED)]
        elif self.origin == CONSENSUS:
            wanted = [*(own for own in self.votes if _counted(own)), self.vote(EMBEDDED)]
        else:
            wanted = [self.vote(EMBEDDED)]
        return [own for own in wanted if own is not None]


def _counted(own: Vote) -> bool:
    return own.is_model and own.axis is not None and own.state != "INVALIDO"


class Explainer:
    """Explains any number of labels from what was read once."""

    def __init__(self, own: Sources) -> None:
        self._own = own

    def explain(self, indicator: str, *, with_history: bool = True) -> Explanation:
        """Return what led to one indicator's label; without its history, which takes longest, where many are wanted.

        Raises ObservatudoError where it has no label, with the nearest id where no dataset has it.
        """
        own = self._own
        label = own.labels.get(indicator)
        if label is None:
            raise self._unlabelled(indicator)
        entry = own.known.get(indicator, Entry(indicator, "", "", "", None))
        model, prompt = self._versions.get(indicator, (None, None))
        observations = self._answers(entry)
        said = own.models.said.get(indicator, ())
        current = {subject.series(_item(entry)) for subject in own.models.panel.subjects}
        return Explanation(
            id=indicator,
            name=entry.name,
            description=entry.description,
            dataset=entry.dataset,
            axis=label.axis,
            confidence=label.confidence,
            origin=label.origin,
            versions=Versions(label.classifier, model, prompt, label.taxonomy),
            votes=tuple((own.votes or {}).get(indicator, ())),
            answers=tuple(_told(one, call, current) for one in observations for call in reversed(one.attempts)),
            lineage=tuple(self._lineage(entry)),
            prompts={one.execution.prompt_hash: one.execution.prompt_texto for one in reversed(observations)},
            history=timeline.history(own.root, indicator) if with_history else History(indicator, 0, 0, "", ()),
            indicator=self.in_words(indicator),
            problems=tuple(self._problems(indicator, said)),
        )

    def in_words(self, indicator: str) -> dict[str, object] | None:
        """Return what an indicator is and what a person decided on it; None where no dataset has it."""
        entry = self._own.known.get(indicator)
        decision = (self._own.decided or {}).get(indicator)
        return None if entry is None else asdict(entry) | {"override": decision.eixo if decision else None}

    def _unlabelled(self, indicator: str) -> ObservatudoError:
        entry = decide.require_indicator(self._own.root, indicator)
        return ObservatudoError(
            _("“{name}” has no label yet").format(name=entry.id),
            where=str(paths.LABELS),
            next_step="dvc repro classify",
        )

    @cached_property
    def _versions(self) -> dict[str, tuple[str | None, str | None]]:
        """Model and prompt by indicator; none where the table is of a run before models."""
        import pyarrow.parquet as pq

        table = pq.read_table(self._own.root / paths.LABELS)
        names = ("id_indicador", "versao_modelo", "versao_prompt")
        if not set(names) <= set(table.column_names):
            return {}
        columns = [table.column(name).to_pylist() for name in names]
        return {key: (model, prompt) for key, model, prompt in zip(*columns, strict=True)}

    @cached_property
    def _by_mark(self) -> Mapping[str, Sequence[Observation]]:
        """All observations by the text (its hash) and by the indicators that they are about."""
        found: dict[str, list[Observation]] = {}
        for own in self._own.models.panel.answers.all():
            for mark in {own.reply.conteudo, *own.reply.id_indicador}:
                found.setdefault(mark, []).append(own)
        return found

    def _answers(self, entry: Entry) -> list[Observation]:
        """Return what was ever answered about an indicator or its text, newest first."""
        both = [*self._by_mark.get(_item(entry).hash, ()), *self._by_mark.get(entry.id, ())]
        once = {id(own): own for own in both}
        return sorted(once.values(), key=lambda own: own.order, reverse=True)

    def _lineage(self, entry: Entry) -> Iterator[Link]:
        panel = self._own.models.panel
        for said in panel.said(Indicator(entry.id, entry.name, entry.description), is_fixed=False):
            if said.before is not None:
                before = said.before
                axis = said.convergence.label
                yield Link(said.subject.name, said.serie, before.serie, before.cause, axis, before.label)

    def _problems(self, indicator: str, said: Sequence[Said]) -> Iterator[str]:
        own = self._own
        if own.votes is None:
            yield _("what was said of the labels is missing; type: dvc repro classify")
        for problem in (*own.problems, *own.models.problems):
            if problem.kind in ("overrides_damaged", "answers_damaged", "model"):
                yield f"{problem.id}: {problem.text}"
        decision, label = (own.decided or {}).get(indicator), own.labels[indicator]
        if decision and label.origin != SOURCE and (label.origin, label.axis) != (PERSON, decision.eixo):
            text = _("{author} put it on {axis} ({date}: {reason}), which the next run applies; type: dvc repro")
            yield text.format(
                author=decision.autor, axis=decision.eixo, date=decision.data, reason=decision.justificativa
            )
        if label.origin == PERSON and own.decided is not None and decision is None:
            yield _("its decision was taken back, which the next run applies; type: dvc repro")
        counted = {vote.classifier: (vote.series, vote.answers) for vote in (own.votes or {}).get(indicator, ())}
        for one in said:
            now = one.serie, one.convergence.answers
            if own.votes is not None and one.convergence.answers and counted.get(one.subject.name) != now:
                text = _("{model} answered since the last run; type: dvc repro")
                yield text.format(model=one.subject.name)
            if one.waits:
                yield _("it waits for an answer of {model}; type: observatudo ask").format(model=one.subject.name)


def _item(entry: Entry) -> Item:
    return Item.of(entry.name, entry.description, [entry.id])


def _told(own: Observation, call: Reply, current: set[str]) -> Told:
    execution = own.execution
    return Told(
        provider=execution.provedor,
        model=execution.modelo,
        digest=execution.digest,
        execution=execution.execucao,
        purpose=execution.finalidade,
        time=call.hora,
        prompt=execution.prompt,
        prompt_hash=execution.prompt_hash,
        series=call.serie,
        is_current=call.serie in current,
        round=call.rodada,
        attempt=call.tentativa,
        is_whole=call.encerrada,
        status=call.status,
        axis=call.eixo,
        raw=call.resposta,
        reason=call.motivo,
        confidence=call.confianca,
        seed=call.semente,
        order=tuple(call.ordem),
        level=call.nivel,
        latency_s=call.latencia,
        tokens_in=call.tokens_entrada,
        tokens_out=call.tokens_saida,
        cost=call.custo,
        currency=execution.moeda,
    )


def explain(root: Path, indicator: str) -> Explanation:
    """Return what led to one indicator's label in the repository at ``root``; raises as what it reads does."""
    return Explainer(sources.load(root)).explain(indicator)
