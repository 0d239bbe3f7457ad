"""`jitui credential`: the kubectl credential plugin (client.authentication.k8s.io/v1). kubectl runs it on every call, so it must be quick.

Standard library and click only; plain use without click even. With `--ask` it asks for a window and waits until a person has decided.
"""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

VERSION = "client.authentication.k8s.io/v1"


def plugin(args: Sequence[str], env: Mapping[str, str] = os.environ) -> int | None:
    """The quick way: no options, or a token file. None if there is more to understand."""
    if list(args) and not (len(args) == 2 and args[0] == "--token-file"):
        return None
    try:
        token = read_token(args[1] if args else "", env)
    except ValueError as error:
        print(f"jitui: {error}", file=sys.stderr)  # noqa: T201
        return 1
    if not token:
        print("jitui: no token; name its file with --token-file or JITUI_TOKEN", file=sys.stderr)  # noqa: T201
        return 1
    print(credential(token))  # noqa: T201
    return 0


def credential(token: str) -> str:
    """An ExecCredential. Without an expiry: windows end by the gateway's clock, and kubectl need not ask twice in one call."""
    return json.dumps({"apiVersion": VERSION, "kind": "ExecCredential", "status": {"token": token}})


def read_token(path: str, env: Mapping[str, str]) -> str:
    """The token of a file, or of JITUI_TOKEN, which holds a token or names a file; empty if neither is given. Raises ValueError."""
    given = "" if path else env.get("JITUI_TOKEN", "")
    if given.startswith("jt_"):
        return given
    if not (path or given):
        return ""
    try:
        text = Path(path or given).expanduser().read_text(encoding="ascii").strip()
    except UnicodeDecodeError:
        text = ""
    except OSError as error:
        raise ValueError(f"token file {path or given}: {error.strerror}") from None
    except RuntimeError:
        raise ValueError(f"token file {path or given}: there is no such user, whose home ~ would be; write the whole path") from None
    if not text.startswith("jt_") or len(text.split()) != 1:
        raise ValueError(f"{path or given} holds no token; it is one line that begins with jt_")
    return text
