"""Takes actions and decisions, decides, waits for people, ends windows. It opens no socket.

* requests   asks and what people say to them, until a grant comes of it
* windows    live grants, the sessions under them, and how they end
* freezer    what stands still for a while, and goes on
* notes      what was attempted, as rows
* quota      how much of it an agent makes us write in an hour; cooling: who waits before they ask again
* debt       facts of what has happened already, written as soon as the ledger takes them
* room       what the disk's last room is kept for
* roster     identities and tokens
* broker     all of them together: listeners and the API talk to it
"""

from jitui.access.broker import Broker

__all__ = ["Broker"]
