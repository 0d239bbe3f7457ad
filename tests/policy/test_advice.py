"""`jitui check` warns of clauses that restrict less than they seem to."""

import pytest

from jitui.policy.advice import advice
from jitui.policy.scope import Scope


@pytest.mark.parametrize(("clause", "says"), [
    ("exec pods in web -- sh", "worth nothing for a shell"),
    ("exec pods in web -- /bin/bash -c *", "worth nothing for a shell"),
    ("exec pods in web -- sh ...", "worth nothing for a shell"),
    ("exec pods in web -- env ...", "env can run other programs"),
    ("exec pods in web -- * -l", "any program may be named"),
    ("exec pods in web -- ...", "any program may be named"),
    ("exec pods in web -- ls", "for the pod's default container alone; name another one, or any: exec pods:*/NAME, exec pods:*/*"),
    ("exec pods:db-0 in web -- ls", "name another one, or any: exec pods:db-0/NAME, exec pods:db-0/*"),
    ("* secrets in web", "* reaches nothing of secrets; write the verbs out, for instance: get secrets"),
    ("* nodes", "* reaches no write of nodes; write the verbs out, for instance: create nodes"),
    ("* pods/proxy in web", "* reaches nothing of pods/proxy"),
    ("@deploy in web,kube-system", "no * and no preset writes anything in kube-system; write verbs and kinds out, for instance: create deployments.apps in"),
    ("* pods in kube-system", "no * and no preset writes anything in kube-system; write verbs and kinds out, for instance: create pods in kube-system"),
    ("delete * in vault", "no * and no preset writes anything in vault; write verbs and kinds out, for instance: delete pods in vault"),
    ("@debug in vault", "for instance: create pods/exec in vault"),
])  # fmt: skip
def test_a_clause_that_holds_less_is_said(clause: str, says: str) -> None:
    """One sentence, with the clause and what to write."""
    (sentence,) = advice(Scope.parse(clause), ("vault",))
    assert sentence.startswith(f"{clause}: ")
    assert says in sentence


def test_a_shell_in_any_container_is_said_as_such() -> None:
    """A container that is named leaves the rest of the sentence."""
    assert advice(Scope.parse("exec pods:*/* in web -- sh")) == (
        "exec pods:*/* in web -- sh: a command clause is worth nothing for a shell; write the whole command, or grant exec without one",)  # fmt: skip


@pytest.mark.parametrize("clause", [
    "exec pods:*/* in web -- pg_isready -h *", "exec pods:db-0/db in web -- sh -c 'ls -l'", "exec pods in web", "@view in web", "* * in web",
    "@view in kube-system", "delete pods in kube-system", "exec pods in kube-system",
])  # fmt: skip
def test_what_holds_needs_no_advice(clause: str) -> None:
    """A whole command, also of a shell; and exec without a command pretends nothing."""
    assert advice(Scope.parse(clause)) == ()
