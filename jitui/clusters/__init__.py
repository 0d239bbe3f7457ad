"""The way out: connections to a cluster, with the gateway's own credential on them.

* port        a cluster's interface to the rest of the gateway, whichever kind it is
* kind        the interface of a kind of connection: settings, how it is loaded, its steps for `jitui check`, its documents for `jitui rbac`
* registry    the kinds there are; a new one is a module of its own and a line here
* kubeconfig  a cluster of a kubeconfig
* eks         an Amazon EKS cluster: a role session for each grant, tokens signed with it (the only home of boto3)
* dial        one TLS connection, and the sentence that says why there is none
* wire        TLS over one connection, for streams: all that came is handed on, also once the connection is lost
* tunnel      the way to it through a proxy
* pool        keep-alive connections for plain requests, and one exchange on them
* call        one whole request of the gateway itself
* reviews     who the gateway is to the cluster, and what it may do there
* discovery   the gateway's own copy of what the cluster serves: served reads its documents, accept the few forms that clients ask for

It decides nothing and records nothing: what reaches it was allowed and committed before. Credentials are added here, on the
way out, so that they never pass a recorder.
"""
