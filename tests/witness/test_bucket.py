"""A bucket with object lock, moto's: what is put there stays, and it shows a folder that was set back, and another past."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto.server import ThreadedMotoServer

from jitui.values.clock import SystemClock
from jitui.values.errors import UnavailableError
from jitui.witness.bucket import BucketWitness
from jitui.witness.settings import S3Settings
from tests.witness.test_witnesses import consistency, note_of

REGION = "eu-central-1"


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(endpoint: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> S3Settings:
    """An empty bucket, and credentials in the environment."""
    for name, value in (("AWS_ACCESS_KEY_ID", "id"), ("AWS_SECRET_ACCESS_KEY", "secret"), ("AWS_EC2_METADATA_DISABLED", "true")):
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    name = f"checkpoints-{abs(hash(request.node.name)) % 10**9}"
    s3(endpoint).create_bucket(Bucket=name, ObjectLockEnabledForBucket=True, CreateBucketConfiguration={"LocationConstraint": REGION})
    return S3Settings(bucket=name, retain_days=30, prefix="prod/", region=REGION, endpoint=endpoint)


def s3(endpoint: str | None) -> Any:
    return boto3.client("s3", region_name=REGION, endpoint_url=endpoint)


def test_each_checkpoint_is_a_locked_object(bucket: S3Settings) -> None:
    """The newest is the last by name; nobody can delete one, and to be shown one twice is no error."""
    witness = BucketWitness(bucket, SystemClock())
    for size in (3, 8, 8, 20):
        assert witness.see(note_of(size), consistency) == ()
    client = s3(bucket.endpoint)
    names = [each["Key"] for each in client.list_objects_v2(Bucket=bucket.bucket)["Contents"]]
    assert names == [f"prod/example.com/log/{size:020d}.checkpoint" for size in (3, 8, 20)]
    found = client.get_object(Bucket=bucket.bucket, Key=names[-1])
    assert found["Body"].read().decode() == str(note_of(20))
    assert found["ObjectLockMode"] == "COMPLIANCE"
    with pytest.raises(ClientError, match="AccessDenied"):
        client.delete_object(Bucket=bucket.bucket, Key=names[-1], VersionId=found["VersionId"])


def test_a_folder_that_was_set_back_is_found(bucket: S3Settings) -> None:
    """A gateway that begins anew with fewer leaves than the bucket holds."""
    BucketWitness(bucket, SystemClock()).see(note_of(20), consistency)
    with pytest.raises(UnavailableError, match=r"holds prod/example\.com/log/0*20\.checkpoint, and 8 leaves are here: the state folder was set back"):
        BucketWitness(bucket, SystemClock()).see(note_of(8), consistency)


def test_another_checkpoint_of_the_same_size_is_another_past(bucket: S3Settings) -> None:
    """The first one stays."""
    BucketWitness(bucket, SystemClock()).see(note_of(8), consistency)
    with pytest.raises(UnavailableError, match="is another past"):
        BucketWitness(bucket, SystemClock()).see(note_of(8, bytes(32)), consistency)


def test_a_bucket_that_is_not_there_is_an_error_that_names_it(bucket: S3Settings) -> None:
    """And one that does not answer."""
    with pytest.raises(UnavailableError, match="bucket no-such answers NoSuchBucket"):
        BucketWitness(bucket.model_copy(update={"bucket": "no-such"}), SystemClock()).see(note_of(3), consistency)
    with pytest.raises(UnavailableError, match="does not answer"):
        BucketWitness(bucket.model_copy(update={"endpoint": "http://127.0.0.1:9"}), SystemClock()).see(note_of(3), consistency)
