"""The top line: the gateway's lights, what waits, who is looking, what time it is. A light that is not well is never left out."""

from dataclasses import dataclass

from rich.cells import cell_len
from textual.content import Content
from textual.widget import Widget

from jitui.tui.feed import Seen
from jitui.tui.figures import date, many, size, zone
from jitui.tui.words import words

LOW_DISK = 4 << 30
SLOW_MS = 100.0


@dataclass(frozen=True, slots=True)
class Light:
    """One word of the header; the lowest `rank` stays longest, and 0 is never left out, only cut where nothing else is left."""

    text: str
    style: str
    rank: int
    right: bool = False


class Header(Widget):
    """One line. `show` gives it the newest look, `tick` moves its clock."""

    DEFAULT_CSS = "Header { dock: top; height: 1; background: $state-bar; padding: 0 1; }"

    def __init__(self) -> None:
        super().__init__(id="header")
        self.seen: Seen | None = None
        self.now = 0.0
        self.silent = ""
        self.past = self.alone = False
        self._drawn: list[Light] = []

    def show(self, seen: Seen | None, now: float, silent: str, *, past: bool = False, alone: bool = False) -> None:
        """`past`: a moment of the past is shown, of whose lights there is no record; `alone`: a recording, whose gateway is not looked at."""
        self.seen, self.now, self.silent, self.past, self.alone = seen, now, silent, past, alone
        lights = self.lights()
        if lights != self._drawn:
            self._drawn = lights
            self.refresh()

    def lights(self) -> list[Light]:
        """The lights that there is something to say about, in their order on the line."""
        lights = [Light("jitui", "bold $primary", 0)]
        if self.silent:
            lights.append(Light(self.silent, "bold $background on $state-denied", 0))
        seen = self.seen
        if seen is None:
            light = Light("recorded", "$state-quiet", 0) if self.alone else Light("connecting", "$state-waiting", 0)
            return lights if self.silent else [*lights, light]
        if not self.silent and not self.past:
            lights += self._health(seen)
        status = seen.status
        lights += [
            Light(f"{status.waiting} waiting", "bold $state-waiting" if status.waiting else "$state-quiet", 1, right=True),
            Light(f"{status.live} live", "bold $state-live" if status.live else "$state-quiet", 2, right=True),
        ]
        if seen.hello.solo:
            lights.append(Light("SOLO", "bold $state-ending", 1, right=True))
        lights.append(Light(words(seen.hello.you, 20), "", 4, right=True))
        time = seen.hour(seen.lit if self.silent else self.now)
        lights += [Light(date(status.at), "$state-quiet", 5, right=True), Light(time, "bold", 3, right=True),
                   Light(words(zone(status.at), 6), "$state-quiet", 3, right=True)]  # fmt: skip
        return lights

    @staticmethod
    def _health(seen: Seen) -> list[Light]:
        status = seen.status
        good, bad = "$state-quiet", "bold $background on $state-denied"
        lights = [Light("LOCKDOWN", bad, 0) if status.lockdown else Light("gateway ok", "$state-live", 5)]
        if status.recording:
            lights.append(Light(f"rec {size(status.record_bytes_s)}/s", good, 6))
        else:
            lights.append(Light(f"NOT RECORDING, nothing passes: {words(status.recorder_error, 40)}", bad, 0))
        if status.trouble:
            lights.append(Light(words(status.trouble, 60), bad, 0))
        if status.limits:
            newest = status.limits[0]
            lights.append(Light(f"LIMIT {words(newest.limit, 30)}: {words(newest.who, 30)}", "bold $background on $state-ending", 0))
        low, slow = status.disk_free < LOW_DISK, status.lag_ms > SLOW_MS
        lights.append(Light(f"disk {size(status.disk_free)}", bad if low else good, 0 if low else 7))
        lights.append(Light(f"lag {status.lag_ms:.0f} ms", bad if slow else good, 0 if slow else 9))
        if status.open_streams:
            lights.append(Light(many(status.open_streams, "stream"), good, 10))
        return lights

    def render(self) -> Content:
        width = self.content_size.width
        lights = self.lights()
        while len(lights) > 1 and _length(lights) > width:
            worst = max(lights, key=lambda light: light.rank)
            if worst.rank == 0:
                break
            lights.remove(worst)
        left, right = _joined([light for light in lights if not light.right]), _joined([light for light in lights if light.right])
        space = width - left.cell_length - right.cell_length
        if space < 1:
            return Content.assemble(left, "  ", right).truncate(width, ellipsis=True)
        return Content.assemble(left, " " * space, right)


def _length(lights: list[Light]) -> int:
    return sum(cell_len(light.text) + 2 + 2 * (" on " in light.style) for light in lights)


def _joined(lights: list[Light]) -> Content:
    return Content("  ").join([Content.styled(f" {light.text} " if " on " in light.style else light.text, light.style) for light in lights])
