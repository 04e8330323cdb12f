"""Recording a human decision: one line of ``data/classified/overrides.csv``, the others byte for byte as they were."""

from __future__ import annotations

import csv
import datetime
import difflib
import io
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from observatudo import paths, wholefile
from observatudo.classify import overrides
from observatudo.classify.taxonomy import Taxonomy, load_taxonomy
from observatudo.errors import ObservatudoError
from observatudo.i18n import _
from observatudo.labels.entries import Entry, catalogue

_CONFLICT = re.compile(rb"^(<{7}|>{7}|\|{7}|={7})( |$)", re.MULTILINE)
_NEAR = 0.5


@dataclass(frozen=True)
class Decision:
    """What was written: the line that went and the one that came, empty where there is none.

    ``source_axis`` is the axis of the indicator's source, where it has one: it comes before any decision.
    """

    id: str
    removed: str
    added: str
    source_axis: str | None = None

    @property
    def is_change(self) -> bool:
        return self.removed != self.added


@dataclass(frozen=True)
class _Line:
    """One row of the file with its line ends, over several lines where a cell has them; blank lines have no ``id``."""

    id: str
    text: str


def record(root: Path, indicator: str, axis: str, reason: str, author: str, today: datetime.date) -> Decision:
    """Put an indicator on an axis (by key, title or alias), in place of what was decided on it before.

    Raises ObservatudoError where the indicator or the axis is none (with the nearest), where reason or author cannot
    stand in one line, and where the file holds a conflict or is damaged; then nothing is written.
    """
    with _alone(root):
        return _record(root, indicator, axis, reason, author, today)


def _record(root: Path, indicator: str, axis: str, reason: str, author: str, today: datetime.date) -> Decision:
    taxonomy = load_taxonomy(root)
    header, lines = _read(root, taxonomy)
    key = _axis(axis, taxonomy)
    entry = require_indicator(root, indicator)
    cells = [indicator, key, _one_line(author, _("the author")), today.isoformat(), _one_line(reason, _("the reason"))]
    row = _row(cells)
    removed = next((line.text for line in lines if line.id == indicator), "")
    if removed:
        placed = [_Line(line.id, row + _ending(line.text)) if line.id == indicator else line for line in lines]
    else:
        placed = _inserted(header, lines, _Line(indicator, row + _ending(header)))
    decision = Decision(indicator, _shown(removed), row, taxonomy.find(entry.source_axis or ""))
    if decision.is_change:
        _write(root, header, placed)
    return decision


def remove(root: Path, indicator: str) -> Decision:
    """Take back what was decided on an indicator, also on one that no dataset has any more.

    Raises ObservatudoError where nothing was, and where the file holds a conflict or is damaged.
    """
    with _alone(root):
        return _remove(root, indicator)


def _remove(root: Path, indicator: str) -> Decision:
    header, lines = _read(root, load_taxonomy(root))
    removed = next((line.text for line in lines if line.id == indicator), "")
    if not removed:
        raise ObservatudoError(
            _("nothing was decided on “{name}”").format(name=indicator) + _nearest(indicator, [x.id for x in lines]),
            where=str(paths.OVERRIDES),
            next_step="observatudo labels --origin humano",
        )
    _write(root, header, [line for line in lines if line.id != indicator])
    return Decision(indicator, _shown(removed), "")


def undo(root: Path, made: Decision) -> None:
    """Put back what stood before a decision was recorded.

    Raises ObservatudoError where the line is another by now, and where the file holds a conflict or is damaged; then
    nothing is written.
    """
    with _alone(root):
        header, lines = _read(root, load_taxonomy(root))
        own = next((line for line in lines if line.id == made.id), None)
        if own is None or _shown(own.text) != made.added:
            raise ObservatudoError(
                _("the decision on “{name}” is another by now").format(name=made.id),
                where=str(paths.OVERRIDES),
                next_step=f"git diff {paths.OVERRIDES}",
            )
        before = [_Line(own.id, made.removed + _ending(own.text))] if made.removed else []
        _write(root, header, [kept for line in lines for kept in (before if line is own else [line])])


