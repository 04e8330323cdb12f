"""What is said of a label, in words: its axis, how far models keep to what they say, who has a say."""

from __future__ import annotations

from collections.abc import Iterator

from rich.text import Text

from observatudo import figures
from observatudo.i18n import _
from tui.labelled import Indicator
from tui.reading import pair
from tui.tones import toned

# how far a model keeps to what it says: glyph and tone
STATES = {
    "FIXADO": ("▪", "muted"), "INVALIDO": ("✗", "bad"), "OSCILANTE": ("↔", "warn"), "ESTAVEL": ("✓", "ok"),
    "DIVERGENTE": ("≠", "warn"), "EM_OBSERVACAO": ("·", "muted"), "NOVO": ("◌", "muted"),
}  # fmt: skip


def confidence(share: float | None) -> str:
    """Return a confidence with the four decimals that it has."""
    return figures.NONE if share is None else figures.local(f"{share:.4f}")


def swings(own: Indicator) -> str:
    """Say how often a label changed over versions, and how often it came back to an axis it had left."""
    return _("{flips} change(s), {returns} back; now {axis}").format(
        flips=own.flips, returns=own.returns, axis=own.axis
    )


def shown_axis(own: Indicator) -> str:
    """Return an indicator's axis, or with an arrow the one that the next run will put it on."""
    return f"→{own.waits}" if own.waits else own.axis


def shown_name(own: Indicator) -> str:
    """Return an indicator's name, and before it that its decision waits for the next run."""
    return _("waits for dvc repro: {name}").format(name=own.name) if own.waits else own.name


def sign(own: Indicator) -> str:
    """Return in a sign how far models keep to what they say of it, and a second one where one has yet to answer."""
    waits = "◌" if own.waits_for and own.state != "NOVO" else ""
    return (STATES[own.state][0] if own.state in STATES else "") + waits


def stated(name: str | None) -> str:
    """Return a state with its glyph; nothing for none."""
    return f"{STATES[name][0]} {name}" if name in STATES else name or ""


def tone_of(state: str | None) -> str:
    """Return the tone of a state."""
    return STATES[state][1] if state in STATES else ""


def named(classifier: str) -> str:
    """Return the words for one who has a say; a model has its own name."""
    words = {
        "fonte": _("source"),
        "humano": _("person"),
        "regras": _("words of the taxonomy"),
        "embutido": _("rules and examples"),
    }
    return words.get(classifier, classifier)


def in_short(own: Indicator) -> list[Text]:
    """Return what is known of an indicator in lines."""
    lines = [Text(own.name, "bold"), Text(own.id, "dim"), Text(), pair(_("axis"), own.axis)]
    lines.append(pair(_("decided by"), f"{own.origin}  {confidence(own.confidence)}"))
    if own.waits:
        lines.append(toned("◌ " + _("waits for dvc repro") + f": {own.axis} → {own.waits}", "accent"))
    lines += _models(own)
    lines.append(pair(_("its source says"), own.source_axis))
    lines.append(pair(_("the rules say"), own.rule))
    lines.append(pair(_("a person says"), own.override))
    lines.append(pair(_("dataset"), own.dataset or _("none has it any more")))
    lines.append(pair(_("classifier"), own.classifier))
    if own.flips:
        lines.append(toned(f"↔ {swings(own)}", "warn"))
    return lines


def _models(own: Indicator) -> Iterator[Text]:
    """Give what each model says of an indicator: what else has a say has lines of its own."""
    for vote in own.votes:
        if vote.state and vote.classifier not in ("fonte", "humano"):
            told = f"{stated(vote.state)}  {confidence(vote.confidence) if vote.axis else ''}".rstrip()
            line = pair(vote.classifier, vote.axis)
            yield line.append(f"  {told}", toned("", tone_of(vote.state)).style)
