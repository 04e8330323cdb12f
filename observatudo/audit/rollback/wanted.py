"""Which of Git's files change, and to what: from the other version, spliced for one dataset, or generated from them."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from observatudo.audit.rollback import places
from observatudo.audit.rollback.model import Blob, FileChange, Request
from observatudo.audit.rollback.plumbing import Plumbing
from observatudo.audit.rollback.splice import spliced
from observatudo.errors import ConfigError
from observatudo.i18n import _
from observatudo.runs.inputs import blob_of
from observatudo.versions import Version
from observatudo.versions.lock import FILE

_MODE = "100644"
_EMPTY = b"schema: '2.0'\n"  # a dvc.lock that holds nothing yet


@dataclass
class Wanted:
    """Git's files as they are to be. ``texts`` holds contents that Git does not have, by blob hash."""

    git: Plumbing
    now: Version
    then: Version
    request: Request
    texts: dict[str, bytes] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def changes(self, old: Mapping[str, Blob], new: Mapping[str, Blob]) -> tuple[FileChange, ...]:
        """Return what changes, given all of Git's files that can, in both versions; in order of path.

        Raises ConfigError when one dataset's lines cannot be taken out of a file, or do not suit the others'.
        """
        goes = self._one_dataset(old, new) if self.request.dataset else self._everything(old, new)
        changed = {path: blob for path, blob in goes.items() if old.get(path) != blob}
        if any(places.is_config(path) for path in changed):
            changed |= self._generated(old, new, changed)
        return tuple(FileChange(path, old.get(path), changed[path]) for path in sorted(changed))

    def _everything(self, old: Mapping[str, Blob], new: Mapping[str, Blob]) -> dict[str, Blob | None]:
        return {path: new.get(path) for path in old.keys() | new.keys() if self._reaches(path)}

    def _reaches(self, path: str) -> bool:
        if places.is_config(path):
            return self.request.config
        generated = any(path == place or path.startswith(f"{place}/") for place in places.GENERATED)
        return self.request.data and not generated and not path.startswith("configs/")

    def _one_dataset(self, old: Mapping[str, Blob], new: Mapping[str, Blob]) -> dict[str, Blob | None]:
        key = self.request.dataset
        goes: dict[str, Blob | None] = {}
        if self.request.config:
            own = places.config_of(key)
            snapshot = f"{places.SNAPSHOTS}/{key}/"
            mine = [path for path in old.keys() | new.keys() if path in own or path.startswith(snapshot)]
            goes |= {path: new.get(path) for path in mine}
            source, _slash, name = key.partition("/")
            goes[places.PARAMS] = self._spliced(old, places.PARAMS, [("datasets", key), ("ds", source, name)])
        if self.request.data:
            goes[places.metrics_of(key)] = new.get(places.metrics_of(key))
            goes[FILE] = self._spliced(old, FILE, [("stages", f"ingest@{key}")])
        return goes

    def _spliced(self, old: Mapping[str, Blob], path: str, entries: list[tuple[str, ...]]) -> Blob | None:
        text = (self.now.text(path) or _EMPTY).decode("utf-8")
        other = (self.then.text(path) or b"").decode("utf-8")
        for entry in entries:
            text = spliced(text, other, entry, path)
        mode = old[path].mode if path in old else _MODE
        return self._kept(text.encode(), mode)

    def _kept(self, content: bytes, mode: str = _MODE) -> Blob:
        sha = blob_of(content)
        self.texts[sha] = content
        return Blob(mode, sha)

    def _generated(
        self, old: Mapping[str, Blob], new: Mapping[str, Blob], changed: Mapping[str, Blob | None]
    ) -> dict[str, Blob | None]:
        """Return the part of dbt that follows from the declarations, made anew by today's code.

        When today's code cannot read the old declarations, the files are the old version's, and a note says so.
        """
        root = self.now.root
        if not (root / places.GENERATED[0]).is_dir():
            return {}
        try:
            wanted = self._rendered(root, {**old, **changed})
        except ConfigError as error:
            if self.request.dataset:
                raise ConfigError(
                    _("the rest does not suit this version of {key}: {reason}").format(
                        key=self.request.dataset, reason=error.message
                    ),
                    where=error.where,
                    next_step=_("roll back everything, without --dataset"),
                ) from None
            self.notes.append(
                _("the declarations of that version are not understood by today's code: {reason}").format(
                    reason=error.message.splitlines()[0]
                )
            )
            wanted = {path: new[path] for path in new if _is_generated(path)}
        there = {path for path in old if _is_generated(path)}
        return {path: wanted.get(path) for path in there | wanted.keys() if wanted.get(path) != old.get(path)}

    def _rendered(self, root: Path, files: Mapping[str, Blob | None]) -> dict[str, Blob]:
        from observatudo.warehouse import models

        with tempfile.TemporaryDirectory() as folder:
            scratch = Path(folder)
            for path, blob in files.items():
                if blob is not None and (path == places.PARAMS or path.startswith("configs/")):
                    (scratch / path).parent.mkdir(parents=True, exist_ok=True)
                    (scratch / path).write_bytes(self.git.content(blob, self.texts))
            try:
                texts = models.render(scratch)
            except ConfigError as error:
                message = error.message.replace(f"{scratch}/", "")
                raise ConfigError(message, where=error.where.replace(f"{scratch}/", "")) from None
        return {path: self._kept(text.encode("utf-8")) for path, text in texts.items()}


def _is_generated(path: str) -> bool:
    return any(path == place or path.startswith(f"{place}/") for place in places.GENERATED)
