"""The proof on the command line, and the key to keep elsewhere."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from jitui.api.views import Proof
from jitui.cli.proof import read_key, read_witness
from jitui.recording.chain import key_id
from jitui.recording.tlog.note import Note
from jitui.store import verify
from jitui.values.errors import InvalidError
from tests.cli.conftest import Front, jitui
from tests.store.test_logged import cosigned, kept, policy


def test_verify_whole(state: Path) -> None:
    """From the files alone, with what it proved; a session, or all of it; a key kept elsewhere makes it more."""
    said = jitui("--data-dir", str(state), "verify")
    assert (said.code, said.err) == (0, "")
    assert "s-1 consistent: 6 links; signed by the key in this folder (self-attested)" in said.out
    assert jitui("verify", str(state)).out == said.out
    one = jitui("verify", "s-1", "--data-dir", str(state), "--json").jsons
    assert [(proof["subject"], proof["consistent"]) for proof in one] == [("facts", True), ("s-1", True)]
    key = state.parent / "key"
    key.write_text(public(state).hex())
    assert "matched by a key or head from elsewhere" in jitui("verify", str(state), "--key", str(key)).out
    key.write_text("x")
    assert "holds no Ed25519 public key" in jitui("verify", str(state), "--key", str(key)).err


def public(state: Path) -> bytes:
    with closing(sqlite3.connect(state / "ledger.db")) as db:
        return bytes(db.execute("select public from keys").fetchone()[0])


def test_verify_altered(state: Path) -> None:
    """Exit code 1, and one line that names session and offset."""
    with closing(sqlite3.connect(state / "tapes" / "000001.db")) as db:
        db.execute("update frames set body = x'414c' where session = 1 and seq = 3")
        db.commit()
    done = jitui("verify", str(state))
    assert (done.code, done.err.count("\n")) == (1, 1)
    assert done.err.startswith("jitui: s-1 NOT consistent at s-1 3: ")
    wrong = [proof for proof in jitui("verify", str(state), "--json").jsons if not proof["consistent"]]
    assert [(proof["session"], proof["seq"]) for proof in wrong] == [("s-1", 3)]


def test_verify_as_the_gateway_says(front: Front) -> None:
    """Where its files can't be read from here, the gateway is asked; what is wrong is exit code 1 all the same."""
    good = Proof(subject="s-1", consistent=True, signed="self-attested", frames=6, unsigned_tail=0, problem="")
    front.house.proofs += [good, replace(good, subject="s-2", consistent=False, problem="frame altered", session="s-2", seq=4)]
    assert front("verify", "s-1", by="ana").code == 0
    done = front("verify", by="ana")
    assert (done.code, done.err) == (1, "jitui: s-2 NOT consistent at s-2 4: frame altered\n")
    assert front("verify", "--key", str(front.address.ca), by="ana").code == 1


def test_nothing_to_verify(tmp_path: Path) -> None:
    """A folder without a record, a file that is none, an id nowhere: one line each."""
    (tmp_path / "notes").write_text("x" * 100)
    for args in (("verify", str(tmp_path)), ("verify", str(tmp_path / "notes")), ("verify", str(tmp_path / "gone")), ("verify", "s-1"), ("verify",)):
        done = jitui(*args)
        assert (done.code, done.out, done.err.count("\n")) == (1, "", 1)


def test_the_key(state: Path) -> None:
    """jitui key prints what jitui verify --key takes, as text and as JSON; its id is the one that heads name."""
    said = jitui("--data-dir", str(state), "key")
    (told,) = jitui("--data-dir", str(state), "key", "--json").jsons
    assert (said.code, told["public"], told["id"]) == (0, public(state).hex(), key_id(public(state)))
    assert said.out == f"jitui ledger key {told['id']}\n{told['pem']}"
    for number, text in enumerate((said.out, told["pem"], told["public"], jitui("--data-dir", str(state), "key", "--json").out)):
        kept = state.parent / f"key-{number}"
        kept.write_text(text)
        assert read_key(kept) == public(state)
        assert "matched by a key or head from elsewhere" in jitui("verify", str(state), "--key", str(kept)).out


