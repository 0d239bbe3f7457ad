"""Inbound I/O: the kube door for agents' kubectl, the api door for people and their screens.

* porch      accepts connections at one socket; turnstile: how many begin in one turn of the loop
* visitors   who is at a door, by the `caps` that it has, and who makes room for whom
* patience   how long a connection is waited for

A door parses, authenticates and asks the broker. It reaches the cluster only through what the broker hands it, and knows no other door.
"""
