"""The wire, fed whole, byte by byte, in random pieces, with a tail and with garbage."""
