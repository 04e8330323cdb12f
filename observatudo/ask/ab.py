"""Two prompts or two models on the same texts: both are asked what they have not answered yet, then compared."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

from observatudo import config, paths
from observatudo.ask import ab_figures, ab_sample
from observatudo.ask.ab_figures import Difference, Side, Suggestion, Together
from observatudo.ask.ab_sample import Case, Sample
from observatudo.ask.execution import Outcome, Progress, Question, ask
from observatudo.ask.listing import require_prompt
from observatudo.ask.lock import asking
from observatudo.classify import answers, prompts, providers, subjects
from observatudo.classify.answers import End
from observatudo.classify.providers import Budget
from observatudo.classify.subjects import Subject
from observatudo.classify.taxonomy import Taxonomy, load_taxonomy
from observatudo.errors import ConfigError, ObservatudoError
from observatudo.i18n import _

Tell = Callable[[Subject, Progress], None]
Number = TypeVar("Number", int, float)


@dataclass(frozen=True)
class Wanted:
    """What to compare on: ``size`` texts of these labelled tables (all without names), or of the catalogue."""

    size: int
    seed: int
    tables: tuple[str, ...] = ()
    indicators: bool = False


@dataclass(frozen=True)
class Most:
    """What both sides together may use now: calls (0: only what is stored is compared) and money."""

    calls: int | None = None
    money: float | None = None


@dataclass(frozen=True)
class Asked:
    """What was asked now of one side; ``end`` is ``completa`` also where nothing was to be asked."""

    end: End
    detail: str
    calls: int
    errors: int
    last_error: str
    file: str | None


@dataclass(frozen=True)
class Comparison:
    """All that ``prompts ab`` says. ``seed`` and ``tables`` are those asked for, ``by_axis`` counts labelled texts."""

    a: Side
    b: Side
    asked_a: Asked
    asked_b: Asked
    items: int
    labelled: int
    available: int
    left_out: int
    missing: tuple[str, ...]
    seed: int
    tables: tuple[str, ...]
    indicators: bool
    by_axis: dict[str, int]
    agreement: Together
    differences: tuple[Difference, ...]
    conclusion: str
    suggestion: Suggestion | None

    @property
    def end(self) -> End:
        """Return how the asking ended: the first side's end that was not to the end, else ``completa``."""
        return next((own.end for own in (self.asked_a, self.asked_b) if own.end != "completa"), "completa")

    @property
    def waiting(self) -> int:
        """Return how many answers are still missing, of both sides together."""
        return self.a.waiting + self.b.waiting

    def as_dict(self) -> dict[str, object]:
        """Return it as ``--json`` prints it."""
        return {"end": self.end, "waiting": self.waiting} | asdict(self)


def compare(root: Path, a: str, b: str, wanted: Wanted, most: Most, tell: Tell) -> Comparison:
    """Ask both sides about the same texts, as far as that may go, and compare what they say.

    A side is ``MODEL``, ``MODEL:PROMPT`` or ``:PROMPT``, the last with the one model that counts. ``most`` is for both
    together, within what the models declare. Raises ConfigError for a side that is none, ObservatudoError for two
    that are the same, and what ``ab_sample`` and ``execution.ask`` raise.
    """
    taxonomy = load_taxonomy(root)
    first, second = (side(root, text, taxonomy) for text in (a, b))
    if (first.name, first.prompt.hash) == (second.name, second.prompt.hash):
        raise ObservatudoError(
            _("{a} and {b} are the same model with the same prompt").format(
                a=ab_figures.name_of(first), b=ab_figures.name_of(second)
            ),
            next_step=_("observatudo prompts lists the prompts, configs/provedores.yaml the models"),
        )
    sample = _sample(root, taxonomy, wanted, (first, second))
    asked = _ask_both(root, (first, second), [own.item for own in sample.cases], most, tell)
    return _compared(root, (first, second), sample, wanted, asked)


def side(root: Path, text: str, taxonomy: Taxonomy) -> Subject:
    """Return the model and prompt that a side names; raises ConfigError where there is none, with the nearest."""
    model, colon, prompt = text.partition(":")
    if colon and not model:
        model = _only_model(root)
    elif not colon and model in prompts.names(root) and model not in providers.load_providers(root):
        raise ConfigError(
            _("no model “{name}” is declared, but a prompt").format(name=model),
            where=str(paths.PROVIDERS),
            next_step=_("a prompt is written :{name}, or MODEL:{name}").format(name=model),
        )
    if colon:
        require_prompt(root, prompt)
    return subjects.subject(root, model, taxonomy, prompt or None)


