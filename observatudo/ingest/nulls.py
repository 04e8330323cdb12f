"""How much of a result is empty, read from the footers of its files: nothing is read a second time."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

_VALUES = ("valor", "valor_texto")
_RESULTS = ("observacao", "referencia.parquet", "indicador.parquet")
_DIGITS = 6


def rate(folder: Path) -> float | None:
    """Return the share of a finished result that is empty, 0 to 1 with six digits; None for a result without rows.

    Of observations, the share that has no value (an observation's value is a number or a text, never both); of a
    directory or a catalogue, the share of empty cells in all columns.
    """
    place = next((folder / name for name in _RESULTS if (folder / name).exists()), None)
    if place is None:
        return None
    is_long = place.is_dir()
    columns, cells, empty = 0, 0, 0
    for path in sorted(place.glob("*.parquet")) if is_long else [place]:
        own, rows, nulls = _nulls(path, _VALUES if is_long else None)
        columns, cells, empty = own, cells + rows * own, empty + nulls
    if not cells:
        return None
    if is_long:  # of each row one of the value columns is empty in any case
        rows = cells // columns
        return round((empty - rows * (columns - 1)) / rows, _DIGITS)
    return round(empty / cells, _DIGITS)


def _nulls(path: Path, wanted: Iterable[str] | None) -> tuple[int, int, int]:
    """Return how many columns, rows and empty cells of the wanted columns (default: all) a file has."""
    import pyarrow.parquet as pq

    footer = pq.read_metadata(path)
    names = [footer.schema.column(number).path for number in range(footer.num_columns)]
    chosen = [number for number, name in enumerate(names) if wanted is None or name in wanted]
    empty = 0
    for group in range(footer.num_row_groups):
        part = footer.row_group(group)
        for number in chosen:
            statistics = part.column(number).statistics
            empty += statistics.null_count if statistics is not None and statistics.has_null_count else 0
    return len(chosen), footer.num_rows, empty
