"""The default places of files and sockets (XDG base directory specification)."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from jitui.values.errors import InvalidError

SERVICE: Final = Path("/run/jitui/desk.sock")  # of a gateway that serves a whole machine


def written(text: str) -> Path:
    """A path as a person writes it, with `~` for a home. Raises InvalidError where there is no such home."""
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise InvalidError(f"{text[:200]}: there is no such user, whose home ~ would be; write the whole path") from None


def state_folder(env: Mapping[str, str]) -> Path:
    """The gateway's data: $XDG_STATE_HOME/jitui."""
    return _base(env, "XDG_STATE_HOME", ".local/state") / "jitui"


def runtime_folder(env: Mapping[str, str]) -> Path:
    """desk.sock and ready.json: $XDG_RUNTIME_DIR/jitui, or `run` in the state folder where there is none."""
    given = env.get("XDG_RUNTIME_DIR", "")
    return Path(given) / "jitui" if given.startswith("/") else state_folder(env) / "run"


def config_file(env: Mapping[str, str]) -> Path:
    """$XDG_CONFIG_HOME/jitui/config.yaml."""
    return _base(env, "XDG_CONFIG_HOME", ".config") / "jitui" / "config.yaml"


def socket(env: Mapping[str, str], data_dir: Path | None) -> Path:
    """The desk's socket: in the data folder if that was named, so that two gateways never meet; else in the runtime folder."""
    return (data_dir if data_dir is not None else runtime_folder(env)) / "desk.sock"


def found_socket(env: Mapping[str, str], data_dir: Path | None) -> tuple[Path, bool]:
    """The socket of a client's gateway, and whether it is the machine's service: that is used where the user has no gateway of their own."""
    own = socket(env, data_dir)
    service = data_dir is None and not _there(own) and _there(SERVICE)
    return (SERVICE if service else own), service


def _there(path: Path) -> bool:
    """Whether something is there, or may be in a folder that we can't read: the client's error then names that folder."""
    try:
        return path.exists()
    except PermissionError:
        return True
    except OSError:
        return False


def data_behind(sock: Path, env: Mapping[str, str]) -> Path | None:
    """The data folder of the gateway at a socket, if it is one that can be read from here."""
    folder = state_folder(env) if sock == runtime_folder(env) / "desk.sock" else sock.parent
    try:
        return folder if (folder / "ledger.db").is_file() else None
    except OSError:
        return None


def _base(env: Mapping[str, str], name: str, default: str) -> Path:
    """A relative path in such a variable is to be ignored."""
    given = env.get(name, "")
    if given.startswith("/"):
        return Path(given)
    try:
        return Path.home() / default
    except RuntimeError:
        raise InvalidError(f"this user has no home folder, and neither HOME nor {name} is set; set one of them") from None
