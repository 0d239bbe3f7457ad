"""One table of colours and glyphs: a word and a glyph say the state, the colour only repeats it.

Styles elsewhere are names of this table (`state("EXEC")` is "$state-exec"), so that one light and one dark theme, NO_COLOR and --ascii
hold on every screen.
"""

from typing import Final

from textual.theme import Theme

# name: (dark, light). The base colours first, then what a state looks like.
BASE: Final = {
    "background": ("#10141a", "#f6f7f9"),
    "surface": ("#161b22", "#ffffff"),
    "panel": ("#1d242d", "#e9ecf0"),
    "foreground": ("#d7dde5", "#1c2430"),
    "primary": ("#5aa9e6", "#1f6fb2"),
    "secondary": ("#8aa4bf", "#4b6580"),
    "accent": ("#e6b450", "#9a6700"),
    "success": ("#6cc38a", "#1a7f37"),
    "warning": ("#e6b450", "#9a6700"),
    "error": ("#ef6f6c", "#c62f2c"),
}
STATES: Final = {
    "read": ("#6cc38a", "#1a7f37"),
    "secret": ("#d78ae8", "#8a3fa0"),
    "exec": ("#5aa9e6", "#1f6fb2"),
    "change": ("#e6b450", "#8f5f00"),
    "spawn": ("#f0915c", "#b5541c"),
    "escape": ("#ef6f6c", "#c62f2c"),
    "live": ("#6cc38a", "#1a7f37"),
    "waiting": ("#e6b450", "#8f5f00"),
    "ending": ("#f0915c", "#b5541c"),
    "frozen": ("#7fd1d9", "#0f7680"),
    "ended": ("#7d8896", "#6b7480"),
    "denied": ("#ef6f6c", "#c62f2c"),
    "new": ("#f5d76e", "#8f5f00"),
    "quiet": ("#8792a0", "#5f6975"),
    "faint": ("#4a5563", "#b4bcc6"),
    "cursor": ("#25405c", "#cfe3f6"),
    "cursor-blurred": ("#1f2833", "#e1e7ee"),
    "bar": ("#1a2129", "#e4e8ed"),
}

# glyph of a state; `AsciiFilter` turns them into 7-bit ones
GLYPHS: Final = {
    "pending": "?", "approved": "✓", "denied": "✗", "withdrawn": "-", "lapsed": "-",
    "waiting": "○", "active": "●", "ending": "!", "frozen": "=", "expired": "■", "revoked": "✗", "released": "□",
    "opening": "○", "open": "●", "ended": "■",
}  # fmt: skip
ASCII: Final = {
    "✓": "+", "✗": "x", "○": "o", "●": "*", "■": "#", "□": "o", "…": "~", "─": "-", "━": "=", "│": "|", "┃": "|", "╌": ".", "┄": ".",
    "┌": "+", "┐": "+", "└": "+", "┘": "+", "├": "+", "┤": "+", "┬": "+", "┴": "+", "┼": "+", "╭": "+", "╮": "+", "╰": "+", "╯": "+",
    "▌": "|", "▍": "|", "▎": "|", "▏": "|", "▕": "|", "▔": "-", "▁": "_", "▂": "_", "▃": "_", "▄": "_", "▅": "#", "▆": "#", "▇": "#",
    "█": "#", "▊": "#", "▉": "#", "▋": "#", "▐": "|", "▀": "-", "▶": ">", "▸": ">", "‖": "=", "·": ".", "•": "*", "→": ">", "←": "<",
    "↑": "^", "↓": "v", "“": '"', "”": '"', "≤": "<", "⏎": "$", "\N{REPLACEMENT CHARACTER}": "?",
}  # fmt: skip
ANSI: Final = (  # the sixteen colours of a recorded terminal: black to white, and the same brighter
    "#2e3440", "#e06c75", "#98c379", "#d8b365", "#61afef", "#c678dd", "#56b6c2", "#c8ccd4",
    "#5c6370", "#ff7b86", "#b5e890", "#f0d58a", "#82c6ff", "#e29bf7", "#7fd9e4", "#ffffff",
)  # fmt: skip
PAPER: Final = "#0b0e12"  # a recorded terminal is dark in both themes, as its colours were chosen for that
INK: Final = "#d3d7de"

DARK: Final = "jitui-dark"
LIGHT: Final = "jitui-light"


def state(name: str) -> str:
    """The style of a state or hazard, by its word in the views; an unknown word is quiet."""
    key = {"active": "live", "open": "live", "opening": "waiting", "pending": "waiting", "approved": "live", "allowed": "live"}.get(name, name).lower()
    return f"$state-{key}" if key in STATES else "$state-ended" if name in GLYPHS else "$state-quiet"


def badge(name: str) -> str:
    """A hazard's word as a label on its colour."""
    return f"bold $background on {state(name)}"


def themes() -> tuple[Theme, Theme]:
    """The dark and the light theme, both from the table above."""
    return _theme(DARK, 0), _theme(LIGHT, 1)


def _theme(name: str, column: int) -> Theme:
    base = {key: pair[column] for key, pair in BASE.items()}
    variables = {f"state-{key}": pair[column] for key, pair in STATES.items()}
    variables |= {"border": base["secondary"], "scrollbar": variables["state-faint"], "scrollbar-background": base["background"],
                  "scrollbar-corner-color": base["background"], "scrollbar-hover": base["secondary"], "scrollbar-active": base["primary"],
                  "scrollbar-background-hover": base["background"], "scrollbar-background-active": base["background"],
                  "input-cursor-background": base["foreground"], "input-selection-background": variables["state-cursor"]}  # fmt: skip
    return Theme(
        name=name, dark=column == 0, variables=variables, primary=base["primary"], secondary=base["secondary"], accent=base["accent"],
        foreground=base["foreground"], background=base["background"], surface=base["surface"], panel=base["panel"], success=base["success"],
        warning=base["warning"], error=base["error"],
    )  # fmt: skip
