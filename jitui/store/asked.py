"""Requests and responses as they are recorded: raw HTTP/1.1 heads, each in one frame."""

from dataclasses import dataclass

from jitui.policy import kube
from jitui.policy.action import Action
from jitui.recording.frame import Frame
from jitui.values.errors import InvalidError


@dataclass(slots=True)
class Asked:
    """The contents of one exchange's heads."""

    at_us: int
    action: Action
    audit_id: str
    code: int | None = None
    bytes_in: int = 0
    bytes_out: int = 0


def asked_in(frame: Frame) -> Asked | None:
    """A request head as it was recorded, raw HTTP/1.1; None if it can't be read as one."""
    line, *headers = frame.body.partition(b"\r\n\r\n")[0].split(b"\r\n")
    parts = line.split(b" ")
    if len(parts) != 3:
        return None
    values = {name.strip().lower(): value.strip() for name, _, value in (header.partition(b":") for header in headers)}
    try:
        action = kube.read(parts[0], parts[1], content_type=values.get(b"content-type", b""))
    except InvalidError:
        return None
    return Asked(frame.at_us, action, values.get(b"audit-id", b"").decode("latin-1"))

