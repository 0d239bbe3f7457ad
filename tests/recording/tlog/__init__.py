"""The transparency log's forms."""
