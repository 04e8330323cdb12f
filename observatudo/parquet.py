"""One way to write Parquet, so that the same rows are the same bytes everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

ROW_GROUP = 122_880


def write(table: pa.Table, path: Path) -> None:
    """Write a table that is already in a total order to ``path``, making its folders.

    Every setting that could change the bytes is fixed here. The writer puts its own version into
    the file, so an upgrade of pyarrow changes hashes; the run record names that version.
    """
    import pyarrow.parquet as pq

    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(
        table.combine_chunks().replace_schema_metadata(None),
        path,
        row_group_size=ROW_GROUP,
        version="2.6",
        compression="zstd",
        compression_level=3,
        use_dictionary=True,
        write_statistics=True,
        store_schema=False,
    )
