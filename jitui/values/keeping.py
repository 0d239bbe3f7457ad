"""The settings under `retention:`: how long the record is kept, and how large it may become."""

from typing import Annotated, Final, Self

from pydantic import Field, model_validator

from jitui.values import span
from jitui.values.fields import Age, Bytes, Strict

SMALLEST: Final = 16 << 20  # bytes of tapes: less is no record


class Retention(Strict):
    """Tapes go whole, oldest first; facts are never removed. All of it takes effect on a reload."""

    tapes: Age | None = None
    """Tapes whose newest frame is older go."""
    max: Annotated[Bytes, Field(ge=SMALLEST)] | None = None
    """Bytes of all tapes; the oldest go beyond it."""
    at_least: Age = 0
    """Tapes go no earlier, whatever their size, and even for want of room on the disk."""
    facts: Age | None = None
    """How long facts have to be kept. They are the chain that proves the record, and no fact is ever removed: a shorter time than the oldest fact is old
    is refused."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.tapes is None and self.max is None:
            raise ValueError("tapes: a time, or a size as max, after which tapes go; without both leave retention out")
        if self.tapes is not None and self.at_least > self.tapes:
            raise ValueError(f"at_least: {span.show_long(self.at_least)} is longer than tapes, {span.show_long(self.tapes)}")
        if self.facts is not None and self.facts < max(self.tapes or 0, self.at_least):
            raise ValueError(f"facts: {span.show_long(self.facts)} is shorter than tapes are kept, and no tape proves anything without its facts")
        return self
