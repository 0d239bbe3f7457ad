"""The types of arguments on the command line."""

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from jitui.cli.kinds import DURATION, LINKED, NAMED, OUTPUT, BeforeCommand, command_after, is_ident, link_of, number
from jitui.values.errors import InvalidError


@click.command(cls=BeforeCommand)
@click.option("--for", "seconds", type=DURATION, default="1m")
@click.argument("name")
def example(seconds: int, name: str) -> None:
    click.echo(f"{seconds} {name} {command_after()}")


@pytest.mark.parametrize(("args", "out"), [
    (["--for", "1h30m", "x"], "5400 x ()\n"), (["x", "--", "sh", "-c", "--for"], "60 x ('sh', '-c', '--for')\n"),
    (["x", "--", "--", "y"], "60 x ('--', 'y')\n"),
])  # fmt: skip
def test_durations_and_commands(args: list[str], out: str) -> None:
    """A duration is read as people write it; the words behind the first `--` are somebody else's command, as they are."""
    assert CliRunner().invoke(example, args).output == out


def test_a_duration_that_is_none_is_wrong_usage() -> None:
    found = CliRunner().invoke(example, ["--for", "soon", "x"])
    assert (found.exit_code, "soon" in found.output) == (2, True)


def test_a_dash_is_no_file(tmp_path: Path) -> None:
    """It is stdout, as if nothing had been said."""
    seen: list[Path | None] = []

    @click.command()
    @click.option("--output", type=OUTPUT)
    def command(output: Path | None) -> None:
        seen.append(output)

    for args in ([], ["--output", "-"], ["--output", str(tmp_path / "a")]):
        assert CliRunner().invoke(command, args).exit_code == 0
    assert CliRunner().invoke(command, ["--output", str(tmp_path)]).exit_code == 2
    assert seen == [None, None, tmp_path / "a"]


def test_ids(tmp_path: Path) -> None:
    """With or without their letter; a file that has such a name is a file."""
    with pytest.raises(InvalidError, match="is no id and no file"):
        number("s-0")
    for other in ("g-3", "r-3"):
        with pytest.raises(InvalidError, match=f"'{other}' is not the id of a session; those look like s-17"):
            number(other)
    assert (number("s-17"), number("17"), number("g-3", "g", "grant")) == (17, 17, 3)
    assert (is_ident("s-17"), is_ident("g-3"), is_ident(str(tmp_path))) == (True, True, False)


def test_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A moment behind an id or a file; where it says nothing it is left out; a file that has such a name is that file."""
    monkeypatch.chdir(tmp_path)
    link = LINKED.convert("s-204@16:07:52", None, None)
    assert (link.ident, link.at, LINKED.convert(link, None, None)) == ("s-204", "16:07:52", link)
    assert NAMED.convert("g-17@16:07:52", None, None) == "g-17"
    for text in ("s-204@nonsense", "204@x", "g-17@25"):
        with pytest.raises(click.BadParameter, match="is no moment: write a time as 16:07:52"):
            NAMED.convert(text, None, None)
    assert link_of("a@b.jitui").ident == "a@b.jitui"
    tmp_path.joinpath("s-204@16:07:52").touch()
    assert link_of("s-204@16:07:52").at == ""
