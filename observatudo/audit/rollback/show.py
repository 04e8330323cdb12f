"""A rollback in words: what it would do, and what it did."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict

from observatudo import figures
from observatudo.audit.rollback import preview
from observatudo.audit.rollback.apply import Done
from observatudo.audit.rollback.model import Effect, Merge, Plan, Request
from observatudo.compare.model import Table
from observatudo.i18n import _

_SIGNS = {"added": "+", "removed": "-", "changed": "~"}
_FILES = 15
_REASONS = 3


def before(effect: Effect) -> str:
    """Return the preview."""
    plan = effect.plan
    where = f"{plan.target[:8]} “{effect.subject}”" + (f", {effect.date[:10]}" if effect.date else "")
    if not plan:
        return _("nothing to roll back: it is as in {where}").format(where=where)
    lines = [_title(plan.request).format(where=where)]
    lines += _files(plan)
    lines += _outputs(plan)
    lines += list(_rows(effect.tables))
    lines += _merge(plan, effect.merge) if effect.merge else _warehouse(plan)
    if effect.pulled:
        lines.append(_("{count} object(s) came from the remote for this").format(count=effect.pulled))
    for path in plan.records:
        lines.append(_("committed along: {path}").format(path=path))
    lines += [_("note: {text}").format(text=text) for text in plan.notes]
    return "\n".join([*lines, *_status_after(plan)])


def _title(request: Request) -> str:
    of = f" {request.dataset}:" if request.dataset else ""
    titles = {
        "all": _("configuration and data go back to {where}"),
        "config": _("configuration goes back to {where}; data stay"),
        "data": _("data go back to {where}; configuration stays"),
    }
    return f"{of} {titles[request.scope]}".strip()


def _files(plan: Plan) -> list[str]:
    if not plan.files:
        return []
    shown = [f"  {_SIGNS[file.change]} {file.path}" for file in plan.files]
    return [_("files in Git: {count}").format(count=len(shown)), *_cut(shown)]


def _outputs(plan: Plan) -> list[str]:
    lines = []
    for out in plan.outs:
        count = sum(file.path == out.path or file.path.startswith(f"{out.path}/") for file in plan.held)
        lines.append(f"  {_SIGNS[out.change]} {out.path}  " + _("({count} files)").format(count=count))
    known = tuple(out.path for out in plan.outs)
    rest = [
        f"  ~ {file.path}"
        for file in plan.held
        if not any(file.path == path or file.path.startswith(f"{path}/") for path in known)
    ]
    if rest:
        rest = [_("  not as their version has them:"), *_cut(rest)]
    if not lines and not rest:
        return []
    return [_("outputs and snapshots held by DVC: {count}").format(count=len(lines)), *lines, *rest]


def _cut(lines: list[str]) -> list[str]:
    more = len(lines) - _FILES
    return lines if more <= 0 else [*lines[:_FILES], _("  … and {count} more").format(count=more)]


def _rows(tables: Mapping[str, Table]) -> Iterator[str]:
    if not tables:
        return
    width = max(map(len, tables), default=0)
    heads = [_("added"), _("removed"), _("changed"), _("now"), _("then")]
    yield _("rows").ljust(width + 2) + "".join(f"{head:>12}" for head in heads)
    for name, table in tables.items():
        counts = [table.added, table.removed, table.changed, table.rows_a, table.rows_b]
        cells = "".join(f"{'–' if count is None else format(count, ','):>12}" for count in counts)
        yield f"  {name:<{width}}{cells}" + (f"  {table.why or table.status}" if table.added is None else "")


def _warehouse(plan: Plan) -> list[str]:
    effect, rows = plan.warehouse.effect, plan.warehouse.rows
    if effect == "rebuilt":
        about = "" if rows is None else " " + _("({rows:,} rows in its marts)").format(rows=rows)
        return [_("warehouse: will be built again from these data") + about]
    if effect == "dropped":
        return [_("warehouse: will be removed, as dbt's models moved on since; dvc repro builds it anew")]
    return [_("warehouse: stays as it is")]


def _merge(plan: Plan, merge: Merge) -> list[str]:
    """Say what the load will do in BigQuery, and whether dbt builds its models then."""
    if merge.problem:
        told = _("warehouse in BigQuery: what its load will do is not known: {why}").format(why=merge.problem)
        return [told, _("  it is tried once the files are back; they go back in any case")]
    size = figures.size(sum(table.bytes_to_send for table in merge.tables))
    head = _("warehouse in BigQuery, {place}: {count} table(s) will be merged back, {size} to send at most")
    lines = [head.format(place=merge.place, count=len(merge.tables), size=size)]
    lines += _cut(
        [
            f"  {table.name}  +{table.inserted:,} ~{table.updated:,} -{table.removed:,}  ({table.mode})"
            for table in merge.tables
        ]
    )
    if plan.warehouse.effect == "rebuilt":
        return [*lines, _("  then dbt builds its models from them")]
    return [*lines, _("  dbt's models moved on since; dvc repro builds them")]


def _status_after(plan: Plan) -> list[str]:
    if not plan.moved:
        return [_("after it, dvc status is clean")]
    lines = [_("after it, dvc status names these stages, for dvc repro to run again:")]
    for stage in plan.moved:
        more = "…" if len(stage.why) > _REASONS else ""
        lines.append(f"  {stage.stage}: {', '.join(stage.why[:_REASONS])}{more}")
    return lines


def after(request: Request, done: Done) -> str:
    """Return what was done, and what to type next."""
    lines = [_("rolled back: commit {commit}").format(commit=done.commit[:8]), *_ended(done)]
    lines.append("  → " + _next(request, done))
    return "\n".join(lines)


def _ended(done: Done) -> list[str]:
    lines = []
    if done.warehouse_rows is not None:
        lines.append(_("warehouse built: {rows:,} rows in its marts").format(rows=done.warehouse_rows))
    lines += done.notes
    if done.changed:
        lines.append(_("dvc status is not clean: these changed since that version, or did not go back with the rest"))
        lines += [f"  {stage}: {', '.join(names[:_REASONS])}" for stage, names in done.changed.items()]
    elif done.changed is not None:
        lines.append(_("dvc status is clean"))
    return lines


def _next(request: Request, done: Done) -> str:
    if done.changed and request.config:
        return _("dvc repro, then git add and commit   (makes the rest follow)")
    return "observatudo diff HEAD~1 HEAD"


def recovered(done: Done) -> str:
    """Return how a rollback that was cut off ended now."""
    first = _("finished: commit {commit}").format(commit=done.commit[:8]) if done.commit else _("undone")
    return "\n".join([first, *_ended(done)])


def recovered_dict(state: str, done: Done) -> dict[str, object]:
    return {"state": state, "done": asdict(done)}


def as_dict(effect: Effect, done: Done | None) -> dict[str, object]:
    """Return what ``observatudo rollback --json`` prints: the effect, its fingerprint, and what was done or null."""
    return {
        **preview.content(effect),
        "preview": preview.fingerprint(effect),
        "pulled": effect.pulled,
        "done": asdict(done) if done else None,
    }
