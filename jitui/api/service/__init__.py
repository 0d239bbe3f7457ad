"""The operations inside the gateway's own process.

* service  binds a caller, and checks the right that the table names; requests, grants, sessions, archive, identities, gateway implement the tables
* bound    their base: one caller and the gateway's parts; backend: those parts, and what is kept between calls
* views    the values of other rooms as people are shown them
* readers  whose long read comes next, so that nobody's is in anybody's way
* live     the newest frames of a live session, for viewers that never hold anything up
* record   the files as views, here and in the command line without a gateway
* history  an identity's past in one line, and the scope of what it used
"""

from jitui.api.service.service import Service

__all__ = ["Service"]
