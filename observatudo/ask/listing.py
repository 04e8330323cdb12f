"""The prompts of a repository: which models get each, how many answers stand under each hash."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

from observatudo import consistency, paths
from observatudo.classify import answers, prompts, providers
from observatudo.classify.taxonomy import Taxonomy, load_taxonomy
from observatudo.errors import ConfigError
from observatudo.i18n import _


@dataclass(frozen=True)
class Listed:
    """One prompt. ``hash`` is empty and ``characters`` None where ``problem`` says why the file cannot be used.

    ``characters`` are those of ``prompts.Prompt.text``; ``answers`` whole ones, valid or not.
    """

    name: str
    hash: str
    characters: int | None
    models: tuple[str, ...]
    answers: int
    problem: str = ""


@dataclass(frozen=True)
class Earlier:
    """A hash that no prompt has any more, and how many answers it has."""

    name: str
    hash: str
    answers: int


@dataclass(frozen=True)
class Listing:
    """All prompts by name; what has answers but no file by name and hash."""

    prompts: tuple[Listed, ...]
    earlier: tuple[Earlier, ...]

    def as_dict(self) -> dict[str, object]:
        """Return it as ``--json`` prints it."""
        return asdict(self)


def listing(root: Path) -> Listing:
    """Return the prompts of the repository at ``root``; one that cannot be used is there with its problem.

    Raises ConfigError for damaged declarations, DataError for a damaged file of answers.
    """
    taxonomy, declared = load_taxonomy(root), providers.load_providers(root)
    stored = answers.read(root)
    counts: Counter[tuple[str, str]] = Counter()
    for own in stored.all():
        if own.is_whole and own.reply.status != "erro":
            counts[own.execution.prompt_hash, own.execution.prompt] += 1
    by_hash: Counter[str] = Counter()
    for (key, _name), number in counts.items():
        by_hash[key] += number
    found = []
    for name in prompts.names(root):
        models = tuple(sorted(model for model, own in declared.items() if own.prompt == name))
        found.append(_listed(root, name, models, by_hash, taxonomy))
    now = {own.hash for own in found}
    earlier = (Earlier(name, key, number) for (key, name), number in counts.items() if key not in now)
    return Listing(tuple(found), tuple(sorted(earlier, key=lambda own: (own.name, own.hash))))


def require_prompt(root: Path, name: str) -> None:
    """Raise ConfigError, with the nearest name, where there is no such prompt."""
    known = prompts.names(root)
    if name not in known:
        raise ConfigError(
            _("there is no prompt “{name}”").format(name=name) + consistency.nearest(name, known),
            where=str(paths.PROMPTS),
            next_step="observatudo prompts",
        )


def _listed(root: Path, name: str, models: tuple[str, ...], counts: Counter[str], taxonomy: Taxonomy) -> Listed:
    try:
        own = prompts.load_prompt(root, name, taxonomy)
    except ConfigError as error:
        return Listed(name, "", None, models, 0, error.message)
    return Listed(name, own.hash, len(own.text), models, counts[own.hash])
