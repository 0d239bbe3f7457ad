"""Frames and what can be said about them: their chain, their timing, their proof, their export. Pure: no I/O, no clock."""
