"""The commands and where they live; each module is imported when one of its commands is run. Errors are one line on stderr."""

import atexit
import os
import re
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, NoReturn

import click

from jitui import __version__
from jitui.values.clock import use_utc
from jitui.values.errors import JituiError
from jitui.values.said import clean

# those with commands, in the order of the help
FILES: Final = (
    "desk", "agent", "gateway", "openssh", "auditor", "changes", "find", "report", "holds", "proof", "auditlog", "rbac", "repair", "tapes", "moments",
    "screen",
)  # fmt: skip
DEFINED: Final = re.compile(r'^@click\.(?:command|group)\("([a-z-]+)"', re.MULTILINE)
LONG: Final = 2000  # characters of an error that are shown


@cache
def _commands(name: str) -> list[str]:
    """Those that a module defines as NAME_command, with _ for each dash, found in its text: to import all modules takes a second."""
    return DEFINED.findall(Path(__file__).with_name(f"{name}.py").read_text(encoding="utf-8"))


def homes() -> Mapping[str, str]:
    """Each command and its module."""
    return {command: name for name in FILES for command in _commands(name)}


class RefusedException(click.ClickException):
    """A JituiError on its way to stderr: one line, exit code 1."""

    def show(self, file: Any = None) -> None:
        click.echo(f"jitui: {clean(self.message, LONG)}", file=file, err=True)


class Root(click.Group):
    """Imports a command's module late, and turns errors into one line."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(homes())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        home = next((name for name in FILES if cmd_name in _commands(name)), None)
        command: click.Command | None = getattr(import_module(f"jitui.cli.{home}"), f"{cmd_name.replace('-', '_')}_command") if home else None
        return command

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except JituiError as error:
            _reraise_if_debugging()
            raise RefusedException(str(error)) from None
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nobody reads on; say nothing at exit either
            raise SystemExit(1) from None
        except OSError as error:
            _reraise_if_debugging()
            raise RefusedException(f"{error.filename or 'the system'}: {error.strerror or error}") from None
        except (KeyboardInterrupt, EOFError):
            raise SystemExit(130) from None
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:  # noqa: BLE001 - the last one who could say it in one line
            _reraise_if_debugging()
            raise RefusedException(f"this is a mistake of jitui: {type(error).__name__}: {error}; JITUI_DEBUG=1 shows where") from None


def _reraise_if_debugging() -> None:
    if os.environ.get("JITUI_DEBUG") == "1":
        raise  # noqa: PLE0704 - the error that is being handled


def _show_version(ctx: click.Context, _parameter: click.Parameter, asked: bool) -> None:
    if not asked or ctx.resilient_parsing:
        return
    found = find_spec("jitui.protocol.http")  # is compiled if any module is
    click.echo(f"jitui, version {__version__} ({'interpreted' if found is None or str(found.origin).endswith('.py') else 'compiled'})")
    ctx.exit()


@click.group(cls=Root, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option("--version", is_flag=True, expose_value=False, is_eager=True, callback=_show_version, help="Show the version, and whether it is compiled.")
@click.option("--gateway", metavar="URL", help="unix:PATH or https://HOST:PORT (JITUI_GATEWAY).")
@click.option("--token-file", metavar="FILE", help="Who you are, as a file with a token (JITUI_TOKEN: the file, or the token).")
@click.option("--ca", metavar="FILE", help="The authority that signed the gateway's certificate (JITUI_CA).")
@click.option("--data-dir", metavar="DIR", help="The gateway's data folder; for reading without a gateway.")
@click.option("--at", metavar="TIME", help="The screens as everything stood then, read only: 2026-11-28T16:04.")
@click.option("--utc", is_flag=True, help="Times as UTC; otherwise in the local zone, or that of TZ.")
@click.option("--ascii", "ascii_", is_flag=True, help="Screens in ASCII.")
@click.pass_context
def cli(ctx: click.Context, /, ascii_: bool, utc: bool, **reach: str | None) -> None:
    """Just-in-time access to Kubernetes for agents, granted and watched from a terminal.

    Without a command: the screens, and a gateway behind them if none answers.
    """
    root = ctx.ensure_object(dict)
    root.update({key: value for key, value in reach.items() if value is not None})
    root["ascii"] = ascii_
    if utc:
        use_utc()
    if ctx.invoked_subcommand is not None and reach.get("at"):
        raise click.UsageError(f"--at is for the screens; a moment of one session is written {ctx.invoked_subcommand} s-17@16:04")
    if ctx.invoked_subcommand is None:
        from jitui.cli.screen import open_screen  # noqa: PLC0415

        ctx.exit(open_screen(ctx))


def run(args: Sequence[str] | None = None) -> NoReturn:
    """Run it; ends the process."""
    try:
        cli.main(args=args, prog_name="jitui")
    except SystemExit as end:
        if isinstance(end.code, int):
            _finish(end.code)
        raise
    raise SystemExit(0)


def _finish(code: int) -> None:
    """Ends the process as Python does, but for taking all modules apart, which takes a fifth of the time of a short command."""
    threading._shutdown()  # type: ignore[attr-defined]  # noqa: SLF001 - waits for threads
    atexit._run_exitfuncs()  # noqa: SLF001
    with suppress(OSError, ValueError):  # Python tries again, and says so
        for stream in (sys.stderr, sys.stdout):
            if stream is not None:
                stream.flush()
        os._exit(code)
