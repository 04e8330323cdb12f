"""A ``dvc.lock`` held against everything else that knows: Git's files, the records, its own other lines, older locks.

A hash that something knows, only not for this version, is *stale*: a run renews it. One that nothing ever knew, and
that contradicts what is known, was written by hand.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from observatudo.audit.verify import locks, records
from observatudo.audit.verify.cached import Objects
from observatudo.audit.verify.contents import Content
from observatudo.audit.verify.locks import PARAMS, LockAt, text_params
from observatudo.audit.verify.memory import of_bytes
from observatudo.audit.verify.report import Finding, Status
from observatudo.audit.verify.scene import Scene
from observatudo.i18n import _
from observatudo.runs.model import Record
from observatudo.versions.lock import FILE, Out, Stage, folder_md5


@dataclass
class LockCheck:
    """The check of one lock. With ``quiet``, what is merely stale is not said: of a past version it is no news."""

    scene: Scene
    objects: Objects
    lock: LockAt
    quiet: bool = False

    def findings(self) -> Iterator[Finding]:
        for finding in self._all():
            if not (self.quiet and finding.status in ("stale", "note")):
                yield finding

    def _all(self) -> Iterator[Finding]:
        if self.lock.commit is not None:
            named = {path for path, _md5 in locks.named(self.lock.stages)}
            self.scene.contents.prepare(self.lock.commit, named)
        yield from self._gone()
        for name, stage in self.lock.stages.items():
            if not self.lock.declares(name):
                continue
            yield from self._command(name, stage)
            yield from self._entries(name, stage)
            yield from self._params(name, stage)
            for item, check in [*((dep, self._dep) for dep in stage.deps), *((out, self._out) for out in stage.outs)]:
                if locks.HASH.fullmatch(item.md5):
                    yield from check(name, item)
                elif item.md5:
                    what = _("dvc.lock names “{md5}” for {path}, which is no hash").format(md5=item.md5, path=item.path)
                    yield self._forged(what, item.path)

    def _finding(self, status: Status, what: str, next_step: str, *, kind: str = "lock", path: str = "") -> Finding:
        outputs = (path,) if path else ()
        return Finding(status, kind, what, self.lock.where, next_step, "", outputs, (self.lock.name,))

    def _stale(self, what: str, path: str) -> Finding:
        return self._finding("stale", what, "dvc repro", path=path)

    def _forged(self, what: str, path: str) -> Finding:
        mend = "git restore --source=HEAD -- dvc.lock" if self.lock.commit is None else f"git log -p -- {FILE}"
        return self._finding("tampered", what, mend, path=path)

    # --- what the lock lacks

    def _gone(self) -> Iterator[Finding]:
        """Give stages that the lock before this one had, that are still declared, and that this one lacks."""
        for name in self.lock.previous.keys() - self.lock.stages.keys():
            if self.lock.declares(name):
                yield self._forged(_("dvc.lock lost the stage {stage}").format(stage=name), name)

    def _entries(self, name: str, stage: Stage) -> Iterator[Finding]:
        """Give dependencies and outputs that dvc.yaml declares and the lock does not name."""
        body, key = self.lock.stage_declared(name), name.partition("@")[2]
        before = self.lock.previous.get(name)
        for kinds, locked, old in (
            (("deps",), stage.deps, before.deps if before else []),
            (("outs", "metrics", "plots"), stage.outs, before.outs if before else []),
        ):
            declared = {path.replace("${key}", key) for kind in kinds for path in _listed(body.get(kind))}
            for path in sorted(path for path in declared - {item.path for item in locked} if "${" not in path):
                what = _("dvc.lock does not name {path} of the stage {stage}").format(path=path, stage=name)
                was_named = any(item.path == path for item in old)
                yield self._forged(what, path) if was_named else self._stale(what, path)

    # --- commands and parameters

    def _command(self, name: str, stage: Stage) -> Iterator[Finding]:
        said = stage.cmd if isinstance(stage.cmd, str) else " && ".join(stage.cmd)
        template = self.lock.stage_declared(name).get("cmd")
        if not isinstance(template, str) or _fits(template, name, said):
            return
        what = _("dvc.lock names another command of the stage {stage} than dvc.yaml").format(stage=name)
        before = self.lock.previous.get(name)
        known = before is not None and before.cmd == stage.cmd
        yield self._stale(what, name) if known else self._forged(what, name)

    def _params(self, name: str, stage: Stage) -> Iterator[Finding]:
        for key, value in stage.params.get(PARAMS, {}).items():
            if _at(self.lock.params, key) == value:
                continue
            what = _("dvc.lock names another value of {key} for the stage {stage} than params.yaml").format(
                key=key, stage=name
            )
            used = self._params_used(name)
            if used and all(_at(text_params(text), key) != value for text in used):
                yield self._forged(what, PARAMS)
            elif any(_at(text_params(text), key) == value for text in self._texts_ever(PARAMS)):
                yield self._stale(what, PARAMS)
            else:
                yield self._unknown(what, name, PARAMS)

    def _params_used(self, stage: str) -> list[bytes]:
        """Return the params.yaml of every good run that made what the lock says; none when one cannot be read."""
        runs = [record for record in self._vouching_stage(stage) if record.status == "success"]
        blobs = [record.configs.get(PARAMS, "") for record in runs]
        texts = dict(self.scene.git.read(blob for blob in set(blobs) if blob))
        return list(texts.values()) if texts.keys() == set(blobs) else []

    def _texts_ever(self, path: str) -> Iterator[bytes]:
        blobs = dict.fromkeys(
            blob for blob in self.scene.git.blob_names(self._touching(path), path) if blob is not None
        )
        blobs |= dict.fromkeys(blob for record in self.scene.ledger.records if (blob := record.configs.get(path)))
        yield from (text for _sha, text in self.scene.git.read(list(blobs)))

    def _touching(self, path: str) -> list[str]:
        place = f"{self.scene.git.prefix}{path}"
        return self.scene.git.lines("log", "--format=%H", "--full-history", self.scene.head or "HEAD", "--", place)

    # --- dependencies

    def _dep(self, name: str, dep: Out) -> Iterator[Finding]:
        made = self._made(dep.path)
        if made is not None:
            yield from self._made_dep(name, dep, made)
            return
        if any(path.startswith(f"{dep.path}/") for path in self.lock.outs):
            yield from self._unlisted(dep)
            return
        own = self._own(dep.path)
        if own is not None and _same(dep, own):
            return
        what = _("dvc.lock names other content of {path}, which the stage {stage} reads, than this version has").format(
            path=dep.path, stage=name
        )
        known = self._known_content(dep, own)
        if known is None:
            yield self._unknown(what, name, dep.path)
        else:  # a size that belongs to no content of that hash was written by hand
            yield self._stale(what, dep.path) if _same(dep, known) else self._forged(what, dep.path)

    def _own(self, path: str) -> Content | None:
        if self.lock.commit is not None:
            return self.scene.contents.at(self.lock.commit, path)
        return self.scene.contents.on_disk(self.scene.root, path)

    def _known_content(self, dep: Out, own: Content | None) -> Content | None:
        """Return the content of this hash that this version, one that a run began from, or one before had."""
        return next((found for found in self._contents_ever(dep.path, own) if found.md5 == dep.md5), None)

    def _contents_ever(self, path: str, own: Content | None) -> Iterator[Content]:
        if own is not None:
            yield own
        for commit in dict.fromkeys(record.commit for record in reversed(self.scene.ledger.records) if record.commit):
            if self.scene.git.commit(commit) is not None:
                found = self.scene.contents.at(commit, path)
                if found is not None:
                    yield found
        named = {blob for record in self.scene.ledger.records if (blob := records.blobs(record).get(path))}
        for _blob, text in self.scene.git.read(sorted(self.scene.git.present(named))):
            hashes = of_bytes(text)
            yield Content(hashes.md5, hashes.size)
        yield from self.scene.contents.ever(path)

    def _unknown(self, what: str, stage: str, path: str) -> Finding:
        """Judge a content that Git never had: a run may have used changes that were never committed."""
        vouching = self._vouching_stage(stage)
        if not vouching or any(_may_have_used(self.scene, record, path) for record in vouching):
            return self._stale(what, path)
        return self._forged(what, path)

    def _vouching_stage(self, stage: str) -> list[Record]:
        """Return the records that name what this lock says the stage made; of one that makes nothing, all."""
        outs = self.lock.stages[stage].outs
        if not outs:
            return self.scene.ledger.records
        found = [self.scene.vouching.get((out.path, out.md5), []) for out in outs]
        return [vouched.record for vouched in found[0]] if all(found) else []

    # --- dependencies that another stage makes, and outputs

    def _made(self, path: str) -> Out | None:
        """Return what the lock's own outputs say a path is, a folder of several put together; None: not made here."""
        outs = self.lock.outs
        if path in outs:
            return outs[path]
        inside = {name: out for name, out in outs.items() if name.startswith(f"{path}/")}
        return self._together(path, inside) if inside else None

    def _together(self, path: str, inside: Mapping[str, Out]) -> Out | None:
        files: dict[str, str] = {}
        for name, out in inside.items():
            place = name[len(path) + 1 :]
            if not out.is_folder:
                files[place] = out.md5
                continue
            listed = self.objects.listing(out.md5)
            if listed is None:
                return None
            files |= {f"{place}/{entry.relpath}": entry.md5 for entry in listed}
        version = self.lock.commit or self.scene.head
        tree = self.scene.git.tree(version) if version else {}
        in_git = {
            name[len(path) + 1 :]: blob
            for name, blob in tree.items()
            if name.startswith(f"{path}/") and name[len(path) + 1 :] not in files
        }
        files |= {name: self.scene.contents.md5(blob.sha) for name, blob in in_git.items()}
        sizes = [*(out.size for out in inside.values()), *(blob.size for blob in in_git.values())]
        size = sum(size or 0 for size in sizes) if None not in sizes else None
        return Out(path=path, md5=folder_md5(files), size=size, nfiles=len(files))

    def _made_dep(self, name: str, dep: Out, made: Out) -> Iterator[Finding]:
        if dep.md5 == made.md5:
            if _differ(dep.size, made.size) or _differ(dep.nfiles, made.nfiles):
                what = _("dvc.lock says two sizes of {path}").format(path=dep.path)
                yield self._forged(what, dep.path)
            return
        makers = [path for path in self.lock.outs if path == dep.path or path.startswith(f"{dep.path}/")]
        strange = [path for path in makers if not self._is_known(path)]
        if strange:
            for path in strange:
                what = _("dvc.lock names content of the output {path} that no run made").format(path=path)
                yield self._forged(what, path)
        elif not self._was_made(dep, makers):
            what = _("dvc.lock names content of {path}, which the stage {stage} reads, that no run made").format(
                path=dep.path, stage=name
            )
            yield self._forged(what, dep.path)
        else:
            what = _("the stage {stage} has not read the {path} that there is now").format(stage=name, path=dep.path)
            yield self._stale(what, dep.path)

    def _unlisted(self, dep: Out) -> Iterator[Finding]:
        """Give the outputs that no run made, of a folder that cannot be put together but was read as a run made it."""
        strange = [path for path in self.lock.outs if path.startswith(f"{dep.path}/") and not self._is_known(path)]
        made = map(self._of_record(dep.path), self.scene.ledger.records) if strange else ()
        if any(found is not None and found.md5 == dep.md5 for found in made):
            for path in strange:
                what = _("dvc.lock names content of the output {path} that no run made").format(path=path)
                yield self._forged(what, path)

    def _is_known(self, path: str) -> bool:
        """Say whether a run, an older lock, or a run that left no list of its outputs may have made this."""
        md5 = self.lock.outs[path].md5
        if (path, md5) in self.scene.vouching or self.scene.was_named_before(self.lock, path, md5):
            return True
        return self._is_explained(path)

    def _is_explained(self, path: str) -> bool:
        """Say whether the stage ran, after the last record that names the output, in a run that names none."""
        stage = self.lock.made_by.get(path, "")
        last = max(
            (v.record.run_id for (name, _md5), said in self.scene.vouching.items() if name == path for v in said),
            default="",
        )
        if not last and not self.scene.ledger.records:
            return True  # nothing was ever recorded here
        return any(
            record.run_id > last and stage in record.stages and record.stages[stage].status == "success"
            for record in self.scene.ledger.records
            if path not in record.outputs
        )

    def _was_made(self, dep: Out, makers: list[str]) -> bool:
        if (dep.path, dep.md5) in self.scene.vouching or self.scene.was_named_before(self.lock, dep.path, dep.md5):
            return True
        return makers != [dep.path] and any(
            found is not None and found.md5 == dep.md5
            for found in map(self._of_record(dep.path), self.scene.ledger.records)
        )

    def _of_record(self, path: str) -> Callable[[Record], Out | None]:
        def of(record: Record) -> Out | None:
            outs = {
                name: Out(path=name, md5=out.md5) for name, out in record.outputs.items() if name.startswith(f"{path}/")
            }
            known = all(not out.is_folder or self.scene.store.has(out.md5) for out in outs.values())
            return self._together(path, outs) if outs and known else None

        return of

    def _out(self, name: str, out: Out) -> Iterator[Finding]:
        if self.scene.is_in_git(self.lock, out.path):
            yield from self._metrics(name, out)
            return
        if (out.path, out.md5) in self.scene.vouching:
            return
        fresh = self.lock.commit is None and not any(
            old.md5 == out.md5 for old in (self.lock.previous.get(name) or Stage()).outs
        )
        if fresh and not self.objects.is_there(out.md5) and self.scene.ledger.records:
            what = _("dvc.lock names content of the output {path} that no run made").format(path=out.path)
            yield self._forged(what, out.path)
        else:
            what = _("no run record vouches for the output {path} of dvc.lock").format(path=out.path)
            yield self._finding("note", what, "dvc repro", path=out.path)

    def _metrics(self, name: str, out: Out) -> Iterator[Finding]:
        """Hold an output that Git holds itself against the lock beside it."""
        own = self._own(out.path)
        if own is None or _same(out, own):
            return
        what = _("{path} is not what dvc.lock says the stage {stage} made").format(path=out.path, stage=name)
        if own.md5 == out.md5:
            yield self._forged(_("dvc.lock says two sizes of {path}").format(path=out.path), out.path)
        elif self.lock.commit is None:  # the file is looked at with the work tree's outputs
            made = self.scene.made_anywhere
            if (out.path, own.md5) in made and (out.path, out.md5) not in made and not self._is_explained(out.path):
                yield self._forged(what, out.path)
        elif name in self.scene.ledger.did_not_end_well():
            yield self._stale(what, out.path)
        elif (out.path, out.md5) not in self.scene.vouching and (out.path, own.md5) in self.scene.vouching:
            yield self._forged(what, out.path)  # a run made the file as it is
        else:
            mend = f"git log -p -- {out.path} {FILE}"
            yield Finding("tampered", "metrics", what, out.path, mend, out.md5, (out.path,), (self.lock.name,))


