"""A real Chromium without a window, driven over its DevTools protocol: it opens a file, and tells what the page did."""

import itertools
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

NAMES = ("chromium", "chromium-browser", "google-chrome")


class Page:
    """An open page. `asked` are the addresses that it fetched, `wrong` its errors and what its policy refused."""

    def __init__(self, line: ClientConnection, session: str) -> None:
        self._line, self._session, self._numbers = line, session, itertools.count(100)
        self.asked: list[str] = []
        self.wrong: list[str] = []

    def call(self, method: str, **params: Any) -> Any:
        number = next(self._numbers)
        self._line.send(json.dumps({"id": number, "method": method, "params": params, "sessionId": self._session}))
        while True:
            said = json.loads(self._line.recv(timeout=60))
            if said.get("id") == number:
                if "error" in said:
                    raise AssertionError(f"{method}: {said['error']}")
                return said["result"]
            self._hear(said)

    def _hear(self, said: dict[str, Any]) -> None:
        params = said.get("params", {})
        match said.get("method"):
            case "Network.requestWillBeSent":
                self.asked.append(params["request"]["url"])
            case "Runtime.exceptionThrown":
                self.wrong.append(params["exceptionDetails"].get("exception", {}).get("description", str(params)))
            case "Log.entryAdded" if params["entry"]["level"] == "error":
                self.wrong.append(params["entry"]["text"])
            case "Page.javascriptDialogOpening":
                self.wrong.append(f"a dialog: {params['message']}")

    def value(self, script: str) -> Any:
        """The value of an expression."""
        found = self.call("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def press(self, key: str) -> None:
        self.call("Input.dispatchKeyEvent", type="keyDown", key=key, text=key)
        self.call("Input.dispatchKeyEvent", type="keyUp", key=key)

    def until(self, script: str, seconds: float = 20) -> None:
        """Waits until an expression is true."""
        end = time.monotonic() + seconds
        while not self.value(script):
            assert time.monotonic() < end, script
            time.sleep(0.05)


@contextmanager
def browser(folder: Path) -> Iterator[ClientConnection]:
    """Starts it with a profile in a new folder, and ends it."""
    program = next((found for name in NAMES if (found := shutil.which(name))), None)
    assert program, f"these tests need one of {', '.join(NAMES)}: apt-get install chromium"
    running = subprocess.Popen([program, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-extensions",
                                "--disable-background-networking", "--remote-debugging-port=0", f"--user-data-dir={folder}", "about:blank"],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)  # fmt: skip
    try:
        port = folder / "DevToolsActivePort"
        end = time.monotonic() + 60
        while not port.exists() or port.read_text().count("\n") < 1:
            assert time.monotonic() < end, f"{program} did not start"
            time.sleep(0.05)
        number, path = port.read_text().splitlines()[:2]
        with connect(f"ws://127.0.0.1:{number}{path}", max_size=None) as line:
            yield line
    finally:
        os.killpg(running.pid, signal.SIGKILL)
        running.wait()


def opened(line: ClientConnection, file: Path) -> Page:
    """The page of a file, once it is loaded."""
    def ask(number: int, method: str, **params: Any) -> Any:
        line.send(json.dumps({"id": number, "method": method, "params": params}))
        while (said := json.loads(line.recv(timeout=60))).get("id") != number:
            pass
        return said["result"]

    target = ask(1, "Target.createTarget", url="about:blank")["targetId"]
    page = Page(line, ask(2, "Target.attachToTarget", targetId=target, flatten=True)["sessionId"])
    for domain in ("Network", "Runtime", "Log", "Page"):
        page.call(f"{domain}.enable")
    page.call("Page.navigate", url=file.as_uri())
    page.until("document.readyState === 'complete' && location.protocol === 'file:'")
    return page
