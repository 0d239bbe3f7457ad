"""Authentication: it names the caller, who is the identity of a token or an SSH key, or the person behind the Unix user at the other end of the socket.

`policy/rights.py` says what a caller may do. This room never decides, never prints a token twice, never stores one.

* tokens   `jt_<id>_<43 characters>`: made once, kept as sha256, compared in constant time
* sshkeys  public keys, of one identity each; certificates: those that an authority of the configuration vouches for
* people   peer uid -> person and roles
* peer     the uid at the other end of a connection, from the kernel: SO_PEERCRED, sock_diag
* directory  the one source of identities, tokens, keys and people, read at each call
* callers  authenticates one call, by token, uid, or as SSH does
* standing a caller who stays connected: it is authenticated again at each moment
* tls      the gateway's certificate authority and server certificate
"""
