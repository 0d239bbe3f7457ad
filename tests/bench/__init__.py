"""What it costs and how quickly it ends. Programs that print figures, never timed tests: `make bench`."""
