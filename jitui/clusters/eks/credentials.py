"""A role session's keys and the token signed with them, and until when each is used. All instants are of the boot clock, in microseconds.

A token is good for 15 minutes from its date, and never longer than its session. It is made anew after 10, and not used in the last
minute; where the whole session is shorter than four minutes, in its last quarter.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from jitui.clusters.eks.aws import Keys
from jitui.clusters.port import Headers, bearer

SECOND: Final = 1_000_000
TOKEN_LIFE: Final = 900 * SECOND
TOKEN_REUSE: Final = 600 * SECOND
LAST: Final = 60 * SECOND  # before its end nothing is used any more
SUSPECT: Final = 20 * SECOND  # a refusal of a token so young is not its age's doing
AHEAD: Final = 300 * SECOND  # before its end a session is assumed again


@dataclass(slots=True)
class TemporaryCredentials:
    """One session's keys, from the answer to AssumeRole to their end, and the token in use."""

    keys: Keys | None = field(repr=False)  # None once given up
    began_us: int
    ends_us: int
    headers: Headers = field(default=(), repr=False)  # the token in use
    minted_us: int = 0
    suspect: bool = False  # made because the cluster refused the one before

    @classmethod
    def of(cls, keys: Keys, asked_us: int) -> "TemporaryCredentials":
        """`asked_us`: before the call, so that the end is never too late."""
        return cls(keys, asked_us, asked_us + round(keys.life_s * SECOND))

    @property
    def _margin(self) -> int:
        return min(LAST, (self.ends_us - self.began_us) // 4)

    @property
    def last_us(self) -> int:
        """From here on the session signs nothing."""
        return self.ends_us - self._margin

    @property
    def renew_us(self) -> int:
        """From here on another session is wanted."""
        return self.ends_us - min(AHEAD, (self.ends_us - self.began_us) // 2)

    @property
    def token_last_us(self) -> int:
        """From here on the token is not used."""
        return min(self.minted_us + TOKEN_LIFE, self.ends_us) - self._margin

    @property
    def token_renew_us(self) -> int:
        """From here on another token is wanted, of this session or the next."""
        return min(self.minted_us + TOKEN_REUSE, self.token_last_us)

    def mint(self, sign: Callable[[Keys], str], now_us: int, *, suspect: bool = False) -> None:
        """Sign another token, while the session is good for it. Raises AwsError."""
        if self.keys is not None and now_us < self.last_us:
            self.headers, self.minted_us, self.suspect = bearer(sign(self.keys)), now_us, suspect

    def good(self, now_us: int) -> bool:
        """Whether the token may be used."""
        return bool(self.headers) and now_us < self.token_last_us

    def give_up(self) -> None:
        """Forget keys and token."""
        self.keys, self.headers = None, ()
