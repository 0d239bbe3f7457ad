"""The way out: connections to a cluster, with the gateway's own credential on them.

* port        what the broker and the sessions need of a cluster, whichever kind it is
* dial        one TLS connection, and the sentence that says why there is none
* kubeconfig  a cluster of a kubeconfig: its address, certificates and user (the only home of the `kubernetes` package)
* credential  that user's credential: a token, a file, or what an exec plugin says
* plugin      one run of an exec credential plugin
* eks         an Amazon EKS cluster: a role session for each grant, tokens signed with it (the only home of boto3)
* trouble     a credential that can't be renewed, for whoever runs the gateway
* pool        keep-alive connections for plain requests, and one exchange on them
* call        one whole request of the gateway itself
* accept      the few forms of it that clients ask for
* reviews     who the gateway is to the cluster, and what it may do there
* discovery   the gateway's own copy of what the cluster serves; kinds reads it

It decides nothing and records nothing: what reaches it was allowed and committed before. Credentials are added here, on the
way out, so that they never pass a recorder.
"""
