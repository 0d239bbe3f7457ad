"""`dataclass`, made in a third of the time: a short command spends more on declaring what it may show than on showing it.

A frozen dataclass of the standard library compiles seven functions for each class. This one compiles `__init__` alone; the others are shared. It is a
dataclass all the same: `fields`, `replace` and `asdict` know it. That nobody sets a field of a frozen one is checked by mypy, not while it runs.
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
            cls = dataclasses.dataclass(eq=False, repr=False, slots=slots, kw_only=kw_only)(declared)
            compared = [field.name for field in dataclasses.fields(cls) if field.compare]
            cls.__values__ = staticmethod(attrgetter(*compared) if compared else _nothing)
            for name, function in (("__repr__", _shown), ("__eq__", _equal), ("__hash__", _hashed if frozen else None)):
                if name not in declared.__dict__:
                    setattr(cls, name, function)
            return cls

        return made


def _nothing(_: Any) -> None:
    """The values of a class without fields."""


def _shown(self: Any) -> str:
    shown = ", ".join(f"{field.name}={getattr(self, field.name)!r}" for field in dataclasses.fields(self) if field.repr)
    return f"{type(self).__qualname__}({shown})"


def _equal(self: Any, other: Any) -> Any:
    return self.__values__(self) == other.__values__(other) if type(self) is type(other) else NotImplemented


def _hashed(self: Any) -> int:
    return hash(self.__values__(self))
