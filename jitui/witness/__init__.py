"""Others who see the record: what the ledger signed goes into the transparency log, and its checkpoints to witnesses.

It works behind the record: nothing waits for it, and a witness that is away delays nothing.
"""
