"""Small values: time, sizes, foreign text, paths, one-sentence errors. Imports no other room."""
