"""A command clause without a container is for the pod's default one, and kubectl always names a container: is it that?

Asked of the cluster only if nothing but the answer is in the way: a live window and its rule cover the command in the default container. It is the
window's first use, if there was none, and a frozen window asks nothing.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from jitui.clusters.pods import default_container
from jitui.listeners.kube.admission import Admission
from jitui.listeners.kube.call import Call, Waiting
from jitui.policy.action import Action
from jitui.policy.policy import Allow, rests_on_default
from jitui.policy.terms import Grant
from jitui.values.errors import UpstreamError

if TYPE_CHECKING:
    from jitui.listeners.kube.client import KubeClient


def look(client: "KubeClient", admission: Admission, action: Action, judge: Callable[[Action], Call], deny: Callable[[], Call]) -> Call:
    """For an action that is denied as it stands: what `judge` makes of it if its container is the default one, or `deny`."""
    known, broker, way = replace(action, default=True), client.door.broker, admission.way

    def covering() -> Grant | None:
        verdict = broker.judge(admission.who, admission.connection, known)
        return verdict.grant if isinstance(verdict, Allow) else None

    def may() -> bool:
        grant = covering()
        return not waiting.lost and grant is not None and not grant.frozen_by

    grant = covering() if rests_on_default(action) else None
    if grant is None:
        return deny()
    if grant.frozen_by:
        return client.say(503, "ServiceUnavailable", f"jitui: {grant.label} is frozen by {grant.frozen_by}; try again once it is thawed")
    waiting = Waiting(client)

    async def ask() -> Call | None:
        window = await broker.windows.begin(grant)
        found = ""
        try:
            found = await default_container(way.pool, way.upstream, window.grant, action.namespace, action.name, may)
        except UpstreamError:
            if may():
                raise
        if waiting.lost:
            return None
        client.door.stands(admission)
        if not may():  # the window ended, or was frozen, meanwhile: that is what is said
            return judge(action)
        return judge(known) if found == action.container else deny()

    waiting.run(ask)
    return waiting
