"""Recorded secrets, masked where they are shown. Pure: bytes in, places out; the record itself stays as it is.

* spans       a masked place, and what stands there instead: as many bytes as before, with a mark that says so
* session     the choke point: frames of one session in order -> the same frames, masked
* requests    which resource an exchange is about, from its recorded head
* body        one API body: of a kind that holds secrets by structure (json_body, yaml_body, proto_body, by the tables in `fields`), else by pattern
* text        a stream of bytes by pattern: patterns, pairs (a name and its value), commands, manifests; across frames and line ends of a terminal

Every masker is causal: what it says of a byte depends on that byte and on those before it, and on those behind it only if they are in the same
piece. So a live viewer sees what a replay shows, or less. What is not understood in a body of a kind that holds secrets is masked whole.
"""
