"""The types of what operations take, with the limits that the server checks. The limits are for JSON and queries: a caller in Python sees str and int.

A text is at most so many characters. An unknown key in the JSON of a request is refused: a misspelt `scope` must not ask for everything.
"""

from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, GetPydanticSchema

from jitui.policy.action import Action
from jitui.values import span
from jitui.values.errors import InvalidError


class Body(BaseModel):
    """The JSON object of a request."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


@dataclass(frozen=True, slots=True)
class Also:
    """A second name that the JSON may use for an argument."""

    name: str


@dataclass(frozen=True, slots=True)
class Spread:
    """The fields of an argument stand in the JSON object itself, as this model has them; its `value` makes the argument of them."""

    model: "type[ActionBody]"


def _seconds(value: object) -> object:
    """1800 of "30m"."""
    if not isinstance(value, str):
        return value
    try:
        return span.parse(value)
    except InvalidError as error:
        raise ValueError(str(error)) from None


def _clauses(value: object) -> object:
    """One text of a list of clauses."""
    return "; ".join(value) if isinstance(value, list) and all(isinstance(item, str) for item in value) else value


def _one_of(*words: str) -> GetPydanticSchema:
    """A str that is one of these words."""
    return GetPydanticSchema(lambda _, handler: handler.generate_schema(Literal[words]))


Text: TypeAlias = Annotated[str, Field(max_length=4096)]
Short: TypeAlias = Annotated[str, Field(max_length=253)]
ScopeText: TypeAlias = Annotated[str, Field(max_length=16384), BeforeValidator(_clauses)]  # clauses, as one text or a list
Seconds: TypeAlias = Annotated[int, Field(ge=0, le=span.LONGEST_S), BeforeValidator(_seconds)]  # or as "30m"
Duration: TypeAlias = Annotated[Seconds, Also("duration")]
Approval: TypeAlias = Annotated[str, _one_of("", "required", "automatic")]
RoleName: TypeAlias = Annotated[str, _one_of("agent", "approver", "operator", "auditor", "unmask")]
NewName: TypeAlias = Annotated[str, Field(pattern=r"^[a-z0-9](?:[a-z0-9._@-]{0,61}[a-z0-9])?$")]
Seq: TypeAlias = Annotated[int, Field(ge=-1)]  # of a frame or a fact; what is asked for comes after it
Hold: TypeAlias = Annotated[int, Field(ge=0, le=20)]  # seconds that an answer may be held back
Limit: TypeAlias = Annotated[int, Field(ge=1, le=1000)]  # items of a page

ARGV: Final = 256  # words of a command


class ActionBody(Body):
    """One action in RequestInfo's terms."""

    verb: Short
    group: Short = ""
    version: Short = ""
    resource: Short = ""
    subresource: Short = ""
    namespace: Short = ""
    name: Short = ""
    path: Text = ""
    argv: list[Text] = Field(default_factory=list, max_length=ARGV)
    container: Short = ""
    default: bool = False
    stdin: bool = False
    tty: bool = False
    follow: bool = False
    dry_run: bool = False
    apply: bool = False

    @staticmethod
    def value(fields: dict[str, Any]) -> Action:
        """The action that the fields of such an object describe."""
        return Action(**fields | {"argv": tuple(fields["argv"])})


OneAction: TypeAlias = Annotated[Action, Spread(ActionBody)]
