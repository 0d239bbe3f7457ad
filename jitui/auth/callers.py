"""Authenticates callers: by a token, by the Unix user at the other end of the socket, or as SSH does, by a key, a certificate or a password."""

from dataclasses import dataclass, field, replace

from jitui.auth.certificates import Certificate
from jitui.auth.directory import Directory
from jitui.auth.sshkeys import fingerprint, is_certificate
from jitui.auth.standing import Standing
from jitui.auth.tokens import Row
from jitui.policy.terms import Identity
from jitui.values.clock import Clock
from jitui.values.errors import UnknownCallerError


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated caller, and how it was authenticated."""

    who: Identity
    token: str = ""  # id of the token presented, empty if none
    uid: int | None = None  # of the other end of the socket, if that named them
    sha256: bytes = field(default=b"", repr=False)  # of the token
    how: str = ""  # over SSH: how they were known, for the request card and the record
    key: str = ""  # fingerprint of the SSH key that is theirs
    certificate: Certificate | None = None  # of the SSH key that was theirs by it


class Callers:
    """Authenticates each caller by the directory as it is at that moment. Rights are checked elsewhere."""

    def __init__(self, directory: Directory, clock: Clock) -> None:
        self._directory, self._clock = directory, clock

    def by_token(self, text: str) -> Caller:
        """The identity a token belongs to. Raises UnknownCallerError: unknown, revoked, expired, or its identity disabled."""
        return self._caller(self._directory.tokens.identify(text, self._clock.now().wall_us))

    def stands(self, caller: Caller, now_us: int) -> bool:
        """Whether `again` would return this very caller, at `now_us` (UTC); then its token is used."""
        directory, who = self._directory, caller.who
        if who.disabled or (directory.identities.get(who.name) is not who and directory.named(who.name) is not who):
            return False
        return directory.tokens.stands(caller.token, caller.sha256, now_us)

    def again(self, caller: Caller) -> Caller:
        """The same caller with the same token, a moment later, as `by_token` would find it. Raises UnknownCallerError."""
        found = self._caller(self._directory.tokens.again(caller.token, caller.sha256, self._clock.now().wall_us))
        return caller if found.who is caller.who else found

    def _caller(self, row: Row) -> Caller:
        who = self._directory.named(row.identity)
        if who is None or who.disabled:
            raise UnknownCallerError(f"{row.identity} is disabled here; ask an admin")
        return Caller(who, row.id, sha256=row.sha256)

    def by_uid(self, uid: int) -> Caller:
        """The person behind a Unix user. Raises UnknownCallerError."""
        return Caller(self._directory.people.by_uid(uid), uid=uid)

    def standing(self, caller: Caller) -> Standing:
        """A view of the caller that stays current while it is connected."""
        return Standing(self._directory, self._clock, caller.who.name, token=caller.token, uid=caller.uid, how=caller.how, key=caller.key,
                        certificate=caller.certificate)

    # -- over SSH: the key is proved to be the client's by its signature, which the listener checks --------------------------

    @property
    def passwords(self) -> bool:
        """Whether a token may be a password."""
        return self._directory.trust.passwords

    def by_key(self, name: str, blob: bytes, client: str) -> Caller:
        """The caller of that name with this key, or this certificate, at the address `client`. Raises UnknownCallerError.

        The work is the same for a name that is known and for one that is not.
        """
        if is_certificate(blob):
            return self._by_certificate(name, blob, client)
        owner, who = self._directory.key_owner(blob), self._directory.remote(name)
        found = fingerprint(blob)
        if not owner or owner != name or who is None or who.disabled:
            raise UnknownCallerError(f"the key {found} is nobody's of that name here")
        return Caller(who, how=f"ssh, key {found}", key=found)

    def _by_certificate(self, name: str, blob: bytes, client: str) -> Caller:
        """A certificate names one identity, and is for no key that is another's, or that was revoked."""
        shown = self._directory.trust.read(blob, name, client, self._clock.now().wall_us)
        who = self._directory.remote(name)
        if who is None or who.disabled:
            raise UnknownCallerError("the certificate names nobody who is known here")
        if others := [each for each in shown.principals if each != name and self._directory.named(each) is not None]:
            raise UnknownCallerError(f"the certificate names {len(others) + 1} identities, and a key is one identity's alone")
        self._directory.must_be_free(shown.key, name)
        return Caller(who, how=f"ssh, {shown.said}", certificate=shown)

    def by_password(self, name: str, text: str) -> Caller:
        """The caller of that name by a token. Raises UnknownCallerError: not a good one, of another identity, or no password is taken."""
        if not self.passwords:
            raise UnknownCallerError("no password is taken here")
        caller = self.by_token(text)
        if caller.who.name != name:
            raise UnknownCallerError("that token is another identity's")
        return replace(caller, how=f"ssh, token jt_{caller.token}")
