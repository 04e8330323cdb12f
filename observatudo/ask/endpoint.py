"""One call to an endpoint that speaks OpenAI's protocol; what comes back is read and checked here, not by the SDK."""

from __future__ import annotations

import asyncio
import ipaddress
import json
import logging
import os
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

from observatudo.ask import failures
from observatudo.ask.failures import CallError, PassingError
from observatudo.ask.form import Json
from observatudo.ask.secret import Redactor
from observatudo.classify.providers import Provider
from observatudo.errors import ConfigError
from observatudo.i18n import _

if TYPE_CHECKING:
    import httpx2
    from openai import APIStatusError, AsyncOpenAI

_OF_THE_ENVIRONMENT = ("ALL_PROXY", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "SSL_CERT_DIR", "SSL_CERT_FILE")
_LONGEST = 100_000  # characters of an answer that are kept: what is longer is none
_MOST_TOKENS = 2**53  # more is no count, and no number for money
_LOOK_S = 10  # how long a list of models may take
Message = Mapping[str, str]


@dataclass(frozen=True)
class Answer:
    """What a model said. ``stopped`` says why it is not whole (in Portuguese), empty where it is.

    ``seconds`` is how long the call took; tokens and ``version`` are None where the endpoint does not say.
    """

    text: str
    stopped: str
    tokens_in: int | None
    tokens_out: int | None
    version: str | None
    seconds: float


class Endpoint:
    """The endpoint of one model. Use it in an ``async with`` statement.

    What it raises and returns is without the key, which goes into one header and nowhere else.
    """

    def __init__(self, provider: Provider, key: str) -> None:
        self._provider = provider
        self._key = key
        self._clean = Redactor(key)
        self._http: httpx2.AsyncClient | None = None
        self._client: AsyncOpenAI | None = None

    async def __aenter__(self) -> Self:
        import openai

        # OPENAI_LOG=debug would print an endpoint's answers as they came, headers that quote the key too
        logging.getLogger("openai").setLevel(logging.WARNING)
        own = self._provider
        self._http = _http(own)
        os.environ.pop("OPENAI_CUSTOM_HEADERS", None)  # meant for OpenAI, and may hold a secret of its gateway
        self._client = openai.AsyncOpenAI(
            api_key=self._key or "none", base_url=own.base_url, max_retries=0, http_client=self._http
        )
        # variables of the environment that are meant for OpenAI itself
        self._client.organization = self._client.project = None
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._client is not None:
            await self._client.close()

    async def ask(self, messages: Sequence[Message], form: Json | None, seed: int | None) -> Answer:
        """Put one question. Raises CallError: which one says what is to be done about it."""
        body: Json = dict(self._provider.parameters)
        if form is not None:
            body["response_format"] = form
        if seed is not None:
            body["seed"] = seed
        began = time.monotonic()
        text = await self._post({**body, "model": self._provider.model, "messages": [*messages]})
        return _answer(text, time.monotonic() - began, body)

    async def _post(self, body: Json) -> str:
        """Return the text of a successful answer, read to its end within the time for one call."""
        import httpx2
        import openai

        assert self._client is not None
        limit = self._provider.limits.timeout_s
        try:
            async with asyncio.timeout(limit):  # the time-outs of HTTP libraries begin anew with each byte
                found = await self._client.post("/chat/completions", cast_to=httpx2.Response, body=body)
                return self._clean(found.text)
        except (TimeoutError, openai.APITimeoutError):
            text = _("no whole answer within {seconds:g} s").format(seconds=limit)
            raise PassingError(text, is_uncounted=True) from None
        except openai.APIStatusError as error:
            raise self._of_status(error, body) from None
        except openai.APIConnectionError as error:
            raise self._unreachable(error.__cause__ or error) from None
        except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError) as error:  # while an error's body is read
            raise self._unreachable(error) from None

    def _of_status(self, error: APIStatusError, asked: Collection[str]) -> CallError:
        headers = {name.lower(): self._clean(value) for name, value in error.response.headers.items()}
        return failures.of_status(error.status_code, headers, self._clean(error.response.text), asked)

    def _unreachable(self, error: BaseException) -> PassingError:
        why = self._clean(" ".join(str(error).split()) or type(error).__name__)
        return PassingError(_("the connection failed: {why}").format(why=why), is_uncounted=True)

    async def look(self, url: str, *, with_key: bool) -> object:
        """Return the JSON at an address, None where there is none or it takes too long. Never raises."""
        import httpx2

        assert self._http is not None
        headers = {"Authorization": f"Bearer {self._key}"} if with_key and self._key else {}
        try:
            async with asyncio.timeout(min(_LOOK_S, self._provider.limits.timeout_s)):
                found = await self._http.get(url, headers=headers)
            return json.loads(self._clean(found.text)) if found.status_code == 200 else None
        except (TimeoutError, httpx2.HTTPError, httpx2.InvalidURL, ValueError, RecursionError):
            return None


