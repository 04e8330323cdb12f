"""The rows of one table in two versions: what was added, removed and changed, by key, in bounded memory."""

from observatudo.compare.rows.engine import compare
from observatudo.compare.rows.files import schema
from observatudo.compare.rows.options import SEGMENTS, TRANSITIONS, Options, Source, Tolerance
from observatudo.compare.rows.renames import schema_changes

__all__ = ["SEGMENTS", "TRANSITIONS", "Options", "Source", "Tolerance", "compare", "schema", "schema_changes"]
