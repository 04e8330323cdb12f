"""The comparison of two versions: every part of it, in one object."""

from __future__ import annotations

import csv
import fnmatch
import io
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal

from observatudo import paths
from observatudo.compare import keys as key_parts
from observatudo.compare import rows
from observatudo.compare.dbt import dbt
from observatudo.compare.labels import labels
from observatudo.compare.model import (
    ColumnChange,
    Comparison,
    Dbt,
    Keys,
    Labels,
    Metrics,
    Schema,
    Side,
    Table,
    Verdict,
)
from observatudo.errors import ObservatudoError
from observatudo.i18n import _
from observatudo.versions import TableAt, TableFile, Version, tables
from observatudo.versions.lock import FILE as LOCK
from observatudo.versions.store import Missing
from observatudo.versions.tables import OBSERVATION_KEY, by_name, of_output

_PLACES = ("id_municipio", "id_localidade")
_YEARS = ("data_referencia", "ano")
_INDICATOR = "id_indicador"
_DATASET = ("fonte", "dataset")
_STATE = "state"

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Options:
    """How two versions are compared.

    ``only`` are patterns of the tables to compare (none: all). By the table's name, ``keys`` gives keys that come
    before a table's own, ``default_keys`` those of tables that have none, ``tolerances`` those of columns.
    ``report`` is ``full`` or ``counts`` (faster: no segments, transitions, drift, samples). ``progress`` is told
    the table, bytes done and bytes in all.
    ``samples`` is how many rows of each change are shown as examples, ``samples_of`` where these are taken from: kind
    of segment → its name in the report, ``column`` → one that changed.
    """

    only: Sequence[str] = ()
    keys: Callable[[str], tuple[str, ...]] = lambda _table: ()
    default_keys: Callable[[str], tuple[str, ...]] = lambda _table: ()
    tolerances: Callable[[str], Mapping[str, rows.Tolerance]] = lambda _table: {}
    report: Literal["full", "counts"] = "full"
    samples: int = 3
    samples_of: Mapping[str, str] = field(default_factory=dict)
    progress: Progress | None = None


def compare(a: Version, b: Version, options: Options | None = None) -> Comparison:
    """Compare version ``b`` with the older ``a``.

    What cannot be compared (no key, duplicates, bytes that are nowhere) is said in its table, and in the verdict.
    Raises ObservatudoError when a version cannot be read at all.
    """
    chosen = options or Options()
    _require_lock(a, b)
    _require_lock(b, a)
    all_before, lost_a = _read(a)
    all_after, lost_b = _read(b)
    before, after = _chosen(all_before, chosen), _chosen(all_after, chosen)
    if a.kind == b.kind == "path":
        before, after = _paired(before, after)
    elif "path" in (a.kind, b.kind):
        before, after = _asked_for(before, after, after if b.kind == "path" else before)
    lost = _lost(a, b, {**lost_a, **lost_b})
    before, after = _without(before, lost), _without(after, lost)
    with _spill(a.root if a.root.is_dir() else a.root.parent) as temp:
        states = _states(b) or _states(a)
        asked = _by_codes(chosen.samples_of, states)
        compared = [
            _Pair(a, b, name, before.get(name), after.get(name), chosen, asked, temp) for name in {**before, **after}
        ]
        found = {pair.name: _told(pair.table(), pair.is_derived, states) for pair in compared}
        schema = _schema(compared, found)
    found |= lost
    parts = _Parts(
        key_parts.config(a, b),
        key_parts.params(a, b),
        key_parts.metrics(a, b),
        schema,
        found,
        _labels(a, b, all_before, all_after),
        dbt(a, b),
    )
    return Comparison(
        a=_side(a),
        b=_side(b),
        verdict=_verdict(parts, is_whole="path" not in (a.kind, b.kind) and "run" not in (a.kind, b.kind)),
        config=parts.config,
        params=parts.params,
        metrics=parts.metrics,
        schema=parts.schema,  # type: ignore[call-arg]  # by its alias
        rows=parts.rows,
        labels=parts.labels,
        dbt=parts.dbt,
    )


