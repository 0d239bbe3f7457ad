"""The proof, from files alone, and the key it is signed with, to be kept somewhere else. docs/evidence.md says what is proved."""

import asyncio
import json
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from jitui.api.views import Proof
from jitui.cli import show
from jitui.cli.kinds import NAMED, is_ident
from jitui.cli.reach import asynchronous, gateway, reach, reaching
from jitui.cli.source import folder, shelf
from jitui.recording.chain import key_id
from jitui.values import plain
from jitui.values.errors import InvalidError, JituiError, UnavailableError

if TYPE_CHECKING:
    from jitui.recording.verify import Brought

KEY_FILE: Final = 64 << 10  # bytes that are read of a file with a key
TEXT_FILE: Final = 64 << 20  # bytes of a policy, or of a witness's file of checkpoints
BEGIN, END = "-----BEGIN PUBLIC KEY-----", "-----END PUBLIC KEY-----"


@click.command("verify")
@click.argument("what", type=NAMED, required=False, default="", metavar="[SESSION|FILE]")
@click.option("--key", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="F",
              help="The ledger's public key, kept elsewhere: what jitui key printed, 32 bytes, or 64 hex digits.")
@click.option("--witness", multiple=True, metavar="N:HASH", help="A fact's number and hash that were noted elsewhere.")
@click.option("--policy", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="F",
              help="Whose cosignatures count (c2sp.org/tlog-policy), obtained elsewhere.")
@click.option("--checkpoint", "checkpoints", multiple=True, type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="F",
              help="Checkpoints of the log as a witness kept them: the record must go on from each.")
@click.option("--tsa", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="F",
              help="Certificates (PEM) of the authorities whose time stamps on the log count.")
@click.option("--script", is_flag=True, help="Print verify.py, which verifies an evidence file with nothing but Python and cryptography.")
@reaching
@asynchronous
async def verify_command(what: str, key: Path | None, witness: tuple[str, ...], policy: Path | None, checkpoints: tuple[Path, ...], tsa: Path | None,
                         script: bool, as_json: bool) -> None:  # fmt: skip
    """The proof, from the files alone: nothing altered, cut or reordered. Exit code 1 names session and offset."""
    if script:
        click.echo(resources.files("jitui.store").joinpath("verify.py").read_text(encoding="utf-8"), nl=False)
        return
    proofs = await _proofs(what, read_brought(key, witness, policy, checkpoints, tsa))
    for proof in proofs:
        if as_json:
            click.echo(plain.text(proof))
        elif not proof.problem:
            show.line(proof_line(proof))
    for proof in () if as_json else proofs:
        for need in proof.needs:
            show.line(f"not proved{f' of {proof.subject}' if proof.subject.startswith('s-') else ''}: {need}")
    wrong = [proof for proof in proofs if not proof.consistent]
    if wrong:
        more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
        raise AlteredError(proof_line(wrong[0]) + more)


def read_brought(key: Path | None, witness: Sequence[str], policy: Path | None, checkpoints: Sequence[Path],
                 tsa: Path | None = None) -> "Brought":  # fmt: skip
    """All that a verifier has from elsewhere. Raises InvalidError."""
    from jitui.recording.tlog.checkpoint import notes_in  # noqa: PLC0415 - as in _pem
    from jitui.recording.tlog.policy import policy_of  # noqa: PLC0415
    from jitui.recording.tlog.stamp import roots_of  # noqa: PLC0415
    from jitui.recording.verify import Brought  # noqa: PLC0415

    return Brought(key=read_key(key) if key else b"", facts=read_witness(witness), policy=policy_of(_text(policy)) if policy else None,
                   checkpoints=tuple(note for path in checkpoints for note in notes_in(_text(path))),
                   roots=roots_of(_text(tsa).encode()) if tsa else ())


async def _proofs(what: str, brought: "Brought") -> Sequence[Proof]:
    """From a named file or folder; else from the files of the gateway, if they can be read from here; else as the gateway says."""
    if what and not is_ident(what):
        async with shelf(Path(what)) as bare:
            return await bare.verify("", brought)
    if _files_here():
        async with shelf(folder()) as bare:
            return await bare.verify(what, brought)
    if brought.key or brought.facts or brought.policy or brought.checkpoints or brought.roots:
        raise UnavailableError("a key, witness or policy of your own is checked against files: name them, or --data-dir")
    async with gateway() as at:
        return await at.verify(what)


def _files_here() -> bool:
    """Whether the gateway's files can be looked for from here: not those of one that was named and is elsewhere."""
    there = reach()
    return there.folder is not None or not there.named


class AlteredError(JituiError):
    """The record is not what was written."""


