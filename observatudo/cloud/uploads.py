"""Files in the bucket, named by their content: what is there is not sent again, and what is half there is not there."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from observatudo import dvccache
from observatudo.cloud import clients, failures
from observatudo.cloud.settings import DEADLINE_S
from observatudo.errors import ObservatudoError
from observatudo.i18n import _

if TYPE_CHECKING:
    from google.cloud.storage import Bucket, Client

PREFIX = "cargas"


@dataclass(frozen=True)
class Uploaded:
    """Where a file is (``gs://…``), and the bytes that were sent: 0 where it was there."""

    uri: str
    sent: int


@dataclass
class Uploads:
    """The bucket that loads are read from."""

    client: Client
    bucket: str
    deadline_s: float = DEADLINE_S

    def put(self, file: Path, sha256: str) -> Uploaded:
        """Have the file in the bucket under its SHA-256, whole. Raises ObservatudoError."""
        from google.api_core.exceptions import PreconditionFailed

        name = f"{PREFIX}/{sha256}.parquet"
        uri = f"gs://{self.bucket}/{name}"
        with failures.explained(f"gs://{self.bucket}"):
            bucket: Bucket = self.client.bucket(self.bucket)
            md5 = base64.b64encode(bytes.fromhex(dvccache.md5(file))).decode()
            if self._is_there(bucket, name, file, md5):
                return Uploaded(uri, 0)
            blob = bucket.blob(name)
            patience = clients.storage_patience(self.deadline_s)
            blob.md5_hash = md5  # the service refuses bytes that arrive otherwise
            try:
                blob.upload_from_filename(str(file), if_generation_match=0, checksum="md5", **patience)
            except PreconditionFailed:  # it came in the meantime: an answer that was lost, or another load
                if not self._is_there(bucket, name, file, md5):
                    raise
            return Uploaded(uri, file.stat().st_size)

    def _is_there(self, bucket: Bucket, name: str, file: Path, md5: str) -> bool:
        """Say whether the object is there, with the file's bytes. Raises ObservatudoError for one with others."""
        found = bucket.get_blob(name, **clients.storage_patience(self.deadline_s))
        if found is None:
            return False
        if found.size == file.stat().st_size and found.md5_hash == md5:
            return True
        raise ObservatudoError(
            _("an object of the bucket has other bytes than its name says"),
            where=f"gs://{self.bucket}/{name}",
            next_step=f"gcloud storage rm gs://{self.bucket}/{name}",
        )
