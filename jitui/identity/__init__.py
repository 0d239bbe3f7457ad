"""Who is calling: a token's identity, or a person by the Unix user at the other end of the socket.

It says who; `rules/rights.py` says what they may. It never decides, never prints a token twice, never stores one.

* tokens   `jt_<id>_<43 characters>`: made once, kept as sha256, compared in constant time
* people   peer uid -> person and roles
* peer     what the kernel says about the other end: SO_PEERCRED, /proc/net/tcp
* callers  all of it behind two questions: by_token, by_uid
"""
