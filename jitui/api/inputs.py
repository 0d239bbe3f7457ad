"""The types of what operations take, with the limits that the server checks. The limits are for JSON and queries: a caller in Python sees str and int.

A text is at most so many characters. An unknown key in the JSON of a request is refused: a misspelt `scope` must not ask for everything.
"""

from collections.abc import Callable, Mapping
from dataclasses import MISSING, field, fields
from typing import Annotated, Any, Final, TypeAlias, get_type_hints

from jitui.policy.action import Action
from jitui.values import span
from jitui.values.declared import dataclass
from jitui.values.errors import InvalidError


@dataclass(frozen=True, slots=True)
class Also:
    """A second name that the JSON may use for an argument."""

    name: str


@dataclass(frozen=True, slots=True)
class Spread:
    """The fields of an argument stand in the JSON object itself, as this dataclass has them; its `value` makes the argument of them."""

    model: "type[ActionBody]"

    def fields(self) -> Mapping[str, tuple[Any, Any]]:
        """The type and the default of each; `...` where one must be given."""
        types = get_type_hints(self.model, include_extras=True)
        given = {each.name: ... if each.default is MISSING else each.default for each in fields(self.model)}
        given |= {each.name: each.default_factory() for each in fields(self.model) if each.default_factory is not MISSING}
        return {name: (types[name], default) for name, default in given.items()}


@dataclass(frozen=True, slots=True)
class Bounds:
    """The limits of a value, by the names that pydantic's schemas have for them. Pydantic asks for the schema where the server checks a call.

    The client, which every command is, reads the same table without importing pydantic.
    """

    of: tuple[tuple[str, int | str], ...]

    def __get_pydantic_core_schema__(self, source: Any, handler: Callable[[Any], Any]) -> Any:
        return {**handler(source), **dict(self.of)}


@dataclass(frozen=True, slots=True)
class Words:
    """The value is one of these words."""

    words: tuple[str, ...]

    def __get_pydantic_core_schema__(self, source: Any, handler: object) -> Any:
        from pydantic_core import core_schema  # noqa: PLC0415

        return core_schema.literal_schema(list(self.words))


@dataclass(frozen=True, slots=True)
class Before:
    """`read` makes another value of it, which is checked in its place; it raises ValueError."""

    read: Callable[[object], object]

    def __get_pydantic_core_schema__(self, source: Any, handler: Callable[[Any], Any]) -> Any:
        from pydantic_core import core_schema  # noqa: PLC0415

        return core_schema.no_info_before_validator_function(self.read, handler(source))


def bounds(**of: int | str) -> Bounds:
    return Bounds(tuple(of.items()))


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


Text: TypeAlias = Annotated[str, bounds(max_length=4096)]
Short: TypeAlias = Annotated[str, bounds(max_length=253)]
ScopeText: TypeAlias = Annotated[str, bounds(max_length=16384), Before(_clauses)]  # clauses, as one text or a list
Seconds: TypeAlias = Annotated[int, bounds(ge=0, le=span.LONGEST_S), Before(_seconds)]  # or as "30m"
Duration: TypeAlias = Annotated[Seconds, Also("duration")]
Approval: TypeAlias = Annotated[str, Words(("", "required", "automatic"))]
RoleName: TypeAlias = Annotated[str, Words(("agent", "approver", "operator", "auditor", "unmask"))]
NewName: TypeAlias = Annotated[str, bounds(pattern=r"^[a-z0-9](?:[a-z0-9._@-]{0,61}[a-z0-9])?$")]
KeyText: TypeAlias = Annotated[str, bounds(max_length=256 << 10)]  # lines of public keys
Seq: TypeAlias = Annotated[int, bounds(ge=-1)]  # of a frame or a fact; what is asked for comes after it
Age: TypeAlias = Annotated[int, bounds(ge=1, le=span.MOST_S)]  # seconds before now
Ago: TypeAlias = Annotated[int, bounds(ge=0, le=span.MOST_S)]
Hold: TypeAlias = Annotated[int, bounds(ge=0, le=20)]  # seconds that an answer may be held back
Limit: TypeAlias = Annotated[int, bounds(ge=1, le=1000)]  # items of a page

ARGV: Final = 256  # words of a command


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionBody:
    """One action in RequestInfo's terms."""

    verb: Short
    group: Short = ""
    version: Short = ""
    resource: Short = ""
    subresource: Short = ""
    namespace: Short = ""
    name: Short = ""
    path: Text = ""
    argv: Annotated[list[Text], bounds(max_length=ARGV)] = field(default_factory=list)
    container: Short = ""
    default: bool = False
    stdin: bool = False
    tty: bool = False
    follow: bool = False
    dry_run: bool = False
    apply: bool = False

    @staticmethod
    def value(fields: Mapping[str, Any]) -> Action:
        """The action that the fields of such an object describe."""
        return Action(**{**fields, "argv": tuple(fields["argv"])})


OneAction: TypeAlias = Annotated[Action, Spread(ActionBody)]
