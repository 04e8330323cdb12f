"""Whether the warehouse is the version that the outputs are of: the file on this machine, or the one in BigQuery.

Neither is an output (the file's bytes are not reproducible), so neither ``git checkout`` nor ``dvc checkout`` brings
an older one back, and an up-to-date ``transform`` does not look at it. Beside the file stands what it was built from;
BigQuery has its ledger.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

from observatudo import paths
from observatudo.errors import ObservatudoError
from observatudo.i18n import _

WAREHOUSE = Path(".observatudo/warehouse.duckdb")
BUILT_FROM = Path(".observatudo/warehouse.receipt")
_RECEIPT = paths.WAREHOUSE / "recibo.json"
_LOADS = paths.WAREHOUSE / "carga.parquet"


def mark(root: Path) -> None:
    """Note that the warehouse has just been built from the load's receipt that is there now."""
    (root / BUILT_FROM).write_text(_receipt(root), encoding="utf-8")


def is_current(root: Path) -> bool:
    """Say whether the warehouse file is there and was built from the receipt that is there now, if there is one."""
    receipt, built = _receipt(root), root / BUILT_FROM
    if not receipt:
        return True
    return (root / WAREHOUSE).is_file() and built.is_file() and built.read_text(encoding="utf-8") == receipt


def warnings(root: Path, home: Path) -> Iterator[str]:
    """Say, with the next command, where the warehouse that the load went to is not of the outputs at ``root``.

    ``home`` is where the settings of Google Cloud are. What BigQuery does not answer is a warning too, never raised.
    """
    if not _is_in_bigquery(root):
        if not is_current(root):
            yield _("the warehouse file is missing or of another version; to renew it: dvc repro -f -s transform")
        return
    from observatudo.cloud import settings
    from observatudo.warehouse.bigquery import state

    try:
        for problem in state.behind(root, settings.require(settings.load(home), "project")):
            yield _("the warehouse in BigQuery: {problem}; type: {command}").format(
                problem=problem.text, command=problem.next_step
            )
    except ObservatudoError as error:
        yield _("whether the warehouse in BigQuery is of this version is not known: {why}; type: {command}").format(
            why=error.message, command="observatudo warehouse"
        )


def _is_in_bigquery(root: Path) -> bool:
    """Read the target from the receipt: params.yaml would cost every run the reading of all that it may hold."""
    try:
        return bool(json.loads((root / _RECEIPT).read_bytes())["target"] == "bigquery")
    except (OSError, ValueError, KeyError, TypeError):
        return False


def versions(root: Path) -> dict[str, str]:
    """Return the tables that the load's receipt tells of: name in BigQuery → content hash; without one, none.

    Raises ObservatudoError for a receipt that cannot be read.
    """
    from observatudo.config import declared, load_dataset
    from observatudo.runs.inputs import listing_sha256
    from observatudo.warehouse.bigquery.sent import OWN, raw_name
    from observatudo.warehouse.tables import tables

    files = _files(root)
    if not files:
        return {}
    wanted = {
        raw_name(table.fonte, table.source): table.location
        for key in declared(root)
        for table in tables(key, load_dataset(root, key))
    }
    wanted |= {raw_name(OWN, "rotulo"): paths.LABELS.as_posix(), raw_name(OWN, "carga"): _LOADS.as_posix()}
    return {
        name: listing_sha256({path: sha256 for path, sha256 in files.items() if fnmatchcase(path, pattern)})
        for name, pattern in sorted(wanted.items())
    }


def _files(root: Path) -> dict[str, str]:
    """Return path → SHA-256 of the files that the receipt names."""
    path = root / _RECEIPT
    if not path.is_file():
        return {}
    try:
        content = json.loads(path.read_bytes())
        files = {str(file["path"]): str(file["sha256"]) for file in content["arquivos"]}
        return files | {_LOADS.as_posix(): str(content["carga"])}
    except (ValueError, KeyError, TypeError):
        raise ObservatudoError(
            _("the receipt of the load cannot be read"), where=_RECEIPT.as_posix(), next_step="dvc checkout"
        ) from None


def _receipt(root: Path) -> str:
    path = root / _RECEIPT
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
