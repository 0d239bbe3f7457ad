"""An Amazon EKS cluster: one assumed role session for each grant, and tokens signed with it. The one home of boto3.

* kind          the kind of connection (clusters/kind.py), and what the configuration says about it
* settings      the same as values, and the names that follow from them
* errors        the errors of AWS and botocore, as one sentence each
* aws           the three calls, blocking (GetCallerIdentity, AssumeRole, DescribeCluster), and the signing of a token
* threads       runs the blocking calls beside the loop
* retry         repeats calls that AWS throttles
* credentials   a role session's keys and its token, and the instants at which each is renewed and no longer used
* role_session  the role session of one grant: assumed once for all who ask, renewed in the background, forgotten at the end
* endpoint      the cluster's address and the authority that signs for it, looked up and kept
* upstream      all of it as an Upstream (clusters/port.py)
* policies      the documents that the account and the cluster need for it
* probe         the way to the cluster, step by step, for `jitui check`

A token is a bearer credential: it stands in headers on their way out and nowhere else, never in a log, a fact or an error.
"""
