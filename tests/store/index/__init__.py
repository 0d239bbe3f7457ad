"""The index that is derived from the record."""
