"""The models that can be asked (``configs/provedores.yaml``): where each is, what it is sent, what it may cost."""

from __future__ import annotations

import difflib
import json
import re
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import SplitResult, urlsplit

from pydantic import Field, model_validator

from observatudo import paths
from observatudo.classify.names import NOT_MODELS, USUAL_PROMPT
from observatudo.config import Name
from observatudo.errors import ConfigError
from observatudo.i18n import _
from observatudo.yamlfile import Strict, load

Level = Literal["json_schema_strict", "json_schema", "json_object", "text"]
LEVELS: tuple[Level, ...] = ("json_schema_strict", "json_schema", "json_object", "text")
Scalar = int | float | str | bool
# what the asking itself fills in
_RESERVED = frozenset({"model", "messages", "response_format", "seed", "stream", "n", "tools", "user"})

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

Positive = Annotated[int, Field(ge=1)]
Seconds = Annotated[int | float, Field(gt=0)]
Money = Annotated[int | float, Field(ge=0)]


class Limits(Strict):
    """How hard an endpoint may be pressed. ``timeout_s`` is for one whole answer, however it drips in.

    After ``failures`` calls in a row that failed, asking pauses for ``pause_s`` and tries once more, then stops.
    """

    concurrency: Annotated[int, Field(ge=1, le=64)] = 2
    timeout_s: Seconds = 120
    retries: Annotated[int, Field(ge=0, le=20)] = 4
    longest_wait_s: Seconds = 60
    requests_per_minute: Positive | None = None
    tokens_per_minute: Positive | None = None
    failures: Positive = 5
    pause_s: Seconds = 30


class Price(Strict):
    """What a million tokens cost."""

    currency: Annotated[str, Field(min_length=1, max_length=8)] = "USD"
    input: Money
    output: Money


class Budget(Strict):
    """What one execution may use at most; asking stops before it would use more, and goes on the next time."""

    calls: Positive | None = None
    tokens: Positive | None = None
    money: Money | None = None


class Provider(Strict):
    """One model behind one endpoint that speaks OpenAI's protocol, with the prompt it gets.

    ``parameters`` are sent as they stand and are part of every answer's key; so is ``digest``, which names the very
    weights where the endpoint can tell (Ollama's digest of the model, a dated snapshot, …).
    ``listed: false`` is for endpoints whose list of models does not name what they answer to.
    ``api_key_env`` names the environment variable that holds the key; the key itself is written nowhere.
    """

    base_url: str
    model: Annotated[str, Field(min_length=1)]
    digest: str = ""
    api_key_env: str = ""
    listed: bool = True
    prompt: Name = USUAL_PROMPT
    output: Literal["auto", "json_schema_strict", "json_schema", "json_object", "text"] = "auto"
    parameters: dict[str, Scalar] = {"temperature": 0, "max_tokens": 200}
    limits: Limits = Limits()
    price: Price | None = None
    budget: Budget = Budget()

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if self.api_key_env and not _VARIABLE.fullmatch(self.api_key_env):  # not repeated: it may be a key
            raise ValueError(_("api_key_env is no name of an environment variable; a key itself may not stand here"))
        address = _address(self.base_url)
        if address.username or address.password or address.query or address.fragment:
            raise ValueError(_("base_url may hold no user, password or query: keys come from the environment"))
        reserved = sorted(_RESERVED & self.parameters.keys())
        if reserved:
            raise ValueError(_("not a parameter of one's own: {names}").format(names=", ".join(reserved)))
        if self.budget.money is not None and self.price is None:
            raise ValueError(_("a budget in money needs the price"))
        return self

    @property
    def parameters_text(self) -> str:
        """Return the parameters in one form, whatever their order in the file."""
        return json.dumps(self.parameters, sort_keys=True, ensure_ascii=False)


def _address(url: str) -> SplitResult:
    """Part an address; raises ValueError, without repeating it, where it has no host or no possible port."""
    try:
        parts = urlsplit(url)
        is_one = parts.scheme in ("http", "https") and bool(parts.hostname) and url.isprintable() and " " not in url
        is_one = is_one and (parts.port is None or parts.port > 0) and bool((parts.hostname or "").encode("idna"))
    except ValueError:
        is_one = False
    if not is_one:
        raise ValueError(_("base_url is no address such as http://127.0.0.1:11434/v1"))
    return parts


class Providers(Strict):
    """The whole file."""

    providers: dict[Name, Provider] = {}

    @model_validator(mode="after")
    def _names_are_free(self) -> Self:
        taken = sorted(set(NOT_MODELS) & self.providers.keys())
        if taken:
            raise ValueError(
                _("a model cannot be called {names}: others that decide are").format(names=", ".join(taken))
            )
        return self


def load_providers(root: Path) -> dict[str, Provider]:
    """Read ``configs/provedores.yaml`` of the repository at ``root``; none without a file. Raises ConfigError."""
    path = root / paths.PROVIDERS
    return dict(load(path, Providers, shows_values=False).providers) if path.is_file() else {}


def provider(root: Path, name: str) -> Provider:
    """Return one declared model; raises ConfigError, with the nearest name, where there is none."""
    known = load_providers(root)
    if name in known:
        return known[name]
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    hint = "; " + _("did you mean {name}?").format(name=close[0]) if close else ""
    raise ConfigError(
        _("no model “{name}” is declared").format(name=name) + hint,
        where=str(paths.PROVIDERS),
        next_step=_("declare it there; docs/llm.md tells how"),
    )
