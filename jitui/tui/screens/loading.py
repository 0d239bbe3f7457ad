"""Loads a recording for Replay: all of it, or, of a long one of which the index has keyframes, the stretch around the moment that is shown."""

from collections.abc import Iterator, Sequence
from typing import Final

from textual.message import Message

from jitui.api.operations import Archive
from jitui.api.views import ActionView, FrameView, SessionView
from jitui.recording.timing import Playhead
from jitui.tui.reel import LARGEST, Reel
from jitui.tui.screens.base import Answered, Panning
from jitui.tui.stretch import PAGE as NEXT, ROOM, Stretch, end_of, held, stretch
from jitui.values.errors import JituiError
from jitui.values.page import Page

PAGE: Final = 1000


class Loaded(Message):
    """A page of frames, as they were asked for: with secrets masked or not."""

    def __init__(self, frames: tuple[FrameView, ...], *, unmasked: bool) -> None:
        super().__init__()
        self.frames, self.unmasked = frames, unmasked


class Loading(Panning):
    """A screen with one recording, and a playhead in it."""

    def __init__(self, archive: Archive, session: str, *, unmask: bool) -> None:
        super().__init__()
        self._archive, self._session, self._unmasked = archive, session, unmask
        self.reel: Reel | None = None
        self.head = Playhead()
        self._loading = True
        self._unmarked = False  # there are older requests of the window than those that are marked
        self._way: Iterator[float] | None = None  # a long seek that goes on over several ticks
        self._shown = -1  # frames that the terminal shows, or is on its way to
        self._end_us = 0  # of a recording that is loaded in stretches; 0: all of it is loaded
        self._since_us = 0  # from then on the stretch shows each moment
        self._missed = -1.0  # the moment whose stretch could not be had: it is not asked for again and again
        self._actions: Sequence[ActionView] = ()

    def _begin(self, *, everything: bool = False) -> None:
        """Load it, with secrets masked or not as it is wanted now."""
        unmasked, self._loading, self.reel = self._unmasked, True, None
        self._end_us = self.head.last_us = 0
        self.ask("load", lambda: self._load(unmasked=unmasked, everything=everything))

    async def _load(self, *, unmasked: bool, everything: bool) -> SessionView:
        """The beginning of a long recording; of another one everything, page by page. It arrives as messages."""
        session = await self._archive.session(self._session)
        self.post_message(Answered("session", session))
        end_us = 0 if everything else await end_of(self._archive, session, unmask=unmasked)
        if end_us:
            self.post_message(Answered("stretch", await stretch(self._archive, session, 0, end_us, unmask=unmasked)))
        else:
            await self._load_all(unmasked=unmasked)
        try:
            actions = await self._archive.actions(grant=session.grant) if session.grant else ()
        except (JituiError, OSError):
            actions = Page[ActionView]()
        self.post_message(Answered("actions", actions))
        return session

    async def _load_all(self, *, unmasked: bool) -> None:
        after, size = -1, 0
        while size < LARGEST:
            frames = tuple(await self._archive.frames(self._session, after=after, limit=PAGE, unmask=unmasked))
            if not frames:
                break
            after = frames[-1].seq
            size += held(frames)
            self.post_message(Loaded(frames, unmasked=unmasked))

    def on_loaded(self, message: Loaded) -> None:
        if self.reel is not None and message.unmasked == self._unmasked and not self._end_us:
            self.reel.add(message.frames)
            self.head.times = self.reel.times
            self.look()

    def answered(self, message: Answered) -> None:
        value = message.value
        if message.what == "session" and isinstance(value, SessionView):
            self.reel = Reel(value)
        elif message.what == "actions" and isinstance(value, Sequence) and self.reel is not None:
            self._actions = [action for action in value if isinstance(action, ActionView)]
            self.reel.mark(self._actions)
            self._unmarked = isinstance(value, Page) and value.older
        elif message.what == "stretch":
            if isinstance(value, Stretch):
                self._stretched(value)
            elif message.problem:
                self._missed, self.head.playing = self.head.at_us, False
            else:  # the keyframe is of no use: as without an index
                self._begin(everything=True)
        elif message.what == "next" and isinstance(value, tuple) and self.reel is not None:
            newest = self.reel.frames[-1].seq if self.reel.frames else -1
            if self._end_us and value and value[0].seq == newest + 1:
                self.reel.add(value)
                self._next()

    # stretches of a long recording

    def _stretched(self, found: Stretch) -> None:
        if self.reel is None or found.unmasked != self._unmasked:
            return
        reel = Reel(self.reel.session, found.kept)
        reel.add(found.frames)
        reel.mark(self._actions)
        self.reel, self._since_us = reel, found.since_us
        self._end_us = self.head.last_us = found.end_us
        self.head.times = reel.times
        self.head.seek(self.head.at_us)
        self._way, self._shown = None, -1
        self._next()

    @property
    def first(self) -> int:
        """The seq of the first frame that is loaded."""
        return self.reel.frames[0].seq if self.reel is not None and self.reel.frames else 0

    def _next(self) -> None:
        """Fetch what comes next, as far as there is room."""
        reel = self.reel
        if reel is None or not reel.frames or "next" in self.busy or reel.held >= ROOM or reel.frames[-1].seq + 1 >= reel.session.frames:
            return
        after, unmasked = reel.frames[-1].seq, self._unmasked
        limit = max(1, min(NEXT, (ROOM - reel.held) * len(reel.frames) // reel.held))  # as many as there is room for, if they are as long as those before

        async def frames() -> object:
            return tuple(await self._archive.frames(self._session, after=after, limit=limit, unmask=unmasked))

        self.ask("next", frames)

    def _elsewhere(self) -> bool:
        """Whether the moment is in another stretch, which is on its way then."""
        reel, at_us = self.reel, self.head.at_us
        if not self._end_us or reel is None:
            return False
        over = bool(reel.frames) and reel.frames[-1].seq + 1 >= reel.session.frames
        if self._since_us <= at_us and (over or (bool(reel.times) and at_us < reel.times[-1])):
            return False
        if "stretch" not in self.busy and at_us != self._missed:
            session, end_us, unmasked = reel.session, self._end_us, self._unmasked
            self.ask("stretch", lambda: stretch(self._archive, session, at_us, end_us, unmask=unmasked))
        return True
