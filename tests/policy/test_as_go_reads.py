"""Heads that a real net/http server and the API server's own RequestInfo have read (reading/main.go makes the corpus): the judge reads the same, or refuses.

Whatever Go refuses is refused. Some of what Go takes is refused too, each for a reason that is listed here.
"""

import json
from pathlib import Path
from typing import Any, Final

import pytest

from jitui.policy import kube
from jitui.policy.action import Action
from jitui.policy.streams import upgrade_of
from jitui.protocol import headers
from jitui.protocol.http import RequestHead, RequestParser
from jitui.values.errors import JituiError

CORPUS: Final = [json.loads(line) for line in (Path(__file__).parent / "reading" / "corpus.jsonl").read_text().splitlines()]
REFUSED: Final = (  # the sentences of refusals that stand although Go reads the head in one way: another reader may not
    "%2F in the path", "%5C in the path", "%25 in the path", "an empty segment", "a dot segment", "%00 in the", "not UTF-8", "starts no escape",
    "old /watch/ prefix", "old /proxy/ prefix", "in the path that must be percent-encoded",
    "byte that has to be percent-encoded", "not in origin form", "limit is not a number",
    "obs-fold", "both content-length and transfer-encoding", "content-length is there twice",
)  # fmt: skip


def text(raw: str) -> str:
    """The corpus has a byte as a code point."""
    return raw.encode("latin-1").decode()


def judged(head: str) -> tuple[RequestHead, Action, headers.Lines]:
    """The gateway's reading. Raises JituiError."""
    found = RequestParser().feed(head.encode("latin-1"))[0]
    assert isinstance(found, RequestHead)
    action = kube.read(found.method, found.target)
    return found, action, headers.to_upstream(found, host=b"cluster", upgrade=False)


def attributes(action: Action) -> list[str]:
    """As RequestInfo has them."""
    if not action.resource:
        return [action.verb]
    return [action.verb, action.group, action.version, action.resource, action.subresource, action.namespace, action.name]


def verb(row: dict[str, Any], action: Action) -> str:
    """Go's, or ours where RequestInfo has none, or where it tells a stream's method."""
    if upgrade_of(action) is not None:
        return "create"
    if row["method"] == "OPTIONS" and action.resource:
        return "get" if action.subresource == "proxy" else "options"
    return str(row["info"][0])


def test_the_judge_reads_as_go_does() -> None:
    """Path, attributes, each key's values in their order, the one that counts, and the headers that stand."""
    kept = refused = 0
    for row in CORPUS:
        try:
            head, action, lines = judged(row["head"])
        except JituiError as error:
            refused += 1
            if "refused" not in row and not any(reason in str(error) for reason in REFUSED):
                pytest.fail(f"{row['head']!r}: {error}")
            continue
        assert "refused" not in row, row["head"]
        kept += 1
        assert (head.method.decode(), head.length, action.path) == (row["method"], row.get("length", 0), text(row["path"])), row["head"]
        assert attributes(action) == [verb(row, action), *row["info"][1:]], row["head"]
        query = kube.query_of(head.target)
        assert {key: list(values) for key, values in query.values.items()} == {text(key): list(map(text, row["query"][key])) for key in row.get("query", ())}
        assert {key: query.flag(key) for key in row.get("flags", ())} == row.get("flags", {}), row["head"]
        assert {key: query.text(key) for key in row.get("text", ())} == {key: text(value) for key, value in row.get("text", {}).items()}, row["head"]
        names = {name.title() for name, _ in lines}
        assert names <= {name.title().encode() for name in row.get("headers", ())} | {b"Host"}
        assert b"_" not in b"".join(names)
    assert (kept > 700, refused > 300) == (True, True)


@pytest.mark.parametrize("head", [
    "GET /api/v1/pods?limit=1&limit=500&labelSelector=a&labelSelector=b HTTP/1.1", 'GET /api/v1/pods?a[]={b}|"c" HTTP/1.1', "GET /api/v1/pods?a;b HTTP/1.1",
    "GET /api/v1/namespaces/web/services/web%3A8080/proxy/a%2Fb HTTP/1.1", "GET /version HTTP/1.1\r\nX_Remote_User: root",
    "POST /api/v1/namespaces/web/pods HTTP/1.1\r\nContent-Length: 1\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AA\r\nUpgrade: h2c",
])  # fmt: skip
def test_what_go_takes_in_one_way_is_taken(head: str) -> None:
    """Repeated parameters, any printable character in a query, an escape before a proxy's path, an underscore, an upgrade that nobody knows."""
    assert judged(f"{head}\r\nHost: gw\r\n\r\n")
