"""The screens: desk, decide, live, history, replay, help.

Knows the gateway through the table of `api/operations.py` only, and decides nothing: it shows what the gateway said and sends what a person chose.
Text of other parties is cleaned in one place (`widgets/said.py`) and never reaches markup, an escape sequence or an action.
Never reads a clock: times come from the gateway, and between two of its answers the event loop's monotonic time is added.

Workers fetch and post messages; only handlers change what is shown. `theme.py` is the one table of colours and glyphs.
"""