@click.command("key")
@reaching
@asynchronous
async def key_command(as_json: bool) -> None:
    """The public key that signs the record, and its id: keep it somewhere else, and give it to jitui verify --key."""
    if _files_here():
        async with shelf(folder()) as bare:
            public = await asyncio.to_thread(bare.files.signing_key)
    else:
        async with gateway() as at:
            public = bytes.fromhex((await at.hello()).ledger_key)
        if len(public) != 32:
            raise UnavailableError("this gateway is older and does not tell its key; ask on its host: jitui --data-dir DIR key")
    pem = _pem(public)
    show.one({"id": key_id(public), "public": public.hex(), "pem": pem}, as_json, lambda one: f"jitui ledger key {one['id']}")
    if not as_json:
        click.echo(pem, nl=False)


def read_key(path: Path) -> bytes:
    """32 raw bytes, their hex digits, PEM, or what `jitui key` prints. Raises InvalidError."""
    with path.open("rb") as file:
        data = file.read(KEY_FILE)
    public = data if len(data) == 32 else _written(data.decode("utf-8", "replace"))
    if len(public) != 32:
        raise InvalidError(f"{path} holds no Ed25519 public key: what jitui key prints, 32 bytes, or 64 hex digits")
    return public


def _text(path: Path) -> str:
    """A text file of others, as far as such a file goes. Raises InvalidError."""
    with path.open("rb") as file:
        data = file.read(TEXT_FILE + 1)
    try:
        if len(data) <= TEXT_FILE:
            return data.decode()
    except UnicodeDecodeError:
        pass
    raise InvalidError(f"{path} is no text of at most {TEXT_FILE >> 20} MiB")


def _pem(public: bytes) -> str:
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 - for a key alone: it takes as long to import as all the rest
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: PLC0415

    info = serialization.PublicFormat.SubjectPublicKeyInfo
    return Ed25519PublicKey.from_public_bytes(public).public_bytes(serialization.Encoding.PEM, info).decode()


def _of_pem(text: str) -> bytes:
    """Empty for a key of another kind. Raises ValueError."""
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: PLC0415

    try:
        found = serialization.load_pem_public_key(text.encode())
    except UnsupportedAlgorithm:
        return b""
    return found.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw) if isinstance(found, Ed25519PublicKey) else b""


def _written(text: str) -> bytes:
    try:
        if text.lstrip().startswith("{"):
            return bytes.fromhex(json.loads(text)["public"])
        if BEGIN in text:
            return _of_pem(BEGIN + text.partition(BEGIN)[2].partition(END)[0] + END + "\n")
        return bytes.fromhex(text)
    except (ValueError, TypeError, KeyError, RecursionError):
        return b""


def read_witness(given: Sequence[str]) -> dict[int, bytes]:
    """Number -> hash of 38:9f0c... Raises InvalidError."""
    found = {}
    for text in given:
        number, _, digits = text.partition(":")
        try:
            value = bytes.fromhex(digits)
        except ValueError:
            value = b""
        if not (number.isascii() and number.isdecimal() and len(number) < 16) or len(value) != 32:
            raise InvalidError(f"{text[:80]!r} is no fact's number and hash; jitui verify prints them, as 38:9f0c...")
        found[int(number)] = value
    return found


def proof_line(proof: Proof) -> str:
    if proof.problem:
        where = f" at {proof.session or proof.subject} {proof.seq}" if proof.seq >= 0 else ""
        return f"{proof.subject} NOT consistent{where}: {proof.problem}"
    by = proof.signed_by or "key in this folder"
    own = "signed by the key in this folder" if by.endswith("in this folder") else f"signed by {by}"
    signed = {"no": "not signed", "self-attested": f"{own} (self-attested)", "matched": "matched by a key or head from elsewhere"}[proof.signed]
    noun = "frame" if proof.subject.startswith("s-") else "fact"
    upto = f" up to {noun} {proof.signed_to}" if proof.signed_to >= 0 and proof.signed != "no" else ""
    when = f" at {show.clock(proof.signed_at)}" if proof.signed_at else ""
    tail = f"; no signature covers the last {proof.unsigned_tail} yet" if proof.unsigned_tail else ""
    frames = f"; {proof.unsigned_frames} frames of sessions are not signed yet" if proof.unsigned_frames else ""
    gone = "".join(f"; {one}" for one in proof.retired)
    if proof.subject == "tapes":
        return f"tapes consistent: {proof.frames} are here{gone}"
    count = f"{proof.frames} {'leaves' if proof.subject == 'log' else 'links'}"
    return f"{proof.subject} consistent: {count}; {signed}{upto}{when}{tail}{frames}{_seen(proof)}{gone}"


def _seen(proof: Proof) -> str:
    """How much of it others saw; empty if nobody did."""
    if proof.cosigned_to < 0:
        return ""
    noun = {"facts": "fact", "log": "leaf"}.get(proof.subject, "frame")
    return f"; seen by {', '.join(proof.cosigned_by)}{f' at {show.clock(proof.cosigned_at)}' if proof.cosigned_at else ''} up to {noun} {proof.cosigned_to}"
