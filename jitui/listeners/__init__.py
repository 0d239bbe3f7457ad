"""Inbound sockets: a listener parses, authenticates, and hands what is asked to the proxy.

* address    a host and port to listen at, and the URL that clients are given for it
* porch      accepts the connections of a listener's sockets; turnstile limits how many of them begin in one turn of the loop
* visitors   counts the connections of each caller against the listener's `caps`, and chooses which connection makes room for a new one
* admission  admits a caller, whatever the protocol: agents, their limits, their connections, isolation
* patience   the timeouts of one connection

A listener reaches clusters and the record only through `jitui.proxy` and `jitui.access`, and knows no other listener.
"""
