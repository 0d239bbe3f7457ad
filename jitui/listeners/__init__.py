"""Inbound sockets: a listener parses, authenticates and asks the broker.

* porch      accepts the connections of one socket; turnstile limits how many of them begin in one turn of the loop
* visitors   counts the connections of each caller against the listener's `caps`, and chooses which connection makes room for a new one
* patience   the timeouts of one connection

A door parses, authenticates and asks the broker. It reaches the cluster only through what the broker hands it, and knows no other door.
"""
