"""Facts as events of the Open Cybersecurity Schema Framework (schema.ocsf.io, version 1.3), for SIEMs. docs/siem.md has the table in words.

OCSF has no class for a just-in-time grant; each kind of fact has the nearest one, its own name in `metadata.event_code`, and all it says in `unmapped`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from jitui.recording.facts import Kind

VERSION: Final = "1.3.0"
WITHHELD: Final = frozenset({"sha256", "tokens", "key"})  # hashes of tokens and public keys: of no use to a reader of events
CATEGORIES: Final = {1: "System Activity", 2: "Findings", 3: "Identity & Access Management", 6: "Application Activity"}
CLASSES: Final = {1007: "Process Activity", 2004: "Detection Finding", 3001: "Account Change", 3003: "Authorize Session", 3005: "User Access Management",
                  6002: "Application Lifecycle", 6003: "API Activity", 6005: "Datastore Activity"}
SEVERITIES: Final = {1: "Informational", 2: "Low", 3: "Medium", 4: "High"}


@dataclass(frozen=True, slots=True)
class Event:
    """The form of one kind of fact."""

    cls: int  # class_uid; its thousands are the category
    activity: int  # activity_id within the class; 99: other, named by `name`
    name: str  # activity_name
    severity: int = 1
    failure: bool = False  # status: something was refused, or did not work


def _of(cls: int, activity: int, name: str, severity: int = 1, *, failure: bool = False) -> Event:
    return Event(cls, activity, name, severity, failure)


EVENTS: Final[Mapping[Kind, Event]] = {
    Kind.GATEWAY_STARTED: _of(6002, 3, "Start"), Kind.GATEWAY_STOPPED: _of(6002, 4, "Stop", 2), Kind.CONFIG_LOADED: _of(6002, 8, "Update", 2),
    Kind.IDENTITY_ADDED: _of(3001, 1, "Create", 2), Kind.IDENTITY_DISABLED: _of(3001, 5, "Disable", 2),
    Kind.TOKEN_ISSUED: _of(3001, 99, "Token issued", 2), Kind.TOKEN_REVOKED: _of(3001, 99, "Token revoked", 2),
    Kind.TOKENS_ADOPTED: _of(3001, 99, "Tokens adopted", 2),
    Kind.SSH_KEY_ADDED: _of(3001, 99, "SSH key added", 2), Kind.SSH_KEY_REVOKED: _of(3001, 99, "SSH key revoked", 2),
    Kind.REQUEST_ASKED: _of(3005, 99, "Access requested"), Kind.REQUEST_REFUSED: _of(3005, 99, "Access refused by rule", 2, failure=True),
    Kind.REQUEST_APPROVED: _of(3005, 99, "Access approved", 2), Kind.REQUEST_DENIED: _of(3005, 99, "Access denied", 2, failure=True),
    Kind.REQUEST_WITHDRAWN: _of(3005, 99, "Request withdrawn"), Kind.REQUEST_LAPSED: _of(3005, 99, "Request lapsed", failure=True),
    Kind.GRANT_STARTED: _of(3005, 1, "Assign Privileges", 2), Kind.GRANT_ACTIVE: _of(3005, 99, "Privileges in use"),
    Kind.GRANT_ENDED: _of(3005, 2, "Revoke Privileges"), Kind.GRANT_FROZEN: _of(3005, 99, "Privileges frozen", 3),
    Kind.GRANT_THAWED: _of(3005, 99, "Privileges thawed", 2),
    Kind.SESSION_OPENED: _of(3003, 99, "Session opened"), Kind.SESSION_FROZEN: _of(3003, 99, "Session frozen", 3),
    Kind.SESSION_THAWED: _of(3003, 99, "Session thawed", 2), Kind.SESSION_ENDING: _of(3003, 99, "Session is being ended", 2),
    Kind.SESSION_ENDED: _of(3003, 99, "Session ended"),
    Kind.PROCESSES_BEFORE: _of(1007, 99, "Processes listed"), Kind.PROCESS_SEEN: _of(1007, 99, "Processes seen"),
    Kind.PROCESS_ENDED: _of(1007, 2, "Terminate"), Kind.PROCESS_LEFT: _of(2004, 1, "Create", 3),
    Kind.CREDENTIAL_FAILING: _of(2004, 1, "Create", 3, failure=True), Kind.CREDENTIAL_RENEWED: _of(2004, 3, "Close"),
    Kind.COUNTED: _of(2004, 1, "Create", 3), Kind.DISK: _of(2004, 1, "Create", 3),
    Kind.LOCKDOWN_ON: _of(3005, 99, "Lockdown on", 4), Kind.LOCKDOWN_OFF: _of(3005, 99, "Lockdown off", 3),
    Kind.VIEWED: _of(6005, 1, "Read"), Kind.CLUSTER_LOOKED: _of(6003, 2, "Read"),
    Kind.TAPE_OPENED: _of(6005, 6, "Create"), Kind.TAPE_RETIRED: _of(6005, 7, "Delete", 2),
    Kind.TAPES_HELD: _of(6005, 99, "Legal hold", 2), Kind.TAPES_RELEASED: _of(6005, 99, "Legal hold released", 3),
    Kind.LEDGER_REPAIRED: _of(2004, 1, "Create", 4), Kind.CLOCK_WENT_BACK: _of(2004, 1, "Create", 4), Kind.LOG_BEGUN: _of(6005, 6, "Create", 2),
}
UNKNOWN: Final = _of(6003, 99, "Other")  # of a kind that a newer gateway wrote


def event(*, seq: int, at_us: int, kind: str, who: str, subject: str, what: Mapping[str, Any], hash_hex: str, version: str) -> dict[str, Any]:
    """A fact whose content is masked already, as an event. `metadata.uid` is its number, which no other fact of the ledger has."""
    form = EVENTS.get(Kind(kind), UNKNOWN) if kind in set(Kind) else UNKNOWN
    category = form.cls // 1000
    told = {key: value for key, value in what.items() if key not in WITHHELD}
    user = what.get("identity") or (subject if form.cls == 3001 else "")
    made: dict[str, Any] = {
        "activity_id": form.activity, "activity_name": form.name, "category_uid": category, "category_name": CATEGORIES[category],
        "class_uid": form.cls, "class_name": CLASSES[form.cls], "type_uid": form.cls * 100 + form.activity, "type_name": f"{CLASSES[form.cls]}: {form.name}",
        "severity_id": form.severity, "severity": SEVERITIES[form.severity], "status_id": 2 if form.failure else 1,
        "status": "Failure" if form.failure else "Success", "time": at_us // 1000, "message": f"{kind} {subject}",
        "actor": {"user": {"name": who}},
        "metadata": {"version": VERSION, "uid": str(seq), "sequence": seq, "event_code": kind, "log_name": "jitui facts",
                     "product": {"name": "jitui", "vendor_name": "jitui", "version": version}},
        "unmapped": {"subject": subject, "hash": hash_hex, "what": told},
    }  # fmt: skip
    if isinstance(user, str) and user:
        made["user"] = {"name": user}
    if form.cls == 2004:
        made["finding_info"] = {"title": kind, "uid": str(seq)}
    return made
