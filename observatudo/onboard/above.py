"""A unit that stands above the table and in no header: (R$ mil), em milhares de reais."""

from __future__ import annotations

from observatudo.i18n import _
from observatudo.onboard.draft import Draft, Keys, Part
from observatudo.onboard.words import unit_of

_UNSAID = {"real", "unidade", "a confirmar"}  # the units of headers that say none


def bring_to_base(draft: Draft, above: str) -> None:
    """Multiply the values whose header says no unit by what a line above the table says, and mark it as a guess."""
    for line in above.splitlines():
        unit, factor, is_said = unit_of(line, whole=False)
        if is_said and factor != 1:
            guess = _("times {factor}, because above the table stands “{line}”").format(
                factor=factor, line=" ".join(line.split(";")).strip()[:80].strip()
            )
            for value, keys, key in _unsaid(draft):
                keys[key] = unit
                value.keys["factor"], value.guess = factor, "; ".join(filter(None, (guess, value.guess)))
            return


def _unsaid(draft: Draft) -> list[tuple[Part, Keys, str]]:
    """Return each field of values without a unit of its own, and where its unit is to stand."""
    fields = {part.name: part for part in draft.parts}
    found = [
        (fields[str(one.keys["value"])], one.keys, "unit") for one in draft.indicators if one.keys["unit"] in _UNSAID
    ]
    unit = fields.get(str(draft.indicator_columns.get("unit", "")))
    derive = unit.keys.get("derive") if unit is not None else None
    if isinstance(derive, dict) and derive.get("constant") in _UNSAID:
        found.append((fields[str(draft.indicator_columns["value"])], derive, "constant"))
    return [one for one in found if one[0].keys["type"] in ("integer", "number") and "factor" not in one[0].keys]
