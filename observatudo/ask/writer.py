"""The file of one execution: lines appended one by one, each on the disk before anything else happens."""

from __future__ import annotations

import os
from pathlib import Path

from observatudo import paths
from observatudo.classify import answers
from observatudo.classify.answers import Ended, Execution, Line, Probe, Reply
from observatudo.errors import ObservatudoError
from observatudo.i18n import _


class UnwritableError(ObservatudoError):
    """An answer did not get to the disk."""


class Writer:
    """Writes the lines of one execution; the file is made with the first reply, the head and probes before it."""

    def __init__(self, root: Path, head: Execution) -> None:
        self._root = root
        self.name = (paths.ANSWERS / f"{head.execucao}.jsonl").as_posix()
        self._waiting: list[Line] = [head]
        self._file: int | None = None
        self._is_full = False
        self.replies = 0
        self.probes: list[Probe] = []

    @property
    def is_begun(self) -> bool:
        """Say whether there is a file."""
        return self._file is not None or self.replies > 0

    def probe(self, line: Probe) -> None:
        """Keep what became of a form; written at once only where there is a file. Raises UnwritableError."""
        self.probes.append(line)
        if self._file is None:
            self._waiting.append(line)
        else:
            self._append(line)

    def reply(self, line: Reply) -> None:
        """Write a reply to the disk. Raises UnwritableError where it does not get there."""
        if self._file is None:
            self._create()
        for waiting in self._waiting:
            self._append(waiting)
        self._waiting.clear()
        self._append(line)
        self.replies += 1

    def end(self, line: Ended | None) -> None:
        """Write the last line, if any, where there is a file that takes it, and close it. Raises UnwritableError."""
        if self._file is None:
            return
        try:
            if line is not None and self.replies and not self._is_full:
                self._append(line)
        finally:
            os.close(self._file)
            self._file = None

    def _create(self) -> None:
        path = self._root / self.name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
            folder = os.open(path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)  # or the file's name may be lost with the power
            finally:
                os.close(folder)
        except OSError as error:
            raise self._unwritable(error.strerror or str(error)) from error

    def _append(self, line: Line) -> None:
        assert self._file is not None
        content = answers.dumps(line)
        before = os.fstat(self._file).st_size
        try:
            written = os.write(self._file, content)
            reason = "" if written == len(content) else _("the disk is full")
            os.fsync(self._file)
        except OSError as error:
            reason = error.strerror or str(error)
        if reason:
            self._take_back(before)
            raise self._unwritable(reason)

    def _take_back(self, size: int) -> None:
        """Cut off what was written of a line: what follows, here or by hand, would become a part of it."""
        self._is_full = True
        assert self._file is not None
        try:
            os.ftruncate(self._file, size)
        except OSError:  # readers leave out a line without its end
            return
        if not self.replies:
            (self._root / self.name).unlink(missing_ok=True)

    def _unwritable(self, reason: str) -> UnwritableError:
        kept = _("{number} answers are kept in it").format(number=self.replies) if self.replies else _("none is kept")
        return UnwritableError(
            _("an answer could not be written, and asking stopped: {reason}; {kept}").format(reason=reason, kept=kept),
            where=self.name,
            next_step=_("make room or mend the permissions, then: observatudo ask"),
        )
