"""The head of a request as the record and the cluster get it, rendered once for all equal requests: they differ in the Audit-ID, and in the credential."""

from jitui.clusters.port import Headers
from jitui.protocol import headers, http


class Heads:
    """Both forms. Kept with what was read of a head; filled in with the first request that goes the short way."""

    __slots__ = ("_prefix", "_recorded", "_sent")

    def __init__(self) -> None:
        self._recorded = self._sent = b""  # up to the Audit-ID's value
        self._prefix = b""

    def recorded(self, method: bytes, target: bytes, lines: headers.Lines, prefix: bytes, audit_id: bytes) -> bytes:
        """For the record, without credentials. `prefix`: the path of the cluster's URL."""
        if not self._recorded or prefix != self._prefix:
            named, behind = (b"Audit-ID", audit_id), -len(audit_id) - 4
            self._recorded = http.render_request(method, target, [*headers.recordable(lines), named])[:behind]
            self._sent, self._prefix = http.render_request(method, prefix + target, [*lines, named])[:behind], prefix
        return b"%b%b\r\n\r\n" % (self._recorded, audit_id)

    def sent(self, audit_id: bytes, proof: bytes) -> bytes:
        """For the cluster, with the rendered credential; `recorded` was called before."""
        return b"%b%b\r\n%b" % (self._sent, audit_id, proof)


class Proof:
    """The lines of a credential, and the empty line behind them, rendered once as long as it is the same. It belongs to a session: nothing that outlives a
    window keeps its credential.
    """

    __slots__ = ("_credential", "_rendered")

    def __init__(self) -> None:
        self._credential: Headers | None = None
        self._rendered = b""

    def rendered(self, credential: Headers) -> bytes:
        """Returns the end of a request's head."""
        if credential != self._credential:
            self._rendered = http.render_request(b"GET", b"/", credential).partition(b"\r\n")[2]
            self._credential = credential
        return self._rendered

    def forget(self) -> None:
        """Drops what was rendered: the session has ended."""
        self._credential, self._rendered = None, b""
