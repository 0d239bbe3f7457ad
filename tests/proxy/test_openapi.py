"""The links of the OpenAPI index lead back to the connection they came from."""

import json
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from jitui.proxy.openapi import conditions, rewritten
from jitui.recording.frame import Channel
from tests.fakes.house import house
from tests.fakes.upstream import Asked

INDEX = {"paths": {"api/v1": {"serverRelativeURL": "/openapi/v3/api/v1?hash=A&b=%20"}, "version": {"serverRelativeURL": "/openapi/v3/version?hash=B"}}}
OURS = (b'{"paths":{"api/v1":{"serverRelativeURL":"/c/prod/openapi/v3/api/v1?hash=A&b=%20"},'
        b'"version":{"serverRelativeURL":"/c/prod/openapi/v3/version?hash=B"}}}')  # fmt: skip


async def test_each_link_gets_the_connections_prefix(tmp_path: Path) -> None:
    """With its own length and entity tag; what is on record is what the client got, and with the tag it gets a 304."""
    async with house(tmp_path) as home:
        await home.window()
        tags = []

        async def answer(asked: Asked) -> None:
            tags.append(asked.get("if-none-match"))
            if tags[-1] == '"AB"':
                asked.line.say(b'HTTP/1.1 304 Not Modified\r\nEtag: "AB"\r\n\r\n')
            else:
                asked.line.answer(json.dumps(INDEX).encode(), "200 OK", 'Etag: "AB"', "Audit-Id: x")

        home.cluster.answerer = answer
        kubectl = await home.dial()
        code, headers, body = await kubectl.ask("GET", "/openapi/v3")
        assert (code, headers["etag"], headers["content-length"], body) == (200, '"AB-jitui"', str(len(OURS)), OURS)
        assert [frame.body for frame in await home.frames(1) if frame.channel is Channel.RESPONSE_BODY] == [OURS]
        again = await kubectl.ask("GET", "/openapi/v3?timeout=32s", 'If-None-Match: "AB-jitui"')
        assert (again[0], again[1]["etag"]) == (304, '"AB-jitui"')
        assert (await kubectl.ask("GET", "/openapi/v3", 'If-None-Match: "AB"'))[::2] == (200, OURS), "a tag from before the links were rewritten"
        assert tags == ["", '"AB"', ""]


@pytest.mark.parametrize("body", [b"not json", b"[]", b"{}", b'{"paths":[]}', b'{"paths":{"a":{}}}', b'{"paths":{"a":{"serverRelativeURL":7}}}', b""])
async def test_what_is_no_index_passes_as_it_is(tmp_path: Path, body: bytes) -> None:
    async with house(tmp_path) as home:
        await home.window()

        async def answer(asked: Asked) -> None:
            asked.line.answer(body, "200 OK", 'Etag: "AB"')

        home.cluster.answerer = answer
        code, headers, got = await (await home.dial()).ask("GET", "/openapi/v3")
        assert (code, headers["etag"], got) == (200, '"AB"', body)


async def test_an_error_passes_as_it_is(tmp_path: Path) -> None:
    """And so do the documents that the index names."""
    async with house(tmp_path) as home:
        await home.window()

        async def answer(asked: Asked) -> None:
            asked.line.answer(json.dumps(INDEX).encode(), "200 OK" if "v1" in asked.target else "503 Service Unavailable", 'Etag: "AB"')

        home.cluster.answerer = answer
        kubectl = await home.dial()
        for path, code in (("/openapi/v3", 503), ("/openapi/v3/api/v1?hash=A", 200)):
            assert (await kubectl.ask("GET", path))[::2] == (code, json.dumps(INDEX).encode())


@given(st.dictionaries(st.text(max_size=10), st.text(max_size=30), max_size=5))
def test_a_link_is_the_old_one_behind_the_prefix(links: dict[str, str]) -> None:
    """Whatever it is; one that does not begin at the root is somebody else's."""
    found = rewritten(json.dumps({"paths": {key: {"serverRelativeURL": link} for key, link in links.items()}}).encode(), "/c/prod")
    assert found is not None
    assert {key: entry["serverRelativeURL"] for key, entry in json.loads(found)["paths"].items()} == {
        key: f"/c/prod{link}" if link.startswith("/") else link for key, link in links.items()
    }


def test_only_tags_of_rewritten_indexes_go_to_the_cluster() -> None:
    """Several, weak ones, and others' headers."""
    lines = [(b"Accept", b"*/*"), (b"If-None-Match", b'"a", W/"b-jitui", "c-jitui"'), (b"if-none-match", b"*")]
    assert conditions(lines) == [(b"Accept", b"*/*"), (b"If-None-Match", b'W/"b", "c"')]
