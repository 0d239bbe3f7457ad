"""The bottom line: the keys that work now, read from the bindings. A key that can't work is not there."""

from dataclasses import dataclass
from typing import Final

from textual.binding import Binding
from textual.content import Content
from textual.widget import Widget

NAMES: Final = {
    "enter": "enter", "escape": "esc", "space": "space", "question_mark": "?", "full_stop": ".", "comma": ",", "slash": "/",
    "exclamation_mark": "!", "left": "←", "right": "→", "up": "↑", "down": "↓", "tab": "tab", "plus": "+", "minus": "-", "ctrl+p": "^p",
    "ctrl+q": "^q",
}  # fmt: skip


def name_of(key: str) -> str:
    """The label on the key: `?` for question_mark, `A` for upper_a."""
    if key.startswith("upper_"):
        return key[6:].upper()
    return NAMES.get(key, key)


@dataclass(frozen=True, slots=True)
class Entry:
    """One key, or several that do the same, and what it does."""

    names: str
    description: str
    everywhere: bool  # of the app, at the right


class Keys(Widget):
    """One line. Long key maps lose their last entries, never their first: the order is the order of the bindings. Of the app's keys `?` is lost last, as it
    shows all others.
    """

    DEFAULT_CSS = "Keys { dock: bottom; height: 1; background: $state-bar; padding: 0 1; }"

    def __init__(self) -> None:
        super().__init__(id="keys")
        self.entries: tuple[Entry, ...] = ()

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, lambda _screen: self.read())
        self.call_after_refresh(self.read)

    def read(self) -> None:
        """Look at the bindings again; draw only if something changed."""
        if not self.screen.is_current:
            return
        found: dict[tuple[int, str, str], tuple[tuple[int, int], list[str]]] = {}
        for active in self.screen.active_bindings.values():
            binding, node = active.binding, active.node
            if not (binding.show and active.enabled and binding.description):
                continue
            place = 0 if node not in {self.screen, self.app} else 1 if node is self.screen else 2
            rank = (place, _position(node, binding))
            _, names = found.setdefault((place, binding.action.partition("(")[0] + binding.description, binding.description), (rank, []))
            name = binding.key_display or name_of(binding.key)
            if name not in names:
                names.append(name)
        ordered = sorted((rank, " ".join(names), description) for (_, _, description), (rank, names) in found.items())
        entries = tuple(Entry(names, description, rank[0] == 2) for rank, names, description in ordered)
        if entries != self.entries:
            self.entries = entries
            self.refresh()

    def render(self) -> Content:
        width = self.content_size.width
        own = [entry for entry in self.entries if not entry.everywhere]
        here, used, gap = next((found for found in (_fitting(own, width, 3), _fitting(own, width, 2)) if len(found[0]) == len(own)), _fitting(own, width, 2))
        room, theirs = width - used - gap * bool(here), [entry for entry in self.entries if entry.everywhere]
        for count in range(len(theirs), -1, -1):
            some = [entry for at, entry in enumerate(theirs) if at < count or entry.names == "?"]
            there, more, _ = _fitting(some, room, 3)
            if len(there) == len(some):
                break
        return Content.assemble(Content(" " * gap).join(here), " " * (width - used - more), Content("   ").join(there))


def _position(node: object, binding: Binding) -> int:
    """Where a binding stands among its class's own, so that the line keeps the order in which they were written."""
    idents = [own.id for kind in type(node).__mro__ for own in kind.__dict__.get("BINDINGS", ()) if isinstance(own, Binding)]
    return idents.index(binding.id) if binding.id in idents else len(idents)


def _fitting(entries: list[Entry], width: int, gap: int) -> tuple[list[Content], int, int]:
    """As many as fit, from the first on, the cells they take with gaps between them, and the gap."""
    parts: list[Content] = []
    used = 0
    for entry in entries:
        key, words = ("bold $state-quiet", "$state-quiet") if entry.everywhere else ("bold $primary", "")
        part = Content.assemble((entry.names, key), (f" {entry.description}", words))
        more = part.cell_length + (gap if parts else 0)
        if used + more > width:
            break
        used += more
        parts.append(part)
    return parts, used, gap
