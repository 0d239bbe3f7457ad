"""Others who see the record."""
