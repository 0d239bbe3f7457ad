"""One live conversation under a grant: what is recorded, what is let go, and how it ends.

`live` holds windows and sessions: the one way a byte gets on record, and the mute; `ends` says how they end. `outlet` is the writing end of a leg.
`exchange` carries one plain request (also a followed log or a watch, in whole `events`); `relay` an upgraded stream, frame by frame, between two of `leg`, a
few frames in each of the `turns` of the loop.
Nothing here decides what is allowed, and nothing here knows a TCP port.
"""
