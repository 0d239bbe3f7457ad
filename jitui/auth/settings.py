"""The part of the settings file that says who may come over SSH. `config.py` reads it."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Final

from pydantic import BeforeValidator, ValidationInfo, WithJsonSchema

from jitui.auth.certificates import must_be_authority
from jitui.auth.sshkeys import TYPES, PublicKey, read_keys
from jitui.values.errors import InvalidError
from jitui.values.fields import Strict


def _ssh_keys(value: object, info: ValidationInfo) -> tuple[PublicKey, ...]:
    """The keys of lines, and of files whose path starts at the file's own folder."""
    found: list[PublicKey] = []
    for entry in value if isinstance(value, list) else [value]:
        if not isinstance(entry, str) or not entry or "\0" in entry:
            raise ValueError("a line of a public key is expected, or the path of a file with such lines")
        file = None if any(kind in entry.split() for kind in TYPES) or "\n" in entry else Path(info.context or ".").absolute() / Path(entry).expanduser()
        try:
            found += read_keys(entry if file is None else file.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, RuntimeError) as error:
            raise ValueError(f"{file or entry} can't be read: {getattr(error, 'strerror', None) or error}") from None
        except InvalidError as error:
            raise ValueError(f"{file}: {error}" if file else str(error)) from None
    return tuple(found)


_SHAPE: Final = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}
SshKeys = Annotated[tuple[PublicKey, ...], BeforeValidator(_ssh_keys), WithJsonSchema({**_SHAPE, "examples": ["~/.ssh/id_ed25519.pub"]})]


class Ssh(Strict):
    """The callers who may come to `listen.ssh`, beside those whose keys are known."""

    user_ca: SshKeys = ()
    """Authorities whose certificates are good: of the identity or person that they name as principal, exactly. Lines of keys, or files with such lines."""
    password_tokens: bool = False
    """Takes a token as the password, for programs that can do nothing else."""


def clashes(ssh: Ssh, people: Mapping[str, tuple[PublicKey, ...]]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Where a key stands that two would have, or an authority that can't be asked, and the error in words. `people`: the keys of each, by name."""
    taken: dict[str, tuple[str, ...]] = {}
    for where, keys in [(("ssh", "user_ca"), ssh.user_ca), *((("people", name, "ssh_keys"), keys) for name, keys in people.items())]:
        for key in keys:
            if (first := taken.setdefault(key.fingerprint, where)) != where:
                yield where, f"{key.fingerprint} stands under {'.'.join(first)} already; a key is one person's alone"
    for key in ssh.user_ca:
        try:
            must_be_authority(key)
        except InvalidError as error:
            yield ("ssh", "user_ca"), str(error)
