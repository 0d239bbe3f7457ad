"""Kubeconfig files for agents (kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig)."""

import contextlib
import json
import os
import shutil
import sys
import tempfile
from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from jitui.api.views import Hello
from jitui.cli.credential import VERSION
from jitui.cli.reach import Reach
from jitui.values import places
from jitui.values.errors import ConflictError, InvalidError, UnknownCallerError
from jitui.values.nodes import Node, compose
from jitui.values.private_file import write_private

MARK = "jitui-"  # begins the names of everything in a file of ours


def required(token: str) -> str:
    if not token:
        raise UnknownCallerError("no token; name its file with --token-file or JITUI_TOKEN")
    return token


def document(hello: Hello, connection: str, user: Mapping[str, Any]) -> dict[str, Any]:
    """One cluster, one user, one context."""
    if not hello.kube:
        raise InvalidError("this gateway does not say where kubectl can reach it")
    name = MARK + connection
    cluster: dict[str, Any] = {"server": hello.kube_connections.get(connection) or f"{hello.kube}/c/{connection}"}
    if hello.ca_pem:
        cluster["certificate-authority-data"] = b64encode(hello.ca_pem.encode()).decode()
    return {
        "apiVersion": "v1", "kind": "Config", "current-context": name,
        "clusters": [{"name": name, "cluster": cluster}],
        "users": [{"name": MARK + hello.you, "user": dict(user)}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": MARK + hello.you}}],
    }


def plugin(args: Sequence[str]) -> dict[str, Any]:
    """A user whose token comes from `jitui credential`."""
    return {"exec": {
        "apiVersion": VERSION, "command": command(), "args": list(args), "interactiveMode": "Never", "provideClusterInfo": True,
        "installHint": "jitui is not in the PATH; install it with: pip install jitui",
    }}


def command() -> str:
    """`jitui` where the PATH has this one, else where it is."""
    here = Path(sys.argv[0])
    found = shutil.which("jitui")
    if found is None and here.name == "jitui":
        return str(here.absolute())
    return "jitui"


def token_file(there: Reach, output: Path | None) -> Path:
    """The file the plugin will read: the one that was named, or one beside the kubeconfig for a token that came in a variable."""
    named = there.token_file or os.environ.get("JITUI_TOKEN", "")
    token = required(there.token)
    if not named.startswith("jt_"):
        return places.written(named).absolute()
    if output is None:
        raise InvalidError("the token is in JITUI_TOKEN, and the plugin needs it in a file: name one with --token-file, or use --output or --embed-token")
    beside = output.absolute().with_name(output.name + ".token")
    write_private(beside, f"{token}\n".encode())
    return beside


def text(made: Mapping[str, Any]) -> str:
    import yaml  # noqa: PLC0415 - slow to import, and most commands write none

    return str(yaml.safe_dump(made, sort_keys=False))


def write(path: Path, made: Mapping[str, Any]) -> None:
    """To a file of mode 0600. Raises ConflictError for a file that holds anything else than ours."""
    try:
        root = compose(path.read_bytes())
    except FileNotFoundError:
        root = None
    except (OSError, InvalidError) as error:
        raise ConflictError(f"{path} is there and can't be read as a kubeconfig of jitui ({error}); write to another file") from None
    else:
        named = [_names(root, section) for section in ("contexts", "clusters", "users")]
        if not named[0] or None in named:
            raise ConflictError(f"{path} is there and is no kubeconfig of jitui; write to another file")
        if not all(name.startswith(MARK) for names in named for name in names or ()):
            raise ConflictError(f"{path} holds other clusters too; write to another file and name both in KUBECONFIG")
    write_private(path, text(made).encode())


def _names(root: Node | None, section: str) -> list[str] | None:
    """The names in a list of a kubeconfig; None if one of its entries has none, or it is no list."""
    lists = [value for key, value in (root.pairs if root is not None else None) or () if key.value == section]
    if any(one.items is None or one.pairs is not None for one in lists):
        return None
    entries = [{key.value: value.value for key, value in entry.pairs or ()}.get("name") for one in lists for entry in one.items or ()]
    return None if None in entries else [name for name in entries if name is not None]


@contextlib.contextmanager
def lent(hello: Hello, connection: str, token: str, env: Mapping[str, str]) -> Iterator[Mapping[str, str]]:
    """The environment of a command that an agent runs, with a kubeconfig for the connection as long as it runs, unless KUBECONFIG names one already.

    The token is in the file, which is the agent's user's alone: not every client can run a plugin. A person, or who has no token, gets none.
    """
    if env.get("KUBECONFIG") or not token or "agent" not in hello.roles:
        yield env
        return
    runtime = env.get("XDG_RUNTIME_DIR", "")
    with tempfile.TemporaryDirectory(prefix=MARK, dir=runtime if Path(runtime).is_absolute() and Path(runtime).is_dir() else None) as folder:
        file = Path(folder) / "kubeconfig"
        write(file, document(hello, connection, {"token": token}))
        yield {**env, "KUBECONFIG": str(file)}


def pinned(env: Mapping[str, str]) -> str:
    """The authority kubectl trusts, as it tells its plugin (KUBERNETES_EXEC_INFO, with provideClusterInfo); empty if it does not."""
    try:
        data = json.loads(env.get("KUBERNETES_EXEC_INFO", "{}"))["spec"]["cluster"]["certificate-authority-data"]
        return b64decode(data).decode("ascii")
    except (ValueError, KeyError, TypeError):
        return ""
