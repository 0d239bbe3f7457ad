"""The bodies of requests. An unknown key is refused: a misspelt `scope` must not ask for everything."""

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from jitui.policy.action import Action
from jitui.values import span
from jitui.values.errors import InvalidError

Text = Annotated[str, Field(max_length=4096)]
Short = Annotated[str, Field(max_length=253)]


def _seconds(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return span.parse(value)
    except InvalidError as error:
        raise ValueError(str(error)) from None


def _clauses(value: object) -> object:
    return "; ".join(value) if isinstance(value, list) and all(isinstance(item, str) for item in value) else value


Scope = Annotated[str, Field(max_length=16384), BeforeValidator(_clauses)]
Seconds = Annotated[int, Field(ge=0, le=span.LONGEST_S), BeforeValidator(_seconds)]


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Ask(Body):
    """An access request; the file of `jitui request -f` is one."""

    connection: Short
    duration: Seconds = 0  # seconds, or as 30m; 0: the rule's
    duration_s: Seconds = 0  # the same
    reason: Text = ""
    scope: Scope = ""  # clauses; empty: the rule's
    identity: Short = ""  # if given, must be the caller's
    approval: Literal["", "required", "automatic"] = ""  # if given, must be the rule's

    @model_validator(mode="after")
    def _one_duration(self) -> "Ask":
        if self.duration and self.duration_s and self.duration != self.duration_s:
            raise ValueError("duration and duration_s differ; give one")
        return self


class Approve(Body):
    """A yes, perhaps to less."""

    digest: Short = ""  # of what was shown; if anything changed since, it is refused
    duration: Seconds = 0
    duration_s: Seconds = 0
    scope: Scope = ""
    reason: Text = ""


class Why(Body):
    reason: Text


class NewIdentity(Body):
    name: Annotated[str, Field(pattern=r"^[a-z0-9](?:[a-z0-9._@-]{0,61}[a-z0-9])?$")]
    roles: Annotated[list[Literal["agent", "approver", "operator", "auditor", "unmask"]], Field(min_length=1)]
    owner: Short = ""


class Lockdown(Body):
    on: bool
    reason: Text = ""


class Explain(Body):
    """One action in RequestInfo's terms."""

    connection: Short
    identity: Short = ""
    verb: Short
    group: Short = ""
    version: Short = ""
    resource: Short = ""
    subresource: Short = ""
    namespace: Short = ""
    name: Short = ""
    path: Text = ""
    argv: list[Text] = Field(default_factory=list, max_length=256)
    container: Short = ""
    default: bool = False
    stdin: bool = False
    tty: bool = False
    follow: bool = False
    dry_run: bool = False
    apply: bool = False

    def action(self) -> Action:
        fields = self.model_dump(exclude={"connection", "identity", "argv"})
        return Action(**fields, argv=tuple(self.argv))
