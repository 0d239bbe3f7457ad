"""Keys and certificates made by OpenSSH's own ssh-keygen, for tests."""

import base64
import subprocess
from pathlib import Path


def made(path: Path, kind: str = "ed25519", bits: int = 0, comment: str = "") -> Path:
    """A new pair of keys without a passphrase; the public one is beside `path`, with .pub."""
    size = ["-b", str(bits)] if bits else []
    subprocess.run(["ssh-keygen", "-q", "-t", kind, *size, "-N", "", "-C", comment, "-f", str(path)], check=True, stdin=subprocess.DEVNULL)
    return path


def public(key: Path) -> str:
    """The line of a private key's public half."""
    return key.with_name(f"{key.name}.pub").read_text()


def blob(line: str) -> bytes:
    return base64.b64decode(line.split()[1])


def printed(key: Path) -> str:
    """The fingerprint as ssh-keygen prints it."""
    return subprocess.run(["ssh-keygen", "-l", "-f", str(key)], check=True, capture_output=True, text=True).stdout.split()[1]


def certified(authority: Path, key: Path, *principals: str, valid: str = "-1h:+1h", name: str = "for ana", serial: int = 7, host: bool = False,
              options: tuple[str, ...] = ()) -> Path:  # fmt: skip
    """The certificate of a key's public half, beside it as ssh looks for it; an earlier one there is gone. `options` as for ssh-keygen -O."""
    words = ["-s", str(authority), "-I", name, "-z", str(serial), "-V", valid, *(["-n", ",".join(principals)] if principals else []), *(["-h"] if host else [])]
    subprocess.run(["ssh-keygen", "-q", *words, *(part for option in options for part in ("-O", option)), f"{key}.pub"], check=True)
    return key.with_name(f"{key.name}-cert.pub")
