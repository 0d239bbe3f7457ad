"""The description of the API."""

import httpx

from jitui.api.server.description import Description
from jitui.api.server.routes import routes


async def test_it_names_everything(local: httpx.AsyncClient) -> None:
    """OpenAPI names every path and the fields of the views; text of others is a string in it."""
    made = (await local.get("/openapi.json")).json()
    assert {"/v1/hello", "/v1/requests/{ident}/approve", "/v1/sessions/{ident}/frames", "/v1/events", "/v1/verify"} <= set(made["paths"])
    assert made["components"]["schemas"]["RequestView"]["properties"]["reason"]["type"] == "string"
    assert "ErrorAnswer" in made["components"]["schemas"]


def test_arguments_stand_where_they_are_read() -> None:
    """Path, query, header and body, with their limits; a body without a required key may be left out; each operation has an id of its own."""
    paths = Description(routes()).document["paths"]
    frames = {each["name"]: each for each in paths["/v1/sessions/{ident}/frames"]["get"]["parameters"]}
    assert (frames["ident"]["in"], frames["ident"]["required"], frames["limit"]["in"], frames["limit"]["required"]) == ("path", True, "query", False)
    assert (frames["limit"]["schema"]["minimum"], frames["limit"]["schema"]["maximum"], frames["limit"]["schema"]["default"]) == (1, 1000, 1000)
    followed = paths["/v1/events"]["get"]
    assert {each["name"]: each["in"] for each in followed["parameters"]} == {"since": "query", "last-event-id": "header"}
    assert "text/event-stream" in followed["responses"]["200"]["content"]
    assert paths["/v1/requests"]["post"]["requestBody"]["required"]
    assert not paths["/v1/requests/{ident}/approve"]["post"]["requestBody"]["required"]
    assert "requestBody" not in paths["/v1/grants/{ident}/release"]["post"]
    ids = [each["operationId"] for methods in paths.values() for each in methods.values()]
    assert len(ids) == len(set(ids))
