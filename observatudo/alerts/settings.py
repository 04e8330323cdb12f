"""``configs/alerts.yaml``: which rules hold for which datasets, how severe they are, and who is told."""

from __future__ import annotations

import json
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from pydantic import Field, field_validator

from observatudo.alerts.model import Severity
from observatudo.yamlfile import Strict, load

FILE = Path("configs/alerts.yaml")
ENVIRONMENT = "OBSERVATUDO_ALERT_"  # how the names of channels' variables begin
SEVERITIES: tuple[Severity, ...] = ("info", "warning", "critical")
Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
Factor = Annotated[float, Field(gt=1)]
Count = Annotated[int, Field(ge=0)]


class _Rule(Strict):
    severity: Severity = "warning"
    datasets: list[str] = ["*"]

    def holds_for(self, dataset: str | None) -> bool:
        """Say whether the rule holds for a dataset; for what belongs to none (None) it always does."""
        return dataset is None or any(fnmatchcase(dataset, pattern) for pattern in self.datasets)


class RunFailed(_Rule):
    """A run that ended with one of ``statuses``."""

    rule: Literal["run_failed"] = "run_failed"
    severity: Severity = "critical"
    statuses: list[Literal["failed", "interrupted"]] = ["failed", "interrupted"]


class RejectRate(_Rule):
    """Rejected rows as a share of those read: more than ``margin`` over what is usual, or over ``above``."""

    rule: Literal["reject_rate"] = "reject_rate"
    margin: Share = 0.02
    above: Share | None = None


class MatchRate(_Rule):
    """Rows whose place was found: more than ``margin`` under what is usual, or under ``below``."""

    rule: Literal["match_rate"] = "match_rate"
    margin: Share = 0.01
    below: Share | None = None


class NullRate(_Rule):
    """Rows without a value: more than ``margin`` over what is usual, or over ``above``."""

    rule: Literal["null_rate"] = "null_rate"
    margin: Share = 0.03
    above: Share | None = None


class Coverage(_Rule):
    """Municipalities with values: fewer than usual by more than the share ``margin``."""

    rule: Literal["coverage"] = "coverage"
    margin: Share = 0.01


class Magnitude(_Rule):
    """Values of an indicator: mean or median ``factor`` times larger or smaller than in the version before.

    ``newest_factor`` is for the newest period alone, which has seasons and may be incomplete.
    """

    rule: Literal["magnitude"] = "magnitude"
    severity: Severity = "critical"
    factor: Factor = 2.0
    newest_factor: Factor = 4.0


class Rows(_Rule):
    """Rows: fewer than before by the share ``shrink``, or more for each period by the share ``growth``."""

    rule: Literal["rows"] = "rows"
    shrink: Share = 0.05
    growth: Positive = 0.3


class Staleness(_Rule):
    """A source that was asked and had nothing new for longer than its frequency and the share ``slack`` of it."""

    rule: Literal["staleness"] = "staleness"
    slack: Annotated[float, Field(ge=0)] = 0.25


class Fetch(_Rule):
    """A source whose new file was refused, or that did not answer ``attempts`` times in a row."""

    rule: Literal["fetch"] = "fetch"
    attempts: Annotated[int, Field(ge=1)] = 3


class LabelShare(_Rule):
    """An axis that holds a larger share of all indicators than ``above``."""

    rule: Literal["label_share"] = "label_share"
    above: Share = 0.4


class Oscillation(_Rule):
    """An indicator whose axis changed ``changes`` times in the last ``window`` tables of labels, and came back."""

    rule: Literal["oscillation"] = "oscillation"
    severity: Severity = "info"
    changes: Annotated[int, Field(ge=2)] = 3
    window: Annotated[int, Field(ge=3)] = 10


class DbtTests(_Rule):
    """More of dbt's tests failed than ``failed``, or warned than ``warned`` (null: warnings do not count)."""

    rule: Literal["dbt_tests"] = "dbt_tests"
    severity: Severity = "critical"
    failed: Count = 0
    warned: Count | None = None


class Verify(_Rule):
    """``observatudo verify`` found something tampered with, or missing."""

    rule: Literal["verify"] = "verify"
    severity: Severity = "critical"


class DiskSpace(_Rule):
    """Less free space than ``below_gb`` (10⁹ bytes) where the repository is."""

    rule: Literal["disk"] = "disk"
    below_gb: Positive = 2.0


Rule: TypeAlias = (
    RunFailed
    | RejectRate
    | MatchRate
    | NullRate
    | Coverage
    | Magnitude
    | Rows
    | Staleness
    | Fetch
    | LabelShare
    | Oscillation
    | DbtTests
    | Verify
    | DiskSpace
)


def _all() -> list[Rule]:
    return [
        RunFailed(), RejectRate(), MatchRate(), NullRate(), Coverage(), Magnitude(), Rows(),
        Staleness(), Fetch(), LabelShare(), Oscillation(), DbtTests(), Verify(), DiskSpace(),
    ]  # fmt: skip


class ChannelSpec(Strict):
    """Who is told: the environment's variable that holds apprise's address, and from which severity on."""

    env: Annotated[str, Field(pattern=f"^{ENVIRONMENT}[A-Z0-9_]+$")]
    minimum: Severity = "warning"


class Quiet(Strict):
    """Hours, ``HH:MM`` in a time zone, in which nobody is told; ``critical`` goes through unless told otherwise."""

    begin: Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]
    end: Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]
    timezone: str = "America/Sao_Paulo"
    critical_goes_through: bool = True

    @field_validator("timezone")
    @classmethod
    def _is_known(cls, name: str) -> str:
        import zoneinfo

        try:
            zoneinfo.ZoneInfo(name)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(f"no time zone of this name: {name}") from None
        return name


class AlertsFile(Strict):
    """``configs/alerts.yaml``.

    ``runs`` is how many of the newest runs are looked at; ``deviations`` how many robust deviations from the median
    are still usual; ``repeat_days`` after how long an open alert is told again (null: never).
    """

    runs: Annotated[int, Field(ge=3, le=5000)] = 200
    deviations: Positive = 5.0
    rules: list[Annotated[Rule, Field(discriminator="rule")]] = Field(default_factory=_all)
    channels: dict[str, ChannelSpec] = {}
    quiet: Quiet | None = None
    repeat_days: Annotated[int, Field(ge=1)] | None = None

    def rule(self, kind: str, dataset: str | None) -> Rule | None:
        """Return the first rule of this kind that holds for the dataset."""
        return next((rule for rule in self.rules if rule.rule == kind and rule.holds_for(dataset)), None)

    def as_dict(self) -> dict[str, dict[str, object]]:
        """Return the rules as a state tells them: by kind, a second of one kind with its number."""
        found: dict[str, dict[str, object]] = {}
        for rule in self.rules:
            number = sum(key.partition(" ")[0] == rule.rule for key in found) + 1
            found[rule.rule if number == 1 else f"{rule.rule} {number}"] = rule.model_dump()
        return found


def read(root: Path) -> AlertsFile:
    """Return the file's content, or what holds where there is none. Raises ConfigError for a wrong one."""
    path = root / FILE
    return load(path, AlertsFile) if path.is_file() else AlertsFile()


def schema_text() -> str:
    """Return the JSON Schema of the file, as ``configs/schema/alerts.json`` keeps it."""
    return json.dumps(AlertsFile.model_json_schema(), indent=2, ensure_ascii=False) + "\n"
