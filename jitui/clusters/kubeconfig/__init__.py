"""A cluster of a kubeconfig: its address, certificates and user, read as client-go reads them.

* kind        what the configuration says about it, and the kind of connection (clusters/kind.py)
* document    one file's YAML or JSON, by the rules of Kubernetes' own parser
* files       the types of its fields, and several files merged
* context     one context of them, checked
* credential  its user's credential: a token, a file, or the answer of an exec plugin
* plugin      one run of an exec credential plugin
* upstream    all of it as an Upstream (clusters/port.py)
"""
