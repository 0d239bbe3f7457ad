"""A process that uses two windows' credentials, forgets one, and says for each secret whether anything in it still refers to it.

AWS and the cluster are elsewhere: only what the gateway's own code holds is here.
"""

import asyncio
import base64
import gc
import json
import sys
from functools import partial
from typing import Any

import uvloop

from jitui.clusters.pool import Pool
from jitui.values.clock import SystemClock
from tests.clusters.eks.made import get, grant, load


def backwards(text: str) -> str:
    return text[::-1]


def held(behind: str) -> bool:
    """`behind` is a secret read backwards, so that the question itself holds none. Looks into plain tuples and dicts too, which the collector does not list."""
    gc.collect()
    waiting, seen = list(gc.get_objects()), set[int]()
    while waiting:
        found = waiting.pop()
        if id(found) in seen:
            continue
        seen.add(id(found))
        if behind in (found if type(found) is str else found.decode("latin-1") if type(found) in {bytes, bytearray} else "")[::-1]:
            return True
        waiting += gc.get_referents(found)
    return False


async def main() -> dict[str, Any]:
    clock = SystemClock()
    eks = await load(clock)
    pool = Pool(eks)
    ended, lives = grant(7, clock), grant(8, clock, "other")
    for it in (ended, lives):
        assert (await get(eks, pool, it)).status == 200
        await eks.threads(partial(eks.aws.whoami, eks._sessions[it.id].credentials.keys))  # type: ignore[union-attr]  # as a diagnosis does
    behind = {it.id: [backwards(text) for text in _secrets(eks, it.id)] for it in (ended, lives)}
    before = [held(text) for text in behind[7] + behind[8]]
    await eks.forget(ended)
    await asyncio.sleep(0.2)
    return {"before": before, "ended": [held(text) for text in behind[7]], "lives": [held(text) for text in behind[8]]}


def _secrets(eks: Any, ident: int) -> tuple[str, ...]:
    credentials = eks._sessions[ident].credentials
    token = credentials.headers[0][1].decode().removeprefix("Bearer ")
    url = base64.urlsafe_b64decode(token.removeprefix("k8s-aws-v1.") + "==").decode()
    return credentials.keys.key_id, credentials.keys.secret, credentials.keys.token, token, url.rpartition("X-Amz-Signature=")[2]


if __name__ == "__main__":
    sys.stdout.write(json.dumps(uvloop.run(main())))
