"""Stub."""
from jitui.tui.screens.base import Board

class HistoryScreen(Board):
    def __init__(self, desk: object, ident: str = "", *, alone: bool = False) -> None:
        super().__init__()
