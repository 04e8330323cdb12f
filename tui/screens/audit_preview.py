"""The preview of a rollback in words: all of what ``observatudo rollback --json`` prints, nothing cut off."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.text import Text

from observatudo import figures
from observatudo.i18n import _
from tui.screens.audit_ledger import part, short
from tui.tones import toned

if TYPE_CHECKING:
    from observatudo.journal import Json

_SIGNS = {"added": "+", "removed": "-", "changed": "~"}
_TONES = {"added": "ok", "removed": "bad", "changed": "warn"}
_CONFIG = ("params.yaml", "configs/")


@dataclass(frozen=True)
class Preview:
    """What the command printed; ``seen`` is the fingerprint that it is agreed to by."""

    content: dict[str, Json]

    @property
    def seen(self) -> str:
        return text_of(self.content.get("preview"))

    @property
    def target(self) -> str:
        return text_of(self.content.get("to"))

    @property
    def does_something(self) -> bool:
        return any(self.content.get(name) for name in ("files", "outputs", "held"))

    def named(self, name: str) -> dict[str, Json]:
        """Return one part that is made of names and values."""
        return _dict(self.content.get(name))

    def listed(self, name: str) -> list[str]:
        """Return one part that is a list of texts."""
        found = self.content.get(name)
        return [text_of(item) for item in found] if isinstance(found, list) else []


def _dict(found: Json) -> dict[str, Json]:
    return found if isinstance(found, dict) else {}


def text_of(found: Json) -> str:
    """Return a text, empty for what is none."""
    return found if isinstance(found, str) else ""


def lines(preview: Preview) -> list[Text]:
    """Return all of the preview, a line each."""
    if not preview.does_something:
        target = preview.target[: figures.SHORT]
        return [Text(_("nothing to roll back: it is as in {where}").format(where=target), "bold")]
    return [
        *_head(preview),
        *_files(preview),
        *_outputs(preview),
        *_rows(preview),
        *_after(preview),
        *part(_("run records committed along: {count}"), preview.listed("records")),
        *part(_("notes: {count}"), preview.listed("notes")),
    ]


def _head(preview: Preview) -> list[Text]:
    content = preview.content
    titles = {
        "all": _("configuration and data go back"),
        "config": _("configuration goes back; data stay"),
        "data": _("data go back; configuration stays"),
    }
    dataset = text_of(content.get("dataset"))
    title = titles[text_of(content.get("scope"))]
    date, subject = figures.moment(text_of(content.get("date"))), text_of(content.get("subject"))
    branch = text_of(content.get("branch")).removeprefix("refs/heads/")
    pairs = [
        (_("to"), f"{preview.target}  {date}  {subject}"),
        (_("from"), text_of(content.get("from")) + "  " + _("(HEAD of {branch})").format(branch=branch)),
        (_("how"), _("as one new commit on {branch}; no history is lost").format(branch=branch)),
    ]
    if content.get("pulled"):
        pairs.append(
            (_("pulled"), _("{count} object(s) came from the remote for this").format(count=content["pulled"]))
        )
    width = max(len(head) for head, _value in pairs)
    told = [Text.assemble((f"{head:<{width}}  ", "dim"), figures.printable(value)) for head, value in pairs]
    return [Text(f"{dataset}: {title}" if dataset else title, "bold"), *told]


def _files(preview: Preview) -> list[Text]:
    files = {path: text_of(change) for path, change in preview.named("files").items()}
    config = [path for path in files if path.startswith(_CONFIG)]
    found = []
    for head, paths in (
        (_("configuration: {count}"), config),
        (_("other files in Git: {count}"), [path for path in files if path not in config]),
    ):
        if paths:
            found += [Text(), Text(head.format(count=figures.count(len(paths))), "bold")]
            found += [
                toned(f"  {_SIGNS[files[path]]} {figures.printable(path)}", _TONES[files[path]]) for path in paths
            ]
    return found


def _outputs(preview: Preview) -> list[Text]:
    held = preview.named("held")
    told = []
    for path, change in preview.named("outputs").items():
        sides = _dict(change)
        count = sum(name == path or name.startswith(f"{path}/") for name in held)
        digests = f"{short(text_of(sides.get('old')))} → {short(text_of(sides.get('new')))}"
        told.append(f"{digests}  {path}  " + _("({count} files)").format(count=figures.count(count)))
    inside = tuple(preview.named("outputs"))
    rest = [name for name in held if not any(name == path or name.startswith(f"{path}/") for path in inside)]
    return [
        *part(_("outputs and snapshots held by DVC: {count}"), told),
        *part(_("files that are not as their version has them: {count}"), rest),
    ]


def _rows(preview: Preview) -> list[Text]:
    tables = preview.named("tables")
    if not tables:
        return []
    cells = [_cells(name, _dict(counts)) for name, counts in tables.items()]
    widths = [max(len(row[column]) for row in cells) for column in range(len(cells[0]))]
    head = _("rows: now → then, + added, − removed, ~ changed; {count} tables").format(count=figures.count(len(tables)))
    found = [Text(), Text(head, "bold")]
    for name, now, then, *changes, why in cells:
        rest = "  ".join(change.rjust(width) for change, width in zip(changes, widths[3:], strict=False))
        told = f"  {name:<{widths[0]}}  {now:>{widths[1]}} → {then:>{widths[2]}}  {rest}"
        found.append(Text(f"{told}  {why}".rstrip()))
    return found


def _cells(name: str, table: dict[str, Json]) -> tuple[str, ...]:
    """Return a table's name, its rows now and then, what was added, removed and changed, and why nobody knows."""
    is_known = table.get("added") is not None
    signs = {"added": "+", "removed": "−", "changed": "~"}
    changes = [f"{sign}{_number(table.get(key))}" if is_known else "" for key, sign in signs.items()]
    why = "" if is_known else text_of(table.get("why")) or text_of(table.get("status"))
    return figures.printable(name), _number(table.get("rows_a")), _number(table.get("rows_b")), *changes, why


def _number(found: Json) -> str:
    return figures.count(found if isinstance(found, int) else None)


def _after(preview: Preview) -> list[Text]:
    warehouse = preview.named("warehouse")
    rows = warehouse.get("rows")
    words = {
        "rebuilt": _("warehouse: will be built again from these data"),
        "dropped": _("warehouse: will be removed, as dbt's models moved on since; dvc repro builds it anew"),
        "untouched": _("warehouse: stays as it is"),
    }
    told = words[text_of(warehouse.get("effect"))]
    told += " " + _("({rows} rows in its marts)").format(rows=_number(rows)) if rows is not None else ""
    stale = [f"{stage}: {', '.join(map(text_of, _list(why)))}" for stage, why in preview.named("stale").items()]
    if not stale:
        return [Text(), Text(told), Text(_("after it, dvc status is clean"))]
    return [Text(), Text(told), *part(_("after it, dvc repro has stages to run again: {count}"), stale)]


def _list(found: Json) -> list[Json]:
    return found if isinstance(found, list) else []
