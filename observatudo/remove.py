"""Taking a dataset off: what of it would go and what would stay, as a plan; and doing what the plan says.

Only paths of named datasets are ever touched, never what merely lies under ``data/``.
"""

from __future__ import annotations

import difflib
import shutil
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path

from observatudo import config, consistency, corrections, leftovers, paths, yamlcut
from observatudo.errors import ConfigError, ObservatudoError
from observatudo.i18n import _
from observatudo.warehouse import models
from observatudo.yamlfile import parse


@dataclass(frozen=True)
class Item:
    """A file or folder of a dataset: path relative to the repository, size in bytes, rows where it has any."""

    path: str
    bytes: int
    rows: int | None = None
    files: int = 1


@dataclass(frozen=True)
class Edit:
    """A file that loses some lines and keeps the rest."""

    path: str
    before: str
    after: str

    def diff(self) -> list[str]:
        """Return the lines that go, and some around them, as ``diff -u`` shows them."""
        rows = difflib.unified_diff(self.before.splitlines(), self.after.splitlines(), self.path, self.path, "", "", 2)
        return [row.rstrip() for row in rows]


@dataclass
class Plan:
    """What removing datasets would do. ``generated`` are the texts that generated files will have.

    ``remade`` are the files of ``delete`` that ``observatudo generate`` writes again for a declared dataset.
    """

    datasets: list[str]
    delete: list[Item] = field(default_factory=list)
    edits: list[Edit] = field(default_factory=list)
    generated: dict[str, str] = field(default_factory=dict)
    keep: list[Item] = field(default_factory=list)
    remade: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.delete or self.edits or self.generated)

    def as_dict(self) -> dict[str, object]:
        """Return what ``observatudo remove --json`` prints."""
        return asdict(self) | {
            "edits": [{"path": edit.path, "diff": edit.diff()} for edit in self.edits],
            "generated": list(self.generated),
        }


def plan(root: Path, key: str | None, *, declaration: bool = False, snapshot: bool = False) -> Plan:
    """Return what would go of one dataset, or of all that are not on the list any more; changes nothing.

    Raises ConfigError for a name nobody knows, and when the rest cannot do without the dataset;
    ObservatudoError for a path that leads out of the repository and for evidence Git does not have.
    """
    made = Plan([key] if key else leftovers.find(root))
    params = config.load_params(root)
    texts: dict[str, Edit] = {}
    for name in made.datasets:
        if name in params.datasets:
            _still_needed(params, name)
            _cut_params(root, texts, name, params.datasets[name].params)
        elif key and not _traces(root, name):
            raise ConfigError(
                _("no dataset “{key}” on the list, and nothing of it here").format(key=name)
                + consistency.nearest(name, params.datasets),
                where=str(paths.PARAMS),
                next_step="observatudo datasets",
            )
        made.delete += _items(root, paths.INGESTED / name, leftovers.INGEST_METRICS / f"{name}.json")
        _sort_evidence(root, made, config.dataset_path(name), declaration)
        _sort_corrections(root, made, name, declaration)
        _sort_evidence(root, made, paths.RAW / name, snapshot)
    _cut_lock(root, texts, made.datasets)
    made.edits = list(texts.values())
    _add_generated(root, made)
    for item in made.delete:
        _inside(root, item.path)
    return made


def carry_out(root: Path, made: Plan) -> None:
    """Do what the plan says: lists first, then what follows from them, then the files.

    Raises ObservatudoError when a pipeline is running in this repository.
    """
    from dvc.lock import LockError
    from dvc.repo import Repo
    from dvc.rwlock import rwlock

    with Repo(str(root)) as repo:
        hardlink = repo.config["core"].get("hardlink_lock", False)
        everything = [str(root)]  # what any stage reads or writes lies below
        try:
            with repo.lock, rwlock(repo.tmp_dir, repo.fs, "observatudo remove", [], everything, hardlink):
                _do(root, made)
        except LockError:
            raise ObservatudoError(
                _("a pipeline is running in this repository"),
                where=str(root),
                next_step=_("wait until it has ended, then type the command again"),
            ) from None


def _do(root: Path, made: Plan) -> None:
    for edit in made.edits:
        (root / edit.path).write_text(edit.after, encoding="utf-8", newline="\n")
    for name, text in made.generated.items():
        (root / name).write_text(text, encoding="utf-8", newline="\n")
    for item in made.delete:
        path = root / item.path
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
        if not any(path.parent.iterdir()):  # the folder of a source that has no other dataset
            path.parent.rmdir()


def _traces(root: Path, key: str) -> bool:
    known = leftovers.is_key(key)
    places = (config.dataset_path(key), corrections.path(key), paths.RAW / key)
    return known and (key in leftovers.find(root) or bool(_items(root, *places)))


