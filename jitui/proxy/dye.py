"""The dye: words that the gateway writes into the output of processes to learn on which connection they come out, and cuts out of live streams again."""

from collections.abc import Set as AbstractSet
from typing import Final

PREFIX: Final = b"\x1b_jitui:"  # an application program command, which terminals don't show (ECMA-48, 8.3.2)
SUFFIX: Final = b"\x1b\\"


def nonce(secret: str) -> bytes:
    """The words for one process. `secret`: nobody else knows it."""
    return PREFIX + secret.encode() + SUFFIX


class Cutter:
    """Cuts nonces out of one stream of bytes, wherever reads and frames cut it.

    What may be the beginning of one is held back until the next bytes come, or until `rest`.
    """

    def __init__(self) -> None:
        self.wanted: AbstractSet[bytes] = frozenset()
        self.seen: list[bytes] = []  # those that were cut out
        self._held = b""

    def feed(self, data: bytes) -> bytes:
        """The bytes without the nonces that are whole in what came so far."""
        data, self._held = self._held + data, b""
        at, longest = 0, max(map(len, self.wanted), default=0)
        while (at := data.find(PREFIX, at)) >= 0:
            each = data[at : data.find(SUFFIX, at, at + longest) + len(SUFFIX)]
            if each in self.wanted:
                data = data[:at] + data[at + len(each) :]
                self.seen.append(each)
                at = max(0, at - longest)  # one may have been written into the middle of another
            else:
                at += 1
        keep = self._begun(data)
        if keep:
            data, self._held = data[:-keep], data[-keep:]
        return data

    def _begun(self, data: bytes) -> int:
        """How many bytes at the end may be the beginning of a nonce, and not all of it."""
        longest = max(map(len, self.wanted), default=0)
        at = data.find(PREFIX[:1], max(0, len(data) - longest + 1))
        while at >= 0:
            end = data[at:]
            if any(each.startswith(end) and each != end for each in self.wanted):
                return len(end)
            at = data.find(PREFIX[:1], at + 1)
        return 0

    def rest(self) -> bytes:
        """The bytes that were held back: no nonce is awaited any more."""
        held, self._held = self._held, b""
        return held
