"""The whole story without a terminal: each step runs the real programs, is checked from outside, and is printed as it happens."""

import base64
import sys
import time
from collections.abc import Callable
from typing import Any, Final

from jitui.demo.house import AGENT, CONNECTION, House
from jitui.demo.terminal import Terminal
from jitui.values import span
from jitui.values.errors import JituiError, RefusedError
from jitui.values.instant import from_rfc3339
from jitui.values.said import clean

SHORTEST_S: Final = 10.0
REASON: Final = "orders look stuck: look at web, read its data"
LEFT: Final = "sleep 86400"  # runs on in the pod behind the agent's shell
TYPED: Final = ((f"{LEFT} & cat app/VERSION", "2026.11.3"), ("head -2 data/orders.csv", "4001,ana"), ("echo all $((40 + 2)) orders seen", "all 42 orders seen"))

EXTRA: Final = (("kubectl describe", ("describe", "pod", "web"), "Started container web"), ("kubectl logs", ("logs", "web", "--tail", "2"), "HTTP/1.1"))
MARKS: Final = (0.4, 0.2, 0.1)  # the shares of the window that are left when the clock is checked

Look = Callable[[], tuple[bool, str]]


class NotSoError(RefusedError):
    """A step of the story failed."""


class Story:
    """Plays the story once; `play` returns the seconds it took. Raises NotSoError at the first step that fails."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._began = time.monotonic()
        self._request: dict[str, Any] = {}
        self._grant = ""
        self._deadline = 0.0  # seconds since 1970
        self._sessions: list[dict[str, Any]] = []  # the recorded sessions, once the story is over
        self._plain = b""  # the output of the agent's plain exec
        self._screen = b""  # the bytes of the agent's terminal in the shell, before the end

    def play(self) -> float:
        house = self._house
        self.step("denied", self._denied)
        self.step("asked", self._asked)
        self.step("cannot approve its own", self._own)
        self.step("approved", self._approved)
        self.step("kubectl get", lambda: self._kubectl("get", "pods", has="box "))
        self.step("kubectl exec", self._exec)
        for name, args, has in EXTRA:
            if self._left() > SHORTEST_S:
                self.step(name, lambda args=args, has=has: self._kubectl(*args, has=has))  # type: ignore[misc]
        with Terminal([*house.kubectl, "exec", "-it", "-n", "web", "web", "--", "sh"], house.environment(agent=True)) as shell:
            self.step("exec", lambda: self._typed(shell))
            self._countdown(shell)
            self.step("expired", lambda: self._expired(shell))
        self.step("ended in the pod", self._ended)
        self.step("denied again", self._denied)
        self.step("replayed", self._replayed)
        self.step("frames", self._frames)
        self.step("verified", self._verified)
        return time.monotonic() - self._began

    def step(self, name: str, look: Look) -> None:
        """Runs a step and prints its result. Raises NotSoError if it failed."""
        try:
            fits, detail = look()
        except JituiError as error:
            fits, detail = False, str(error)
        say(f"{'✓' if fits else '✗'} {name:<22} {clean(detail, 130)}")
        if not fits:
            raise NotSoError(f"the demo's story breaks at: {name}")

    def _denied(self) -> tuple[bool, str]:
        done = self._house.run([*self._house.kubectl, "get", "pods", "-n", "web"], agent=True)
        return done.code == 1 and not done.out and f"jitui request {CONNECTION}" in done.err and "(Forbidden)" in done.err, done.err

    def _asked(self) -> tuple[bool, str]:
        done = self._house.jitui("request", CONNECTION, "--duration", span.show(self._house.window_s), "--reason", REASON, "--json", agent=True)
        if done.code:
            return False, done.err
        self._request = done.jsons[0]
        fits = self._request["state"] == "pending" and self._request["identity"] == AGENT
        return fits, f'{self._request["id"]}: {AGENT} wants {self._request["scope"]} for {span.show(self._house.window_s)}, says "{REASON}"'

    def _own(self) -> tuple[bool, str]:
        done = self._house.jitui("approve", self._request["id"], agent=True)
        pending = [one["id"] for one in self._house.jitui("requests", "--json").jsons]
        return done.code == 1 and pending == [self._request["id"]], done.err.removeprefix("jitui: ")

    def _approved(self) -> tuple[bool, str]:
        done = self._house.jitui("approve", self._request["id"], "--json")
        if done.code:
            return False, done.err
        approved = done.jsons[0]
        self._grant, self._deadline = approved["grant"], from_rfc3339(approved["deadline"]) / 1e6
        return approved["state"] == "approved", f"{self._grant} by {approved['decided_by']}, until {approved['deadline']}"

    def _kubectl(self, *args: str, has: str) -> tuple[bool, str]:
        done = self._house.run([*self._house.kubectl, args[0], "-n", "web", *args[1:]], agent=True)
        return done.code == 0 and has in done.text, done.err or f"{done.text.count(chr(10))} lines, with {has.strip()!r}"

    def _exec(self) -> tuple[bool, str]:
        done = self._house.run([*self._house.kubectl, "exec", "-n", "web", "web", "--", "cat", "data/orders.csv"], agent=True)
        self._plain = done.out
        return done.code == 0 and b"4002,ben" in done.out, done.err or f"cat data/orders.csv: {len(done.out)} bytes"

    def _typed(self, shell: Terminal) -> tuple[bool, str]:
        """Types a person's session in a shell; a shorter one if the window is short."""
        at, count = shell.expect("web $ "), 0
        for line, answer in TYPED:
            if count and self._left() < SHORTEST_S / 2:
                break
            shell.keys(line + "\r")
            at = shell.expect("web $ ", after=shell.expect(answer, after=at))
            count += 1
        self._screen = shell.said
        return True, f"a shell on a terminal: {count} lines typed, {len(self._screen)} bytes back"

    def _countdown(self, shell: Terminal) -> None:
        """Prints the clock as the gateway shows it, now and on the way to the end."""
        self.step("countdown", self._remaining)
        for part in MARKS:
            wanted = part * self._house.window_s
            if self._left() > wanted:
                shell.read(self._left() - wanted)
                self.step("countdown", self._remaining)

    def _remaining(self) -> tuple[bool, str]:
        grants = {one["id"]: one for one in self._house.jitui("grants", "--json").jsons}
        if self._grant not in grants:
            return self._left() < 0, f"{self._grant} has ended"
        left, streams = float(grants[self._grant]["remaining_s"]), grants[self._grant]["open_streams"]
        return abs(left - self._left()) < 3.0, f"{self._grant} ends in {left:.1f} s, {streams} stream open"

    def _expired(self, shell: Terminal) -> tuple[bool, str]:
        """Checks that the idle shell is told at the deadline that it ends, and why, and then fails."""
        code = shell.end(max(0.0, self._left()) + 15.0)
        late = -self._left() - (time.monotonic() - shell.heard)  # a client takes its own time to go away
        words = shell.said[len(self._screen):].decode("utf-8", "replace").split("error: ")[-1].strip()
        fits = code not in {None, 0} and "window" in words and self._grant in words and -0.1 < late < 3.0
        return fits, f"kubectl exit {code}, told {late:.1f} s after the deadline: {words}"

    def _ended(self) -> tuple[bool, str]:
        """Checks that the shell and the process that it left behind were ended in the pod, and that the runtime confirmed it."""
        found: list[dict[str, Any]] = []
        for _ in range(20):
            grants = {one["id"]: one for one in self._house.jitui("grants", "--all", "--json").jsons}
            found = grants[self._grant]["processes"]
            if found:
                break
            time.sleep(0.2)
        words = [" ".join(one["argv"]) for one in found]
        confirmed = any("runtime" in one["proof"] for one in found) and all("gone" in one["proof"] for one in found)
        fits = bool(found) and LEFT in words and all(one["state"] == "ended" for one in found) and confirmed
        took_s = max((one["took_ms"] for one in found), default=0) / 1000
        return fits, f"{len(found)} processes in {found[0]['pod'] if found else 'no pod'}, confirmed by the runtime in {took_s:.1f} s: {', '.join(words)}"

    def _session(self, *, tty: bool) -> dict[str, Any]:
        if not self._sessions:
            self._sessions = self._house.jitui("sessions", "--json").jsons
        found = [one for one in self._sessions if one["kind"] == "exec" and one["tty"] == tty]
        if len(found) != 1:
            raise NotSoError(f"{len(found)} exec sessions are on record, not one")
        return dict(found[0])

    def _replayed(self) -> tuple[bool, str]:
        """Checks that the replay prints the lines that stood on the agent's screen."""
        session = self._session(tty=True)
        done = self._house.jitui("replay", session["id"], "--text")
        seen = [line.rstrip() for line in self._screen.decode("utf-8", "replace").replace("\r", "").split("\n")[:-1]]  # the last line had not ended
        shown = [line.rstrip() for line in done.text.split("\n")]
        same = any(shown[start:start + len(seen)] == seen for start in range(len(shown)))
        return done.code == 0 and bool(seen) and same, done.err or f"{session['id']}: {len(seen)} lines, the same as on the agent's screen"

    def _frames(self) -> tuple[bool, str]:
        """Checks the recorded bytes: all of the plain exec, and of the shell all that reached its terminal."""
        plain = self._house.jitui("frames", self._session(tty=False)["id"], "--raw", "--channel", "stdout")
        typed = self._house.jitui("frames", self._session(tty=True)["id"], "--channel", "stdout", "--json")
        screen = b"".join(base64.b64decode(one["data_b64"]) for one in typed.jsons if one["delivered"])
        fits = plain.out == self._plain and screen.startswith(self._screen) and bool(self._screen)
        return fits, f"{len(plain.out)} bytes of the plain exec and {len(screen)} of the shell are what the agent got"

    def _verified(self) -> tuple[bool, str]:
        done = self._house.jitui("verify", "--json")
        proofs = done.jsons
        return done.code == 0 and all(one["consistent"] for one in proofs), done.err or f"{len(proofs)} chains are whole"

    def _left(self) -> float:
        return self._deadline - time.time()


def say(line: str) -> None:
    """Prints one line at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def tell(house: House) -> None:
    """Plays the story and prints how it ended. Raises NotSoError."""
    say(f"jitui demo: a cluster, a gateway and {AGENT} with {'its ' + ' '.join(house.kubectl[-1:])}, in {house.folder}")
    took = Story(house).play()
    say(f"all as it should be, {took:.1f} s; nothing of it is kept")


