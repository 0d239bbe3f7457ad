"""Where things are when nobody says otherwise."""

from pathlib import Path

import pytest

from jitui.values import places
from jitui.values.errors import InvalidError

XDG = {"XDG_STATE_HOME": "/s", "XDG_RUNTIME_DIR": "/r", "XDG_CONFIG_HOME": "/c"}


def test_xdg() -> None:
    """The variables decide; a relative one is ignored, as the specification asks."""
    assert [places.state_folder(XDG), places.runtime_folder(XDG), places.config_file(XDG)] == [
        Path("/s/jitui"), Path("/r/jitui"), Path("/c/jitui/config.yaml")]
    home = Path.home()
    relative = dict.fromkeys(XDG, "x")
    for env in ({}, relative):
        assert [places.state_folder(env), places.runtime_folder(env), places.config_file(env)] == [
            home / ".local/state/jitui", home / ".local/state/jitui/run", home / ".config/jitui/config.yaml"]


def test_the_socket_and_the_data_behind_it(tmp_path: Path) -> None:
    """A named data folder holds its own socket, so two gateways never meet; from the socket one finds the folder."""
    env = {"XDG_STATE_HOME": str(tmp_path / "s"), "XDG_RUNTIME_DIR": str(tmp_path / "r")}
    assert places.socket(env, None) == tmp_path / "r/jitui/desk.sock"
    assert places.socket(env, tmp_path / "d") == tmp_path / "d/desk.sock"
    assert places.data_behind(places.socket(env, None), env) is None
    for folder, named in ((tmp_path / "s/jitui", None), (tmp_path / "d", tmp_path / "d")):
        folder.mkdir(parents=True)
        (folder / "ledger.db").touch()
        assert places.data_behind(places.socket(env, named), env) == folder


def test_a_home_that_there_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """One line says what to set, or to write."""
    with pytest.raises(InvalidError, match=r"^~nobody-here/x: there is no such user"):
        places.written("~nobody-here/x")
    assert places.written("~/x") == Path.home() / "x"

    def homeless() -> Path:
        raise RuntimeError

    monkeypatch.setattr(Path, "home", homeless)
    with pytest.raises(InvalidError, match="no home folder, and neither HOME nor XDG_STATE_HOME is set"):
        places.state_folder({})


def test_who_has_no_gateway_asks_the_machines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The service's socket, where it is there and one's own is not; never for a data folder that was named."""
    env = {"XDG_RUNTIME_DIR": str(tmp_path / "r")}
    own, service = tmp_path / "r/jitui/desk.sock", tmp_path / "run/desk.sock"
    monkeypatch.setattr(places, "SERVICE", service)
    assert places.found_socket(env, None) == (own, False)
    service.parent.mkdir()
    service.touch()
    assert places.found_socket(env, None) == (service, True)
    assert places.found_socket(env, tmp_path / "d") == (tmp_path / "d/desk.sock", False)
    own.parent.mkdir(parents=True)
    own.touch()
    assert places.found_socket(env, None) == (own, False)
