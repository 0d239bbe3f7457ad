"""Facts on their way to others' collectors, syslog and OTLP: behind the record, at least once, from a cursor in the state folder.

* Exporter  one task for each collector (exporter.py): reads facts after the cursor, sends them, and moves the cursor once they are there
* targets   what speaks to a collector (targets.py); settings: where it is (settings.py)

Nothing waits for it: a collector that is away costs a try now and then, and no memory.
"""
