"""``observatudo ask`` without its words: what is to be asked of which models, what it may cost, and what came of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from observatudo import config, paths
from observatudo.ask import choose, form, secret
from observatudo.ask.changes import Changes, changes
from observatudo.ask.choose import Usage
from observatudo.ask.execution import Outcome, Progress, Question, ask_in_rounds
from observatudo.ask.limits import CHARACTERS_PER_TOKEN, cost
from observatudo.ask.lock import asking
from observatudo.ask.writer import UnwritableError
from observatudo.classify import answers, overrides, subjects
from observatudo.classify.prompts import Item, axis_order
from observatudo.classify.providers import Budget
from observatudo.classify.subjects import Subject
from observatudo.classify.taxonomy import load_taxonomy
from observatudo.config import ConvergenceParams
from observatudo.errors import ConfigError, ObservatudoError
from observatudo.i18n import _
from observatudo.labels import entries


@dataclass(frozen=True)
class Wish:
    """What a person wants asked. ``providers`` empty: those that count; ``rounds`` 0: what has no answer yet."""

    providers: Sequence[str] = ()
    datasets: Sequence[str] = ()
    limit: int | None = None
    rounds: int = 0
    include_stable: bool = False
    max_calls: int | None = None
    max_cost: float | None = None


@dataclass(frozen=True)
class Plan:
    """What is to be asked of one model: ``questions`` about some of all ``items``, in the first round.

    ``total`` is the most questions there can be, ``usage`` that of one call; ``counts``: its answers become labels.
    """

    subject: Subject
    items: tuple[Item, ...]
    questions: tuple[Question, ...]
    total: int
    usage: Usage
    counts: bool

    @property
    def chosen(self) -> tuple[Item, ...]:
        """Return the items that are asked about."""
        return tuple(question.item for question in self.questions)

    @property
    def tokens(self) -> tuple[int, int]:
        """Return about how many tokens that takes, in and out."""
        return round(self.total * self.usage.tokens_in), round(self.total * self.usage.tokens_out)

    @property
    def cost(self) -> float | None:
        """Return about what that costs; None without a price."""
        return cost(self.subject.provider.price, *self.tokens)


@dataclass(frozen=True)
class Plans:
    """All of it; ``missing`` are datasets whose indicators are not there."""

    plans: tuple[Plan, ...]
    missing: tuple[entries.Problem, ...]
    rule: ConvergenceParams


@dataclass(frozen=True)
class Result:
    """What came of one plan; ``waiting`` indicators are still without an answer. ``error`` in place of an outcome."""

    plan: Plan
    outcome: Outcome | None = None
    changes: Changes | None = None
    waiting: int = 0
    error: ObservatudoError | None = None

    @property
    def stops_all(self) -> bool:
        """Say whether other models are not to be asked either: a person said so, or nothing can be written."""
        is_interrupted = self.outcome is not None and self.outcome.end == "interrompida"
        return is_interrupted or isinstance(self.error, UnwritableError)


@dataclass
class _Left:
    """What the command as a whole may still use."""

    calls: int | None
    money: float | None
    spent: dict[str, float] = field(default_factory=dict)

    def of(self, subject: Subject) -> Budget:
        """Return the budget of the next execution: the declared one, or what is left where that is less."""
        own, price = subject.provider.budget, subject.provider.price
        calls = [number for number in (own.calls, self.calls) if number is not None]
        money = [number for number in (own.money,) if number is not None]
        if self.money is not None and price is not None:
            money.append(max(0.0, self.money - self.spent.get(price.currency, 0.0)))
        return Budget.model_construct(calls=min(calls, default=None), tokens=own.tokens, money=min(money, default=None))

    def used(self, outcome: Outcome) -> None:
        if self.calls is not None:
            self.calls = max(0, self.calls - outcome.calls)
        if outcome.cost is not None:
            self.spent[outcome.currency] = self.spent.get(outcome.currency, 0.0) + outcome.cost


def plan(root: Path, wish: Wish) -> Plans:
    """Return what there is to ask in the repository at ``root``, without asking.

    Raises ConfigError for a model, prompt or dataset that is not declared, and DataError for damaged answers.
    """
    return _planned(root, wish)[0]


def _planned(root: Path, wish: Wish) -> tuple[Plans, answers.Answers]:
    """Return the plans, and the answers that they go by."""
    params = config.load_params(root)
    for key in wish.datasets:
        params.dataset(key)
    counting = params.classify.providers
    names = wish.providers or list(counting)
    rule = params.classify.convergence
    if not names:
        return Plans((), (), rule), answers.Answers()
    taxonomy = load_taxonomy(root)
    asked = subjects.subjects(root, set(names), taxonomy)
    known, missing = entries.catalogue(root)
    decided = overrides.read(root / paths.OVERRIDES, taxonomy)
    items = choose.items(known.values(), taxonomy, decided, wish.datasets)
    found = answers.read(root)
    plans = tuple(_plan(own, items, found, wish, rule, counts=own.name in counting) for own in asked)
    missing = [own for own in missing if not wish.datasets or own.id in wish.datasets]
    return Plans(plans, tuple(missing), rule), found


def _plan(
    subject: Subject,
    items: Sequence[Item],
    found: answers.Answers,
    wish: Wish,
    rule: ConvergenceParams,
    *,
    counts: bool,
) -> Plan:
    if wish.rounds:
        stable = wish.include_stable
        questions = choose.measuring(items, subject, found, rule, 1, include_stable=stable)[: wish.limit]
    else:
        questions = choose.pending(items, subject, found)[: wish.limit]
    usage = choose.measured_usage(subject, found) or _estimated(subject, questions)
    total = len(questions) * max(1, wish.rounds)
    return Plan(subject, tuple(items), tuple(questions), total, usage, counts)


def _estimated(subject: Subject, questions: Sequence[Question]) -> Usage:
    """Estimate one call from the lengths of the prompt, the questions and the longest axis."""
    if not questions:
        return Usage(0, 0, 0)
    prompt = subject.prompt
    system = len(prompt.system(axis_order(subject.taxonomy, 0), "json"))
    asked = sum(len(prompt.user(question.item, "json")) for question in questions) / len(questions)
    longest = max(map(len, subject.taxonomy.keys))
    said = len(f'{{"{form.AXIS}": "", "{form.CONFIDENCE}": 0.95}}') + longest
    return Usage((system + asked) / CHARACTERS_PER_TOKEN, said / CHARACTERS_PER_TOKEN, 0)


def carry_out(root: Path, wish: Wish, tell: Callable[[Plan, Progress], None]) -> tuple[Plans, list[Result]]:
    """Ask, model by model; one that cannot be asked does not stop the others, an interruption does.

    What to ask is looked up with every other ``ask`` locked out. Raises ConfigError, before anything is asked, where a
    key is not in the environment, and where a limit of cost is wished for a model without a price.
    """
    with asking(root):
        plans, stored = _planned(root, wish)
        for own in plans.plans:
            secret.key(own.subject.name, own.subject.provider)
            _require_price(own.subject, wish)
        left = _Left(wish.max_calls, wish.max_cost)
        results: list[Result] = []
        for own in plans.plans:
            found, stored = _carried_out(root, own, wish, plans.rule, left, partial(tell, own), stored)
            results.append(found)
            if results[-1].stops_all:
                break
    return plans, results


def _require_price(subject: Subject, wish: Wish) -> None:
    if wish.max_cost is not None and subject.provider.price is None:
        raise ConfigError(
            _("what “{name}” costs is not declared, so no limit of cost can be kept").format(name=subject.name),
            where=f"{paths.PROVIDERS}: {subject.name}.price",
            next_step=_("declare its price, or limit the calls: --max-calls"),
        )


def _carried_out(
    root: Path,
    own: Plan,
    wish: Wish,
    rule: ConvergenceParams,
    left: _Left,
    tell: Callable[[Progress], None],
    before: answers.Answers,
) -> tuple[Result, answers.Answers]:
    """Ask one model; return what came of it, and the answers there are then."""
    try:
        outcome = _asked(root, own, wish, rule, left.of(own.subject), tell) if own.questions else None
    except ObservatudoError as error:
        after = answers.read(root)
        return Result(own, error=error, waiting=_waiting(own, after)), after
    if outcome is None:
        return Result(own, waiting=_waiting(own, before)), before
    left.used(outcome)
    after = answers.read(root)
    changed = changes(own.subject, own.chosen, before, after, rule)
    return Result(own, outcome, changed, _waiting(own, after)), after


def _asked(
    root: Path, own: Plan, wish: Wish, rule: ConvergenceParams, budget: Budget, tell: Callable[[Progress], None]
) -> Outcome:
    if not wish.rounds:
        return ask_in_rounds(root, own.subject, [own.questions], own.total, "perguntar", tell, budget)

    def rounds() -> Iterator[Sequence[Question]]:
        """Look, before each round, at what the answers of the one before have settled."""
        for number in range(1, wish.rounds + 1):
            found = answers.read(root)
            stable = wish.include_stable
            yield choose.measuring(own.chosen, own.subject, found, rule, number, include_stable=stable)

    return ask_in_rounds(root, own.subject, rounds(), own.total, "medir", tell, budget)


def _waiting(own: Plan, found: answers.Answers) -> int:
    return sum(len(question.item.ids) for question in choose.pending(own.items, own.subject, found))
