"""A report as text: the verdict first, then what was found, the worst first, and what to type."""

from __future__ import annotations

from collections.abc import Iterator

from observatudo.audit.verify.report import STATUSES, Finding, Report, Status
from observatudo.i18n import _

SIGNS: dict[Status, str] = {"tampered": "✗", "missing": "?", "stale": "~", "note": "–"}
_SHOWN = 5  # of findings that differ only in where they are
_NAMES = 3


def render(report: Report, *, everything: bool = False) -> Iterator[str]:
    """Give the lines of a report; of many findings of one kind the first few, unless ``everything``."""
    yield verdict(report)
    yield counts(report)
    for status in STATUSES:
        groups: dict[str, list[Finding]] = {}
        for finding in report.of(status):
            groups.setdefault(finding.what, []).append(finding)
        for what, findings in groups.items():
            yield from _group(status, what, findings, everything=everything)


def verdict(report: Report) -> str:
    """Return the verdict in a sentence."""
    match report.verdict:
        case "tampered":
            return _("tampered: {count} finding(s)").format(count=len(report.of("tampered")))
        case "missing":
            return _("missing: {count} finding(s); nothing was tampered with").format(count=len(report.of("missing")))
        case "fine":
            return _("fine: anchored by {anchors}").format(anchors=", ".join(report.anchors))
    return _("not anchored: all is as recorded, but nothing outside this clone remembers the records")


def counts(report: Report) -> str:
    """Return what was looked at."""
    checked = report.checked
    line = _("{records} run record(s), {commits} commit(s), {objects} object(s)").format(
        records=checked["records"], commits=checked["commits"], objects=checked["objects"]
    )
    if checked["remote_objects"]:
        line += _(", {count} object(s) of the remote").format(count=checked["remote_objects"])
    return "  " + line + (_("; every byte read") if report.deep else "")


def _group(status: Status, what: str, findings: list[Finding], *, everything: bool) -> Iterator[str]:
    count = f" ({len(findings)}×)" if len(findings) > 1 else ""
    yield f"{SIGNS[status]} {word(status)}: {what}{count}"
    shown = findings if everything or status == "tampered" else findings[:_SHOWN]
    for finding in shown:
        yield from _one(finding)
    if len(findings) > len(shown):
        yield "    " + _("and {count} more: --json lists them").format(count=len(findings) - len(shown))


def _one(finding: Finding) -> Iterator[str]:
    if finding.outputs:
        rest = len(finding.outputs) - _NAMES
        yield (
            "    "
            + ", ".join(finding.outputs[:_NAMES])
            + (_(" and {count} more").format(count=rest) if rest > 0 else "")
        )
    if finding.versions and finding.status != "note":
        yield "      " + _("in {versions}").format(versions=", ".join(finding.versions))
    if finding.where:
        yield f"      @ {finding.where}"
    if finding.next_step:
        yield f"      → {finding.next_step}"


def word(status: Status) -> str:
    """Return the word for a status."""
    words = {"tampered": _("tampered"), "missing": _("missing"), "stale": _("stale"), "note": _("note")}
    return words[status]
