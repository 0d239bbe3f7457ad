"""A clause stands for atoms."""

import pytest
from hypothesis import given

from jitui.policy.clause import PRESETS, READS, Atom, Clause, Target, verbs_text
from jitui.policy.grammar import parse
from jitui.policy.pattern import EVERY
from tests.policy.made import clauses


def test_exec_is_create_of_the_subresource_and_get_of_the_pod() -> None:
    """kubectl asks for the pod first, so a window for exec without it could not be used."""
    assert Clause(("exec",), (Target("pods", name="web-*"),), ("web",)).atoms == (
        Atom(frozenset({"get"}), False, Target("pods", name="web-*"), ("web",)),
        Atom(frozenset({"create"}), False, Target("pods", "", "exec", "web-*"), ("web",)),
    )


def test_a_command_binds_the_exec_and_not_the_get() -> None:
    """The get of the pod has no command."""
    assert [atom.argv for atom in Clause(("exec",), (Target("pods"),), ("web",), ("ls",)).atoms] == [None, ("ls",)]


@pytest.mark.parametrize(("clause", "containers"), [
    (Clause(("exec",), (Target("pods"),), ("web",)), ["*", "*"]),
    (Clause(("exec",), (Target("pods"),), ("web",), ("ls",)), ["*", ""]),
    (Clause(("exec",), (Target("pods", name="x", container="app"),), ("web",)), ["*", "app"]),
    (Clause(("exec",), (Target("pods", name="x", container="*"),), ("web",), ("ls",)), ["*", "*"]),
    (Clause(("attach",), (Target("pods", name="x", container="a*"),), ("web",)), ["*", "a*"]),
    (Clause(("get",), (Target("pods", "", "log", "x", "app"),), ("web",)), ["app"]),
])  # fmt: skip
def test_a_container_binds_the_stream_and_not_the_get_of_the_pod(clause: Clause, containers: list[str]) -> None:
    """Any container where nothing bounds the command, the default one where a command does and no container is named."""
    assert [atom.container for atom in clause.atoms] == containers
    assert all(not atom.target.container for atom in clause.atoms if not atom.target.subresource)


@pytest.mark.parametrize(("verb", "subresource"), [("exec", "exec"), ("attach", "attach"), ("port-forward", "portforward")])
def test_each_stream_has_its_subresource(verb: str, subresource: str) -> None:
    assert [atom.target.subresource for atom in Clause((verb,), (Target("pods"),), ("web",)).atoms] == ["", subresource]


def test_no_preset_names_a_hazard_or_stars_a_verb() -> None:
    """A preset is written out: its `*` is a plural for reads only, and it names no secrets."""
    for rows in PRESETS.values():
        for verbs, targets in rows:
            assert EVERY not in verbs
            assert "secrets" not in {target.plural for target in targets}
            assert verbs == READS or EVERY not in {target.plural for target in targets}


@given(clauses)
def test_every_atom_has_plain_verbs(clause: Clause) -> None:
    """No macro and no `*` is left."""
    assert all({"*", "read", "apply", "exec"}.isdisjoint(atom.verbs) and atom.verbs for atom in clause.atoms)


@pytest.mark.parametrize(("written", "canonical"), [
    ("get,list,watch pods in web", "read pods in web"),
    ("watch,get,list,delete pods in web", "read,delete pods in web"),
    ("patch,get,create deployments.apps in web", "apply deployments.apps in web"),
    ("apply,read pods in web", "read,apply pods in web"),
    ("list,get pods in web", "get,list pods in web"),
    ("get,get pods,pods in web,web", "get pods in web"),
    ("read pods , pods/log   in  a, b", "read pods,pods/log in a,b"),
    ("read pods in web,*", "read pods in *"),
    ("@deploy in web,*", "@deploy in *"),
    ("* pods in web,*", "* pods in *"),
    ("create pods in web,*,x*", "create pods in *,web"),  # a guarded namespace is meant by its name alone
    ("exec pods:db-0/db in data -- id", "exec pods:db-0/db in data -- id"),
    ("get pods/log:**/a** in web", "get pods/log:*/a* in web"),
    ("read pods:w**b in w**", "read pods:w*b in w*"),
    ("exec pods:db-0 in data --  pg_isready  -h *", "exec pods:db-0 in data -- pg_isready -h *"),
    ("""exec pods in a -- sh -c "a;b" 'it'\\''s' \\* ...""", """exec pods in a -- sh -c 'a;b' 'it'"'"'s' '*' ..."""),
    ("get url:/metrics", "get url:/metrics"),
    ("@view in web", "@view in web"),
    ("@view", "@view"),
    ("* * in web", "* * in web"),
])  # fmt: skip
def test_the_text_is_canonical(written: str, canonical: str) -> None:
    """One text for one meaning, as screens and denials show it."""
    assert [clause.text for clause in parse(written)] == [canonical]


def test_verbs_fold_into_macros() -> None:
    """read first, then apply, then the rest."""
    assert verbs_text(("get", "list", "watch", "create", "patch", "delete")) == "read,apply,delete"
    assert verbs_text(("get", "list")) == "get,list"
