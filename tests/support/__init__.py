"""Support for many tests: real processes, kubectls and clusters, and a real gateway, all on 127.0.0.1 and in temporary folders."""
