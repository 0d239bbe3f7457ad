"""Reads views out of JSON: the inverse of `values/plain.py`.

A view is a dataclass of scalars, words, lists, mappings and other views. A key that is not known here is left out, so that a newer gateway may say more;
a value of another type, or a missing one, is an error. Written out because a library for it takes as long to import as a whole command may take to run.
"""

import dataclasses
import types
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from jitui.values.said import Said

Read = Callable[[Any], Any]


class DifferentError(ValueError):
    """The data is not of the shape; the words say where."""


def read(shape: Any, data: Any) -> Any:
    """Data, as json.loads gives it, in this shape. Raises DifferentError."""
    return reader(shape)(data)


@cache
def reader(shape: Any) -> Read:
    """A function that reads data of the shape. Raises TypeError for a shape that no view has."""
    origin, of = get_origin(shape), get_args(shape)
    if origin is Annotated:
        return reader(of[0])
    if origin in {Union, types.UnionType}:
        return _either([reader(each) for each in of])
    if origin is Literal:
        return _word(frozenset(of))
    if origin in {list, Sequence}:
        return _listed(reader(of[0]), list)
    if origin is tuple and len(of) == 2 and of[1] is Ellipsis:
        return _listed(reader(of[0]), tuple)
    if origin in {dict, Mapping} and of[0] is str:
        return _mapped(reader(of[1]))
    if dataclasses.is_dataclass(shape) and shape is not Said:
        return _made(shape)
    if shape not in SCALARS:
        raise TypeError(f"no view has a field of type {shape}")
    return SCALARS[shape]


def _scalar(kind: type) -> Read:
    def scalar(data: Any) -> Any:
        if type(data) is not kind:
            raise DifferentError(f"{type(data).__name__} where {kind.__name__} is known")
        return data

    return scalar


def _number(data: Any) -> float:
    if type(data) not in {int, float}:
        raise DifferentError(f"{type(data).__name__} where a number is known")
    return float(data)


def _said(data: Any) -> Said:
    return Said(_text(data))


def _either(readers: Sequence[Read]) -> Read:
    def either(data: Any) -> Any:
        for each in readers[:-1]:
            try:
                return each(data)
            except DifferentError:
                continue
        return readers[-1](data)

    return either


def _word(words: frozenset[Any]) -> Read:
    def word(data: Any) -> Any:
        if type(data) is not str or data not in words:
            raise DifferentError(f"{data!r:.40} is none of {', '.join(sorted(words))}")
        return data

    return word


def _listed(item: Read, kind: type[list[Any]] | type[tuple[Any, ...]]) -> Read:
    def listed(data: Any) -> Any:
        if type(data) is not list:
            raise DifferentError(f"{type(data).__name__} where a list is known")
        return kind([item(each) for each in data])

    return listed


def _mapped(item: Read) -> Read:
    def mapped(data: Any) -> Any:
        if type(data) is not dict:
            raise DifferentError(f"{type(data).__name__} where an object is known")
        return {key: item(value) for key, value in data.items()}

    return mapped


def _made(view: Any) -> Read:
    """Of a dataclass: the fields that its constructor takes."""
    hints = get_type_hints(view, include_extras=True)
    known = {each.name: reader(hints[each.name]) for each in dataclasses.fields(view) if each.init}

    def made(data: Any) -> Any:
        if type(data) is not dict:
            raise DifferentError(f"{type(data).__name__} where {view.__name__} is known")
        values = {}
        for name in known.keys() & data.keys():
            try:
                values[name] = known[name](data[name])
            except DifferentError as error:
                raise DifferentError(f"{name}: {error}") from None
        try:
            return view(**values)
        except TypeError:
            missing = next(each.name for each in dataclasses.fields(view)
                           if each.init and each.name not in values and each.default is dataclasses.MISSING and each.default_factory is dataclasses.MISSING)
            raise DifferentError(f"{missing} is missing") from None

    return made


_text = _scalar(str)
SCALARS: Mapping[Any, Read] = {
    str: _text, int: _scalar(int), bool: _scalar(bool), types.NoneType: _scalar(types.NoneType), float: _number, Said: _said, Any: lambda data: data,
}  # fmt: skip
