"""What `jitui check` says about clauses that hold less than they seem to."""

import pytest

from jitui.rules.advice import advice
from jitui.rules.scope import Scope


@pytest.mark.parametrize(("clause", "says"), [
    ("exec pods in web -- sh", "worth nothing for a shell"),
    ("exec pods in web -- /bin/bash -c *", "worth nothing for a shell"),
    ("exec pods in web -- sh ...", "worth nothing for a shell"),
    ("exec pods in web -- env ...", "env can run other programs"),
    ("exec pods in web -- * -l", "any program may be named"),
    ("exec pods in web -- ...", "any program may be named"),
    ("* secrets in web", "* reaches nothing of secrets; write the verbs out, for instance: get secrets"),
    ("* nodes", "* reaches no write of nodes; write the verbs out, for instance: create nodes"),
    ("* pods/proxy in web", "* reaches nothing of pods/proxy"),
])  # fmt: skip
def test_a_clause_that_holds_less_is_said(clause: str, says: str) -> None:
    """One sentence, with the clause and what to write."""
    (sentence,) = advice(Scope.parse(clause))
    assert sentence.startswith(f"{clause}: ")
    assert says in sentence


@pytest.mark.parametrize("clause", [
    "exec pods in web -- pg_isready -h *", "exec pods in web -- sh -c 'ls -l'", "exec pods in web", "@view in web", "* * in web",
])  # fmt: skip
def test_what_holds_needs_no_advice(clause: str) -> None:
    """A whole command, also of a shell; and exec without a command pretends nothing."""
    assert advice(Scope.parse(clause)) == ()
