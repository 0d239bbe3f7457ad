"""What is asked, and may it: pure rules. No I/O and no clock; time is an argument.

* action    one thing attempted, and its Hazard
* kube      a request line becomes an Action, or is refused where it could be read in two ways
* pattern, clause, grammar, scope   the scope grammar: text, what it stands for, what it allows, what is narrower
* table     every kind of Kubernetes with the hazard of each verb on it, and why
* hazard    how much an action or a clause can hurt, by the table and by where; what a `*` never reaches; guarded namespaces
* escape    what a way out would give, for its denial
* terms     identities, rules, requests and grants as frozen values
* advice    clauses that hold less than they seem to, for `jitui check`
* rights    who may what, and for whom nobody decides
* request, grant   state tables and the moves over them
* policy    decide: Allow, or Deny with what is missing and the command that asks for it

It never reads a clock, a file or a socket, never remembers anything between two calls, and never lets pass what it can't prove.
"""
