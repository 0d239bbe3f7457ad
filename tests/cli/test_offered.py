"""The command line as people get it over SSH."""

from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from jitui.cli import offered
from jitui.cli.kinds import Output
from jitui.cli.root import cli, homes

CONTEXT = click.Context(cli)
TAKEN = {  # the arguments and options of each command that are offered; besides these each takes --json, --utc and --help
    "": "--version --utc --ascii --at", "requests": "--all --follow", "approve": "ident --duration --scope --reason --digest", "deny": "ident --reason",
    "withdraw": "ident", "grants": "--all", "revoke": "grant --reason", "release": "grant", "sessions": "--live --grant --all", "watch": "session --unmask",
    "kill": "session --reason", "freeze": "target", "thaw": "target", "request": "connection --duration --reason --scope --wait",
    "identity": "", "identity add": "name --role --owner", "identity disable": "name --reason", "identity list": "",
    "identity keys": "name", "identity add-key": "name", "identity revoke-key": "name fingerprint --reason", "identity rotate": "name",
    "lockdown": "switch --reason", "ssh-config": "--host --user", "actions": "--grant --audit-id --limit",
    "explain": "connection action --namespace --identity",
    "facts": "--follow --after --format", "changes": "grant --identity --since --unmask",
    "find": "text --grant --identity --connection --since --verb --kind --in --limit",
    "residue": "grant --no-look", "verify": "what --witness --script", "key": "", "frames": "session --channel --conn --unmask",
    "replay": "session --speed --idle-limit --text --unmask", "show": "link --unmask", "export": "session --format --keys --marks --unmask", "stop": "",
    "reload": "", "report": "--since --until --identity --connection --format", "hold-tapes": "grant --reason", "release-tapes": "grant --reason", "status": "",
}  # fmt: skip
ALWAYS = {"--json", "--utc"}
REFUSED = {
    ("approve", "--gateway", "unix:/tmp/x", "r-1"): "--gateway chooses a gateway, or who you are, and over SSH your key has said both",
    ("--token-file", "/etc/shadow", "requests"): "--token-file chooses a gateway, or who you are",
    ("requests", "--ca", "/etc/shadow"): "--ca chooses a gateway",
    ("--data-dir", "/root", "facts"): "--data-dir chooses a gateway",
    ("request", "prod", "-f", "/nothing/there"): "-f names a file, and no file of this machine is yours over SSH",
    ("export", "s-1", "--format", "cast", "--output", "/tmp/x"): "--output names a file",
    ("identity", "add", "bot", "--output", "/tmp/x"): "--output names a file",
    ("identity", "add-key", "ana", "/etc/hostname"): "FILE names a file",
    ("verify", "--key", "/nothing/there"): "--key names a file",
    ("verify", "/etc/shadow"): '"/etc/shadow" is no session, and no file of this machine is yours over SSH',
    ("frames", "../ledger.db"): '"../ledger.db" is no session',
    ("replay", "/etc/shadow"): '"/etc/shadow" is no session',
    ("export", "x\x1b]52;c;x\x07", "--format", "cast"): "is no session",
    ("frames", "s-1", "--channel", "stdout", "--raw"): "--raw gives recorded bytes as they were, which no terminal should be shown",
    ("serve",): "serve is not offered over SSH: it starts a gateway",
    ("credential",): "credential is not offered over SSH: kubectl runs it",
}


def walk(command: click.Command, name: str = "") -> Iterator[tuple[str, click.Command]]:
    """Every command below, with its name."""
    yield name, command
    if isinstance(command, click.Group):
        for below in command.list_commands(CONTEXT):
            found = command.get_command(CONTEXT, below)
            assert found is not None
            yield from walk(found, f"{name} {below}".strip())


def test_each_command_is_offered_or_withheld() -> None:
    """A new one has to be decided here."""
    assert set(homes()) == offered.OFFERED | set(offered.WITHHELD)
    assert not offered.OFFERED & set(offered.WITHHELD)


def test_each_option_of_what_is_offered_was_decided() -> None:
    """A new option or argument has to be put into this table, or be refused by its type."""
    taken = {
        name: {max(each.opts, key=len) if isinstance(each, click.Option) else str(each.name) for each in command.params if not offered.refused(each)}
        for name, command in walk(cli) if not name or name.split()[0] in offered.OFFERED
    }  # fmt: skip
    assert {name: found - ALWAYS for name, found in taken.items()} == {name: set(said.split()) - ALWAYS for name, said in TAKEN.items()}


@pytest.mark.parametrize("words", REFUSED, ids=" ".join)
def test_what_names_a_file_or_a_gateway_is_refused(words: tuple[str, ...]) -> None:
    """With a sentence, before anything is looked for on the disk."""
    done = CliRunner().invoke(offered.tree(), list(words), obj={"local": False})
    assert (done.exit_code, done.stdout) == (1, "")
    assert REFUSED[words] in done.stderr
    assert done.stderr.count("\n") == 1
    assert "\x1b" not in done.stderr


def test_the_commands_themselves_stay_as_they_are() -> None:
    """What is offered is a copy: the command line of a person at the machine takes its files."""
    assert [name for name, command in walk(offered.tree()) if not name or name.split()[0] not in offered.OFFERED] == [""]
    (output,) = (each for name, command in walk(cli) if name == "export" for each in command.params if each.name == "output")
    assert (output.callback, output.hidden, type(output.type)) == (None, False, Output)  # type: ignore[attr-defined]


@pytest.mark.parametrize(("words", "instead"), [(["help"], ["--help"]), (["help", "identity", "add"], ["identity", "add", "--help"])])
def test_help_needs_no_dashes(words: list[str], instead: list[str]) -> None:
    """OpenSSH takes a first word with dashes for its own option, so `help` says the same."""
    found, same = (CliRunner().invoke(offered.tree(), each, prog_name="jitui") for each in (words, instead))
    assert (found.exit_code, found.output) == (0, same.output)
    assert "Usage: jitui" in found.output


def test_lost_quotes_are_explained() -> None:
    """Of `--reason "no shells"` the gateway gets two words; the error says how to write it."""
    found = CliRunner().invoke(offered.tree(), ["kill", "s-10", "--reason", "no", "shells"])
    assert found.exit_code == 2
    assert """Got unexpected extra argument (shells); ssh takes one pair of quotes away""" in found.output
    assert "quotes" not in CliRunner().invoke(offered.tree(), ["kill", "s-10", "--wrong"]).output
