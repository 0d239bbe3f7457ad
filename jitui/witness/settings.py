"""The settings of one witness."""

from typing import Annotated, Final, Self

from pydantic import Field, model_validator

from jitui.export.settings import SyslogPlace
from jitui.recording.tlog.note import COSIGNED, COSIGNED_ML_DSA_44, parse_key
from jitui.values.errors import InvalidError
from jitui.values.fields import FilePath, Seconds, Strict

URL: Final = r"^https?://[^/?#@\s]+(?:/[^?#\s]*)?$"
KINDS: Final = ("file", "url", "syslog", "s3", "timestamps", "ml_dsa_44")


class S3Settings(Strict):
    """A bucket with object lock: what is put there can't be changed or deleted by anybody until its time is over."""

    bucket: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")]
    retain_days: Annotated[int, Field(ge=1, le=36500)]
    """How long each checkpoint is locked, in mode COMPLIANCE."""
    prefix: Annotated[str, Field(pattern=r"^[A-Za-z0-9!_.*'()/-]*$", max_length=500)] = ""
    region: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,40}$")] | None = None
    endpoint: Annotated[str, Field(pattern=URL)] | None = None
    """Of a service that is not AWS's. Credentials come from the environment, as for every connection to AWS."""


class TimestampSettings(Strict):
    """An authority that signs when it saw a checkpoint (RFC 3161)."""

    url: Annotated[str, Field(pattern=URL, examples=["https://tsa.example/tsr"])]
    every: Annotated[Seconds, Field(ge=60)] = 86400
    """Between two stamps."""


class WitnessSettings(Strict):
    """Somebody elsewhere who sees the checkpoints of the transparency log, or a second signature on them."""

    file: FilePath | None = None
    """Each checkpoint is appended to it: on another machine's disk, or append-only."""
    url: str | None = Field(default=None, pattern=URL, examples=["https://witness.example/log"])
    """The submission prefix of a witness as c2sp.org/tlog-witness says."""
    key: str | None = None
    """With url: the witness's verifier key, name+hash+key."""
    syslog: SyslogPlace | None = None
    """Each checkpoint is one line at a collector."""
    s3: S3Settings | None = None
    """Each checkpoint becomes a locked object."""
    timestamps: TimestampSettings | None = None
    """Once a day the newest checkpoint is stamped."""
    ml_dsa_44: FilePath | None = None
    """The file of a private key of the gateway's own, made if it is missing: it cosigns each checkpoint beside the Ed25519 key, against quantum computers."""

    @model_validator(mode="after")
    def _one(self) -> Self:
        given = [kind for kind in KINDS if getattr(self, kind) is not None]
        if len(given) != 1:
            raise ValueError(f"a witness is one of {', '.join(KINDS)}; {' and '.join(given) or 'none'} is given")
        if (self.url is None) != (self.key is None):
            raise ValueError("a url needs the witness's verifier key, and nothing else has one")
        if self.key is not None:
            try:
                key = parse_key(self.key)
            except InvalidError as error:
                raise ValueError(str(error)) from None
            if key.kind not in {COSIGNED, COSIGNED_ML_DSA_44}:
                raise ValueError(f"the key of {key.name} is not one of a witness (type {key.kind})")
        return self
