"""A cluster of a kubeconfig: its address, certificates and user. The one home of the `kubernetes` package.

* kind        what the configuration says about it, and the kind of connection (clusters/kind.py)
* context     one context of the files, read and checked
* credential  its user's credential: a token, a file, or the answer of an exec plugin
* plugin      one run of an exec credential plugin
* upstream    all of it as an Upstream (clusters/port.py)
"""
