"""Masks recorded secrets when they are shown. Pure: bytes in, spans out; the record itself never changes.

* spans       a masked span, and the mark that fills it with as many bytes
* session     the choke point: frames of one session in order -> the same frames, masked
* requests    the resource that an exchange is about, from its recorded head
* body        one API body: by structure if its kind holds secrets (json_body, yaml_body, proto_body, with the tables in `fields`), else by pattern
* text        a stream of bytes by pattern: patterns, pairs (a name and its value), commands, manifests; across frames and line ends of a terminal
* words       finds the words at which patterns, pairs, commands and manifests begin to look, all in one pass

Every masker is causal: its verdict on a byte depends on that byte, on those before it, and on those behind it only within the same piece. So a
live viewer sees at most as much as a replay shows. An unreadable part of a body of a kind that holds secrets is masked whole.
"""
