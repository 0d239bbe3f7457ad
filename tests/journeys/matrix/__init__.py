"""Every kubectl, every kind of stream, every way it ends: what was printed, with which exit code, and what is on record.

* cells    what is expected, as one table
* kinds    the ten ways to use kubectl: what each types, and what its record must hold
* lab      pods of the test's own in the real cluster
* wires    kubectl as a process, and a relay before the API server whose connections can be cut
* runs     all kinds of one kubectl, cause by cause, against one gateway
"""
