"""A bucket as DVC's remote: whether it can be reached, what it holds, and what to type when it cannot."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from observatudo.cloud import failures
from observatudo.errors import ObservatudoError
from observatudo.i18n import _

if TYPE_CHECKING:
    from google.cloud.storage import Client

SCHEME = "gs://"
_URL = re.compile(r"gs://([a-z0-9][a-z0-9._-]{1,220}[a-z0-9])((?:/[^/?#*\s]+)*)/*")
_OBJECT = re.compile(r"files/md5/([0-9a-f]{2})/([0-9a-f]{30}(?:\.dir)?)")
_WAIT = (10.0, 30.0)  # seconds to connect, and to wait for an answer


@dataclass(frozen=True)
class Bucket:
    """The objects below ``prefix`` in the bucket ``name``; ``root`` is the repository whose settings hold."""

    root: Path
    name: str
    prefix: str

    @property
    def url(self) -> str:
        """Return the address as DVC's configuration has it."""
        return f"{SCHEME}{self.name}{self.prefix}"

    def check(self) -> None:
        """Ask for one object. Raises ObservatudoError, with what to do, when there is no such answer."""
        with self._explained() as client:
            next(iter(client.list_blobs(self.name, prefix=self._inside(), max_results=1, timeout=_WAIT, retry=None)), 0)

    def answers(self) -> bool:
        """Say whether it can be reached at this moment."""
        try:
            self.check()
        except ObservatudoError:
            return False
        return True

    def objects(self) -> dict[str, bool]:
        """Return the hashes of DVC's objects there, and of each whether its bytes are those that its name promises.

        Cloud Storage keeps an MD5 of what it holds; an object without one (made of parts) counts as sound. Raises
        ObservatudoError as ``check`` does.
        """
        found = {}
        with self._explained() as client:
            for blob in client.list_blobs(self.name, prefix=f"{self._inside()}files/md5/", timeout=_WAIT):
                if named := _OBJECT.fullmatch(blob.name[len(self._inside()) :]):
                    md5 = named[1] + named[2]
                    found[md5] = _is_of(md5.removesuffix(".dir"), blob.md5_hash)
        return found

    def discard(self, md5s: Iterable[str]) -> None:
        """Delete objects, for the right ones to take their place. Raises ObservatudoError as ``check`` does."""
        with self._explained() as client:
            for md5 in md5s:
                client.bucket(self.name).blob(f"{self._inside()}files/md5/{md5[:2]}/{md5[2:]}").delete(timeout=_WAIT)

    def _inside(self) -> str:
        return f"{self.prefix[1:]}/" if self.prefix else ""

    @contextmanager
    def _explained(self) -> Iterator[Client]:
        """Give a client, and turn what Google's libraries raise into what a person can act upon."""
        from google.api_core.exceptions import ClientError, Forbidden, NotFound, ServerError, TooManyRequests
        from google.auth.exceptions import GoogleAuthError, TransportError
        from requests import RequestException

        from observatudo.cloud.clients import storage
        from observatudo.cloud.settings import load

        settings = load(self.root)
        try:
            yield storage(settings)
        except NotFound:
            make = f"gcloud storage buckets create gs://{self.name} --location={settings.location}"
            raise self._error(_("there is no such bucket"), make) from None
        except Forbidden:
            grant = f"gcloud storage buckets add-iam-policy-binding gs://{self.name} --role=roles/storage.objectUser"
            raise self._error(_("these credentials may not read this bucket"), f"{grant} --member=…") from None
        except (TransportError, ServerError, TooManyRequests, RequestException) as error:
            again = _("the same command again, once it answers; what has arrived stays")
            why = _("the bucket does not answer ({why})").format(why=_brief(error))
            raise self._error(why, again) from None
        except (GoogleAuthError, ClientError) as error:
            why = _("Google Cloud does not accept these credentials ({why})").format(why=_brief(error))
            raise self._error(why, "gcloud auth application-default login") from None

    def _error(self, why: str, next_step: str) -> ObservatudoError:
        return ObservatudoError(why, where=self.url, next_step=next_step)


def _brief(error: Exception) -> str:
    """Return what the service said, or else the kind of error: a library's own text may quote a token's answer."""
    from google.api_core.exceptions import GoogleAPICallError

    said = failures.reason(error) if isinstance(error, GoogleAPICallError) else ""
    return said or type(error).__name__


def _is_of(md5: str, kept: str | None) -> bool:
    if not kept:
        return True
    try:
        return base64.b64decode(kept, validate=True).hex() == md5
    except binascii.Error:
        return False


def client_errors() -> tuple[type[Exception], ...]:
    """Return what DVC and its client of Cloud Storage raise: neither has one class for all of it."""
    from aiohttp import ClientError
    from dvc.exceptions import DvcException
    from gcsfs.retry import HttpError  # type: ignore[import-untyped]  # it has no types
    from google.auth.exceptions import GoogleAuthError
    from requests import RequestException

    return (DvcException, OSError, ValueError, HttpError, ClientError, RequestException, GoogleAuthError)


def told(error: BaseException) -> str:
    """Return in one line what such an error says; of credentials its kind alone: it may quote a token's answer."""
    from google.auth.exceptions import GoogleAuthError

    said = "" if isinstance(error, GoogleAuthError) else " ".join(str(error).split())[:300]
    return said or type(error).__name__


def of(root: Path, url: str) -> Bucket:
    """Return the bucket and prefix that ``gs://bucket/path`` names. Raises ObservatudoError for another form."""
    named = _URL.fullmatch(url)
    if named is None or ".." in url.split("/"):
        raise ObservatudoError(
            _("this is no address of a bucket"),
            where=url,
            next_step="observatudo remote gs://bucket/path",
        )
    return Bucket(root, named[1], named[2])
