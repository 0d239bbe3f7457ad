"""A command clause without a container is for the pod's default one, and kubectl always names a container: is it that?

Asked of the cluster only if nothing but the answer is in the way: a live window and its rule cover the command in the default container.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from jitui.doors.kube.admission import Admission
from jitui.doors.kube.call import Call, Waiting
from jitui.rules.action import Action
from jitui.rules.policy import Allow, rests_on_default
from jitui.upstream.pods import default_container

if TYPE_CHECKING:
    from jitui.doors.kube.client import KubeClient


def look(client: "KubeClient", admission: Admission, action: Action, judge: Callable[[Action], Call], deny: Callable[[], Call]) -> Call:
    """For an action that is denied as it stands: what `judge` makes of it if its container is the default one, or `deny`."""
    known = replace(action, default=True)
    allow = client.door.broker.judge(admission.who, admission.connection, known) if rests_on_default(action) else None
    if not isinstance(allow, Allow):
        return deny()
    grant, way, waiting = allow.grant, admission.way, Waiting(client)

    async def ask() -> Call | None:
        found = await default_container(way.pool, way.upstream, grant, action.namespace, action.name)
        if waiting.lost:
            return None
        return judge(known) if found == action.container else deny()

    waiting.run(ask)
    return waiting
