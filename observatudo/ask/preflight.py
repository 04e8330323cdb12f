"""What can be found out before the first question is paid for: is the model there, and is it the declared one."""

from __future__ import annotations

import difflib
from urllib.parse import urlsplit, urlunsplit

from observatudo import paths
from observatudo.ask.endpoint import Endpoint
from observatudo.classify.providers import Provider
from observatudo.errors import ConfigError
from observatudo.i18n import _

_SHORT_DIGEST = 12  # what `ollama list` prints
_NAMED = 5


async def check(name: str, provider: Provider, endpoint: Endpoint) -> str:
    """Return what a person should know, or an empty text. An endpoint that does not tell is asked nonetheless.

    Raises ConfigError where the endpoint lists its models and the declared one is not there, and where it is Ollama
    and the model's digest is another one than the declared.
    """
    base = provider.base_url.rstrip("/")
    listed = _names(await endpoint.look(f"{base}/models", with_key=True))
    if provider.listed and listed and not any(_is_same(own, provider.model) for own in listed):
        close = difflib.get_close_matches(provider.model, listed, n=_NAMED, cutoff=0.4) or sorted(listed)[:_NAMED]
        raise ConfigError(
            _("the endpoint of “{name}” has no model “{model}”; it has, for example: {names}").format(
                name=name, model=provider.model, names=", ".join(close)
            ),
            where=f"{paths.PROVIDERS}: {name}.model",
            next_step=_("declare one of those, or load this one; listed: false asks it all the same"),
        )
    if not base.endswith("/v1"):
        return ""
    return _digest(name, provider, await endpoint.look(_tags(base), with_key=False))


def _tags(base: str) -> str:
    """Return where Ollama tells its models' digests (its own API, ``GET /api/tags``)."""
    parts = urlsplit(base.removesuffix("/v1"))
    return urlunsplit((parts.scheme, parts.netloc, parts.path + "/api/tags", "", ""))


def _digest(name: str, provider: Provider, tags: object) -> str:
    models = tags.get("models") if isinstance(tags, dict) else None
    own = [
        model["digest"].removeprefix("sha256:")
        for model in (models if isinstance(models, list) else [])
        if isinstance(model, dict)
        and isinstance(model.get("digest"), str)
        and _is_same(str(model.get("name")), provider.model)
    ]
    if not own:
        return ""
    short = own[0][:_SHORT_DIGEST]
    if not provider.digest:
        text = _("declare digest: “{digest}” for “{name}”: then another model under this name is noticed")
        return text.format(digest=short, name=name)
    if not own[0].startswith(provider.digest.removeprefix("sha256:")):
        raise ConfigError(
            _("“{model}” is another model by now: its digest is {digest}").format(model=provider.model, digest=short),
            where=f"{paths.PROVIDERS}: {name}.digest: {provider.digest}",
            next_step=_("declare digest: “{digest}” to ask it anew, or load the one that was declared").format(
                digest=short
            ),
        )
    return ""


def _names(models: object) -> list[str]:
    """Return the ids of a list of models in OpenAI's form; empty for anything else, and for one that goes on."""
    if not isinstance(models, dict) or models.get("has_more") is True or not isinstance(models.get("data"), list):
        return []
    return [own["id"] for own in models["data"] if isinstance(own, dict) and isinstance(own.get("id"), str)]


def _is_same(listed: str, declared: str) -> bool:
    """Say whether a listed name is the declared one; Ollama adds ``:latest``, Gemini puts ``models/`` before."""
    return declared in (listed, listed.removesuffix(":latest"), listed.removeprefix("models/"))
