"""The transparency log: an append-only Merkle tree over the heads of sessions and facts, in the forms of C2SP, so that others can check and cosign it.

* leaf        what is logged: where a session's frames, or the facts, stood, with counts
* tree        the tree of RFC 6962: its root, proofs that a leaf is in it, proofs that it only grew
* note        signed notes and their keys: Ed25519, and the cosignatures of witnesses (c2sp.org/signed-note, c2sp.org/tlog-cosignature)
* checkpoint  origin, size and root of a tree as a note (c2sp.org/tlog-checkpoint)
* inclusion   a leaf's proof with its checkpoint, as one text (c2sp.org/tlog-proof)
* stamp       time stamps of RFC 3161 over a checkpoint, by whoever has a certificate for it
* policy      which logs are known, and whose cosignatures suffice (c2sp.org/tlog-policy)

Pure, as the rest of the room: the caller reads files and clocks. Numbers of leaves count from 0; hashes are 32 bytes of SHA-256.
"""
