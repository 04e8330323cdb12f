"""Records taken out of any text by a regular expression."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from observatudo.ingest.readers.encoding import open_text
from observatudo.ingest.readers.source import Source, batches_of

if TYPE_CHECKING:
    from observatudo.resource import Resource


def read(path: Path, resource: Resource) -> Source:
    """Open a text: every match of ``pattern`` is a record, its named groups are the columns. Reads it whole."""
    text = open_text(path, resource)
    pattern = re.compile(resource.pattern)
    columns = list(pattern.groupindex)
    content = text.whole()
    rows = ((n, [match[name] for name in columns]) for n, match in enumerate(pattern.finditer(content), start=1))
    return Source(columns, batches_of(rows, columns, text.where), encoding=text.encoding)
