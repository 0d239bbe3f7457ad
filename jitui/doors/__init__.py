"""Inbound I/O: the kube door for agents' kubectl, the api door for people and their screens.

A door parses, authenticates and asks the broker. It reaches the cluster only through what the broker hands it, and knows no other door.
"""
