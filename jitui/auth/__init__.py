"""Who is calling: a token's identity, or a person by the Unix user at the other end of the socket.

It says who; `policy/rights.py` says what they may. It never decides, never prints a token twice, never stores one.

* tokens   `jt_<id>_<43 characters>`: made once, kept as sha256, compared in constant time
* people   peer uid -> person and roles
* peer     what the kernel says about the other end: SO_PEERCRED, /proc/net/tcp
* directory  the one source of all of it, read at each call
* callers  it behind two questions: by_token, by_uid
* standing a caller who goes on being heard: who they are at each moment
"""
