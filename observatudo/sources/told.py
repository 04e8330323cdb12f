"""What the log is told of a fetch: the event ``fetched``, one per dataset, for whoever asks how fresh the data is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from observatudo import journal
from observatudo.runs import identity
from observatudo.runs.log import FETCHED

if TYPE_CHECKING:
    from pathlib import Path

Result = Literal["new", "same", "refused", "failed"]


def tell(home: Path, dataset: str, result: Result, message: str, *, checked: bool) -> None:
    """Append the event; ``checked``: the source was only asked. Raises ObservatudoError where it cannot."""
    run = identity.run_id(identity.own())
    journal.append(home, FETCHED, run, dataset=dataset, result=result, checked=checked, message=message)
