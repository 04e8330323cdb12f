"""The row comparison: which files need reading, which way, and what it all comes to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from observatudo.compare import model
from observatudo.compare.rows.options import NAMED, Options, Source
from observatudo.i18n import _

if TYPE_CHECKING:
    from observatudo.compare.rows.arrays import Hashes
    from observatudo.compare.rows.files import File
    from observatudo.compare.rows.hashing import Sides
    from observatudo.compare.rows.tally import Tally
    from observatudo.compare.rows.types import Column
    from observatudo.compare.rows.work import Work


def compare(a: Source, b: Source, options: Options) -> model.Table:
    """Compare the rows of one table, old side *a* with new side *b*, and return all figures about it.

    Files of the same name and MD5 are not read for differences, nor for the keys within them. A column that one
    side lacks is not compared. A side without files gives ``added`` or ``removed``. A key that is missing, null or
    not unique gives ``not_comparable``, with the reason. The result is the same whatever the order of rows, the size
    of row groups and the number of processors. Raises ObservatudoError, naming the file, when one cannot be read.
    Columns whose names are empty or alike give ``not_comparable`` too.
    """
    from observatudo.compare.rows import files
    from observatudo.compare.rows.work import working

    with working(options) as work:
        here, there = files.footers(a, work.folder / "a"), files.footers(b, work.folder / "b")
        work.files = [*here, *there]
        if here and there:
            return _Comparison(work, here, there, options).table()
    return model.Table(
        status="removed" if here else "added" if there else "same",
        key=list(options.key),
        rows_a=sum(file.rows for file in here) if here else None,
        rows_b=sum(file.rows for file in there) if there else None,
    )


class _Progress:
    """Tells whoever asked how many of the bytes have been read."""

    def __init__(self, sides: Sides, options: Options) -> None:
        self._told = options.progress
        self._all = sum(file.size for file in (*sides.a, *sides.b))
        self._done = 0

    def tell(self, read: int) -> None:
        self._done = min(self._done + read, self._all)
        if self._told is not None:
            self._told(self._done, self._all)


class _Comparison:
    """One comparison under way."""

    def __init__(self, work: Work, a: Sequence[File], b: Sequence[File], options: Options) -> None:
        self._work, self._a, self._b, self._options = work, a, b, options

    def table(self) -> model.Table:
        from observatudo.compare.rows.columns import ambiguous, nameless, paired
        from observatudo.compare.rows.files import skipped
        from observatudo.compare.rows.hashing import Sides
        from observatudo.compare.rows.streams import NotOneRow
        from observatudo.compare.rows.unique import why_not

        for side, names in (("a", ambiguous(self._a)), ("b", ambiguous(self._b))):
            if names:
                return self._ambiguous(side, names)
        found = paired(self._a, self._b, self._options) if self._options.key else ""
        if isinstance(found, str):
            return self._not_comparable(_("column {column} of the key is not on both sides").format(column=found))
        keys, columns = found
        if names := nameless([column.name for column in (*keys, *columns)]):
            return self._ambiguous("a, b", names)
        alike = skipped(self._a, self._b, keys[0].a)
        a, b = ([file for file in files if (file.name, file.md5) not in alike] for files in (self._a, self._b))
        sides = Sides(a, b, keys, columns)
        try:
            tally = self._counted(sides)
        except NotOneRow:
            why, duplicates = why_not(self._work, sides)
            if why:
                return self._not_comparable(why).model_copy(update={"duplicates": duplicates})
            tally = self._fetched(sides, None)  # two keys had one hash
        tally.matched += sum(file.rows for file in self._a) - sum(file.rows for file in a)
        return self._result(sides, tally, len(alike))

    def _ambiguous(self, side: str, names: Sequence[str]) -> model.Table:
        shown = ", ".join(f'"{name}"' for name in names[:NAMED]) + (", …" if len(names) > NAMED else "")
        why = _("{side}: {columns} do not name one column each (upper and lower case count as one)")
        step = _("give every column, and every part of the key, a name of its own")
        return self._not_comparable(why.format(side=side, columns=shown), step)

    def _not_comparable(self, why: str, next_step: str = "") -> model.Table:
        return model.Table(
            status="not_comparable",
            why=why,
            next_step=next_step or _("declare a key that names one row, or mend the rows that share one"),
            key=list(self._options.key),
            rows_a=sum(file.rows for file in self._a),
            rows_b=sum(file.rows for file in self._b),
        )

    def _counted(self, sides: Sides) -> Tally:
        from observatudo.compare.rows.hashing import alike
        from observatudo.compare.rows.streams import Unsorted

        if all(column.direct for column in (*sides.keys, *sides.columns)):
            try:
                return self._merged(sides)
            except Unsorted:
                pass
        progress = _Progress(sides, self._options)
        same, others = alike(self._work, sides, progress.tell)
        tally = self._fetched(sides, others)
        tally.matched += same
        return tally

    def _tally(self, sides: Sides) -> Tally:
        from observatudo.compare.rows.segments import parts
        from observatudo.compare.rows.tally import Tally

        return Tally(sides.keys, sides.columns, self._options, parts([*sides.keys, *sides.columns], self._options))

    def _merged(self, sides: Sides) -> Tally:
        from observatudo.compare.rows.merge import merge
        from observatudo.compare.rows.streams import ordered, stored

        columns = [*sides.keys, *sides.columns]
        progress = _Progress(sides, self._options)
        a = stored(ordered(sides.a, sides.keys[0].a), columns, "a", progress.tell)
        b = stored(ordered(sides.b, sides.keys[0].b), columns, "b", progress.tell)
        tally = self._tally(sides)
        merge(a, b, tally.keys, tally)
        return tally

    def _fetched(self, sides: Sides, wanted: Hashes | None) -> Tally:
        from observatudo.compare.rows.hashing import fetched
        from observatudo.compare.rows.merge import merge

        tally = self._tally(sides)
        a, b = (fetched(self._work, sides, side, wanted) for side in ("a", "b"))
        merge(a, b, tally.keys, tally)
        return tally

    def _result(self, sides: Sides, tally: Tally, skipped: int) -> model.Table:
        differs = any(tally.rows.values())
        table = model.Table(
            status="changed" if differs else "same",
            key=list(self._options.key),
            rows_a=tally.matched + tally.rows["removed"],
            rows_b=tally.matched + tally.rows["added"],
            added=tally.rows["added"],
            removed=tally.rows["removed"],
            changed=tally.rows["changed"],
            same=tally.matched - tally.rows["changed"],
            columns={name: column.shown(tally.matched) for name, column in tally.columns.items()},
            files_skipped=skipped,
            files_read=len(sides.a) + len(sides.b),
        )
        if self._options.report == "full" and differs:
            return table.model_copy(update=self._details(sides, tally))
        return table

    def _details(self, sides: Sides, tally: Tally) -> dict[str, object]:
        from observatudo.compare.rows.drift import drift
        from observatudo.compare.rows.segments import segments
        from observatudo.compare.rows.tally import transitions

        columns = [*sides.keys, *sides.columns]
        drifting = [c for c in sides.columns if tally.columns[c.name].changed and self._are_numbers(c)]
        return {
            "segments": segments(self._work, self._b, columns, tally.parts, tally.by_part, tally.rows, self._options),
            "transitions": transitions(tally.columns),
            "drift": drift(self._a, self._b, drifting),
            "samples": [sample for samples in tally.samples.values() for sample in samples],
        }

    def _are_numbers(self, column: Column) -> bool:
        from observatudo.compare.rows.types import is_number

        return is_number(self._a[0].schema.field(column.a).type) and is_number(self._b[0].schema.field(column.b).type)