def _still_needed(params: config.Params, key: str) -> None:
    list_of = (paths.INGESTED / key).as_posix()
    users = [name for name, entry in params.datasets.items() if entry.lista == list_of and name != key]
    if users:
        raise ConfigError(
            _("“{key}” is the list that other datasets check their places against: {users}").format(
                key=key, users=", ".join(users)
            ),
            where=str(paths.PARAMS),
            next_step=_("give them another lista, or take them off first"),
        )


def _cut_params(root: Path, texts: dict[str, Edit], key: str, section: str) -> None:
    source, _dot, name = section.partition(".")
    _cut(root, texts, paths.PARAMS, ("datasets", key))
    if name in config.load_params(root).ds.get(source, {}):
        _cut(root, texts, paths.PARAMS, ("ds", source, name))


def _cut_lock(root: Path, texts: dict[str, Edit], keys: list[str]) -> None:
    for key in keys:
        if key in leftovers.locked(root):
            _cut(root, texts, leftovers.LOCK, ("stages", f"ingest@{key}"))


def _cut(root: Path, texts: dict[str, Edit], name: Path, location: tuple[str, ...]) -> None:
    """Take an entry out of a file's text, after what was taken out of it before."""
    shown = name.as_posix()
    if shown not in texts:
        parse(root / name)  # a damaged file is named here, and not by its draft
    before = texts[shown].before if shown in texts else (root / name).read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        draft = Path(folder, name.name)
        draft.write_text(texts[shown].after if shown in texts else before, encoding="utf-8")
        texts[shown] = Edit(shown, before, yamlcut.without(draft, location, shown))


def _items(root: Path, *places: Path) -> list[Item]:
    return [_item(root, place) for place in places if (root / place).exists() or (root / place).is_symlink()]


def _item(root: Path, place: Path) -> Item:
    path = root / place
    files = [path] if path.is_file() else [found for found in path.rglob("*") if found.is_file()]
    size = sum(found.stat().st_size for found in files)
    return Item(place.as_posix(), size, leftovers.rows(path), len(files))


def _sort_evidence(root: Path, made: Plan, place: Path, goes: bool) -> None:
    """Put a declaration or a snapshot where it was asked to be; what Git does not have never goes."""
    found = _items(root, place)
    (made.delete if goes else made.keep).extend(found)
    lost = _not_in_git(root, place) if goes and found else []
    if lost:
        raise ObservatudoError(
            _("Git does not have this as it stands, and it cannot be made again: {names}").format(
                names=", ".join(lost[:3]) + ("…" if len(lost) > 3 else "")
            ),
            where=place.as_posix(),
            next_step=f"git add {place.as_posix()} && git commit",
        )


def _sort_corrections(root: Path, made: Plan, key: str, goes: bool) -> None:
    """Have the empty file of corrections go along: it is generated. One with corrections is evidence."""
    place = corrections.path(key)
    if (root / place).is_file() and (root / place).read_text(encoding="utf-8") == corrections.EMPTY:
        made.delete += _items(root, place)
        made.remade.append(place.as_posix())
    else:
        _sort_evidence(root, made, place, goes)


def _not_in_git(root: Path, place: Path) -> list[str]:
    """Return the files under ``place`` that the last commit does not hold as they are, by themselves or by DVC."""
    from git import Repo
    from git.exc import InvalidGitRepositoryError

    try:
        git = Repo(root).git
    except InvalidGitRepositoryError:
        return [place.as_posix()]
    status = git.status("--porcelain", "-z", "--untracked-files=all", "--ignored=matching", "--", place.as_posix())
    changed = [entry[3:] for entry in status.split("\0") if entry]
    return [name for name in changed if not (root / f"{name}.dvc").is_file()]


def _inside(root: Path, name: str) -> None:
    real = (root / name).resolve()
    if not real.is_relative_to(root.resolve()):
        raise ObservatudoError(
            _("this leads out of the repository, and is not removed: {target}").format(target=real),
            where=name,
            next_step=_("look at what it holds, remove the link by hand, then type the command again"),
        )


def _add_generated(root: Path, made: Plan) -> None:
    """Add the generated files that will differ or go, found in a scratch repository with the new params.yaml."""
    if not made.datasets or not (root / leftovers.STAGING).is_dir():
        return
    edits = {edit.path: edit.after for edit in made.edits}
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        for name in ("configs", "dbt"):
            (scratch / name).symlink_to(root / name)
        text = edits.get(paths.PARAMS.as_posix()) or (root / paths.PARAMS).read_text(encoding="utf-8")
        (scratch / paths.PARAMS).write_text(text, encoding="utf-8")
        try:
            wanted = models.render(scratch)
        except ConfigError as error:
            message = _("the rest cannot do without {keys}: {reason}")
            raise ConfigError(
                message.format(keys=", ".join(made.datasets), reason=error.message.replace(f"{scratch}/", "")),
                where=str(paths.PARAMS),
                next_step=_("give the rest what it needs, or keep the dataset"),
            ) from None
        for name in models.stale(scratch):
            if name in wanted:
                made.generated[name] = wanted[name]
            else:
                made.delete += _items(root, Path(name))
