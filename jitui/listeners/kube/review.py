"""`kubectl auth can-i`: what window and rule do not cover is answered No by the gateway, with its denial; the rest goes to the cluster."""

from typing import TYPE_CHECKING, Final

from jitui.listeners.kube.admission import Admission
from jitui.listeners.kube.call import BODY_WITHIN, Waiting
from jitui.listeners.kube.own import OwnAnswer
from jitui.policy.action import Action
from jitui.policy.policy import Allow, Deny, is_discovery
from jitui.protocol import headers, http, review, status
from jitui.values.errors import InvalidError

if TYPE_CHECKING:
    from jitui.listeners.kube.client import KubeClient

CREATED: Final = 201


def is_review(action: Action) -> bool:
    """Whether it posts the question of `kubectl auth can-i`; `--list` and `whoami` ask others."""
    return (action.verb, action.group, action.resource) == ("create", review.GROUP, "selfsubjectaccessreviews")


class Review(Waiting):
    """One such question: held until all of it is here, which is soon."""

    def __init__(self, client: "KubeClient", head: http.RequestHead, admission: Admission, action: Action, lines: headers.Lines, allow: Allow) -> None:
        super().__init__(client)
        self._head, self._admission, self._action, self._lines, self._allow = head, admission, action, lines, allow
        self._answering = False
        client.patience.expect(BODY_WITHIN)

    def body_in(self, data: bytes) -> None:
        if self._answering:
            return
        super().body_in(data)
        if self.size > review.LIMIT:
            self._answering = True
            words = f"jitui: a {review.KIND} of more than {review.LIMIT >> 10} KiB is not read; ask a shorter one"
            self._client.answer(413, status.status(413, "RequestEntityTooLarge", words), close=True)

    def end_in(self) -> None:
        super().end_in()
        self._client.patience.calm()
        if not self._answering:
            self._answering = True
            self.run(self._ask)

    async def _ask(self) -> None:
        client, asked = self._client, self.held
        client.door.stands(self._admission)
        try:
            question = review.question(asked, self._head.get(b"content-type"), encoding=self._head.get(b"content-encoding"))
            reason = await self._why_not(question)
        except InvalidError as error:
            await self._answer(error.code, status.of(error))
            return
        if self._gone():
            return
        if reason and self._still():
            await self._answer(CREATED, review.no(question, self._action.version, reason))
        else:
            client.pass_on(self, self._head, self._admission, self._action, self._lines)

    def _still(self) -> bool:
        """Whether the question itself may still be asked; under which grant, as of now."""
        verdict = self._client.door.broker.judge(self._admission.who, self._admission.connection, self._action)
        if isinstance(verdict, Allow):
            self._allow = verdict
            return True
        return False

    def _gone(self) -> bool:
        """Whether nobody waits any more; what was awaited meanwhile may have changed that."""
        return self.lost

    async def _why_not(self, question: Action) -> str:
        """What keeps the action from passing here; empty if nothing does, and the cluster is to be asked."""
        if is_discovery(question):
            return ""
        connection, broker = self._admission.connection, self._client.door.broker
        if review.everything(question):
            grant = self._allow.grant
            return f"no window covers everything; {grant.label} covers {grant.scope}"
        namespaced = broker.kinds[connection].namespaced(question.group, question.resource) if question.resource else False
        if namespaced is None:
            namespaced = await self._admission.way.discovery.look(
                question.group, question.resource, lambda: broker.has_window(self._admission.who, connection)
            )
            if (silence := self._admission.way.discovery.silence) is not None:
                return str(silence)
        verdict = broker.judge(self._admission.who, connection, review.judged(question, namespaced=namespaced))
        return verdict.sentence if isinstance(verdict, Deny) else ""

    async def _answer(self, code: int, body: bytes) -> None:
        """Put it on record and say it, in the window's own session. Raises JituiError."""
        if self.lost:
            return
        client, admission = self._client, self._admission
        broker = client.door.broker
        session = broker.windows.session_now(self._allow.grant, self._action) or await broker.windows.open_session(
            self._allow.grant, self._action, peer=client.peer, command_group=""
        )
        if self._gone():
            return
        if session.muted:
            assert session.end is not None
            client.answer(session.end.code, status.status(session.end.code, session.end.reason, session.end.words))
            return
        own = OwnAnswer(session, self._action, client, code, body)
        broker.notes.answered(session, own.conn, admission.who.name, admission.connection, self._action, self._allow, code, len(self.held), len(body))
        asked = self.held
        client.current = own
        own.give(self._head, admission.target, self._lines, asked)
