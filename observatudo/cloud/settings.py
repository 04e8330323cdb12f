"""Where the observatory lives in Google Cloud: environment variables, or ``.env`` files that Git ignores.

Nothing here is secret. Credentials are Google's own application default credentials, which the clients find.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from observatudo.errors import ConfigError
from observatudo.i18n import _

DEADLINE_S = 90.0  # how long a service that does not answer is asked again
_OURS = re.compile(r"(OBSERVATUDO_|GOOGLE_|CLOUDSDK_)\w+|(BIGQUERY|STORAGE)_EMULATOR_HOST")
_NAMES = {
    "OBSERVATUDO_ENV": "environment",
    "OBSERVATUDO_PROJECT": "project",
    "OBSERVATUDO_DATASET": "dataset",
    "OBSERVATUDO_LOCATION": "location",
    "OBSERVATUDO_BUCKET": "bucket",
    "BIGQUERY_EMULATOR_HOST": "bigquery_host",
    "OBSERVATUDO_BIGQUERY_READ_HOST": "read_host",
    "STORAGE_EMULATOR_HOST": "storage_host",
    "OBSERVATUDO_CLOUD_DEADLINE_S": "deadline_s",
}
_ALLOWED = {"environment": "dev, ci, prod", "deadline_s": "1–86400"}
_SHAPES = {
    "project": (r"[a-z][a-z0-9-]{4,61}[a-z0-9]|", "meu-projeto"),
    "dataset": (r"\w{1,1000}|", "observatudo_dev"),
    "location": (r"[A-Za-z0-9-]+", "southamerica-east1"),
    "bucket": (r"[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]|", "meu-projeto-observatudo"),
}


class Settings(BaseModel):
    """Project, dataset, location and bucket of one environment; the hosts are those of emulators, else empty.

    ``deadline_s``: seconds for which a service that does not answer, or is too busy, is asked again.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    environment: Literal["dev", "ci", "prod"] = "dev"
    project: str = ""
    dataset: str = ""
    location: str = "southamerica-east1"
    bucket: str = ""
    bigquery_host: str = ""
    read_host: str = ""
    storage_host: str = ""
    deadline_s: float = Field(DEADLINE_S, gt=0, le=86_400, allow_inf_nan=False)

    @property
    def raw_dataset(self) -> str:
        """The dataset that loads write to; ``dataset`` is dbt's."""
        return f"{self.dataset}_raw"

    @property
    def is_emulated(self) -> bool:
        """Whether BigQuery is an emulator."""
        return bool(self.bigquery_host)

    @property
    def place(self) -> str:
        """Return the warehouse's name: ``project.dataset``."""
        return f"{self.project}.{self.dataset}"

    def environ(self) -> dict[str, str]:
        """Return the settings as environment variables, for a child process."""
        return {name: str(getattr(self, field)) for name, field in _NAMES.items() if getattr(self, field)}


def load(home: Path) -> Settings:
    """Return the settings for the repository at ``home``: the environment's, else those of its ``.env`` files.

    ``.env.<environment>`` comes before ``.env``. What they hold for Google's clients besides
    (``GOOGLE_APPLICATION_CREDENTIALS``) enters this process's environment. Raises ConfigError for a value that cannot
    be one, or a file that cannot be read.
    """
    environment = os.environ.get("OBSERVATUDO_ENV") or _read(home / ".env").get("OBSERVATUDO_ENV") or "dev"
    for file in (f".env.{environment}", ".env"):
        for name, value in _read(home / file).items():
            if _OURS.fullmatch(name) and value:
                os.environ.setdefault(name, value)
    given = {field: os.environ[name].strip() for name, field in _NAMES.items() if os.environ.get(name, "").strip()}
    given.setdefault("dataset", f"observatudo_{environment}")
    return _checked(given)


def require(settings: Settings, *fields: Literal["project", "bucket"]) -> Settings:
    """Return the settings. Raises ConfigError, naming the variable, when one of ``fields`` is empty."""
    for field in fields:
        if not getattr(settings, field):
            name = next(name for name, own in _NAMES.items() if own == field)
            raise ConfigError(
                _("the warehouse is in BigQuery, and {name} is not set").format(name=name),
                where=".env",
                next_step=_("cp .env.example .env, fill it in, then type: observatudo doctor"),
            )
    return settings


def _read(file: Path) -> dict[str, str]:
    from dotenv import dotenv_values

    if not file.is_file():
        return {}
    try:
        found = dotenv_values(file, interpolate=False, encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else _("it is not UTF-8")
        raise ConfigError(
            _("{file} cannot be read: {reason}").format(file=file.name, reason=reason),
            where=str(file),
            next_step=_("compare it with .env.example"),
        ) from None
    return {name: value for name, value in found.items() if value is not None}


def _checked(given: dict[str, str]) -> Settings:
    variables = {field: name for name, field in _NAMES.items()}
    for field, (shape, example) in _SHAPES.items():
        if field in given and not re.fullmatch(shape, given[field]):
            raise _wrong(variables[field], given[field], _("such as {example}").format(example=example))
    try:
        return Settings.model_validate(given)
    except ValidationError as error:
        field = str(error.errors()[0]["loc"][0])
        raise _wrong(variables[field], given[field], _ALLOWED[field]) from None


def _wrong(name: str, value: str, allowed: str) -> ConfigError:
    return ConfigError(
        _("{name} cannot be “{value}”; allowed: {allowed}").format(name=name, value=value, allowed=allowed),
        where=f".env: {name}",
        next_step=_("mend it there, or in the environment, then type: observatudo doctor"),
    )
