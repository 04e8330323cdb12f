"""Versions: a revision → its ``dvc.lock`` → the content of every output, in DVC's cache. No checkout, no copy."""

from observatudo.versions.lock import Lock, Out, read_lock
from observatudo.versions.resolve import Versions
from observatudo.versions.store import Entry, Store
from observatudo.versions.tables import TableAt, TableFile, tables
from observatudo.versions.version import Version

__all__ = ["Entry", "Lock", "Out", "Store", "TableAt", "TableFile", "Version", "Versions", "read_lock", "tables"]
