"""The dye: words that the gateway writes into the output of processes to learn on which connection they come out, and cuts out of live streams again."""

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
        self.wanted: set[bytes] = set()
        self.seen: list[bytes] = []  # those that were cut out
        self._held = b""

    def feed(self, data: bytes) -> bytes:
        """The bytes without the nonces that are whole in what came so far."""
        data, self._held = self._held + data, b""
        for each in self.wanted:
            while (at := data.find(each)) >= 0:
                data = data[:at] + data[at + len(each) :]
                self.seen.append(each)
        keep = max((_overlap(data, each) for each in self.wanted), default=0)
        if keep:
            data, self._held = data[:-keep], data[-keep:]
        return data

    def rest(self) -> bytes:
        """The bytes that were held back: no nonce is awaited any more."""
        held, self._held = self._held, b""
        return held


def _overlap(data: bytes, word: bytes) -> int:
    """How many bytes at the end of the data are the beginning of the word, and not all of it."""
    for size in range(min(len(word) - 1, len(data)), 0, -1):
        if data.endswith(word[:size]):
            return size
    return 0
