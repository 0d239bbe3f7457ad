"""Benches: the cost of recording, and how quickly an end comes. They are programs that print figures, never timed tests: `make bench`."""