def _require_lock(version: Version, other: Version) -> None:
    """Raise ObservatudoError for a workspace whose dvc.lock is gone: its outputs are not, nothing names them."""
    if version.kind == "workspace" and version.text(LOCK) is None and other.kind == "commit" and other.text(LOCK):
        raise ObservatudoError(
            _("the workspace has no {file}, which names its outputs").format(file=LOCK),
            next_step=f"git checkout -- {LOCK}",
        )


def _read(version: Version) -> tuple[dict[str, TableAt], dict[str, ObservatudoError]]:
    """Return a version's tables, and the outputs whose tables nobody can tell, with the reason."""
    if version.kind == "path":
        return tables(version), {}
    found: list[TableAt] = []
    lost: dict[str, ObservatudoError] = {}
    for path in sorted(version.lock.outs):
        try:
            _require_on_disk(version, path)
            found += of_output(version, path)
        except ObservatudoError as error:
            lost[path] = error
    return by_name(found), lost


def _require_on_disk(version: Version, path: str) -> None:
    if version.on_disk and not (version.root / path).exists():
        raise ObservatudoError(_("{path} is not there").format(path=path), next_step=f"dvc checkout {path}")


def _lost(a: Version, b: Version, lost: Mapping[str, ObservatudoError]) -> dict[str, Table]:
    """Return a table for each output that cannot be read: missing, or the same where both sides name one hash."""
    found = {}
    for path, error in lost.items():
        hashes = {side.lock.outs[path].md5 for side in (a, b) if path in side.lock.outs}
        on_both = path in a.lock.outs and path in b.lock.outs
        if on_both and len(hashes) == 1 and not (a.on_disk or b.on_disk):
            found[path] = Table(status="same", added=0, removed=0, changed=0)
        else:
            found[path] = Table(status="missing", why=error.message, next_step=error.next_step)
    return found


def _without(found: dict[str, TableAt], lost: Mapping[str, Table]) -> dict[str, TableAt]:
    """Leave out the tables of outputs that cannot be read on one side."""
    return {name: table for name, table in found.items() if not any(file.out in lost for file in table.files)}


def _told(table: Table, is_derived: bool, states: Mapping[str, str]) -> Table:
    """Add what the rows alone do not say: that the table follows from others, and the states' letters."""
    named = [
        part.model_copy(update={"name": states.get(part.name, part.name)}) for part in table.segments.get(_STATE, [])
    ]
    segments = {**table.segments, _STATE: named} if named else table.segments
    return table.model_copy(update={"derived": is_derived, "segments": segments})


def _states(version: Version) -> dict[str, str]:
    """Return IBGE's code of a state → its letters, where the version has the list of states."""
    text = (version.text(paths.STATES.as_posix()) or b"").decode(errors="replace")
    try:
        lines = list(csv.DictReader(io.StringIO(text)))
    except csv.Error:
        return {}
    return {line["id_uf"]: line["sigla_uf"] for line in lines if {"id_uf", "sigla_uf"} <= line.keys()}


def _by_codes(samples_of: Mapping[str, str], states: Mapping[str, str]) -> dict[str, str]:
    """Return what examples are taken from with the states by their codes: the rows know no letters."""
    codes = {letters: code for code, letters in states.items()}
    return {kind: codes.get(name, name) if kind == _STATE else name for kind, name in samples_of.items()}


def _side(version: Version) -> Side:
    return Side(
        name=version.name,
        kind=version.kind,
        commit=version.commit,
        date=version.date,
        author=version.author,
        subject=version.subject,
    )


def _chosen(found: dict[str, TableAt], options: Options) -> dict[str, TableAt]:
    if not options.only:
        return found
    return {
        name: table
        for name, table in found.items()
        if any(fnmatch.fnmatchcase(name, pattern) for pattern in options.only)
    }


def _paired(a: dict[str, TableAt], b: dict[str, TableAt]) -> tuple[dict[str, TableAt], dict[str, TableAt]]:
    """Two single files are one table, whatever they are called."""
    if len(a) == len(b) == 1 and a.keys() != b.keys():
        (only,) = b.values()
        return {only.name: next(iter(a.values()))}, b
    return a, b


def _asked_for(
    a: dict[str, TableAt], b: dict[str, TableAt], there: dict[str, TableAt]
) -> tuple[dict[str, TableAt], dict[str, TableAt]]:
    """Of a version and a path, what stands at the path is compared: the other tables did not go, nobody gave them."""
    return {name: a[name] for name in a if name in there}, {name: b[name] for name in b if name in there}