def test_the_key_of_a_gateway(front: Front) -> None:
    """Where its files can't be read from here, the gateway says it; an older one does not."""
    assert "this gateway is older and does not tell its key" in front("key", by="ana").err
    front.house.ledger_key = "ab" * 32
    (told,) = front("key", "--json", by="ana").jsons
    assert told["public"] == "ab" * 32


@pytest.mark.parametrize("text", ["", "x", "{", '{"public": 7}', "[" * 100_000, "-----BEGIN PUBLIC KEY-----\nnonsense\n-----END PUBLIC KEY-----", "ab" * 31])
def test_what_is_no_key(tmp_path: Path, text: str) -> None:
    """One clear line; a device without end is read only as far as a key goes."""
    tmp_path.joinpath("key").write_text(text)
    for path in (tmp_path / "key", Path("/dev/zero")):
        with pytest.raises(InvalidError, match="holds no Ed25519 public key"):
            read_key(path)


def test_a_witness(state: Path) -> None:
    """The newest fact's number and hash are printed; who brings them later sees that nothing before was altered, and what is gone."""
    (facts, *_) = jitui("verify", str(state), "--json").jsons
    noted = f"{facts['frames']}:{facts['hash']}"
    assert noted in jitui("verify", str(state)).out
    assert jitui("verify", str(state), "--witness", noted, "--json").jsons[0]["signed"] == "matched"
    assert "speaks of 99" in jitui("verify", str(state), "--witness", f"99:{'ab' * 32}").err
    assert jitui("verify", str(state), "--witness", f"1:{'ab' * 32}").code == 1
    for wrong in ("", "7", "7:ab", f"x:{'ab' * 32}", f"-1:{'ab' * 32}"):
        with pytest.raises(InvalidError, match="no fact's number and hash"):
            read_witness([wrong])


def test_what_is_not_proved_is_said_each_time(state: Path) -> None:
    """That the key is the right one, and that nothing was put back, cut off or begun anew."""
    said = jitui("verify", str(state)).out
    assert "is the gateway's key: only a key kept elsewhere shows it" in said
    assert "not proved: that no older copy of it all was put back" in said
    (facts, *sessions) = jitui("verify", str(state), "--json").jsons
    assert (len(facts["needs"]), facts["signed_to"], bool(facts["signed_at"]), facts["unsigned_frames"]) == (2, facts["frames"], True, 0)
    assert [one["signed_to"] for one in sessions if one["subject"] == "s-1"] == [5]


@pytest.fixture
async def seen(tmp_path: Path) -> tuple[Path, list[Note]]:
    """A record whose second checkpoint a witness has cosigned."""
    folder = tmp_path / "seen"
    notes = await kept(folder)
    cosigned(folder, notes[1], 0)
    return folder, notes


def test_a_policy_and_a_witness_s_checkpoints(seen: tuple[Path, list[Note]]) -> None:
    """The third degree, with who saw it, when, and up to which frame; a policy that is none is one clear line."""
    folder, notes = seen
    files = {name: folder.parent / name for name in ("policy", "checkpoints", "none")}
    files["policy"].write_text(policy(folder).text)
    files["checkpoints"].write_text("".join(map(str, notes)))
    files["none"].write_bytes(b"\xff")
    said = jitui("verify", str(folder), "--policy", str(files["policy"]), "--checkpoint", str(files["checkpoints"]))
    assert (said.code, said.err) == (0, "")
    assert "s-1 consistent: 2 links; " in said.out
    assert "; seen by a, the checkpoint that was brought at " in said.out
    assert " up to frame 1\n" in said.out
    assert {proof["degree"] for proof in jitui("verify", str(folder), "--json").jsons if proof["subject"] != "tables"} == {"signed"}
    assert "line 1 of the policy" in jitui("verify", str(folder), "--policy", str(files["checkpoints"])).err
    assert "is no text of at most" in jitui("verify", str(folder), "--policy", str(files["none"])).err
    assert jitui("verify", str(folder), "--checkpoint", str(files["policy"])).code == 1


def test_the_script() -> None:
    """verify.py is printed as it is, to be kept and read."""
    said = jitui("verify", "--script")
    assert (said.code, said.out) == (0, Path(str(verify.__file__)).read_text(encoding="utf-8"))
