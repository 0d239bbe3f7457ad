"""A token bucket: a rate a second, and a burst after a rest. Pure: time is an argument."""


class Bucket:
    """One counter in constant space and time (the generic cell rate algorithm, ITU-T I.371): the time at which all taken tokens are earned."""

    __slots__ = ("_ahead", "_due", "_gap")

    def __init__(self, rate: float, burst: int) -> None:
        self._due = 0.0
        self.tune(rate, burst)

    def tune(self, rate: float, burst: int) -> None:
        """Sets the rate: from now on `rate` tokens a second, and at most `burst` at once; both more than 0."""
        self._gap = 1 / rate
        self._ahead = (burst - 1) * self._gap + 1e-9

    def take(self, now: float) -> bool:
        """Takes one token; False if there is none. `now`: seconds on any clock that does not go back."""
        due = self._due
        due = max(due, now)
        if due - now > self._ahead:
            return False
        self._due = due + self._gap
        return True
