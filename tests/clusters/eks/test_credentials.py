"""When a session and its token are renewed, and when they are used no more."""

import pytest

from jitui.clusters.eks.aws import Keys
from jitui.clusters.eks.credentials import SECOND, TemporaryCredentials

KEYS = ("AKIA", "secret", "token", "arn:aws:sts::1:assumed-role/r/s")


def credentials(life_s: float, at_s: int = 1000) -> TemporaryCredentials:
    return TemporaryCredentials.of(Keys(*KEYS, life_s=life_s), at_s * SECOND)


@pytest.mark.parametrize(("life_s", "renew_s", "last_s"), [
    (3600, 3300, 3540), (900, 600, 840), (300, 150, 240), (240, 120, 180), (200, 100, 150), (20, 10, 15),
])
def test_a_session_is_renewed_in_time(life_s: int, renew_s: int, last_s: int) -> None:
    """Five minutes before its end, or at half of a short one; used until a minute before, or the last quarter of a short one."""
    it = credentials(life_s)
    assert [(at - it.began_us) / SECOND for at in (it.renew_us, it.last_us)] == [renew_s, last_s]


@pytest.mark.parametrize(("life_s", "minted_s", "renew_s", "last_s"), [
    (3600, 0, 600, 840),  # 15 minutes from its date, less one
    (3600, 3000, 3540, 3540),  # never longer than its session
    (900, 0, 600, 840), (20, 0, 15, 15), (20, 12, 15, 15),
])
def test_a_token_is_reused_for_ten_minutes(life_s: int, minted_s: int, renew_s: int, last_s: int) -> None:
    """And not used in the last minute of its life, nor past its session's."""
    it = credentials(life_s)
    it.mint(lambda _: "t", it.began_us + minted_s * SECOND)
    assert [(at - it.began_us) / SECOND for at in (it.token_renew_us, it.token_last_us)] == [renew_s, last_s]
    assert [it.good(it.began_us + at) for at in (last_s * SECOND - 1, last_s * SECOND)] == [True, False]


def test_a_session_that_is_over_signs_nothing() -> None:
    """The token at hand stays what it is."""
    it = credentials(900)
    it.mint(lambda _: "first", it.began_us)
    it.mint(lambda _: "late", it.last_us)
    assert it.headers == ((b"authorization", b"Bearer first"),)
    it.give_up()
    it.mint(lambda _: "after", it.began_us)
    assert repr(it.keys) + repr(it.headers) == "None()"
    assert not it.good(it.began_us)


def test_no_secret_is_printed() -> None:
    """Neither of keys nor of the whole."""
    it = credentials(900)
    it.mint(lambda _: "a-token", it.began_us)
    assert not any(text in repr(it) + repr(it.keys) for text in ("AKIA", "secret", "a-token", "'token'"))
