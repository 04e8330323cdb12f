"""A draft → the text of its declaration, each guess as a comment above what it is about."""

from __future__ import annotations

import textwrap

import yaml
from pydantic import JsonValue

from observatudo.i18n import _
from observatudo.onboard.draft import Draft, Keys, Part

_HEAD = "# yaml-language-server: $schema=../../schema/dataset.json"
_LONGEST = 118


def text(draft: Draft) -> str:
    """Return the declaration's text; what was guessed has a comment that begins with ``# guess:``."""
    blocks = [_about(draft), _snapshot(draft), _resources(draft)]
    if draft.melt:
        blocks.append([*_guess(draft, "melt"), f"melt: {inline(draft.melt)}"])
    blocks += [["fields:", *_items(draft.parts)], _roles(draft)]
    if draft.indicators:
        blocks.append(["indicators:", *_items(draft.indicators)])
    if draft.indicator_columns:
        blocks.append([*_guess(draft, "indicator_columns"), f"indicator_columns: {inline(draft.indicator_columns)}"])
    if draft.ignore:
        blocks.append(_guess(draft, "ignore") + _wrapped("ignore", [*draft.ignore]))
    blocks.append(["checks:", *(f"  - {inline(check)}" for check in draft.checks)])
    return "\n\n".join("\n".join(block) for block in blocks) + "\n"


def inline(value: JsonValue) -> str:
    """Return the value in YAML's one-line form."""
    dumped = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=10**9, sort_keys=False)
    return str(dumped).strip().removesuffix("...").strip()


def comment(words: str, indent: str = "") -> list[str]:
    """Return a guess as lines of comment."""
    lead = f"{indent}# "
    sentence = _("guess: {words}; confirm").format(words=" ".join(words.split()))
    return textwrap.wrap(sentence, _LONGEST, initial_indent=lead, subsequent_indent=f"{lead}  ")


def _guess(draft: Draft, key: str) -> list[str]:
    return comment(draft.guesses[key]) if draft.guesses.get(key) else []


def _about(draft: Draft) -> list[str]:
    lines = [_HEAD, *comment(_("title and description, from the file's name")), f"title: {inline(draft.title)}"]
    told = "A confirmar: o que é, de quem, e com que cuidado ler."
    lines += [f"description: {inline(told)}", *_guess(draft, "kind"), f"kind: {draft.kind}"]
    lines += [*comment(_("publisher, licence and citation, which no file says")), "publisher: A confirmar"]
    if draft.homepage:
        lines.append(f"homepage: {inline(draft.homepage)}")
    lines += ["licenses: [{name: a confirmar}]", f"citation: {inline(f'{draft.title}. A confirmar.')}"]
    return [*lines, *_guess(draft, "frequency"), f"frequency: {draft.frequency}"]


def _snapshot(draft: Draft) -> list[str]:
    if not draft.snapshot:
        return [f"snapshot: {{}} # observatudo fetch {draft.key} --from FILE"]
    items = draft.snapshot["http"]
    assert isinstance(items, list)
    return ["snapshot:", "  http:", *(f"    - {inline(item)}" for item in items)]


def _resources(draft: Draft) -> list[str]:
    lines = []
    for key, words in draft.guesses.items():
        if key.partition(".")[0] == "resources" and words:
            name = key.partition(".")[2] or key
            lines += comment(f"{name}: {words}")
    lines.append("resources:")
    for keys in draft.resources:
        lines += _item(keys)
    return lines


def _roles(draft: Draft) -> list[str]:
    lines = []
    if draft.primary_key:
        lines += [*_guess(draft, "primaryKey"), f"primaryKey: {inline([*draft.primary_key])}"]
    if draft.locality:
        lines += [*_guess(draft, "locality"), f"locality: {inline(draft.locality)}"]
    if draft.period:
        lines.append(f"period: {inline(draft.period)}")
    return lines


def _items(parts: list[Part]) -> list[str]:
    lines = []
    for part in parts:
        lines += comment(part.guess, "  ") if part.guess else []
        lines += _item(part.keys)
    return lines


def _item(keys: Keys) -> list[str]:
    short = f"  - {inline(keys)}"
    if len(short) <= _LONGEST:
        return [short]
    lines = []
    for position, (key, value) in enumerate(keys.items()):
        lead = "  - " if position == 0 else "    "
        whole = f"{lead}{key}: {inline(value)}"
        if len(whole) > _LONGEST and isinstance(value, dict):
            lines += [f"{lead}{key}:", *(f"      {inline(k)}: {inline(v)}" for k, v in value.items())]
        else:
            lines.append(whole)
    return lines


def _wrapped(key: str, values: list[JsonValue]) -> list[str]:
    short = f"{key}: {inline(values)}"
    if len(short) <= _LONGEST:
        return [short]
    return [f"{key}:", *(f"  - {inline(value)}" for value in values)]
