"""The cluster's audit log: one JSON line for each request received, and one for each answer. Tests compare it with the gateway's record."""

import json
import time
from pathlib import Path
from typing import Any

from jitui.demo.cluster.http import Request


class Audit:
    """The audit log of one cluster: `stage`, `at` (seconds since 1970), `audit_id`, `method`, `uri`, `user_agent`, `impersonated`, later `code`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.touch(mode=0o600)
        self._file = path.open("a", encoding="utf-8", buffering=1)

    def started(self, ident: str, request: Request) -> None:
        self._write("RequestReceived", ident, request)

    def ended(self, ident: str, request: Request, code: int) -> None:
        self._write("ResponseComplete", ident, request, code=code)

    def close(self) -> None:
        self._file.close()

    def _write(self, stage: str, ident: str, request: Request, **more: Any) -> None:
        if not self._file.closed:
            row = {"stage": stage, "at": time.time(), "audit_id": ident, "method": request.method, "uri": request.target,
                   "user_agent": request.header("user-agent"), "impersonated": request.header("impersonate-user")} | more
            self._file.write(json.dumps(row) + "\n")
