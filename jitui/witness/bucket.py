"""A witness that is a bucket with object lock: nobody can change or delete what was put there, its owner neither, until its time is over."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from jitui.recording.tlog.checkpoint import checkpoint_of
from jitui.recording.tlog.note import Note, Signature, parse
from jitui.values.clock import Clock
from jitui.values.errors import InvalidError, UnavailableError
from jitui.values.said import clean
from jitui.witness.settings import S3Settings

TIMEOUT: Final = 10.0  # seconds
MOST: Final = 64 << 10  # bytes of an object that are read


class BucketWitness:
    """One object for each checkpoint: PREFIX/ORIGIN/SIZE.checkpoint, the size with 20 digits, so that the newest is the last by name."""

    def __init__(self, settings: S3Settings, clock: Clock) -> None:
        self._settings, self._clock = settings, clock
        self._client: Any = None
        self._looked = False  # whether it is known that the bucket holds nothing larger than what is here

    def see(self, note: Note, _: Callable[[int, int], Sequence[bytes]]) -> Sequence[Signature]:
        """Put the checkpoint there. Raises UnavailableError also if the bucket saw more of this log, or another log of this size."""
        told = checkpoint_of(note.text)
        folder = "/".join(part for part in (self._settings.prefix.strip("/"), told.origin) if part)
        name = f"{folder}/{told.size:020d}.checkpoint"
        try:
            self._must_be_newest(folder, name, told.size)
            self._put(name, note)
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            raise UnavailableError(f"bucket {self._settings.bucket} answers {code} ({error.operation_name}): {clean(str(error), 300)}") from None
        except BotoCoreError as error:
            raise UnavailableError(f"bucket {self._settings.bucket} does not answer: {clean(str(error), 300)}") from None
        return ()

    def _must_be_newest(self, folder: str, name: str, size: int) -> None:
        if self._looked:
            return
        found = self._s3.list_objects_v2(Bucket=self._settings.bucket, Prefix=f"{folder}/", StartAfter=name, MaxKeys=1).get("Contents", ())
        for each in found:
            raise UnavailableError(f"bucket {self._settings.bucket} holds {clean(each['Key'], 200)}, and {size} leaves are here: "
                                   "the state folder was set back to an older copy")
        self._looked = True

    def _put(self, name: str, note: Note) -> None:
        until = datetime.fromtimestamp(self._clock.now().wall_us // 1_000_000, UTC) + timedelta(days=self._settings.retain_days)
        try:
            self._s3.put_object(Bucket=self._settings.bucket, Key=name, Body=str(note).encode(), ContentType="text/plain; charset=utf-8", IfNoneMatch="*",
                                ObjectLockMode="COMPLIANCE", ObjectLockRetainUntilDate=until, ChecksumAlgorithm="SHA256")
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") != "PreconditionFailed":
                raise
            body = self._s3.get_object(Bucket=self._settings.bucket, Key=name)["Body"].read(MOST)
            if not _same(body, note):
                raise UnavailableError(f"bucket {self._settings.bucket} holds another checkpoint under {name}: what is here is another past") from None

    @property
    def _s3(self) -> Any:
        if self._client is None:
            config = Config(connect_timeout=TIMEOUT, read_timeout=TIMEOUT, retries={"mode": "standard", "total_max_attempts": 2}, user_agent_extra="app/jitui")
            self._client = boto3.client("s3", region_name=self._settings.region, endpoint_url=self._settings.endpoint, config=config)
        return self._client


def _same(body: bytes, note: Note) -> bool:
    """Whether an object is a checkpoint with the same text; its signatures may be others."""
    try:
        return parse(body.decode()).text == note.text
    except (InvalidError, UnicodeDecodeError):
        return False
