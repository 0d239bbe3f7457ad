"""The rules: they read a request as an Action and decide whether it may pass. Pure: no I/O and no clock; time is an argument.

* action    one attempted operation on a cluster, and its Hazard
* kube      turns a request line into an Action, or refuses it where two readings are possible
* streams   every kind of stream, one row each: its verb and subresource, its hazard, its codec and channels
* pattern, clause, grammar, scope   the scope grammar: its text, the atoms it stands for, the actions it allows, and which of two scopes is narrower
* table     every kind of Kubernetes, with the hazard of each verb on it and the reason
* hazard    how much an action or a clause can hurt, by the table and by its namespace; the kinds that no `*` reaches; guarded namespaces
* escape    the words of a denial that say what an escape would give
* terms     identities, rules, requests and grants as frozen values
* advice    warns, in `jitui check`, of clauses that restrict less than they seem to
* rights    the rights of each role, and the conflicts of interest that forbid a decision
* request, grant   state tables and the moves over them
* policy    decide: Allow, or Deny with what is missing and the command that asks for it

It never reads a clock, a file or a socket, never remembers anything between two calls, and never lets pass what it can't prove.
"""
