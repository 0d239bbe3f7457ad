"""The record: what is committed here has happened, what is not does not pass.

* Store      the one object the gateway writes through (sqlite.py); one writer thread behind it (journal.py, queue.py: decisions first)
* tapes      bodies, frame by frame, chained; ledger: facts, chained, folded into tables, signed
* Files      reading, read-only, from a live folder or bare files (archive.py), which are opened only if they are ours (guard.py)
* believing  what the facts say at a start (opening.py, checked.py), what files prove (proof.py), and tables made again (repair.py)

It never decides, never reads a socket, and never rewrites what it has written.
"""

from jitui.store.actions import ActionRow
from jitui.store.archive import Files
from jitui.store.rows import Loaded, SessionRow, SshKeyRow, TokenRow
from jitui.store.sqlite import Store

__all__ = ["ActionRow", "Files", "Loaded", "SessionRow", "SshKeyRow", "Store", "TokenRow"]
