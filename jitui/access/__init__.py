"""Takes actions and decisions, decides, waits for people, ends windows. It opens no socket.

* requests   asks of agents and the decisions of people on them, up to the grant
* windows    live grants, the sessions under them, and how they end
* freezer    freezes and thaws windows and sessions
* notes      the action log: a row for each thing that was attempted
* quota      limits how much an agent makes the gateway write in an hour; cooling: the waits before an agent may ask again
* debt       keeps facts that are true already, and writes them as soon as the ledger takes them
* room       watches the disk, and stops one thing after the other as it fills up
* roster     identities and tokens: adds, rotates, disables
* broker     all of them together: listeners and the API talk to it
"""

from jitui.access.broker import Broker

__all__ = ["Broker"]
