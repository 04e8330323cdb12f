"""DVC's side of a stage, in two halves: what it does before the stage's commands, and what it does after.

``Stage.reproduce`` of DVC is both halves with the command between them, so it can do one stage at a time.
Here the halves of all stages take turns in one thread, under DVC's own lock of the repository, which is
released while that thread waits, as DVC releases it while a command runs. Only DVC's code writes
``dvc.lock``, the cache and its state.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from observatudo.errors import ObservatudoError
from observatudo.i18n import _
from observatudo.parallel.crew import Command
from observatudo.runs import identity

if TYPE_CHECKING:
    from dvc.repo import Repo
    from dvc.stage import Stage


class BusyError(ObservatudoError):
    """Another process is at work on the same files."""


@contextmanager
def _explained() -> Iterator[None]:
    """Raise what DVC or the system refuses as an ObservatudoError, with its causes."""
    from dvc.exceptions import DvcException
    from dvc.lock import LockError

    try:
        yield
    except LockError as error:
        after = _("wait until the other command has ended, then type: observatudo repro")
        raise BusyError(str(error), next_step=after) from error
    except (DvcException, OSError) as error:
        raise ObservatudoError(": ".join(_causes(error))) from error


def _causes(error: BaseException | None) -> Iterator[str]:
    while error is not None:
        yield str(error)
        error = error.__cause__


@contextmanager
def opened(root: Path, targets: Sequence[str]) -> Iterator[Pipeline]:
    """Lock the repository and yield the stages that ``targets`` (none: all) come down to.

    Raises BusyError when another DVC command holds the repository, ObservatudoError when dvc.yaml cannot
    be read or a target is unknown. At the end ``dvc.lock`` lists new stages in the order of the pipeline.
    """
    with _explained():
        from dvc.repo import Repo, lock_repo

        with Repo(str(root)) as repo, lock_repo(repo), repo.scm_context(), ExitStack() as claims:
            pipeline = Pipeline(repo, targets, claims)
            try:
                yield pipeline
            finally:
                pipeline.sort_lock()


class Pipeline:
    """The stages of one run by name (``ingest@fonte/dataset``). Made by ``opened``."""

    def __init__(self, repo: Repo, targets: Sequence[str], claims: ExitStack) -> None:
        from dvc.dvcfile import PROJECT_FILE
        from dvc.repo.reproduce import collect_stages, get_active_graph, plan_repro

        self._repo = repo
        self._claims = claims
        asked = collect_stages(repo, targets or [PROJECT_FILE])
        graph = get_active_graph(repo.index.graph)
        self._stages: dict[str, Stage] = {stage.addressing: stage for stage in plan_repro(graph, asked)}
        self.needs = {name: {need.addressing for need in graph[stage]} for name, stage in self._stages.items()}
        self._locked = {name for stage in self._stages.values() for name in _known(stage)}
        self._saved: dict[str, None] = {}  # in order

    @property
    def order(self) -> list[str]:
        """Return the stages in the order in which ``dvc repro`` would look at them."""
        return list(self._stages)

    def is_changed(self, name: str) -> bool:
        """Say whether the stage has to run, as DVC sees it. Raises ObservatudoError, BusyError."""
        with _explained():
            return bool(self._stages[name].changed())

    def prepare(self, name: str) -> list[Command]:
        """Do what DVC does before a stage's commands, and return them; none when the stage is complete without.

        Raises ObservatudoError (an input is missing, say) and BusyError.
        """
        from dvc.stage.cache import RunCacheNotFoundError

        stage = self._stages[name]
        with _explained():
            self._claim(stage)
            if stage.frozen or not stage.cmd:  # data added or imported, or a stage to be left alone
                stage.run()
                stage.dump(update_pipeline=False)
                return []
            stage.remove_outs(ignore_remove=False, force=False)
            try:
                self._repo.stage_cache.restore(stage)
            except RunCacheNotFoundError:
                stage.save_deps()
                return _commands(stage)
        self.finish(name)
        return []

    def _claim(self, stage: Stage) -> None:
        """Keep other processes off the stage's files, to the end of the run; DVC's own claims are in our name too."""
        import sys

        from dvc.rwlock import rwlock

        reads, writes = ([item.fs_path for item in items] for items in (stage.deps, stage.outs))
        hardlink = self._repo.config["core"].get("hardlink_lock", False)
        command = " ".join(sys.argv)  # what DVC itself calls us: claims of the same name are no obstacle
        self._claims.enter_context(rwlock(self._repo.tmp_dir, self._repo.fs, command, reads, writes, hardlink))

    def finish(self, name: str) -> None:
        """Do what DVC does after a stage's commands: hash, cache, dvc.lock.

        Raises ObservatudoError, when an output is missing or the disk is full, and BusyError.
        """
        stage = self._stages[name]
        uncached = any(not out.use_cache for out in stage.outs if not (out.is_metric or out.is_plot))
        with _explained():
            stage.save(run_cache=not uncached)
            stage.commit()
            stage.dump(update_pipeline=False)
        self._saved[name] = None

    @contextmanager
    def unlocked(self) -> Iterator[None]:
        """Leave the repository to others while this process only waits."""
        from dvc.lock import LockError

        self._repo.lock.unlock()
        self._repo._reset()
        try:
            yield
        finally:
            try:
                self._repo.lock.lock()
            except LockError:  # DVC gives up after 3 s; here stages' results would be lost
                self._repo.lock._wait = True
                self._repo.lock.lock()

    def sort_lock(self) -> None:
        """Put stages new in dvc.lock in the order of the pipeline: they came in the order in which they ended."""
        from dvc.utils.serialize import modify_yaml

        new = [name for name in self._stages if name in self._saved and name not in self._locked]
        if new != [name for name in self._saved if name in new]:
            with modify_yaml(str(Path(self._repo.root_dir, "dvc.lock"))) as content:
                for name in filter(content["stages"].__contains__, new):  # others are in another folder's lock
                    content["stages"][name] = content["stages"].pop(name)


def _known(stage: Stage) -> set[str]:
    """Return the stages that the dvc.lock beside the stage's dvc.yaml held when DVC read it; a .dvc file has none."""
    found = getattr(stage.dvcfile, "lockfile_contents", {})
    return set(found.get("stages", {}))


def _commands(stage: Stage) -> list[Command]:
    from dvc.stage.run import _enforce_cmd_list, _make_cmd, get_executable, prepare_kwargs

    settings = prepare_kwargs(stage, run_env=identity.as_owner())
    folder, environment = Path(settings["cwd"]), settings["env"]
    shell = get_executable()
    return [
        Command(_make_cmd(shell, command), command, folder, environment) for command in _enforce_cmd_list(stage.cmd)
    ]
