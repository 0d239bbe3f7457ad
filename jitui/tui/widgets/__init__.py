"""What the screens are made of. Nothing here talks to the gateway."""
