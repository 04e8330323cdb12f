"""What connectors are to ``fetch``: each takes the files of one kind of source, or says whether there is news."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from pydantic import JsonValue

from observatudo.snapshots import SnapshotFile
from observatudo.yamlfile import Strict

Before = Mapping[str, SnapshotFile]  # name → what the standing snapshot's sidecar says of that file
Report = Callable[[str], None]  # hears in a few words of what is being done
S_contra = TypeVar("S_contra", bound=Strict, contravariant=True)


@dataclass(frozen=True)
class Response:
    """An answer whose body is in a file, or one that says that the file of before still stands (``same``)."""

    same: bool
    url: str
    content_type: str = ""
    etag: str | None = None
    last_modified: str | None = None


@dataclass(frozen=True)
class Taken:
    """One file of the snapshot: in the staging folder under ``name``, or the same as before and not there.

    ``origin`` names the source for people; ``version`` is the publisher's own, where it gives one.
    """

    name: str
    origin: str
    url: str
    same: bool = False
    member: str | None = None
    etag: str | None = None
    last_modified: str | None = None
    version: str | None = None


class Client(Protocol):
    """The one way to the network: polite, with retries, a proxy, limits on size and type, and resumed downloads.

    Raises SnapshotError, which names the address, what came instead, and what to type next.
    """

    def json(self, url: str, query: Mapping[str, str] | None = None) -> JsonValue:
        """Return a JSON answer; an HTML page, a cut body or a status that is no success is an error."""
        ...

    def download(
        self,
        url: str,
        target: Path,
        *,
        query: Mapping[str, str] | None = None,
        form: Mapping[str, str] | bytes | None = None,
        before: SnapshotFile | None = None,
        page: bool = False,
    ) -> Response:
        """Write the body to ``target``; with ``before``, ask by its validators first; ``page``: HTML is wanted."""
        ...

    def head(self, url: str, before: SnapshotFile) -> bool | None:
        """Say whether the address has news against the validators of before; None where the server cannot tell."""
        ...


class Connector(Protocol[S_contra]):
    """A connector is a module's object; ``spec`` is its item in ``snapshot`` of the declaration."""

    def take(self, spec: S_contra, client: Client, folder: Path, before: Before, report: Report) -> list[Taken]:
        """Write the files into ``folder``, or say of a file that it is the same; the order is that of the names."""
        ...

    def news(self, spec: S_contra, client: Client, before: Before) -> bool | None:
        """Say whether there is news without taking it; None where only taking it tells."""
        ...
