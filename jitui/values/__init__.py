"""Small values: time, sizes, untrusted text, paths, errors of one sentence. This room imports no other room."""
