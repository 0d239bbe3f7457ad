"""What many tests stand on: real processes, real kubectls, real clusters, and a real gateway, all on 127.0.0.1 and in temporary folders."""
