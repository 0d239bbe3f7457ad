"""`kubectl auth can-i`: what window and rule do not cover is answered No by the gateway, with its denial; the rest goes to the cluster."""

from typing import Final

from jitui.listeners.kube.client import BODY_WITHIN
from jitui.listeners.kube.request import KubeRequest
from jitui.policy.action import Action
from jitui.policy.policy import Deny, is_discovery
from jitui.protocol import review, status
from jitui.proxy.entry import Proxy
from jitui.proxy.port import Handler
from jitui.proxy.waiting import Waiting
from jitui.values.errors import InvalidError

CREATED: Final = 201


def is_review(action: Action) -> bool:
    """Whether it posts the question of `kubectl auth can-i`; `--list` and `whoami` ask others."""
    return (action.verb, action.group, action.resource) == ("create", review.GROUP, "selfsubjectaccessreviews")


class Review(Waiting):
    """One such question: held until all of it is here, which is soon."""

    _request: KubeRequest

    def __init__(self, request: KubeRequest, proxy: Proxy) -> None:
        super().__init__(request, proxy.spawn)
        self._proxy = proxy
        self._answering = False
        request.client.patience.expect(BODY_WITHIN)

    def body_in(self, data: bytes) -> None:
        if self._answering:
            return
        super().body_in(data)
        if self.size > review.LIMIT:
            self._answering = True
            words = f"jitui: a {review.KIND} of more than {review.LIMIT >> 10} KiB is not read; ask a shorter one"
            self._request.answer(413, status.status(413, "RequestEntityTooLarge", words), close=True)

    def end_in(self) -> None:
        super().end_in()
        self._request.client.patience.calm()
        if not self._answering:
            self._answering = True
            self.run(self._ask)

    async def _ask(self) -> Handler | None:
        request, proxy = self._request, self._proxy
        request.standing()
        try:
            question = review.question(self.held, request.head.get(b"content-type"), encoding=request.head.get(b"content-encoding"))
            reason = await self._why_not(question)
        except InvalidError as error:
            return await proxy.own(request, self, error.code, status.of(error))
        if self.lost():
            return None
        if reason and proxy.judge_again(request) is None:  # the question itself may still be asked, under the grant as of now
            return await proxy.own(request, self, CREATED, review.no(question, request.action.version, reason))
        request.client.patience.calm()
        return proxy.again(request)

    async def _why_not(self, question: Action) -> str:
        """The reason why the action does not pass here; empty if it passes, and the cluster is to be asked."""
        if is_discovery(question):
            return ""
        request, proxy = self._request, self._proxy
        if review.everything(question):
            grant = request.verdict.grant
            return f"no window covers everything; {grant.label} covers {grant.scope}"
        namespaced = request.namespaced(question)
        if namespaced is None:
            copies = proxy.copies(request)
            namespaced = await copies.look(question.group, question.resource)
            if (silence := copies.silence) is not None:
                return str(silence)
        verdict = proxy.verdict_on(request, review.judged(question, namespaced=namespaced))
        return verdict.sentence if isinstance(verdict, Deny) else ""
