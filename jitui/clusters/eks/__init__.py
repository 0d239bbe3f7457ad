"""An Amazon EKS cluster: one assumed role session for each grant, and tokens signed with it. The one home of boto3.

* terms     what the configuration says about the cluster and the role
* said      what AWS or botocore raise, as one sentence each
* aws       the four calls, blocking: GetCallerIdentity, AssumeRole, DescribeCluster, and the signing of a token
* aside     a thread for a blocking call
* patience  asking again what AWS throttles
* lease     a role session's keys and its token, and the instants at which each is renewed and no longer used
* seat      the role session of one grant: assumed once for all who ask, renewed in the background, forgotten at the end
* place     where the cluster listens and which authority signs for it, looked up and kept
* upstream  all of it as an Upstream (clusters/port.py)
* policies  the documents that the account and the cluster need for it
* probe     the same, step by step, for `jitui check`

A token is a bearer credential: it stands in headers on their way out and nowhere else, never in a log, a fact or an error.
"""
