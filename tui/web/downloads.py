"""Files that a dashboard hands to the browser: fetched once each, whole or visibly broken off."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

from textual_serve.download_manager import DOWNLOAD_CHUNK_SIZE, Download, DownloadManager

_PATIENCE_S = 10.0


class Cut(Exception):
    """The process behind a download ended, or was silent for too long, before the file was whole."""


class Downloads(DownloadManager):
    """Keeps what is offered; unlike textual-serve's, tells a file's end from a breach, and forgets both."""

    def __init__(self) -> None:
        super().__init__()
        self._taken: set[str] = set()

    def take(self, key: str) -> Download | None:
        """Return what is offered under a key, once: the key is worth nothing afterwards."""
        if key in self._taken or key not in self._active_downloads:
            return None
        self._taken.add(key)
        return self._active_downloads[key]

    async def whole(self, download: Download) -> AsyncGenerator[bytes, None]:
        """Yield the pieces of a file. Raises Cut when it does not come to its end."""
        request: dict[str, str | int | bool | None] = {
            "type": "deliver_chunk_request",
            "key": download.delivery_key,
            "size": DOWNLOAD_CHUNK_SIZE,
            "name": download.name,
        }
        try:
            while await download.app_service.send_meta(request):
                piece = await asyncio.wait_for(download.incoming_chunks.get(), _PATIENCE_S)
                if piece is None:
                    break
                if not piece:
                    return
                yield piece
        except TimeoutError:
            pass
        finally:
            self._active_downloads.pop(download.delivery_key, None)
            self._taken.discard(download.delivery_key)
        raise Cut

    async def cancel_app_downloads(self, app_service_id: str) -> None:
        """Break off what a process was delivering, and forget what it offered."""
        await super().cancel_app_downloads(app_service_id)
        for key, download in list(self._active_downloads.items()):
            if download.app_service.app_service_id == app_service_id:
                del self._active_downloads[key]
