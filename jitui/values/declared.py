"""`dataclass`, made in a third of the time: a short command spends more on declaring what it may show than on showing it.

A frozen dataclass of the standard library compiles seven functions for each class. This one compiles `__init__` alone, once an instance is made; the others
are shared. It is a dataclass all the same: `fields`, `replace` and `asdict` know it. That nobody sets a field of a frozen one is checked by mypy, not while it
runs.
"""

import dataclasses
from operator import attrgetter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass  # noqa: PLC0414 - mypy knows the decorator by this name
else:

    def dataclass(*, frozen: bool, slots: bool, kw_only: bool = False) -> Any:
        """As that of `dataclasses`, with these arguments."""

        def made(declared: type) -> type:
            declared.__doc__ = declared.__doc__ or declared.__name__  # or the standard library would put its signature there, which takes as long as all else
            cls = dataclasses.dataclass(init=False, eq=False, repr=False, slots=slots, kw_only=kw_only)(declared)
            cls.__init__ = _first(cls)
            compared = [field.name for field in dataclasses.fields(cls) if field.compare]
            cls.__values__ = staticmethod(attrgetter(*compared) if compared else _nothing)
            for name, function in (("__repr__", _shown), ("__eq__", _equal), ("__hash__", _hashed if frozen else None)):
                if name not in declared.__dict__:
                    setattr(cls, name, function)
            return cls

        return made


def _first(cls: Any) -> Any:
    """The `__init__` of a class of which there is no instance yet: it makes the real one."""

    def init(self: Any, *args: Any, **given: Any) -> None:
        made: dict[str, Any] = {
            each.name: dataclasses.field(default=each.default, default_factory=each.default_factory, init=each.init, kw_only=each.kw_only)
            for each in dataclasses.fields(cls)
        }
        made["__annotations__"] = {each.name: each.type for each in dataclasses.fields(cls)}
        made["__doc__"] = cls.__doc__
        if hasattr(cls, "__post_init__"):
            made["__post_init__"] = cls.__post_init__
        real = vars(dataclasses.dataclass(eq=False, repr=False)(type(cls.__name__, (), made)))["__init__"]
        real.__qualname__ = f"{cls.__qualname__}.__init__"  # it is in the words of an error
        cls.__init__ = real
        real(self, *args, **given)

    return init


def _nothing(_: Any) -> None:
    """The values of a class without fields."""


def _shown(self: Any) -> str:
    shown = ", ".join(f"{field.name}={getattr(self, field.name)!r}" for field in dataclasses.fields(self) if field.repr)
    return f"{type(self).__qualname__}({shown})"


def _equal(self: Any, other: Any) -> Any:
    return self.__values__(self) == other.__values__(other) if type(self) is type(other) else NotImplemented


def _hashed(self: Any) -> int:
    return hash(self.__values__(self))