@contextmanager
def _spill(root: Path) -> Iterator[Path]:
    """Give a folder for what does not fit into memory: beside the repository's caches where it has them."""
    caches = root / ".observatudo"
    parent = caches if caches.is_dir() else None
    with tempfile.TemporaryDirectory(prefix="diff-", dir=parent) as name:
        yield Path(name)


@dataclass(frozen=True)
class _Pair:
    """One table on both sides."""

    a: Version
    b: Version
    name: str
    before: TableAt | None
    after: TableAt | None
    options: Options
    samples_of: Mapping[str, str]
    temp: Path

    @property
    def is_derived(self) -> bool:
        return any(side.derived for side in (self.before, self.after) if side)

    @property
    def is_same(self) -> bool:
        """Say whether both sides have the same files, by hash."""
        return self.before is not None and self.after is not None and _hashes(self.before) == _hashes(self.after)

    def table(self) -> Table:
        try:
            return self._table()
        except Missing as error:
            return Table(status="missing", why=error.message, next_step=error.next_step)
        except ObservatudoError as error:  # this table cannot be read; the others can
            where = f" ({error.where})" if error.where else ""
            return Table(status="not_comparable", why=f"{error.message}{where}", next_step=error.next_step)

    def _table(self) -> Table:
        if self.before is None or self.after is None:
            return self._one_sided()
        if self.is_same:
            count = self._rows_without_pulling()
            return Table(
                status="same",
                key=list(self.key),
                rows_a=count,
                rows_b=count,
                added=0,
                removed=0,
                changed=0,
                same=count,
                files_skipped=len(self.after.files),
            )
        if not self.key:
            return Table(
                status="not_comparable",
                why=_("nothing says by which columns the rows of {table} are told apart").format(table=self.name),
                next_step=f"observatudo diff … --key {self.name}=COLUMN,COLUMN",
            )
        return rows.compare(*self.sources, self._row_options())

    def _one_sided(self) -> Table:
        """A table that only one side has: all its rows were added, or removed."""
        found = rows.compare(*self.sources, self._row_options())
        counts = {"added": found.rows_b or 0, "removed": found.rows_a or 0, "changed": 0, "same": 0}
        return found.model_copy(update={"status": "added" if self.after else "removed", **counts})

    def _rows_without_pulling(self) -> int | None:
        """Return the rows of a table that is the same on both sides, or None when no copy of it is here."""
        for version, table in ((self.a, self.before), (self.b, self.after)):
            assert table is not None
            if all(_has_footer(version, file) for file in table.files):
                counts = [_footer_rows(file.local(version)) for file in table.files]
                return None if None in counts else sum(filter(None, counts))
        return None

    @cached_property
    def key(self) -> tuple[str, ...]:
        own = next((side.key for side in (self.after, self.before) if side and side.key), ())
        return self.options.keys(self.name) or own or self.options.default_keys(self.name) or self._usual_key()

    def _usual_key(self) -> tuple[str, ...]:
        """Return the key of observations for a table without one that has its columns."""
        has_it = all({*OBSERVATION_KEY} <= rows.schema(side).keys() for side in self.sources if side.files)
        return OBSERVATION_KEY if has_it else ()

    @cached_property
    def sources(self) -> tuple[rows.Source, rows.Source]:
        """Both sides' files, pulled where they are missing; a side without the table has none. Raises Missing."""
        return _source(self.a, self.before), _source(self.b, self.after)

    @cached_property
    def columns(self) -> list[ColumnChange]:
        """The columns that differ; none for a table that one side lacks."""
        if self.before is None or self.after is None or self.is_same:
            return []
        return rows.schema_changes(self.name, *self.sources, self.key)

    def _row_options(self) -> rows.Options:
        columns = rows.schema(self.sources[1 if self.after else 0])
        progress = self.options.progress
        return rows.Options(
            key=self.key,
            tolerances=self.options.tolerances(self.name),
            place=next((name for name in _PLACES if name in columns), ""),
            indicator=_INDICATOR if _INDICATOR in columns else "",
            year=next((name for name in _YEARS if name in columns), ""),
            dataset=next((side.dataset for side in (self.after, self.before) if side), ""),
            dataset_columns=_DATASET if {*_DATASET} <= columns.keys() else (),
            renames={change.column: change.renamed_to for change in self.columns if change.renamed_to},
            report=self.options.report,
            samples=self.options.samples,
            samples_of=self.samples_of,
            temp=self.temp,
            progress=(lambda done, of: progress(self.name, done, of)) if progress else None,
        )


