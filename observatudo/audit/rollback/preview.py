"""A rollback's preview as plain values, and its fingerprint: who agreed to one has not agreed to another."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path

from observatudo.audit.rollback.model import Effect
from observatudo.errors import ObservatudoError
from observatudo.i18n import _

_COUNTS = {"status", "why", "rows_a", "rows_b", "added", "removed", "changed", "same"}


def content(effect: Effect) -> dict[str, object]:
    """Return what ``observatudo rollback --json`` prints of an effect.

    ``to`` and ``from`` are commits; ``files`` are Git's and ``outputs`` DVC's, ``held`` single files of outputs that
    change on disk (MD5, null: not there); ``tables`` count rows from now (a) to then (b); ``stale`` are stages that
    ``dvc status`` will name. ``bigquery`` (only there) is what the load of that version will do, table by table.
    """
    plan = effect.plan
    merge = {"bigquery": asdict(effect.merge)} if effect.merge else {}
    return {
        "to": plan.target,
        "from": plan.start,
        "branch": plan.branch,
        "subject": effect.subject,
        "date": effect.date,
        "scope": plan.request.scope,
        "dataset": plan.request.dataset or None,
        "files": {file.path: file.change for file in plan.files},
        "outputs": {out.path: {"old": out.old, "new": out.new} for out in plan.outs},
        "held": {file.path: {"old": file.old, "new": file.new} for file in plan.held},
        "tables": {name: table.model_dump(mode="json", include=_COUNTS) for name, table in effect.tables.items()},
        "warehouse": asdict(plan.warehouse),
        **merge,
        "stale": {stage.stage: list(stage.why) for stage in plan.moved},
        "records": list(plan.records),
        "notes": list(plan.notes),
    }


def fingerprint(effect: Effect) -> str:
    """Return the SHA-256 (hex) of the content as JSON: keys sorted, no spaces, UTF-8."""
    text = json.dumps(content(effect), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def require(root: Path, effect: Effect, seen: str) -> None:
    """Raise ObservatudoError unless the effect is the one whose fingerprint was seen.

    ``apply.carry_out`` holds the plan against this effect once more when it has the locks.
    """
    if fingerprint(effect) != seen.strip().lower():
        raise ObservatudoError(
            _("something changed since the preview; nothing was touched"),
            where=str(root),
            next_step=_("look at the preview again: observatudo rollback {revision}").format(
                revision=effect.plan.request.revision
            ),
        )
