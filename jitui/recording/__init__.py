"""The format of the record: frames and facts, their hash chain, timing, proof and export. Pure: no I/O, no clock."""
