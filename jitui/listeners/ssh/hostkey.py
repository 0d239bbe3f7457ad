"""The host key of the SSH listener: made once, and the gateway's for good."""

from pathlib import Path
from typing import Final

from asyncssh import KeyImportError, SSHKey, generate_private_key, import_private_key

from jitui.values import private_file
from jitui.values.errors import ConfigurationError, UnsafeError

NAME: Final = "ssh_host_ed25519_key"


def ensure(folder: Path) -> SSHKey:
    """The key in `folder`, which is made if there is none. Raises ConfigurationError if it can't be read, UnsafeError if others may read it."""
    path = folder / NAME
    try:
        if (mode := path.stat().st_mode & 0o777) & 0o077:
            raise UnsafeError(f"{path}: the SSH host key has mode {mode:04o}, so others may read it, and could be taken for this gateway; chmod 600 {path}, "
                              "and treat it as known: make another")
        return import_private_key(path.read_bytes())
    except FileNotFoundError:
        key = generate_private_key("ssh-ed25519")
        private_file.write_private(path, key.export_private_key())
        return key
    except (OSError, KeyImportError) as error:
        raise ConfigurationError(f"{path}: the SSH host key can't be read ({error}); restore it from a copy, or remove it for a new one that every client "
                                 "has to be told of") from None
