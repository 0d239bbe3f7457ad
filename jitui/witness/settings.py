"""The settings of one witness."""

from typing import Self

from pydantic import Field, model_validator

from jitui.recording.tlog.note import COSIGNED, COSIGNED_ML_DSA_44, parse_key
from jitui.values.errors import InvalidError
from jitui.values.fields import FilePath, Strict


class WitnessSettings(Strict):
    """Somebody elsewhere who sees the checkpoints of the transparency log: a file, or a service that cosigns."""

    file: FilePath | None = None
    """Each checkpoint is appended to it: on another machine's disk, or append-only."""
    url: str | None = Field(default=None, pattern=r"^https?://[^/?#@\s]+(?:/[^?#\s]*)?$", examples=["https://witness.example/log"])
    """The submission prefix of a witness as c2sp.org/tlog-witness says."""
    key: str | None = None
    """With url: the witness's verifier key, name+hash+key."""

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.file is None) == (self.url is None):
            raise ValueError("a witness is a file or a url")
        if (self.url is None) != (self.key is None):
            raise ValueError("a url needs the witness's verifier key, and a file has none")
        if self.key is not None:
            try:
                key = parse_key(self.key)
            except InvalidError as error:
                raise ValueError(str(error)) from None
            if key.kind not in {COSIGNED, COSIGNED_ML_DSA_44}:
                raise ValueError(f"the key of {key.name} is not one of a witness (type {key.kind})")
        return self
