"""One live conversation under a grant: what is recorded, what is let go, and how it ends.

`live` holds windows and sessions. A session is its `gate` (the mute), its `recorder` (the one way a byte gets on record), its `hold` (what waits
while it is frozen), its `deliveries` (what was handed on) and its `lastwords`; `ends` says how it ends. `outlet` is the writing end of a leg.
`exchange` carries one plain request (also a followed log or a watch, in whole `events`); `relay` an upgraded stream, frame by frame, between two of `leg`, a
few frames in each of the `turns` of the loop.
Nothing here decides what is allowed, and nothing here knows a TCP port.
"""