def _only_model(root: Path) -> str:
    counted = sorted(config.load_params(root).classify.providers)
    if len(counted) == 1:
        return counted[0]
    named = ", ".join(counted) or "–"
    raise ConfigError(
        _(":PROMPT stands for the one model under classify.providers; there are {count}: {names}").format(
            count=len(counted), names=named
        ),
        where=str(paths.PARAMS),
        next_step=_("say which model: MODEL:PROMPT"),
    )


def _sample(root: Path, taxonomy: Taxonomy, wanted: Wanted, both: Sequence[Subject]) -> Sample:
    told = [own.prompt for own in both]
    if wanted.indicators:
        found = ab_sample.of_catalogue(root, taxonomy, told)
    else:
        found = ab_sample.of_tables(root, taxonomy, wanted.tables, told)
    return ab_sample.draw(found, wanted.size, wanted.seed)


def _ask_both(
    root: Path, both: Sequence[Subject], items: Sequence[prompts.Item], most: Most, tell: Tell
) -> list[Asked]:
    asked: list[Asked] = []
    with asking(root):
        stored = answers.read(root)
        waiting = [[item for item in items if ab_figures.first_answer(stored, own, item) is None] for own in both]
        purse = _Purse(most, [own for own, left in zip(both, waiting, strict=True) if left])
        for own, left in zip(both, waiting, strict=True):
            if not left:
                asked.append(Asked("completa", "", 0, 0, "", None))
            elif asked and asked[-1].end not in ("completa", "orcamento"):
                asked.append(Asked(asked[-1].end, _("not asked: the other side stopped"), 0, 0, "", None))
            else:
                asked.append(purse.ask(root, own, left, tell))
    return asked


class _Purse:
    """What two executions may use together."""

    def __init__(self, most: Most, asked: Sequence[Subject]) -> None:
        self._calls, self._money = most.calls, most.money
        currencies = {own.provider.price.currency if own.provider.price else "" for own in asked}
        if self._money is not None and asked and (len(currencies) > 1 or "" in currencies):
            raise ObservatudoError(
                _("a budget in money needs a price, in the same currency, of both models"),
                where=str(paths.PROVIDERS),
                next_step=_("declare it there, or say --max-calls"),
            )

    def ask(self, root: Path, subject: Subject, items: Sequence[prompts.Item], tell: Tell) -> Asked:
        """Ask as far as it goes."""
        if self._calls == 0 or (self._money is not None and self._money <= 0):
            return Asked("orcamento", _("the budget is used up"), 0, 0, "", None)
        own = subject.provider.budget
        budget = Budget(calls=_least(own.calls, self._calls), tokens=own.tokens, money=_least(own.money, self._money))
        questions = [Question(item, seed=0, round=1) for item in items]
        outcome = ask(root, subject, questions, "comparar", lambda progress: tell(subject, progress), budget)
        self._spend(outcome)
        return Asked(outcome.end, outcome.detail, outcome.calls, outcome.errors, outcome.last_error, outcome.file)

    def _spend(self, outcome: Outcome) -> None:
        if self._calls is not None:
            self._calls = max(0, self._calls - outcome.calls)
        if self._money is not None:
            self._money -= outcome.cost or 0


def _least(one: Number | None, other: Number | None) -> Number | None:
    return other if one is None else one if other is None else min(one, other)


def _compared(
    root: Path, both: tuple[Subject, Subject], sample: Sample, wanted: Wanted, asked: Sequence[Asked]
) -> Comparison:
    stored, cases = answers.read(root), sample.cases
    a, b = (ab_figures.side(own, cases, stored) for own in both)
    agreed = ab_figures.together(*both, cases, stored)
    return Comparison(
        a=a,
        b=b,
        asked_a=asked[0],
        asked_b=asked[1],
        items=len(cases),
        labelled=sum(own.label is not None for own in cases),
        available=sample.available,
        left_out=sample.left_out,
        missing=sample.missing,
        seed=wanted.seed,
        tables=wanted.tables,
        indicators=wanted.indicators,
        by_axis=_by_axis(cases, both[0].taxonomy),
        agreement=agreed,
        differences=tuple(ab_figures.differences(*both, cases, stored)),
        conclusion=ab_figures.conclusion(a, b, agreed),
        suggestion=ab_figures.suggestion(*both, (a, b), agreed),
    )


def _by_axis(cases: Sequence[Case], taxonomy: Taxonomy) -> dict[str, int]:
    labels = [own.label for own in cases]
    return {key: labels.count(key) for key in taxonomy.keys if key in labels}
