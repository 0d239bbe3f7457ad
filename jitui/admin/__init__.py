"""The commands that ask clusters and clouds for an administrator. Nothing here changes a cluster.

* check   whether a configuration works, and each of its clusters
* rights  the permissions of the gateway in a cluster against those that the rules promise
* rbac    the documents that give it the least that the rules need
"""
