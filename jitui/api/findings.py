"""Views of the record's findings about a window: the objects that it changed, and everything that outlives it. Written as those in `views`."""

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from jitui.values.declared import dataclass
from jitui.values.said import Said


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectView:
    """One object of a cluster."""

    group: str
    resource: str
    namespace: Said
    name: Said
    uid: str = ""  # empty: no answer on record tells it


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldView:
    """One field that a write changed, as JSON values with secrets masked."""

    path: Said
    before: Any = None  # null: it was not there; `not seen before` where nobody knows
    after: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeView:
    """One write, or one stream whose effects are no objects."""

    object: ObjectView
    effect: str  # created changed deleted issued unknown inside
    verb: str  # create update patch apply delete deletecollection; exec attach port-forward
    at: str
    session: str
    conn: int
    code: int | None
    fields: tuple[FieldView, ...]
    subresource: str
    identity: str
    connection: str
    grant: str
    seen: str  # when the state before was seen; empty: it was not
    seen_in: str  # s-204: the session in which it was
    asked: bool = False  # the fields are what was asked for: the state after, or that before, is not known
    notes: tuple[str, ...] = ()  # gaps in what the record tells

    @property
    def thing(self) -> tuple[str | bool, ...]:
        """Equal for all writes of one object; not for what ran inside of it."""
        each = self.object
        return self.connection, each.group, each.resource, each.namespace.raw, each.name.raw, self.effect == "inside"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangesView:
    """The changes of a window, an identity or a time, object by object."""

    changes: tuple[ChangeView, ...]
    notes: tuple[str, ...] = ()  # they say what is left out


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftView:
    """One thing that outlives a window."""

    kind: str  # object deleted process credential ephemeral-container copy
    said: Said  # in one line
    ends: Said  # a command that ends it or shows how it was, or `rotate`; empty: it ends with its owner
    session: str  # s-204; empty: it can't be tied to one
    at: str  # empty: not known
    object: ObjectView | None = None
    effect: str = ""  # of an object: created changed unknown
    exists: bool | None = None  # null: nobody knows, `why` says why
    why: str = ""
    owner: Said = field(default_factory=lambda: Said(""))  # another object here that it goes with
    owns: Mapping[str, int] = field(default_factory=dict)  # by resource how many objects controllers made of it
    container: Said = field(default_factory=lambda: Said(""))
    pid: int = 0
    argv: tuple[Said, ...] = ()
    state: str = ""  # of a process: left unexplained not-proved
    issuer: Said = field(default_factory=lambda: Said(""))
    subject: Said = field(default_factory=lambda: Said(""))
    expires: str = ""  # of a token; empty: it says none
    jti: Said = field(default_factory=lambda: Said(""))
    keys: tuple[Said, ...] = ()  # of a Secret
    way: str = ""  # of a copy: out or in
    bytes: int = -1  # of a copy; -1: not known


@dataclass(frozen=True, slots=True, kw_only=True)
class ResidueView:
    """Everything that outlives a window."""

    grant: str
    identity: str
    connection: str
    looked: str  # when the cluster was asked; empty: it was not
    left: tuple[LeftView, ...]
    notes: tuple[str, ...] = ()  # they say what could not be seen
