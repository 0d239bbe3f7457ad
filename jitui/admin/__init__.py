"""What asks clusters and clouds for an administrator: whether a configuration works, and which rights it needs."""
