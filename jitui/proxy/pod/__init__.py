"""The end of a window inside the pods: what its commands started is ended there, and that is proved or said not to be.

* lineage    which processes belong to which command, by kernel rules alone (pure)
* asking     a session of the gateway's own: whatever it asks in a pod is on record like a command of an agent's
* look       one run of the gateway's own script in a container (protocol/probe.py), on record like any command
* ephemeral  the container that is put beside one without a shell for it, where the rule says so
* ours       the gateway's own looks in each pod, which are nobody else's processes
* kin        which processes are a window's, by what looks saw while its commands ran (pure)
* watch      looks while commands run and behind the end of each, so that what they leave can be ended
* commands   the commands of a window in a container, and the job to end them
* containers what a window has in a container, and whose turn it is to look into one
* places     the containers in which windows have commands, and what was there before them
* dyeing     words in the output of processes tell on whose connection each of them writes
* ending     the end of commands in one container: who is theirs, kill, proof, facts
* lost       what an earlier gateway left there

It asks a container with the credential of the window and for nothing that the window's own rule does not allow. It claims nothing that it did not see.
"""
