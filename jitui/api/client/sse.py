"""Decodes server-sent events (HTML living standard, section 9.2.6) from lines, as far as the gateway uses them."""

from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Event:
    name: str
    data: str


class Decoder:
    """Feed it lines without their ends; an empty line completes an event. Comments and ids are skipped."""

    def __init__(self) -> None:
        self._name, self._data = "", list[str]()

    def feed(self, line: str) -> Event | None:
        if not line:
            done = Event(self._name or "message", "\n".join(self._data)) if self._data else None
            self._name, self._data = "", []
            return done
        key, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if key == "event":
            self._name = value
        elif key == "data":
            self._data.append(value)
        return None


async def lines(pieces: AsyncIterable[bytes]) -> AsyncIterator[str]:
    """The lines of a stream of bytes, without their ends; what comes after the last end is no line yet."""
    begun = b""
    async for piece in pieces:
        *whole, begun = (begun + piece).split(b"\n")
        for line in whole:
            yield line.removesuffix(b"\r").decode("utf-8", "replace")
