"""A token bucket: so many a second, and so many at once after a rest. Pure: time is an argument."""


class Bucket:
    """One counter in constant space and time (the generic cell rate algorithm, ITU-T I.371): the instant by which all that was taken is earned."""

    __slots__ = ("_ahead", "_due", "_gap")

    def __init__(self, rate: float, burst: int) -> None:
        self._due = 0.0
        self.tune(rate, burst)

    def tune(self, rate: float, burst: int) -> None:
        """From now on `rate` a second, and at most `burst` at once; both more than 0."""
        self._gap = 1 / rate
        self._ahead = (burst - 1) * self._gap + 1e-9

    def take(self, now: float) -> bool:
        """Take one if there is one. `now`: seconds on any clock that does not go back."""
        due = self._due
        due = max(due, now)
        if due - now > self._ahead:
            return False
        self._due = due + self._gap
        return True

    def wait(self, now: float) -> float:
        """Seconds until there is one again; 0 if there is."""
        return max(0.0, self._due - now - self._ahead)
