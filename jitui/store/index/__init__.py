"""index.db, derived from the record behind its back: text to be found in, and states of terminals to replay from. It may be deleted at any time.

* book       the file for its one writer; one that is broken, or not ours, is deleted and begun again
* blocks     text in pieces of about 64 KiB, each with the moments of its lines
* text       frames of a session, masked -> lines
* builder    reads the record where the book does not reach yet; a process of its own runs it (cli/indexer.py)
* reader     finds text, and the keyframe before a moment; read-only

Only text that is shown to everybody goes in: secrets are masked before. Nothing is proved by it, and no decision comes from it.
"""