def _hashes(table: TableAt) -> list[tuple[str, str]]:
    return [(file.name, file.entry.md5) for file in table.files]


def _has_footer(version: Version, file: TableFile) -> bool:
    return not file.name.endswith(".csv") if version.on_disk else version.store.has(file.entry.md5)


def _footer_rows(path: Path) -> int | None:
    """Return a file's rows, or None for one that is damaged: that it is the same on both sides is known by its hash."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        count: int = pq.read_metadata(path).num_rows
    except pa.ArrowException:
        return None
    return count


def _source(version: Version, table: TableAt | None) -> rows.Source:
    if table is None:
        return rows.Source(())
    if not version.on_disk:
        version.store.pull((file.entry.md5 for file in table.files), f"{version.name}:{table.name}")
    return rows.Source(tuple((file.name, file.entry.md5, file.local(version)) for file in table.files))


def _columns(pair: _Pair) -> list[ColumnChange]:
    try:
        return pair.columns
    except ObservatudoError:  # its table says why
        return []


def _schema(pairs: Sequence[_Pair], found: Mapping[str, Table]) -> Schema:
    columns = [change for pair in pairs for change in _columns(pair)]
    return Schema(
        columns=columns,
        tables={
            name: "added" if table.status == "added" else "removed"
            for name, table in found.items()
            if table.status in ("added", "removed")
        },
        missing=[name for name, table in found.items() if table.status == "missing"],
    )


def _labels(a: Version, b: Version, before: Mapping[str, TableAt], after: Mapping[str, TableAt]) -> Labels:
    try:
        return labels(a, b, before, after)
    except ObservatudoError as error:
        return Labels(status="missing", missing=[error.message])


@dataclass(frozen=True)
class _Parts:
    config: Keys
    params: Keys
    metrics: Metrics
    schema: Schema
    rows: dict[str, Table]
    labels: Labels
    dbt: Dbt

    @property
    def is_one_sided(self) -> bool:
        return any(part.missing for part in (self.config, self.params, self.metrics, self.labels, self.dbt))

    @property
    def is_changed(self) -> bool:
        tables = any(table.status in ("changed", "added", "removed") for table in self.rows.values())
        models = self.dbt.added or self.dbt.removed or self.dbt.changed or self.dbt.began_to_fail
        keys = self.config.changes or self.params.changes or self.metrics.changes
        schema = self.schema.columns or self.schema.tables
        return bool(tables or models or keys or schema or self.labels.status == "changed" or self.dbt.ceased_to_fail)


def _verdict(parts: _Parts, *, is_whole: bool) -> Verdict:
    """Sum up. ``is_whole``: both sides are repositories, so that a part that only one has went or came.

    Tables that follow from others are left out of the counts: one change would count several times.
    """
    by_status = {
        status: [name for name, table in parts.rows.items() if table.status == status]
        for status in ("not_comparable", "missing")
    }
    counted = [table for table in parts.rows.values() if not table.derived]
    is_changed = parts.is_changed or (is_whole and parts.is_one_sided)
    incomparable = by_status["not_comparable"] or by_status["missing"]
    return Verdict(
        outcome="not_comparable" if incomparable else "changed" if is_changed else "same",
        added=sum(table.added or 0 for table in counted),
        removed=sum(table.removed or 0 for table in counted),
        changed=sum(table.changed or 0 for table in counted),
        tables=[
            name
            for name, table in parts.rows.items()
            if table.status in ("changed", "added", "removed") and not table.derived
        ],
        not_comparable=by_status["not_comparable"],
        missing=by_status["missing"],
    )


def require_tables(comparison: Comparison) -> None:
    """Raise ObservatudoError when neither version had a table to compare: a revision before the first run."""
    if not comparison.rows:
        raise ObservatudoError(
            _("neither {a} nor {b} has a table: nothing was made yet, or the pattern fits none").format(
                a=comparison.a.name, b=comparison.b.name
            ),
            next_step="git log --oneline -- dvc.lock",
        )
