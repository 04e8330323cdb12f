"""What a model is told (``configs/prompts/NAME.md``): three parts, rendered the same way every time, with a hash.

A prompt is a Markdown file with the headings ``# Sistema``, ``# Indicador`` and ``# Reparo``; what stands before the
first is for people. The parts are Jinja templates, in a sandbox, that know ``eixos`` (``chave``, ``titulo``,
``definicao``, ``exemplos``), ``formato`` (``json`` or ``texto``), ``nome``, ``descricao``, and in Reparo ``motivo``.
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from observatudo import paths
from observatudo.classify.taxonomy import Axis, Taxonomy
from observatudo.errors import ConfigError
from observatudo.i18n import _

PARTS = ("Sistema", "Indicador", "Reparo")
LONGEST = 2000  # characters of a description: what an indicator is about stands at the beginning
_HEADING = re.compile(r"^# +(.+?) *$", re.MULTILINE)
_TOO_MUCH = (RecursionError, MemoryError)
_EXAMPLES = 8  # per axis; more make a prompt long and small models forget its beginning

Form = Literal["json", "texto"]
Value = str | Sequence[Mapping[str, object]]


def normalised(text: str) -> str:
    """Return a text composed (NFC), with single spaces: what makes two texts the same question."""
    return " ".join(unicodedata.normalize("NFC", text).split())


@dataclass(frozen=True)
class Item:
    """One text to be classified, normalised, and the indicators it stands for (none: a labelled text)."""

    nome: str
    descricao: str = ""
    ids: tuple[str, ...] = ()

    @classmethod
    def of(cls, nome: str, descricao: str, ids: Sequence[str] = ()) -> Item:
        """Return the item of a name and a description as they stand in a catalogue."""
        return cls(normalised(nome), normalised(descricao)[:LONGEST], tuple(sorted(ids)))

    @cached_property
    def hash(self) -> str:
        """Return the SHA-256 (64 hex digits) of what is asked about."""
        content = json.dumps([self.nome, self.descricao], ensure_ascii=False)
        return hashlib.sha256(content.encode()).hexdigest()


# what stands for an indicator where a prompt itself is hashed or shown
BLANK = Item("⟨nome⟩", "⟨descricao⟩")


def axis_order(taxonomy: Taxonomy, seed: int) -> list[str]:
    """Return the axes' keys in the order of a seed, the same with every Python; 0 is the taxonomy's own."""
    if not seed:
        return list(taxonomy.keys)
    return sorted(taxonomy.keys, key=lambda key: hashlib.sha256(f"{seed} {key}".encode()).digest())


class Prompt:
    """One prompt over one taxonomy."""

    def __init__(self, name: str, parts: Mapping[str, str], taxonomy: Taxonomy) -> None:
        from jinja2 import StrictUndefined
        from jinja2.sandbox import ImmutableSandboxedEnvironment

        self.name = name
        self._parts = parts
        self._axes = {axis.key: _axis(axis) for axis in taxonomy.axes}
        self._environment = ImmutableSandboxedEnvironment(
            undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=False
        )
        # chance would make another prompt of it each time
        self._environment.globals.pop("lipsum")
        self._environment.filters.pop("random")

    @cached_property
    def hash(self) -> str:
        """Return the SHA-256 (64 hex digits) of the templates and of what they say about the axes."""
        content = json.dumps([dict(sorted(self._parts.items())), self.text], ensure_ascii=False)
        return hashlib.sha256(content.encode()).hexdigest()

    @cached_property
    def text(self) -> str:
        """Return the whole prompt for people: the axes in the taxonomy's order, marks in place of the indicator."""
        return "\n\n".join([self.system(list(self._axes), "json"), self.user(BLANK, "json")])

    def system(self, order: Sequence[str], form: Form) -> str:
        """Return what the model is told at first, with the axes in this order."""
        return self._render("Sistema", form, eixos=[self._axes[key] for key in order])

    def user(self, item: Item, form: Form) -> str:
        """Return the question about one text."""
        return self._render("Indicador", form, nome=item.nome, descricao=item.descricao)

    def repair(self, reason: str, form: Form) -> str:
        """Return what is said after an answer that is none; ``reason`` says why it is none."""
        return self._render("Reparo", form, motivo=reason)

    def _render(self, part: str, form: Form, **values: Value) -> str:
        from jinja2 import TemplateError

        try:
            return self._environment.from_string(self._parts[part]).render(formato=form, **values).strip()
        except (TemplateError, TypeError, ValueError, ArithmeticError, LookupError, *_TOO_MUCH) as error:
            line = getattr(error, "lineno", None)  # counted from the heading
            where = f"{paths.PROMPTS / self.name}.md # {part}" + (f":{line}" if line else "")
            raise ConfigError(_("the prompt cannot be rendered: {why}").format(why=error), where=where) from None


def _axis(axis: Axis) -> dict[str, object]:
    return {
        "chave": axis.key,
        "titulo": axis.title,
        "definicao": normalised(axis.definition),
        "exemplos": [normalised(example) for example in axis.examples[:_EXAMPLES]],
    }


def load_prompt(root: Path, name: str, taxonomy: Taxonomy) -> Prompt:
    """Read a prompt of the repository at ``root`` and render it once.

    Raises ConfigError for a missing file, a missing, double or unknown heading, and what Jinja refuses.
    """
    path = root / paths.PROMPTS / f"{name}.md"
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        known = ", ".join(names(root)) or "–"
        raise ConfigError(
            _("there is no prompt “{name}”; there are: {known}").format(name=name, known=known), where=str(path)
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(_("the prompt cannot be read: {why}").format(why=error), where=str(path)) from None
    prompt = Prompt(name, _split(path, text), taxonomy)
    prompt.hash  # noqa: B018  raises where a part cannot be rendered
    prompt.repair(BLANK.descricao, "texto")
    return prompt


def names(root: Path) -> list[str]:
    """Return the names of all prompts of the repository at ``root``, sorted."""
    return sorted(path.stem for path in (root / paths.PROMPTS).glob("*.md"))


def _split(path: Path, text: str) -> dict[str, str]:
    pieces = _HEADING.split(text)
    found = dict(zip(pieces[1::2], pieces[2::2], strict=True))
    if sorted(pieces[1::2]) != sorted(PARTS):
        raise ConfigError(
            _("a prompt has the headings {wanted}, each once; found: {found}").format(
                wanted=", ".join(f"# {part}" for part in PARTS), found=", ".join(f"# {x}" for x in pieces[1::2]) or "–"
            ),
            where=str(path),
        )
    return {part: body.strip() for part, body in found.items()}
