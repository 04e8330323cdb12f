"""What a person should look at: labels that are none, decisions without effect, models that do not keep to a label."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from observatudo import paths
from observatudo.classify.names import FIXED
from observatudo.i18n import _
from observatudo.labels.entries import Entry, Problem

if TYPE_CHECKING:
    from observatudo.classify.panel import Said
    from observatudo.classify.taxonomy import Taxonomy
    from observatudo.labels.evidence import Vote
    from observatudo.labels.models import Models
    from observatudo.labels.state import Labelled


def of_labels(
    found: Sequence[Labelled], known: Mapping[str, Entry], taxonomy: Taxonomy, *, is_whole: bool
) -> Iterator[Problem]:
    """Give what is wrong with labels; what no dataset has is known only where every catalogue ``is_whole``."""
    for own in found:
        if own.axis not in taxonomy.keys:
            yield Problem("axis", own.id, _("“{axis}” is no axis of the taxonomy").format(axis=own.axis))
        if own.id not in known and is_whole:
            yield Problem("no_indicator", own.id, _("it has a label, but no dataset has it"))
    labelled = {own.id for own in found}
    for key, entry in sorted(known.items()):
        if entry.source_axis and taxonomy.find(entry.source_axis) is None:
            text = _("its source's axis “{axis}” is not in the taxonomy").format(axis=entry.source_axis)
            yield Problem("source_axis", key, text)
        if key not in labelled:
            yield Problem("unlabelled", key, _("it has no label yet; type: dvc repro classify"))


def of_decisions(
    found: Sequence[Labelled],
    known: Mapping[str, Entry],
    decided: Mapping[str, str] | None,
    taxonomy: Taxonomy,
    *,
    is_whole: bool,
) -> Iterator[Problem]:
    """Give the decisions that have no effect, or none yet; nothing of a file that is damaged."""
    if decided is None:
        return
    for own in found:
        if own.origin == "humano" and own.override is None:
            text = _("its decision was taken back, which the next run applies; type: dvc repro")
            yield Problem("override_pending", own.id, text)
    labelled = {own.id: own for own in found}
    for key, axis in sorted(decided.items()):
        if key in known:
            yield from _of_decision(axis, known[key], labelled.get(key), taxonomy)
        elif is_whole:
            text = _("a person put it on {axis}, but no dataset has it").format(axis=axis)
            yield Problem("override_unknown", key, text)


def _of_decision(axis: str, entry: Entry, label: Labelled | None, taxonomy: Taxonomy) -> Iterator[Problem]:
    source = taxonomy.find(entry.source_axis or "")
    if source is not None:
        text = _("a person put it on {axis}; its source's axis {source} comes first").format(axis=axis, source=source)
        yield Problem("override_unused", entry.id, text)
    elif label is not None and (label.origin, label.axis) != ("humano", axis):
        text = _("a person put it on {axis}, which the next run applies; type: dvc repro").format(axis=axis)
        yield Problem("override_pending", entry.id, text)


def of_models(
    models: Models, labelled: Collection[str], votes: Mapping[str, Sequence[Vote]] | None
) -> Iterator[Problem]:
    """Give what is wrong with models' answers, and whether the labels count them; ``votes`` None: not known."""
    yield from models.problems
    pending = 0
    for key, said in sorted(models.said.items()):
        for own in said:
            yield from _of_said(key, own)
        counted = {vote.classifier: (vote.series, vote.answers) for vote in (votes or {}).get(key, ())}
        pending += key in labelled and any(
            own.convergence.answers and counted.get(own.subject.name) != (own.serie, own.convergence.answers)
            for own in said
        )
    if votes is None:
        yield Problem(
            "no_evidence", str(paths.EVIDENCE), _("what was said of the labels is missing; type: dvc repro classify")
        )
    elif pending:
        text = _("models answered on {count} indicator(s) since the last run; type: dvc repro").format(count=pending)
        yield Problem("answers_pending", str(paths.ANSWERS), text)


def _of_said(key: str, own: Said) -> Iterator[Problem]:
    name, label, before = own.subject.name, own.convergence.label, own.before
    if own.convergence.state == FIXED:
        return
    if label and before and before.label != label and own.convergence.state != "ESTAVEL":
        text = _("{model} said {before}; since its {cause} changed it says {axis}")
        yield Problem(
            "key_changed",
            key,
            text.format(model=name, before=before.label, cause=cause(before.cause), axis=label),
        )
    if own.convergence.state == "OSCILANTE":
        text = _("{model} goes to and fro: {flips} change(s) in {answers} answers")
        yield Problem(
            "oscillating", key, text.format(model=name, flips=own.convergence.flips, answers=own.convergence.answers)
        )
    if own.convergence.state == "INVALIDO":
        yield Problem("invalid", key, _("the last answers of {model} are none").format(model=name))


def cause(name: str) -> str:
    """Return the word for what made a key another (``lineage.Cause``)."""
    words = {"input": _("text"), "taxonomy": _("taxonomy"), "prompt": _("prompt"), "model": _("model")}
    return words.get(name, name)
