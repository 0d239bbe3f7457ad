"""The parts of the screens. Nothing here talks to the gateway."""
