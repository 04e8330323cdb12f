"""Any CSV with a column ``nome``: read as it comes, written back with the labels behind its own columns."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from observatudo.classify.labels import Label
from observatudo.classify.text import fold
from observatudo.errors import DataError, ObservatudoError
from observatudo.i18n import _

NAME, DESCRIPTION = "nome", "descricao"
ADDED = ("eixo", "confianca", "origem")
_DELIMITERS = (",", ";")


@dataclass(frozen=True)
class Table:
    """A CSV: its delimiter, its header, its rows (as many cells as the header each), in file order."""

    delimiter: str
    header: list[str]
    rows: list[list[str]]

    def texts(self) -> list[tuple[str, str]]:
        """Return name and description (empty where there is none) of every row."""
        columns = [fold(cell.strip()) for cell in self.header]
        name = columns.index(NAME)
        description = columns.index(DESCRIPTION) if DESCRIPTION in columns else None
        return [(row[name], "" if description is None else row[description]) for row in self.rows]


def read(path: Path) -> Table:
    """Read a CSV in UTF-8 (a byte order mark may be there), delimited by comma or semicolon.

    Raises ObservatudoError when the file is missing, and DataError when it is empty, in another
    encoding, without a column ``nome``, or has a row with more cells than the header or a quote left open.
    """
    text = _text(path)
    if not text.strip():
        raise DataError(_("the file is empty"), where=str(path), next_step=_("give a CSV with the column “nome”"))
    delimiter = _delimiter(text, path)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    header: list[str] = []
    rows = []
    begins = 1  # a quote that is never closed is missing in the row it begins in, not at the end of the file
    try:
        for cells in reader:
            if header and cells:
                rows.append(_fitted(cells, header, path, reader.line_num))
            elif any(cell.strip() for cell in cells):
                header = cells
            begins = reader.line_num + 1
    except csv.Error as error:
        raise _unreadable(path, begins, error) from None
    return Table(delimiter, header, rows)


def _text(path: Path) -> str:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise ObservatudoError(
            _("the file is not there"), where=str(path), next_step=_("look at the spelling of its path")
        ) from None
    except OSError as error:
        raise ObservatudoError(
            _("the file cannot be read: {reason}").format(reason=error.strerror), where=str(path)
        ) from None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        is_utf16 = content.startswith((b"\xff\xfe", b"\xfe\xff"))
        encoding = "UTF-16" if is_utf16 else "WINDOWS-1252"
        raise DataError(
            _("the file is not in UTF-8 (byte {position})").format(position=error.start),
            where=str(path),
            next_step=f"iconv -f {encoding} -t UTF-8 {path} > utf8.csv",
        ) from None


def _delimiter(text: str, path: Path) -> str:
    """Return the delimiter under which the first line has a column ``nome``: guessing needs no more."""
    lines = (line for line in io.StringIO(text, newline="") if line.strip())
    first = next(lines)
    try:
        found = {delimiter: next(csv.reader([first], delimiter=delimiter)) for delimiter in _DELIMITERS}
    except csv.Error as error:
        raise _unreadable(path, 1, error) from None
    for delimiter, header in found.items():
        if NAME in [fold(cell.strip()) for cell in header]:
            return delimiter
    columns = max(found.values(), key=len)
    raise DataError(
        _("there is no column “nome”; the columns are: {columns}").format(columns=", ".join(columns)),
        where=f"{path}:1",
        next_step=_("name the column that holds the indicators' names “nome”; separate columns by , or ;"),
    )


def _unreadable(path: Path, line: int, error: csv.Error) -> DataError:
    return DataError(_("the CSV cannot be read: {error}").format(error=error), where=f"{path}:{line}")


def _fitted(cells: list[str], header: Sequence[str], path: Path, line: int) -> list[str]:
    if len(cells) > len(header):
        raise DataError(
            _("the row has {found} cells, the header {expected}").format(found=len(cells), expected=len(header)),
            where=f"{path}:{line}",
            next_step=_("put quotes around text that holds a delimiter"),
        )
    return cells + [""] * (len(header) - len(cells))


def write(path: Path, table: Table, labels: Sequence[Label]) -> None:
    """Write the rows with ``eixo``, ``confianca`` and ``origem`` at the end, in UTF-8, with the same delimiter.

    Columns of the input that have one of these names are kept as ``<name>_entrada``. The file
    appears whole or not at all; raises ObservatudoError when it cannot be written.
    """
    kept = [f"{cell}_entrada" if cell.strip() in ADDED else cell for cell in table.header]
    check_writable(path)
    target = path.resolve()  # a link stays a link
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with temporary.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, delimiter=table.delimiter, lineterminator="\n")
            writer.writerow([*kept, *ADDED])
            for row, label in zip(table.rows, labels, strict=True):
                writer.writerow([*row, label.eixo, f"{label.confianca:.4f}", label.origem])
        temporary.replace(target)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise _unwritable(path, error) from None


def check_writable(path: Path) -> None:
    """Raise ObservatudoError now rather than after the work when ``path`` cannot be written.

    A device, pipe or socket is refused: the file would take its place.
    """
    try:
        target = path.resolve()
        folder = target.parent
        if target.is_dir() or not folder.is_dir() or not os.access(folder, os.W_OK):
            raise _unwritable(path, OSError(0, _("its folder is missing or not writable, or it is a folder")))
        if target.exists() and not target.is_file():
            raise _unwritable(path, OSError(0, _("it is a device or a pipe, no regular file")))
    except (OSError, RuntimeError) as error:  # RuntimeError: links that lead in a circle
        raise _unwritable(path, error) from None


def _unwritable(path: Path, error: Exception) -> ObservatudoError:
    reason = error.strerror if isinstance(error, OSError) else None
    return ObservatudoError(
        _("the labels cannot be written: {reason}").format(reason=reason or error),
        where=str(path),
        next_step=_("give another path with --out"),
    )
