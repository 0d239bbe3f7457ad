"""Agents: ask for a window, and the kubeconfig to use it with. `jitui credential` is the plugin that kubeconfig names."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from jitui.api.client import Client
from jitui.api.views import RequestView
from jitui.cli import follow, kubeconfig, show
from jitui.cli.credential import credential
from jitui.cli.desk import LINE, request_line
from jitui.cli.kinds import DURATION, OUTPUT, BeforeCommand, command_after
from jitui.cli.reach import asynchronous, gateway, reach, reaching
from jitui.policy.brief import brief, parts
from jitui.values import plain
from jitui.values.errors import InvalidError, JituiError, NotFoundError

FILE_KEYS = ("identity", "connection", "duration", "approval", "scope", "reason")


@click.command("request", cls=BeforeCommand, options_metavar="[OPTIONS] [-- COMMAND...]")
@click.argument("connection", required=False, default="")
@click.option("--duration", type=DURATION, default=0, metavar="D", help="As 30m or 1h30m; the rule's if not given.")
@click.option("--reason", default="", metavar="TEXT", help="What for; the person who decides reads it.")
@click.option("--scope", multiple=True, help="What of the connection, as 'read pods in web'; more than once for more clauses; the rule's if not given.")
@click.option("-f", "--file", "file", type=click.Path(dir_okay=False), help="The request as YAML: identity, connection, duration, approval, scope.")
@click.option("--wait", is_flag=True, help="Until it is decided.")
@reaching
@asynchronous
async def request_command(connection: str, duration: int, reason: str, scope: tuple[str, ...], file: str | None, wait: bool, as_json: bool) -> None:
    """Ask for a window on CONNECTION.

    With a COMMAND: ask, wait, run it, with a KUBECONFIG for CONNECTION if there is none, give the window back, and pass its exit code on.
    """
    wanted = read_file(Path(file)) if file else {}
    if connection and wanted.get("connection", connection) != connection:
        raise click.UsageError(f"{file} asks for {wanted['connection']}, the command line for {connection}")
    connection = connection or wanted.get("connection", "")
    if not connection:
        raise click.UsageError("which connection? jitui request CONNECTION, or -f FILE")
    given = {"duration_s": duration or wanted.get("duration", 0), "reason": reason or wanted.get("reason", ""),
             "scope": "; ".join(scope) or wanted.get("scope", ""), "identity": wanted.get("identity", ""), "approval": wanted.get("approval", "")}
    command = command_after()
    async with gateway() as at:
        asked = await at.ask(connection, **given)
        if command:
            raise SystemExit(await _around(at, asked, command))
        if wait and asked.state == "pending":
            show.note(waiting(asked))
            asked = await _decided(at, asked)
        show.one(asked, as_json, request_line, LINE)
        if wait:
            follow.must_be_approved(asked)


def waiting(asked: RequestView) -> str:
    return f"{asked.id} waits for a person to decide (on {asked.connection}: {brief(parts(asked.scope), 200)}); windows begin when they say yes"


def read_file(path: Path) -> dict[str, Any]:
    """A request file; durations in seconds, scope as one text. Raises InvalidError with file, line and key, NotFoundError."""
    from jitui import marked  # noqa: PLC0415 - with yaml, which only a file needs

    try:
        document = marked.load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise NotFoundError(f"{path}: no such request file") from None
    except UnicodeDecodeError:
        raise InvalidError(f"{path}: is not UTF-8 text") from None
    except InvalidError as error:
        raise InvalidError(f"{path}:{error}") from None
    if not isinstance(document.data, dict):
        raise InvalidError(f"{path}:1: a request is keys and values: {', '.join(FILE_KEYS)}")
    made: dict[str, Any] = {}
    for key, value in document.data.items():
        where = f"{path}:{document.line((key,))}: {key}"
        if key not in FILE_KEYS:
            raise InvalidError(f"{where}: unknown key; a request has {', '.join(FILE_KEYS)}")
        if key == "scope" and isinstance(value, list) and all(isinstance(item, str) for item in value):
            value = "; ".join(value)  # noqa: PLW2901
        if not isinstance(value, str):
            raise InvalidError(f"{where}: text is expected")
        try:
            made[key] = DURATION.convert(value, None, None) if key == "duration" else value
        except click.BadParameter as error:
            raise InvalidError(f"{where}: {error.message}") from None
    return made


async def _decided(at: Client, asked: RequestView) -> RequestView:
    try:
        return await follow.decision(at, asked)
    except asyncio.CancelledError:
        show.note(f"{asked.id} still waits; take it back with: jitui withdraw {asked.id}")
        raise


async def _around(at: Client, asked: RequestView, command: Sequence[str]) -> int:
    """Wait, run the command within the window, give the window back. Raises RefusedError if nobody said yes."""
    if asked.state == "pending":
        show.note(waiting(asked))
        try:
            asked = await follow.decision(at, asked)
        except asyncio.CancelledError:
            with contextlib.suppress(JituiError):
                await at.withdraw(asked.id)
            raise
    follow.must_be_approved(asked)
    try:
        with kubeconfig.lent(await at.hello(), asked.connection, reach().token, os.environ) as env:
            return await _run(command, env)
    finally:
        with contextlib.suppress(JituiError):  # it ended by itself
            await at.release(asked.grant)


async def _run(command: Sequence[str], env: Mapping[str, str]) -> int:
    """The command's exit code, 128 + N for a signal. Ctrl-C is the command's: it stands on the same terminal."""
    try:
        process = await asyncio.create_subprocess_exec(*command, env=env)
    except FileNotFoundError:
        raise NotFoundError(f"{command[0]}: no such command") from None
    except PermissionError:
        raise InvalidError(f"{command[0]}: can't be run") from None
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGINT, lambda: None)
    for number in (signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, process.send_signal, number)
    code = await process.wait()
    return code if code >= 0 else 128 - code


@click.command("kubeconfig")
@click.argument("connection")
@click.option("--ask", is_flag=True, help="kubectl itself asks and waits when there is no window.")
@click.option("--duration", type=DURATION, default=0, metavar="D", help="With --ask: of the window; the rule's if not given.")
@click.option("--reason", default="", metavar="TEXT", help="With --ask: what for.")
@click.option("--embed-token", is_flag=True, help="Put the token into the file instead of naming a credential plugin.")
@click.option("--output", type=OUTPUT, metavar="F", help="A file, readable by you alone; otherwise stdout.")
@reaching
@asynchronous
async def kubeconfig_command(connection: str, ask: bool, duration: int, reason: str, embed_token: bool, output: Path | None, as_json: bool) -> None:
    """A kubeconfig for one connection, for the token's identity."""
    if ask and embed_token:
        raise click.UsageError("--ask needs the credential plugin, --embed-token does without it")
    there = reach()
    async with gateway() as at:
        hello = await at.hello()
    if connection not in hello.connections:
        raise NotFoundError(f"no connection {connection} here; known: {', '.join(hello.connections) or 'none'}")
    if embed_token:
        user: dict[str, Any] = {"token": kubeconfig.required(there.token)}
    else:
        args = ["--token-file", str(kubeconfig.token_file(there, output))]
        if ask:
            args = ["--ask", connection, "--gateway", str(there.address), *args]
            args += [part for flag, value in (("--duration", f"{duration}s" if duration else ""), ("--reason", reason)) if value for part in (flag, value)]
        user = kubeconfig.plugin(["credential", *args])
    made = kubeconfig.document(hello, connection, user)
    if output is None:
        click.echo(plain.text(made) if as_json else kubeconfig.text(made), nl=as_json)
        return
    kubeconfig.write(output, made)
    show.one({"kubeconfig": str(output), "context": made["current-context"]}, as_json,
             lambda _: f"{output}: kubectl --kubeconfig {output} speaks to {connection} as {hello.you}")


@click.command("credential")
@click.option("--ask", metavar="CONNECTION", default="", help="Ask for a window there and wait, if none is live.")
@click.option("--duration", type=DURATION, default=0, metavar="D")
@click.option("--reason", default="", metavar="TEXT")
@reaching
@asynchronous
async def credential_command(ask: str, duration: int, reason: str, as_json: bool) -> None:  # noqa: ARG001 - it is JSON anyway
    """The kubectl credential plugin (client.authentication.k8s.io/v1)."""
    there = reach()
    token = kubeconfig.required(there.token)
    if ask:
        at = Client(there.address, token=token, ca=Path(there.ca) if there.ca else None, ca_pem=kubeconfig.pinned(os.environ))
        try:
            if not [grant for grant in await at.grants() if grant.connection == ask]:
                asked = await at.ask(ask, duration_s=duration, reason=reason or os.environ.get("JITUI_REASON", "") or "asked by kubectl")
                if asked.state == "pending":
                    show.note(waiting(asked))
                follow.must_be_approved(await follow.decision(at, asked))
        finally:
            await at.aclose()
    click.echo(credential(token))
