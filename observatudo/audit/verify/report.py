"""What ``verify`` found: findings, the verdict they add up to, and the exit code."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Literal

Status = Literal["tampered", "missing", "stale", "note"]
Verdict = Literal["tampered", "missing", "fine", "not anchored"]
STATUSES: tuple[Status, ...] = ("tampered", "missing", "stale", "note")
_CODES: dict[Verdict, int] = {"tampered": 1, "missing": 2, "fine": 0, "not anchored": 0}


@dataclass(frozen=True)
class Finding:
    """One thing that is not as it was made.

    ``status`` is ``tampered`` (bytes or records are not what was made), ``missing`` (in none of the places where it
    should be), ``stale`` (older than what it belongs to; a run renews it) or ``note`` (worth knowing).
    ``kind`` is a word for programs: object, remote, lock, record, history, snapshot, metrics, output, warehouse,
    anchor, signature, setting. ``where`` is a path, relative to the repository where it is inside. ``md5`` is DVC's
    name of the object, ``outputs`` the outputs and files it belongs to, ``versions`` commits and tags.
    """

    status: Status
    kind: str
    what: str
    where: str = ""
    next_step: str = ""
    md5: str = ""
    outputs: tuple[str, ...] = ()
    versions: tuple[str, ...] = ()


@dataclass
class Report:
    """All findings, the worst first; ``anchors`` names what the records were held against; ``checked`` counts."""

    findings: list[Finding] = field(default_factory=list)
    anchors: list[str] = field(default_factory=list)
    checked: Counter[str] = field(default_factory=Counter)
    head: str = ""
    deep: bool = False

    def add(self, findings: Iterable[Finding]) -> None:
        """Take in findings; one that is there already is not taken twice."""
        known = set(self.findings)
        for finding in findings:
            if finding not in known:
                known.add(finding)
                self.findings.append(finding)

    def of(self, status: Status) -> list[Finding]:
        return [finding for finding in self.findings if finding.status == status]

    @property
    def verdict(self) -> Verdict:
        """Return the worst status that there is, else whether the records are anchored outside this clone."""
        if self.of("tampered"):
            return "tampered"
        if self.of("missing"):
            return "missing"
        return "fine" if self.anchors else "not anchored"

    @property
    def exit_code(self) -> int:
        """Return 0 for fine and not anchored, 1 for tampered, 2 when something is missing and nothing tampered with."""
        return _CODES[self.verdict]

    @classmethod
    def from_json(cls, content: object) -> Report:
        """Return the report that ``as_json`` made this of. Raises ValueError for anything else."""
        from pydantic import TypeAdapter

        return TypeAdapter(cls).validate_python(content)

    def as_json(self) -> dict[str, object]:
        ordered = [asdict(finding) for status in STATUSES for finding in self.of(status)]
        return {
            "verdict": self.verdict,
            "exit_code": self.exit_code,
            "head": self.head,
            "deep": self.deep,
            "anchors": self.anchors,
            "checked": dict(self.checked),
            "findings": ordered,
        }