def _http(own: Provider) -> httpx2.AsyncClient:
    """Return a client. Raises ConfigError for proxies or certificates of the environment that cannot be used."""
    import httpx2
    import openai

    is_near = _is_this_machine(own.base_url)  # a proxy between us and ourselves is always a mistake
    try:
        return openai.DefaultAsyncHttpxClient(
            timeout=own.limits.timeout_s, follow_redirects=False, trust_env=not is_near
        )
    except (ImportError, OSError, ValueError, httpx2.InvalidURL) as error:
        raise ConfigError(
            _("the environment's settings of proxies or certificates cannot be used: {why}").format(
                why=type(error).__name__ if isinstance(error, ValueError | httpx2.InvalidURL) else error
            ),
            where=", ".join(sorted(name for name in os.environ if name.upper() in _OF_THE_ENVIRONMENT)),
            next_step=_("correct or unset the variable, then type the command again"),
        ) from None


def _is_this_machine(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _answer(text: str, seconds: float, asked: Collection[str]) -> Answer:
    """Read the body of a successful answer: OpenAI's "chat completion object". Raises CallError for another."""
    body = _object(text)
    if body.get("error"):
        raise failures.of_error_in_success(body["error"], text, asked)
    choices = body.get("choices")
    if not isinstance(choices, list):
        raise _shapeless(text)
    if not choices:
        raise PassingError(_("status 200 with no answer in it"), text[: failures.RAW], is_uncounted=True)
    choice = choices[0] if isinstance(choices[0], dict) else {}
    message = choice.get("message")
    if not isinstance(message, dict):
        raise _shapeless(text)
    content, refusal = message.get("content"), message.get("refusal")
    if not isinstance(content, str | None) or not isinstance(refusal, str | None):
        raise _shapeless(text)
    stopped = "o modelo se recusou a responder" if refusal else _STOPPED.get(str(choice.get("finish_reason")), "")
    usage, version = body.get("usage"), body.get("system_fingerprint")
    tokens = usage if isinstance(usage, dict) else {}
    return Answer(
        text=(content or refusal or "")[:_LONGEST],
        stopped=stopped,
        tokens_in=_count(tokens.get("prompt_tokens")),
        tokens_out=_count(tokens.get("completion_tokens")),
        version=version if isinstance(version, str) and version else None,
        seconds=seconds,
    )


_STOPPED = {
    "length": "a resposta foi cortada no limite de tokens",
    "content_filter": "um filtro de conteúdo reteve a resposta",
}


def _object(text: str) -> Json:
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        is_page = text.lstrip()[:1] == "<"
        why = _("status 200 with an HTML page") if is_page else _("status 200 with what is no whole JSON")
        raise PassingError(why, text[: failures.RAW], is_uncounted=not is_page) from None
    if not isinstance(body, dict):
        raise _shapeless(text)
    return body


def _shapeless(text: str) -> PassingError:
    return PassingError(_("status 200 with JSON of another shape"), text[: failures.RAW], is_uncounted=True)


def _count(number: object) -> int | None:
    if not isinstance(number, int) or isinstance(number, bool):
        return None
    return number if 0 <= number <= _MOST_TOKENS else None
