"""A proposal tried in a repository beside the repository, then put in place whole or not at all."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from observatudo import config, paths, wholefile
from observatudo.errors import ConfigError, DataError, ObservatudoError
from observatudo.i18n import _
from observatudo.onboard import fixture, paramsline, places, propose, scratch, snapshot, yamltext
from observatudo.onboard.draft import Draft

if TYPE_CHECKING:
    from observatudo.ingest.pipeline import Report
    from observatudo.onboard.propose import Asked
    from observatudo.sources.contract import Response

_KEY = re.compile(r"[a-z][a-z0-9_]*/[a-z][a-z0-9_]*")


@dataclass
class Trial:
    """A proposal that ingest has read: its draft and text, what ingest says, and the files it would add or change.

    ``kept`` and the other counts are of rows of the file; ``files`` are relative to the repository.
    """

    root: Path
    here: Path
    draft: Draft
    text: str
    report: Report
    files: list[Path] = field(default_factory=list)

    @property
    def keeps_nothing(self) -> bool:
        """Say whether every row is rejected, which only a file without one year may do."""
        return self.report.rows_kept == 0

    def install(self) -> None:
        """Put every file in place; where one cannot be written, those before it are put back as they were."""
        before = {file: _bytes(self.root / file) for file in self.files}
        done: list[Path] = []
        try:
            for file in self.files:
                target = self.root / file
                target.parent.mkdir(parents=True, exist_ok=True)
                done.append(file)
                wholefile.write(target, (self.here / file).read_bytes())
        except OSError:
            for file in reversed(done):
                _restore(self.root, file, before[file])
            raise
        snapshot.settle(self.root, self.draft.key)


def is_key(key: str) -> bool:
    """Say whether the text can be a dataset's name."""
    return _KEY.fullmatch(key) is not None


def refuse_known(root: Path, key: str) -> None:
    """Raise ConfigError when there is a dataset, a declaration or a snapshot of this name."""
    standing = [config.dataset_path(key), paths.RAW / key]
    found = next((path for path in standing if (root / path).exists()), None)
    if key in config.load_params(root).datasets or found is not None:
        raise ConfigError(
            _("“{key}” is there already").format(key=key),
            where=str(found or paths.PARAMS),
            next_step=f"observatudo fetch {key} --from FILE",
        )


@contextmanager
def tried(root: Path, asked: Asked, response: Response | None = None) -> Iterator[Trial]:
    """Propose a declaration for a file and ingest the file by it, beside the repository.

    Raises ConfigError for a name that is taken, DataError when the file cannot be ingested; the message says why.
    """
    refuse_known(root, asked.key)
    with scratch.scratch(root) as here:
        official = places.official(here, scratch.directory(here))
        draft = propose.propose(asked, official, exceptions=(here / "configs/tabelas/municipio_excecao.csv").is_file())
        _own_ids(here, draft)
        text = yamltext.text(draft)
        try:
            report = _ingested(here, draft, text, asked, response)
        except ObservatudoError as error:
            raise _cannot(here, draft, error) from None
        yield Trial(root, here, draft, text, report, _changed(root, here, asked.key))


def _own_ids(here: Path, draft: Draft) -> None:
    """Put the dataset's name into the ids that indicators of other datasets have: the catalogue takes no id twice."""
    taken = {each.id for key in config.declared(here) for each in config.load_dataset(here, key).indicators}
    source, _slash, dataset = draft.key.partition("/")
    for part in draft.indicators:
        name = str(part.keys["id"])
        if name in taken:
            part.keys["id"] = f"{source}_{dataset}_{name.removeprefix(f'{source}_')}"


def _ingested(here: Path, draft: Draft, text: str, asked: Asked, response: Response | None) -> Report:
    from observatudo import generate
    from observatudo.ingest.pipeline import ingest

    path = here / config.dataset_path(asked.key)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    written = (here / paths.PARAMS).read_text(encoding="utf-8")
    (here / paths.PARAMS).write_text(
        paramsline.with_dataset(written, asked.key, _limits(draft, None)), encoding="utf-8"
    )
    generate.generate(here)
    snapshot.take(here, asked, config.load_dataset(here, asked.key), response)
    report = ingest(here, asked.key)
    if report.rows_kept == 0 and not (draft.hollow and [*report.rejected_by_reason] == ["vazio"]):
        raise DataError(
            _("every row would be rejected: {reasons}").format(
                reasons=", ".join(f"{reason} {count}" for reason, count in report.rejected_by_reason.items())
            )
        )
    draft.params = _limits(draft, report)
    (here / paths.PARAMS).write_text(paramsline.with_dataset(written, asked.key, draft.params), encoding="utf-8")
    fixture.write(here, asked.key)
    return report


def _limits(draft: Draft, report: Report | None) -> dict[str, float]:
    """Return the params of the checks: a little below what the file gives, so that a shrunken edition stops."""
    rows = 0.9 * report.rows if report else 0
    limits: dict[str, float] = {"min_rows": int(rows) if rows < 100 else int(float(f"{rows:.2g}"))}
    if draft.locality:
        rate = report.match_rate if report and report.match_rate is not None else 0
        limits["min_match_rate"] = max(math.floor(rate * 100 - 0.5) / 100, 0)
    return limits


def _cannot(here: Path, draft: Draft, error: ObservatudoError) -> DataError:
    """Return the error of a proposal that ingest refuses, in terms of the repository."""
    message = error.message.replace(f"{here}/", "")
    guesses = "".join(f"\n    {guess}" for guess in draft.guessed()[:12])
    return DataError(
        _("the file cannot be ingested as it was understood: {reason}").format(reason=message)
        + (_("\n  what was guessed:") + guesses if guesses else ""),
        where=error.where.replace(f"{here}/", ""),
        next_step=_("nothing has changed; say what was misunderstood: --kind, --place, --year, --value"),
    )


def _changed(root: Path, here: Path, key: str) -> list[Path]:
    """Return the files that the proposal adds or changes, those of the dataset first and params.yaml last."""
    roots = [config.dataset_path(key), paths.RAW / key, fixture.folder(key), Path("configs"), Path("dbt")]
    found: dict[Path, None] = {}
    for start in roots:
        for path in sorted((here / start).rglob("*")) if (here / start).is_dir() else [here / start]:
            file = path.relative_to(here)
            if path.is_file() and _bytes(root / file) != path.read_bytes():
                found[file] = None
    return [*found, paths.PARAMS]


def _bytes(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


def _restore(root: Path, file: Path, content: bytes | None) -> None:
    if content is not None:
        (root / file).write_bytes(content)
        return
    (root / file).unlink(missing_ok=True)
    for parent in (root / file).parents:
        if parent == root or any(parent.iterdir()):
            return
        parent.rmdir()
