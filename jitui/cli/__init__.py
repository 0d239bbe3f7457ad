"""The command line: one small file for each audience. It asks a gateway and prints; it decides nothing.

* root        the commands and where they live; errors as one line
* reach       which gateway, as whom; where the files are
* show        tables for people, one line of JSON for programs
* desk        approvers and operators: requests, windows, sessions
* agent       agents: request, kubeconfig; credential is the kubectl plugin
* gateway     who runs it: serve, stop, reload, check, identity, lockdown
* auditor     what was done, and why: actions, explain, facts
* proof       that nothing of it was altered, and the key it is signed with: verify, key
* tapes       what was said: frames, replay, export
* screen      the screens, the demo
* source      where what was recorded is read: files, a folder, the gateway
* shelf       the archive over bare files, without a gateway

Importing this package imports nothing else: kubectl runs `jitui credential` on every call.
"""

import sys


def main() -> int:
    """The entry point of `jitui`; returns the exit code."""
    if sys.argv[1:2] == ["credential"]:
        from jitui.cli.credential import plugin  # noqa: PLC0415

        if (code := plugin(sys.argv[2:])) is not None:
            return code
    from jitui.cli.root import run  # noqa: PLC0415

    return run()
