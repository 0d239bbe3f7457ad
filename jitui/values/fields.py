"""The types of the settings file: strict models, addresses, paths, durations, sizes."""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, StringConstraints, ValidationInfo, WithJsonSchema

from jitui.values import size, span
from jitui.values.errors import InvalidError


class Strict(BaseModel):
    """A part of the file: it has no unknown keys, converts nothing, and never changes."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, use_attribute_docstrings=True)


def _path(value: object, info: ValidationInfo) -> object:
    """A path as written: `~` is home, and a relative one starts at the folder that the validation's context names, which is the file's own."""
    if not isinstance(value, str) or not value or "\0" in value:
        raise ValueError("a path is expected")
    try:
        return Path(info.context or ".").absolute() / Path(value).expanduser()
    except RuntimeError:
        raise ValueError(f"{value}: there is no such user, whose home ~ would be") from None


def _paths(value: object, info: ValidationInfo) -> object:
    """Paths joined by `:`, as in KUBECONFIG, each as above."""
    if not isinstance(value, str) or not value.strip(":"):
        raise ValueError("a path is expected, or several joined by :")
    return tuple(_path(part, info) for part in value.split(":") if part)


def _seconds(value: object) -> object:
    if isinstance(value, str):
        try:
            return span.parse(value)
        except InvalidError as error:
            raise ValueError(str(error)) from None
    raise ValueError("a duration is hours, minutes, seconds as in 30m, 1h30m or 45s")


def _age(value: object) -> object:
    if isinstance(value, str):
        try:
            return span.parse_long(value)
        except InvalidError as error:
            raise ValueError(str(error)) from None
    raise ValueError("a length of time is days, weeks or years as in 90d, 12w or 7y")


def _bytes(value: object) -> object:
    if isinstance(value, str):
        try:
            return size.parse(value)
        except InvalidError as error:
            raise ValueError(str(error)) from None
    raise ValueError("a size is a whole number and its unit, as in 500MB or 2GiB")


def _port(value: str) -> str:
    if int(value.rpartition(":")[2]) > 65535:
        raise ValueError(f"{value}: a port is at most 65535")
    return value


HostPort = Annotated[str, StringConstraints(pattern=r"^(?:\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+):[0-9]{1,5}$"), AfterValidator(_port)]
FilePath = Annotated[Path, BeforeValidator(_path), WithJsonSchema({"type": "string", "minLength": 1})]
FilePaths = Annotated[tuple[Path, ...], BeforeValidator(_paths), WithJsonSchema({"type": "string", "minLength": 1})]
Seconds = Annotated[int, BeforeValidator(_seconds), WithJsonSchema({"type": "string", "pattern": span.GRAMMAR, "examples": ["30m", "1h30m"]})]
Age = Annotated[int, BeforeValidator(_age), WithJsonSchema({"type": "string", "pattern": span.LONG, "examples": ["90d", "7y"]})]
Bytes = Annotated[int, BeforeValidator(_bytes), WithJsonSchema({"type": "string", "pattern": size.GRAMMAR, "examples": ["500MB", "2GiB"]})]