@contextmanager
def _alone(root: Path) -> Iterator[None]:
    """Keep a second process from writing what it read before this one wrote."""
    from filelock import FileLock

    place = root / ".observatudo"
    place.mkdir(exist_ok=True)
    with FileLock(place / "overrides.lock"):
        yield


def _read(root: Path, taxonomy: Taxonomy) -> tuple[str, list[_Line]]:
    """Return the header and the rows as they stand in the file, which is checked first."""
    path = root / paths.OVERRIDES
    content = path.read_bytes() if path.is_file() else b""
    if _CONFLICT.search(content):
        raise ObservatudoError(
            _("the file of human decisions holds a conflict of two branches"),
            where=str(paths.OVERRIDES),
            next_step=_("keep the lines that hold, without the marks, then: git add {path}").format(
                path=paths.OVERRIDES
            ),
        )
    overrides.read(path, taxonomy)
    header, *lines = _parted(content.decode())
    return header.text, lines


def _parted(text: str) -> Iterator[_Line]:
    """Part a CSV into its rows without losing a character."""
    given = list(io.StringIO(text, newline=""))
    reader = csv.reader(given, strict=True)
    begins = 0
    for cells in reader:
        yield _Line(cells[0].strip() if cells else "", "".join(given[begins : reader.line_num]))
        begins = reader.line_num


def _inserted(header: str, lines: list[_Line], own: _Line) -> list[_Line]:
    """Put a row before the first that sorts behind it."""
    at = next((number for number, line in enumerate(lines) if line.id > own.id), len(lines))
    before = lines[:at]
    if before and not before[-1].text.endswith(("\n", "\r")):
        before[-1] = _Line(before[-1].id, before[-1].text + _ending(header))
    return [*before, own, *lines[at:]]


def _ending(text: str) -> str:
    """Return the line end of a row, ``\\n`` where it has none."""
    return text[len(text.rstrip("\r\n")) :] or "\n"


def _shown(text: str) -> str:
    return text.rstrip("\r\n")


def _row(cells: list[str]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="").writerow(cells)
    return out.getvalue()


def _write(root: Path, header: str, lines: list[_Line]) -> None:
    if not header.endswith(("\n", "\r")):
        header += "\n"
    wholefile.write(root / paths.OVERRIDES, header + "".join(line.text for line in lines))


def _axis(name: str, taxonomy: Taxonomy) -> str:
    found = taxonomy.find(name)
    if found is None:
        raise ObservatudoError(
            _("“{axis}” is not an axis; {hint}").format(axis=name, hint=taxonomy.nearest(name)),
            where=str(paths.TAXONOMY),
        )
    return found


def require_indicator(root: Path, name: str) -> Entry:
    """Return the indicator of this id; raises ObservatudoError, with the nearest, where no dataset has it."""
    known, missing = catalogue(root)
    if name in known:
        return known[name]
    if missing:
        raise ObservatudoError(
            _("“{name}” is in none of the catalogues that are here").format(name=name) + _nearest(name, known),
            where=", ".join(problem.id for problem in missing),
            next_step="dvc repro",
        )
    raise ObservatudoError(
        _("no dataset has an indicator “{name}”").format(name=name) + _nearest(name, known),
        where=name,
        next_step=_("observatudo labels WORDS   (finds its id)"),
    )


def _nearest(name: str, valid: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(filter(None, valid)), n=1, cutoff=_NEAR)
    return "; " + _("did you mean {name}?").format(name=close[0]) if close else ""


def _one_line(text: str, what: str) -> str:
    """Return a text with its blanks made single spaces."""
    found = " ".join(text.split())
    if not found:
        raise ObservatudoError(_("{what} is empty").format(what=what), next_step='observatudo label ID AXIS -m "…"')
    if not found.isprintable():
        raise ObservatudoError(_("{what} holds a character that cannot be printed").format(what=what))
    return found
