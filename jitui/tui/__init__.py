"""The screens: desk, decide, live, history, replay, help.

They know the gateway through the table of `api/operations.py` only, and decide nothing: they show what the gateway said and send what a person chose.
Text of other parties is cleaned in one place (`words.py`) and never reaches markup, an escape sequence or an action.
Recorded terminals are drawn from `emulator.py`, which asks a process of its own (`process.py`, `core.py`): recorded bytes reach native code there alone.
They never read a clock: times come from the gateway, and between two of its answers the event loop's monotonic time is added.

Workers fetch and post messages; only handlers change what is shown. `theme.py` is the one table of colours and glyphs.
"""
