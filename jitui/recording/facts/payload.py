"""The base of every payload: a frozen dataclass of what one kind of fact holds, written to JSON and read from it.

The type of a field says how it stands in JSON: `str`, `int` and `bool` as they are, `bytes` in hex, an `Instant` or a `Deadline` as an object of
wall_us, boot_us and boot_id, a `tuple[str, ...]` as a list; `Annotated[..., Codec]` names another way.

Facts are written once and read for years, so a field says what its absence means:

* without a default   every gateway wrote it: a fact that lacks it can't be read
* with a default      older gateways did not write it, or wrote null; this one always does
* with None           it is written only where there is something to say: None is no key
* `of_store()`        the store puts it in, in the commit that makes the fact true; a fact that lacks it can't be read

Keys that no field has are passed over.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, dataclass, field, fields
from types import NoneType, UnionType
from typing import Annotated, Any, ClassVar, Final, NamedTuple, Self, Union, get_args, get_origin, get_type_hints

from jitui.recording.facts.fact import Draft, Fact, Kind, number
from jitui.values.errors import InvalidError
from jitui.values.instant import Deadline, Instant

_put: Final = object.__setattr__  # as the __init__ of a frozen dataclass does: over all facts of a ledger the time counts
_UNREADABLE: Final = (ValueError, TypeError, KeyError, AttributeError, InvalidError)  # of a value that is not what was written


@dataclass(frozen=True, slots=True)
class Codec:
    """How a value stands in JSON."""

    read: Callable[[Any], Any]  # raises ValueError, TypeError, KeyError, AttributeError or InvalidError: it is no such value
    write: Callable[[Any], Any]
    plain: type | None = None  # in JSON; a value of this type is taken as it is


def of_store() -> Any:
    """The default of a field that the store fills in when the fact is committed."""
    return field(default=None, metadata={"needed": True})


@dataclass(frozen=True, slots=True, kw_only=True)
class Payload:
    """The content of a fact of one kind. A subclass is a frozen, slotted dataclass, and names its kind."""

    KIND: ClassVar[Kind]

    def draft(self, subject: str, who: str) -> Draft:
        """The fact as the store takes it."""
        return Draft(self.KIND, subject, who, self.json())

    def json(self) -> dict[str, Any]:
        """The content as it stands on record."""
        what = {}
        for name, _, _, codec in _spec(type(self)):
            value = getattr(self, name)
            if value is not None:
                what[name] = value if codec is None else codec.write(value)
        return what

    @classmethod
    def of(cls, fact: Fact) -> Self:
        """Read the content of a fact of this kind. Raises InvalidError, which names the fact, if it lacks something or holds something else."""
        what, told = fact.what, object.__new__(cls)
        for name, default, plain, codec in _spec(cls):
            value = what.get(name, MISSING)
            _put(told, name, value if type(value) is plain else _read(fact, name, value, default, codec))
        return told


def _read(fact: Fact, name: str, value: Any, default: Any, codec: Codec | None) -> Any:
    """Read a value that is not taken as it is."""
    if value is MISSING or (value is None and default is not MISSING):
        if default is MISSING:
            raise InvalidError(f"fact {fact.seq} can't be read: {fact.kind} about {fact.subject} has no {name}, which every gateway wrote")
        return default
    try:
        if codec is not None:
            return codec.read(value)
        raise TypeError
    except _UNREADABLE as error:
        words = f"fact {fact.seq} can't be read: {fact.kind} about {fact.subject} has the {name} {value!r:.60}, which no gateway wrote"
        raise InvalidError(words) from error


class _Field(NamedTuple):
    name: str
    default: Any  # MISSING: it is needed
    plain: type | None  # of a value that is taken as it is; None: the codec reads each
    codec: Codec | None


_SPECS: Final[dict[type[Payload], tuple[_Field, ...]]] = {}


def _spec(cls: type[Payload]) -> tuple[_Field, ...]:
    """The fields of a class, as they are read and written; looked at once."""
    return _SPECS.get(cls) or _SPECS.setdefault(cls, tuple(_fields(cls)))


def _fields(cls: type[Payload]) -> Iterator[_Field]:
    hints = get_type_hints(cls, include_extras=True)
    for each in fields(cls):
        plain, codec = _form(hints[each.name])
        default = MISSING if "needed" in each.metadata else each.default
        yield _Field(each.name, default, plain, codec)


def _form(hint: Any) -> tuple[type | None, Codec | None]:
    """The plain type of a field, or how it is read and written."""
    if get_origin(hint) in {Union, UnionType}:  # one type, or None
        (hint,) = set(get_args(hint)) - {NoneType}
    if get_origin(hint) is Annotated:
        codec: Codec = get_args(hint)[1]
        return codec.plain, codec
    if hint in {str, int, bool}:
        return hint, None
    return None, _CODECS[hint]


def _moment(cls: type[Instant] | type[Deadline]) -> Codec:
    def read(value: Mapping[str, Any]) -> Instant | Deadline:
        wall_us, boot_us, boot_id = value["wall_us"], value["boot_us"], value["boot_id"]
        if type(wall_us) is not int or type(boot_us) is not int or type(boot_id) is not str:
            raise TypeError
        return cls(wall_us, boot_us, boot_id)

    return Codec(read, lambda moment: {"wall_us": moment.wall_us, "boot_us": moment.boot_us, "boot_id": moment.boot_id})


def _words(value: Any) -> tuple[str, ...]:
    """A list of texts; one text alone is a list of one."""
    found = (value,) if isinstance(value, str) else tuple(value)
    if not set(map(type, found)) <= {str}:
        raise TypeError
    return found


def _scope(value: Any) -> str:
    return "; ".join(_words(value))


def label(letter: str) -> Codec:
    """The number of a request, grant or session; older gateways wrote the label."""
    return Codec(lambda value: number(value, letter), int, int)


HEX: Final = Codec(bytes.fromhex, bytes.hex)
WORDS: Final = Codec(_words, list)
SCOPE: Final = Codec(_scope, str, str)  # the clauses as one text; older gateways wrote a list of them
COUNT: Final = Codec(len, int, int)  # a number; older gateways wrote a list of what there was
_CODECS: Final[Mapping[Any, Codec]] = {bytes: HEX, tuple[str, ...]: WORDS, Instant: _moment(Instant), Deadline: _moment(Deadline)}
