"""The history of a cell: every version in which its value, its label or its presence changed, and why."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import cast

from observatudo.audit.timeline import tables
from observatudo.audit.timeline.cache import opened
from observatudo.audit.timeline.causes import Owners, Why, everything, explain
from observatudo.audit.timeline.cells import Condition
from observatudo.audit.timeline.gitlog import Commit
from observatudo.audit.timeline.makers import choose, makers
from observatudo.audit.timeline.model import Blame, Cell, Change, ColumnChange, Entry, LabelChange, Value
from observatudo.audit.timeline.nearest import not_found
from observatudo.audit.timeline.past import Past, Progress, past, quiet
from observatudo.audit.timeline.states import THERE, Part, Timeline, timeline
from observatudo.audit.timeline.tables import LABELS, Place
from observatudo.audit.timeline.walk import Changed, Unreadable
from observatudo.errors import ObservatudoError
from observatudo.i18n import _
from observatudo.versions.store import Store

_AXIS = "eixo"
_ORIGIN = "origem"
_INDICATOR = "id_indicador"
_OBSERVATIONS = "observacao"
_LABELLED = (LABELS, "dim_indicador")  # whose own rows say the axis
# Columns that come from the indicator's own dataset; others of a mart may come from any.
_OWN = {THERE, "valor", "valor_texto", "valor_original", "justificativa", "periodicidade", _AXIS}


@dataclass(frozen=True)
class Question:
    """Which cells of which table; ``conditions`` all hold of a row."""

    table: str
    conditions: tuple[Condition, ...]

    @property
    def indicator(self) -> str:
        return next((each.value for each in self.conditions if each.columns == (_INDICATOR,)), "")


def blame(root: Path, question: Question, revision: str | None = None, progress: Progress = quiet) -> Blame:
    """Return the history of the cells asked for, up to ``revision`` (default: HEAD and the work tree).

    Raises ObservatudoError for an unknown table or revision, where no version has such a row (naming the nearest),
    where too many rows fit, and where nothing tells the table's rows apart.
    """
    with opened(root) as cache:
        return _Teller(past(root, cache, revision, progress), Store(root), question).tell()


@dataclass
class _Teller:
    """What is needed to tell one history, each part found out once."""

    past: Past
    store: Store
    question: Question
    _runs: dict[str, dict[str, list[str]]] = field(default_factory=dict)

    def tell(self) -> Blame:
        rows = self._rows()
        labels = self._labels(rows)
        entries = [
            self._entry(commit, rows, labels)
            for commit in self.past.commits
            if commit.sha in rows.changed or (labels and commit.sha in labels.changed)
        ]
        is_lacking = any(entry.unreadable or entry.label_unreadable for entry in entries)
        return Blame(
            table=self.question.table,
            key=list(rows.key),
            asked={each.name: each.value for each in self.question.conditions},
            versions=self.past.versions,
            cut=bool(self.past.git.cut),
            next_step=tables.how_to_get() if is_lacking else "",
            entries=entries,
        )

    def _rows(self) -> Timeline:
        at = tables.place(self.question.table)
        key = tables.key(self.past, self.store, at)
        if not key:
            raise ObservatudoError(
                _("nothing says how to tell the rows of {table} apart: it has no primary key").format(table=at.table),
                where=at.out,
                next_step=f"observatudo log {at.table}",
            )
        if self.question.indicator and at.short == _OBSERVATIONS:
            at = Place(at.table, at.out, self.question.indicator)
        found = timeline(self.past, self.store, at, key, self.question.conditions)
        if not found.was_found():
            raise not_found(self.past, self.store, tables.place(self.question.table), self.question.conditions)
        return found

    def _labels(self, rows: Timeline) -> Timeline | None:
        """Return when the indicator's axis changed while the rows were there; None where the rows say it themselves."""
        if not self.question.indicator or rows.at.short in _LABELLED:
            return None
        condition = Condition((_INDICATOR,), self.question.indicator)
        at = tables.place(LABELS)
        found = timeline(self.past, self.store, at, (_INDICATOR,), [condition], frozenset({_AXIS}))
        for version in [version for version in found.changed if not rows.row_is_there(version)]:
            del found.changed[version]
        return found

    def _entry(self, commit: Commit, rows: Timeline, labels: Timeline | None) -> Entry:
        change = rows.changed.get(commit.sha)
        label = labels.changed.get(commit.sha) if labels else None
        both = [(line, one) for line, one in ((rows, change), (labels, label)) if line and one]
        whys = {line.at.out: self._why(commit, line, one) for line, one in both}
        brought = [run for why in whys.values() for run in why.runs]
        nothing = Why([], [])
        return Entry(
            commit=commit.sha or None,
            before=both[0][1].before,
            author=commit.author,
            email=commit.email,
            date=commit.date,
            subject=commit.subject,
            run=self._run(commit, both[0][0], brought),
            cut=commit.sha in self.past.git.cut,
            cells=_cells(change, rows) if change else [],
            label=self._label(commit, label) if label else None,
            causes=whys.get(rows.at.out, nothing).causes,
            label_causes=whys.get(labels.at.out, nothing).causes if labels else [],
            unreadable=_reason(change),
            label_unreadable=_reason(label),
            or_in=list(change.or_in) if change else [],
            label_or_in=list(label.or_in) if label else [],
        )

    def _run(self, commit: Commit, line: Timeline, brought: Iterable[str]) -> str | None:
        out = line.at.out
        if out not in self._runs:
            self._runs[out] = makers(self.past, out)
        return choose(self._runs[out].get(line.outs.get(commit.lock, ""), []), brought, commit.date)

    def _why(self, commit: Commit, line: Timeline, change: Changed[Part]) -> Why:
        """Return why a line changed; nothing where that cannot be known."""
        if change.unreadable or (change.before is None and (change.or_in or commit.sha in self.past.git.cut)):
            return Why([], [])
        before = self.past.commit(change.before)
        is_own = any(column in _OWN for _key, column in change.parts)
        owners: Owners = everything
        if is_own and self.question.indicator:
            owners = partial(self._owners, before.lock if before else "", commit.lock)
        return explain(self.past, before, commit, line.at.out, about=self.question.indicator, owners=owners)

    def _owners(self, a: str, b: str, outs: Iterable[str]) -> set[str]:
        """Return the datasets among ``outs`` whose observations of the indicator are others than before."""
        locks = self.past.outs([a, b])
        found = set()
        for out in outs:
            at = Place(_OBSERVATIONS, out, self.question.indicator)
            md5s = [tables.output(locks, lock, out) for lock in (a, b)]
            files = tables.files(self.past, self.store, at, {md5 for md5 in md5s if md5})
            if files.get(md5s[0], ()) != files.get(md5s[1], ()):
                found.add(out)
        return found

    def _label(self, commit: Commit, change: Changed[Part]) -> LabelChange | None:
        """Return the axis before and after, from what the timeline of labels has."""
        name = (self.question.indicator,)
        if change.unreadable:
            return None
        a, b = change.parts.get((name, _AXIS), (None, None))
        return LabelChange(a=_text(a), b=_text(b))


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _reason(change: Changed[Part] | None) -> str:
    unreadable: Unreadable | None = change.unreadable if change else None
    return unreadable.why if unreadable else ""


def _cells(change: Changed[Part], rows: Timeline) -> list[Cell]:
    """Return the rows that changed, in order of key."""
    found: list[Cell] = []
    for name in sorted({name for name, _column in change.parts}):
        own = {column: values for (row, column), values in change.parts.items() if row == name}
        kind: Change = "changed"
        if THERE in own:
            kind = "added" if own.pop(THERE)[1] else "removed"
        columns = [ColumnChange(column=column, a=cast(Value, a), b=cast(Value, b)) for column, (a, b) in own.items()]
        found.append(Cell(change=kind, key=dict(zip(rows.key, name, strict=True)), columns=columns))
    return found
