"""URLs in the headers of an answer, as the redirect of `.../proxy` to `.../proxy/`: they lead back here, to the same connection.

The cluster writes them as if the client had come to it: with its own host, or from the root of it. The path of a cluster behind another proxy may or may not
be in them. A URL of another host, and a relative one, stay as they are.
"""

import re
from typing import Final, Protocol

from jitui.protocol import headers

NAMES: Final = frozenset({b"location", b"content-location", b"link", b"refresh"})
SIZES: Final = frozenset(map(len, NAMES))
SITE: Final = re.compile(rb"(?:([a-z][a-z0-9+.-]*):)?//([^/?#]*)", re.IGNORECASE)  # scheme and authority (RFC 3986, 3)
LINK: Final = re.compile(rb"(?<=<)[^<>]*(?=>)")  # RFC 8288, 3
REFRESH: Final = re.compile(rb"(?<=url=)[^'\"].*|(?<=url=['\"])[^'\"]*", re.IGNORECASE)  # HTML, 4.2.5.3


class Place(Protocol):
    """The cluster, by its own URL."""

    @property
    def host(self) -> bytes:
        """With its port, unless that is 443."""
    @property
    def prefix(self) -> bytes: ...


def are_in(lines: headers.Lines) -> bool:
    """Whether there are such URLs; most answers have none."""
    return any(len(name) in SIZES and name.lower() in NAMES for name, _ in lines)


def led_back(lines: headers.Lines, prefix: bytes, cluster: Place) -> headers.Lines:
    """The headers, where such a URL is a path on the gateway, behind `prefix`."""
    return [(name, _value(name.lower(), value, prefix, cluster)) for name, value in lines]


def _value(name: bytes, value: bytes, prefix: bytes, cluster: Place) -> bytes:
    if name not in NAMES:
        return value
    if name in {b"link", b"refresh"}:
        return (LINK if name == b"link" else REFRESH).sub(lambda match: url(match[0], prefix, cluster), value)
    return url(value, prefix, cluster)


def url(found: bytes, prefix: bytes, cluster: Place) -> bytes:
    """One URL of the cluster as its client needs it."""
    site, path = SITE.match(found), found
    if site is not None:
        scheme, authority = (site[1] or b"https").lower(), site[2].lower()
        if scheme != b"https" or authority.removesuffix(b":443") != cluster.host.lower():
            return found
        path = found[site.end() :]
        path = path if path.startswith(b"/") else b"/" + path
    elif not found.startswith(b"/"):
        return found
    behind = path.removeprefix(cluster.prefix)
    if behind[:1] in b"/?#":
        path = behind
    path = prefix + (path if path.startswith(b"/") else b"/" + path)
    return b"/." + path if path.startswith(b"//") else path  # not another host (RFC 3986, 4.2)
