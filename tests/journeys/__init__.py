"""Whole stories from outside: a gateway as its own process, the command line, and real kubectls of every version."""