def _same(said: Out, found: Content) -> bool:
    return said.md5 == found.md5 and not _differ(said.size, found.size) and not _differ(said.nfiles, found.nfiles)


def _differ(a: int | None, b: int | None) -> bool:
    return a is not None and b is not None and a != b


def _listed(items: object) -> Iterator[str]:
    """Give the paths in a list of dvc.yaml, whose items are paths or a path with its options."""
    for item in items if isinstance(items, list) else []:
        yield from ([str(path) for path in item] if isinstance(item, Mapping) else [str(item)])


def _fits(template: str, name: str, said: str) -> bool:
    """Say whether a command can be what dvc.yaml's template gives for this stage; ``${key}`` is known, others not."""
    filled = template.strip().replace("${key}", name.partition("@")[2])
    parts = [re.escape(part) for part in re.split(r"\$\{[^}]*\}", filled)]
    return re.fullmatch(".*".join(parts), said.strip(), re.DOTALL) is not None


def _at(params: Mapping[str, object], key: str) -> object:
    """Return the value at a dotted key, as DVC's params have it; None where there is none."""
    found: object = params
    for part in key.split("."):
        if not isinstance(found, Mapping) or part not in found:
            return None
        found = found[part]
    return found


def _may_have_used(scene: Scene, record: Record, path: str) -> bool:
    """Say whether a run may have read a content at ``path`` that no commit ever had: one that Git does not hold."""
    named = records.blobs(record)
    if path in named:
        return not scene.git.present([named[path]])
    if record.commit is None or scene.git.commit(record.commit) is None:
        return True
    changed = [name for name in record.changed if name.startswith(f"{path}/")]
    return any(name not in named or not scene.git.present([named[name]]) for name in changed)
