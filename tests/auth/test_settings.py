"""The part of the settings file about SSH: keys as lines and as files, each somebody's alone."""

from pathlib import Path
from typing import Final

import pytest

from jitui import config
from jitui.auth.settings import Ssh, clashes
from jitui.auth.sshkeys import read_keys
from jitui.config import Configuration, WrongError
from tests.auth.test_sshkeys import of_device
from tests.support import openssh

BASE: Final = "connections: {prod: {kind: kubernetes, kubeconfig: k}}\n"


def read(folder: Path, text: str) -> Configuration:
    return config.read(BASE + text, folder / "jitui.yaml")


def test_lines_and_files(tmp_path: Path) -> None:
    """A path starts at the file's own folder; a file may have several lines."""
    for name in ("ca", "one", "two", "three"):
        openssh.made(tmp_path / name)
    (tmp_path / "both.pub").write_text(openssh.public(tmp_path / "one") + openssh.public(tmp_path / "two"))
    found = read(tmp_path, f"ssh: {{user_ca: ca.pub, password_tokens: true}}\n"
                 f"people: {{ana: {{uid: 1, roles: [approver], ssh_keys: [both.pub, '{openssh.public(tmp_path / 'three').strip()}']}}}}")  # fmt: skip
    assert [key.fingerprint for key in found.people["ana"].keys] == [openssh.printed(tmp_path / name) for name in ("one", "two", "three")]
    assert (list(found.trust.authorities), found.trust.passwords) == ([openssh.printed(tmp_path / "ca")], True)


def test_there_are_none_unless_they_are_written(tmp_path: Path) -> None:
    """Nobody vouches for others, and no token is a password."""
    found = read(tmp_path, "people: {ana: {uid: 1, roles: [approver]}}")
    assert (found.listen.ssh, found.trust.authorities, found.trust.passwords, found.people["ana"].keys) == ("", {}, False, ())


@pytest.mark.parametrize(("text", "says"), [
    ("ssh: {user_ca: none.pub}", "2: ssh.user_ca: {folder}/none.pub can't be read: No such file"),
    ("ssh: {user_ca: [ca]}", "2: ssh.user_ca: {folder}/ca: this is a private key"),
    ("ssh: {user_ca: ['cert-authority {ca}']}", "2: ssh.user_ca: line 1 has options before the key"),
    ("ssh: {user_ca: 5}", "2: ssh.user_ca: a line of a public key is expected"),
    ("ssh: {user_ca: ['']}", "2: ssh.user_ca: a line of a public key is expected"),
    ("ssh: {user_cas: []}", "2: ssh.user_cas: unknown key; did you mean user_ca?"),
    ("ssh: {user_ca: ca.pub}\npeople: {ana: {uid: 1, roles: [approver], ssh_keys: ca.pub}}",
     "3: people.ana.ssh_keys: {print} stands under ssh.user_ca already"),
    ("people:\n  ana: {uid: 1, roles: [approver], ssh_keys: ca.pub}\n  bo: {uid: 2, roles: [approver], ssh_keys: ['{ca}']}",
     "4: people.bo.ssh_keys: {print} stands under people.ana.ssh_keys already"),
])  # fmt: skip
def test_mistakes_are_named_with_their_line(tmp_path: Path, text: str, says: str) -> None:
    """And with the file they are in."""
    openssh.made(tmp_path / "ca")

    def filled(words: str) -> str:
        return words.replace("{folder}", str(tmp_path)).replace("{ca}", openssh.public(tmp_path / "ca").strip()).replace(
            "{print}", openssh.printed(tmp_path / "ca"))

    with pytest.raises(WrongError) as wrong:
        read(tmp_path, filled(text))
    assert filled(f"{tmp_path}/jitui.yaml:{says}") in str(wrong.value)


def test_an_authority_whose_certificates_can_not_be_checked(tmp_path: Path) -> None:
    """It is named before anybody waits for its certificates to work."""
    ssh = Ssh.model_construct(user_ca=read_keys(of_device("sk-ssh-ed25519@openssh.com", tmp_path)))
    assert [(where, "FIDO device" in what) for where, what in clashes(ssh, {})] == [(("ssh", "user_ca"), True)]
