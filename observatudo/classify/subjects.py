"""A model with its prompt over a taxonomy: what answers, and under which key its answers to one text are a series."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from observatudo.classify import prompts, providers
from observatudo.classify.answers import Execution, Purpose
from observatudo.classify.prompts import Item, Prompt
from observatudo.classify.providers import Provider
from observatudo.classify.taxonomy import Taxonomy


@dataclass(frozen=True)
class Subject:
    """One declared model (``name`` in configs/provedores.yaml) with the prompt it gets."""

    name: str
    provider: Provider
    prompt: Prompt
    taxonomy: Taxonomy

    def series(self, item: Item) -> str:
        """Return the key under which answers about a text are one series: 64 hex digits (SHA-256).

        It holds the text, the taxonomy's version, the prompt, the model's name here, model and digest, and the
        parameters. Where the endpoint is, its limits, the order of axes and the seed are no part of it.
        """
        own = self.provider
        parts = [item.hash, self.taxonomy.version, self.prompt.hash, self.name, own.model, own.digest]
        content = json.dumps([*parts, own.parameters_text], ensure_ascii=False)
        return hashlib.sha256(content.encode()).hexdigest()

    def execution(self, name: str, begun: str, purpose: Purpose) -> Execution:
        """Return the first line of a file of answers: of the execution ``name``, begun at this hour (ISO 8601)."""
        own = self.provider
        return Execution(
            execucao=name,
            inicio=begun,
            finalidade=purpose,
            provedor=self.name,
            modelo=own.model,
            digest=own.digest,
            endereco=own.base_url,
            prompt=self.prompt.name,
            prompt_hash=self.prompt.hash,
            prompt_texto=self.prompt.text,
            taxonomia=self.taxonomy.version,
            parametros=own.parameters_text,
            moeda=own.price.currency if own.price else "",
        )


def subject(root: Path, name: str, taxonomy: Taxonomy, prompt: str | None = None) -> Subject:
    """Return a declared model with its own prompt, or another one; raises ConfigError where there is none of either."""
    own = providers.provider(root, name)
    return Subject(name, own, prompts.load_prompt(root, prompt or own.prompt, taxonomy), taxonomy)


def subjects(root: Path, names: Iterable[str], taxonomy: Taxonomy) -> list[Subject]:
    """Return the models of these names, sorted by name; raises ConfigError for one that is not declared."""
    return [subject(root, name, taxonomy) for name in sorted(names)]
