"""``observatudo fetch``: take snapshots anew, from their sources or from a local file, or only ask for news."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from observatudo.errors import ObservatudoError
from observatudo.i18n import _

if TYPE_CHECKING:
    from observatudo.config import Dataset
    from observatudo.sources.take import Fetch, Outcome
    from observatudo.sources.told import Result

LOCK = Path(".observatudo/fetch.lock")


def fetch(
    datasets: Annotated[
        list[str] | None, typer.Argument(help=_("Datasets (fonte/dataset); all that are declared if none is named."))
    ] = None,
    check: Annotated[bool, typer.Option("--check", help=_("Only ask whether there is news; take nothing."))] = False,
    accept: Annotated[
        bool, typer.Option("--accept", help=_("Take also what shrank, lost columns or looks like an error page."))
    ] = False,
    from_: Annotated[
        Path | None, typer.Option("--from", metavar="FILE", help=_("Take this local file as the new snapshot."))
    ] = None,
    as_: Annotated[
        str | None, typer.Option("--as", metavar="NAME", help=_("Which file of the snapshot --from replaces."))
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help=_("Print what --check found as JSON."))] = False,
) -> None:
    """Take the snapshots of datasets anew. Without a change at the source nothing changes.

    Exits 0 when all were taken, or asked; 1 when one failed or was refused: its snapshot is then as it was.
    """
    from observatudo.config import load_params
    from observatudo.paths import repository
    from observatudo.readonly import require_writable

    require_writable("fetch")
    _require_sense(check, accept, from_, as_, as_json)
    root = repository()
    params = load_params(root)
    keys = list(dict.fromkeys(datasets or params.datasets))
    for key in keys:
        params.dataset(key)  # an unknown name fails here, with the nearest one
    with _working(root, accept) as work:
        if from_ is not None or as_ is not None:
            _from_file(work, keys if datasets else [], from_, as_)
        elif check:
            _check(work, keys, as_json)
        else:
            _take_all(work, keys)


def _require_sense(check: bool, accept: bool, file: Path | None, name: str | None, as_json: bool) -> None:
    if check and (accept or file is not None or name is not None):
        raise typer.BadParameter(_("--check takes nothing: it goes without --accept, --from and --as"))
    if as_json and not check:
        raise typer.BadParameter(_("--json goes with --check"))


class _Work:
    """One ``fetch`` at work: what it goes by, and the line that shows what it does."""

    def __init__(self, root: Path, fetch: Fetch) -> None:
        from rich.console import Console

        self.root = root
        self.fetch = fetch
        self._console = Console(stderr=True)
        self._show: Callable[[str], None] | None = None

    def report(self, text: str) -> None:
        """Show a few words beside the dataset."""
        if self._show is not None:
            self._show(text)

    @contextmanager
    def at(self, label: str) -> Iterator[None]:
        """Show ``label`` and what is reported for as long as the block lasts; nothing when it is no terminal."""
        from rich.markup import escape

        with self._console.status(escape(label)) as status:
            self._show = lambda text: status.update(escape(f"{label} · {text}"))
            try:
                yield
            finally:
                self._show = None

    def tell(self, key: str, result: Result, message: str, *, checked: bool = False) -> None:
        """Tell the log how it went with a dataset."""
        from observatudo.paths import home
        from observatudo.sources import told

        told.tell(home(), key, result, message, checked=checked)


@contextmanager
def _working(root: Path, accept: bool) -> Iterator[_Work]:
    from filelock import FileLock, Timeout

    from observatudo.config import load_params
    from observatudo.sources.client import open_client
    from observatudo.sources.take import PARTS, Fetch

    path = root / LOCK
    path.parent.mkdir(exist_ok=True)
    lock = FileLock(path, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise ObservatudoError(
            _("another process fetches in this repository"), where=str(LOCK), next_step=_("wait until it is done")
        ) from None
    shown: list[_Work] = []

    def report(text: str) -> None:
        for work in shown:
            work.report(text)

    try:
        with open_client(report, root / PARTS) as client:
            shown.append(_Work(root, Fetch(root, client, report, load_params(root).fetch, accept)))
            yield shown[0]
    finally:
        lock.release()


def _from_file(work: _Work, keys: list[str], file: Path | None, name: str | None) -> None:
    from observatudo.config import load_dataset
    from observatudo.sources import file as connector

    if len(keys) != 1 or file is None:
        raise ObservatudoError(
            _("--from and --as take exactly one dataset and one file"),
            next_step="observatudo fetch fonte/dataset --from FILE",
        )
    key = keys[0]
    with _told(work, key):
        outcome = connector.take(work.fetch, key, load_dataset(work.root, key), file, name)
    _finish(work, key, outcome)
    if outcome.changes:
        _next_step()


def _take_all(work: _Work, keys: list[str]) -> None:
    """Take each in turn; one that fails keeps its old snapshot and does not stop the others."""
    from observatudo.sources.take import take

    failed = changed = False
    for key, label, dataset in _each(work, keys):
        try:
            with work.at(label), _told(work, key):
                outcome = take(work.fetch, key, dataset())
        except ObservatudoError as error:
            if len(keys) == 1:
                raise
            failed = True
            typer.echo(f"✗ {key}: {error}", err=True)
        else:
            changed = changed or bool(outcome.changes)
            _finish(work, key, outcome)
    if changed:
        _next_step()
    if failed:
        raise typer.Exit(1)


def _by_hand(key: str) -> str:
    return _("brought by hand: observatudo fetch {key} --from FILE").format(key=key)


def _each(work: _Work, keys: list[str], is_quiet: bool = False) -> Iterator[tuple[str, str, Callable[[], Dataset]]]:
    """Yield each dataset that has a source, its label, and what loads its declaration."""
    from functools import partial

    from observatudo.config import load_dataset

    for number, key in enumerate(keys, 1):
        if len(keys) > 1 and _is_by_hand(work.root, key):
            if not is_quiet:
                typer.echo(f"– {key}: {_by_hand(key)}")
            continue
        yield key, f"{number}/{len(keys)} {key}", partial(load_dataset, work.root, key)


def _is_by_hand(root: Path, key: str) -> bool:
    from observatudo.config import load_dataset

    try:
        return load_dataset(root, key).snapshot.is_by_hand()
    except ObservatudoError:  # is told where the dataset has its turn
        return False


@contextmanager
def _told(work: _Work, key: str, *, checked: bool = False) -> Iterator[None]:
    """Tell the log of what goes wrong in the block, and let it pass."""
    from observatudo.sources.guard import Refused

    try:
        yield
    except ObservatudoError as error:
        result: Result = "refused" if isinstance(error, Refused) else "failed"
        work.tell(key, result, error.message, checked=checked)
        raise


def _check(work: _Work, keys: list[str], as_json: bool) -> None:
    """Ask for news of each; one that cannot be asked does not stop the others."""
    from observatudo.sources.take import is_new

    found: list[dict[str, str | bool | None]] = []
    for key, label, dataset in _each(work, keys, as_json):
        news: bool | None = None
        said = ""
        try:
            with work.at(label), _told(work, key, checked=True):
                news = is_new(work.fetch, key, dataset())
            work.tell(key, "new" if news else "same", "", checked=True)
        except ObservatudoError as error:
            said = str(error)
        found.append({"dataset": key, "news": news, "message": said})
        if not as_json:
            _say_news(key, news, said)
    if as_json:
        typer.echo(json.dumps(found, indent=2, ensure_ascii=False))
    if any(one["news"] is None for one in found):
        raise typer.Exit(1)


def _say_news(key: str, news: bool | None, said: str) -> None:
    if news is None:
        typer.echo(f"✗ {key}: {said}", err=True)
    elif news:
        typer.echo(f"! {key}: " + _("there is news: observatudo fetch {key}").format(key=key))
    else:
        typer.echo(f"✓ {key}: " + _("no news"))


def _finish(work: _Work, key: str, outcome: Outcome) -> None:
    """Print what a fetch did, and tell the log."""
    from observatudo import snapshots

    changes, snapshot = outcome.changes, outcome.snapshot
    accepted = "\n".join(str(finding) for finding in outcome.accepted)
    work.tell(key, "new" if changes.has_data else "same", accepted)
    about = _("{count} files, {size:.1f} MB, taken {when}").format(
        count=len(snapshot.files),
        size=sum(entry.bytes for entry in snapshot.files.values()) / 1e6,
        when=snapshot.fetched_at,
    )
    typer.echo(f"✓ {key}: " + (_("changed") if changes else _("unchanged")) + f" ({about})")
    for finding in outcome.accepted:
        typer.echo("  ! " + _("accepted: {finding}").format(finding=finding))
    for sign, names in (("+", changes.added), ("~", changes.changed), ("-", changes.removed)):
        for name in names:
            entry = snapshot.files.get(name)
            typer.echo(f"  {sign} {name}" + (f"  {entry.bytes:,} B  sha256 {entry.sha256[:12]}…" if entry else ""))
    for name in changes.to_dvc:
        typer.echo("  → " + _("{name} is too large for Git and goes to DVC").format(name=name))
    for name in changes.to_git:
        typer.echo("  → " + _("{name} is small again and goes back to Git").format(name=name))
    if changes.sidecar and not changes.has_data:
        typer.echo("  ~ " + snapshots.SIDECAR)


def _next_step() -> None:
    typer.echo(_("Next: git diff --stat data/raw, dvc repro, then git add data/raw and commit."))
