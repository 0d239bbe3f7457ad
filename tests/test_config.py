"""The settings: strict, and every complaint names file, line and key."""

import json
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings, strategies as st

from jitui import config
from jitui.clusters.eks.kind import EksConnection
from jitui.clusters.eks.settings import RoleSettings
from jitui.clusters.kubeconfig.kind import KubernetesConnection
from jitui.clusters.registry import BY_NAME
from jitui.policy.hazard import guards
from jitui.policy.scope import Scope
from jitui.policy.terms import Role, Rule
from jitui.values.errors import ConfigurationError
from jitui.values.keeping import Retention
from jitui.values.limits import Limits
from tests.recording.tlog.test_policy import KEYS as WITNESSES
from tests.support.soak import soak

GOOD = """\
listen:
  kube: 127.0.0.1:0
people:
  ana: {uid: 1000, roles: [approver, operator]}
connections:
  staging:
    kind: kubernetes
    kubeconfig: kube.yaml
    context: staging
rules:
  - identity: agent-deploybot
    connection: staging
    duration: 30m
    approvals: 2
    starts: on-first-use
    use_within: 10m
    pending: 2h
    scope:
      - read pods,pods/log in web
      - exec pods in web
"""
HERE = Path("/etc/jitui/c.yaml")


def test_a_good_file() -> None:
    """Everything of section by section arrives as the values the rest of the program uses."""
    made = config.read(GOOD, HERE)
    assert made.rules == (Rule("agent-deploybot", "staging", 1800, Scope.parse("read pods,pods/log in web; exec pods in web"), approvals=2,
                               on_first_use=True, use_within_s=600, pending_s=7200),)
    assert made.people["ana"].roles == {Role.APPROVER, Role.OPERATOR}
    staging = made.connections["staging"]
    assert isinstance(staging, KubernetesConnection)
    assert (staging.kubeconfig, staging.context, staging.isolation) == ((Path("/etc/jitui/kube.yaml"),), "staging", "advised")
    assert made.rule("agent-deploybot", "staging") is made.rules[0]
    assert made.rule("agent-deploybot", "prod") is None
    assert (made.listen.kube, made.listen.api, made.solo) == ("127.0.0.1:0", "127.0.0.1:8444", False)
    made.must_start()


def test_a_rule_guards_namespaces_besides_the_clusters_own() -> None:
    """Names and patterns; the cluster's own are guarded whatever it says."""
    (rule,) = config.read(broken("approvals: 2", 'guarded_namespaces: [vault, "istio-*", vault]'), HERE).rules
    assert rule.guarded == ("vault", "istio-*")
    assert config.read(GOOD, HERE).rules[0].guarded == ()
    assert guards("istio-system", rule.guarded)
    assert guards("kube-system", rule.guarded)


def test_limits_that_are_not_written_have_defaults() -> None:
    """One of them is changed without writing the others."""
    assert config.read(GOOD, HERE).limits == Limits()
    changed = config.read(GOOD + "limits:\n  streams_per_grant: 7\n  handshake: 2s\n", HERE).limits
    assert (changed.streams_per_grant, changed.handshake, changed.requests_per_second) == (7, 2, Limits().requests_per_second)


def test_retention() -> None:
    """Times in days, weeks and years, a size; each fault names its key and what to write."""
    told = config.read(f"{GOOD}retention: {{tapes: 90d, facts: 7y, max: 200GiB, at_least: 1w}}\n", Path("/etc/jitui.yaml")).retention
    assert told == Retention.model_validate({"tapes": "90d", "facts": "7y", "max": "200GiB", "at_least": "7d"})
    for text, words in (
        ("{tapes: 90}", r"retention\.tapes: a length of time is days, weeks or years as in 90d"),
        ("{tape: 90d}", r"retention\.tape: unknown key; did you mean tapes\?"),
        ("{facts: 7y}", r"retention\.tapes: a time, or a size as max"), ("{tapes: 90d, facts: 30d}", r"retention\.facts: 30d is shorter than tapes are kept"),
        ("{max: 1MiB}", r"retention\.max: "), ("{tapes: 1d, at_least: 2d}", r"retention\.at_least: 2d is longer than tapes, 1d"),
    ):
        with pytest.raises(ConfigurationError, match=words):
            config.read(f"{GOOD}retention: {text}\n", Path("/etc/jitui.yaml"))


def test_witnesses() -> None:
    """A file beside the settings, or a service with its key; another key is named with its line."""
    told = config.read(f"{GOOD}witness:\n  vault: {{file: kept}}\n  w1: {{url: https://w.example, key: {WITNESSES[0]}}}\n", Path("/etc/jitui.yaml"))
    assert {name: (one.file, one.url) for name, one in told.witness.items()} == {"vault": (Path("/etc/kept"), None), "w1": (None, "https://w.example")}
    with pytest.raises(ConfigurationError, match=r"witness\.vault\.fil: unknown key; did you mean file\?"):
        config.read(f"{GOOD}witness:\n  vault: {{fil: kept}}\n", Path("/etc/jitui.yaml"))
    with pytest.raises(ConfigurationError, match=r"witness\.vault: a witness is one of file, url"):
        config.read(f"{GOOD}witness:\n  vault: {{}}\n", Path("/etc/jitui.yaml"))


def test_which_connections_have_a_port_of_their_own() -> None:
    """All, or where there are host names, those that set it."""
    assert config.read(GOOD, HERE).own_ports == {"staging": ""}
    named = broken("127.0.0.1:0", "127.0.0.1:0\n  kube_names: '*.gw.example'")
    assert config.read(named, HERE).own_ports == {}
    assert config.read(named.replace("    context:", "    listen: '[::1]:9443'\n    context:"), HERE).own_ports == {"staging": "[::1]:9443"}


def broken(old: str, new: str) -> str:
    assert old in GOOD
    return GOOD.replace(old, new)


@pytest.mark.parametrize(("text", "says"), [
    (broken("    duration: 30m", "    duratoin: 30m"), "c.yaml:11: rules[0].duration: is missing (and 1 more"),
    (broken("    pending: 2h", "    bytes: 2 GB"), 'c.yaml:17: rules[0].bytes: a size is a whole number and its unit, as in 500MB or 2GiB, not "2 GB"'),
    (broken("    pending: 2h", "    bytes: 4096"), "c.yaml:17: rules[0].bytes: a size is a whole number and its unit, as in 500MB or 2GiB"),
    (broken("    pending: 2h", "    bytes: 0MB"), "c.yaml:17: rules[0].bytes: a size lies between 1B and 1024TiB, not 0MB"),
    (broken("    pending: 2h", "    pendign: 2h"), "c.yaml:17: rules[0].pendign: unknown key; did you mean pending?"),
    (broken("  kube:", "  cube:"), "c.yaml:2: listen.cube: unknown key; did you mean kube?"),
    (GOOD + "colour: red\n", "c.yaml:21: colour: unknown key"),
    (GOOD + "limits:\n  stranger: 5\n", "c.yaml:22: limits.stranger: unknown key; did you mean strangers?"),
    (GOOD + "limits:\n  strangers: 0\n", "c.yaml:22: limits.strangers: Input should be greater than or equal to 1"),
    (GOOD + "limits:\n  handshake: 5\n", "c.yaml:22: limits.handshake: a duration is"),
    (GOOD + "limits:\n  heads: 1MiB\n", "c.yaml:22: limits.heads: at least 2MiB, as one request head may have 1 MiB"),
    (broken("    context:", "    contxt:"), "c.yaml:9: connections.staging.contxt: unknown key; did you mean context?"),
    (broken("kind: kubernetes", "kind: k8s"), "c.yaml:7: connections.staging.kind: is kubernetes or kubernetes-eks"),
    (broken("    kind: kubernetes\n", ""), "c.yaml:6: connections.staging.kind: is missing; it is kubernetes or kubernetes-eks"),
    (broken("30m", "soon"), 'c.yaml:13: rules[0].duration: a duration is hours, minutes, seconds as in 30m, 1h30m or 45s, not "soon"'),
    (broken("30m", "1800"), "c.yaml:13: rules[0].duration: a duration is"),
    (broken("approvals: 2", "approvals: two"), 'c.yaml:14: rules[0].approvals: input should be a valid integer, not "two"'),
    (broken("approvals: 2", "approvals: 0"), "c.yaml:14: rules[0].approvals:"),
    (broken("approvals: 2", "approvals: yes"), "c.yaml:14: rules[0].approvals:"),
    (broken("connection: staging", "connection: prod"), "c.yaml:12: rules[0].connection: no connection prod here; known: staging"),
    (broken("agent-deploybot", "ana"), "c.yaml:11: rules[0].identity: ana is a person; rules are for agents"),
    (broken("agent-deploybot", "Agent Bot"), "c.yaml:11: rules[0].identity: 'Agent Bot' does not fit"),
    (broken("approvals: 2", "approval: automatic\n    approvals: 2"), "c.yaml:15: rules[0].approvals: 2 persons can't be counted"),
    (broken("approvals: 2", "guarded_namespaces: [Vault]"), "c.yaml:14: rules[0].guarded_namespaces[0]: 'Vault' does not fit"),
    (broken("approvals: 2", "guarded_namespaces: vault"), "c.yaml:14: rules[0].guarded_namespaces: input should be a valid list, not"),
    (broken("approvals: 2", "automatic_for: [EXEC]"), "c.yaml:14: rules[0].automatic_for: only with approval: automatic"),
    (broken("starts: on-first-use", "starts: on-approval"), "c.yaml:16: rules[0].use_within: only with starts: on-first-use"),
    (broken("roles: [approver, operator]", "roles: [admin]"), "c.yaml:4: people.ana.roles[0]:"),
    (broken("people:", "people:\n  bo: {uid: 1000, roles: [approver]}"), "people.ana.uid: 1000 is bo already; one user is one person"),
    (broken("      - exec pods in web", "      - exek pods in web"), "c.yaml:20: rules[0].scope[1]:"),
    (broken("127.0.0.1:0", "127.0.0.1:99999"), "c.yaml:2: listen.kube: 127.0.0.1:99999: a port is at most 65535"),
    (broken("127.0.0.1:0", "127.0.0.1"), "c.yaml:2: listen.kube: '127.0.0.1' does not fit"),
    (broken("    context:", "    listen: 127.0.0.1:8444\n    context:"), "c.yaml:9: connections.staging.listen: 127.0.0.1:8444 is listen.api already"),
    (broken("    context:", "    listen: somewhere\n    context:"), "c.yaml:9: connections.staging.listen: 'somewhere' does not fit"),
    (broken("127.0.0.1:0", "127.0.0.1:0\n  kube_names: gw.example.com"), "c.yaml:3: listen.kube_names: 'gw.example.com' does not fit"),
    (broken("127.0.0.1:0", "127.0.0.1:0\n  names: [staging.gw.example]\n  kube_names: '*.gw.example'"),
     "c.yaml:4: listen.kube_names: staging.gw.example is the gateway's own name; rename the connection staging"),
    (GOOD.replace("staging", "eu..west").replace("127.0.0.1:0", "127.0.0.1:0\n  kube_names: '*.gw.example'"),
     "c.yaml:7: connections.eu..west: eu..west.gw.example is no host name, so listen.kube_names has none for it; rename it, or set its listen"),
    ("rules: []\n", "c.yaml:1: connections: is missing"),
    ("- a\n", "c.yaml:1: input should be"),
    ("a: b: c\n", "c.yaml:1: not YAML"),
])
def test_a_wrong_file(text: str, says: str) -> None:
    """One line that names file, line and key, and what would be right."""
    with pytest.raises(ConfigurationError) as caught:
        config.read(text, Path("c.yaml"))
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_all_problems_are_kept() -> None:
    """The first is said, the others are counted and kept for `jitui check`."""
    with pytest.raises(config.WrongError) as caught:
        config.read(broken("30m", "soon").replace("  kube:", "  cube:"), Path("c.yaml"))
    assert [problem.split(": ")[1] for problem in caught.value.problems] == ["listen.cube", "rules[0].duration"]
    assert "(and 1 more" in str(caught.value)


def test_no_scope_names_the_presets() -> None:
    """A rule without a scope is an error that names the presets; it never means everything."""
    text = GOOD[: GOOD.index("    scope:")]
    for ending in ("", "    scope: []\n"):
        with pytest.raises(ConfigurationError, match=r"c.yaml:1\d: rules\[0\].scope: .*@view, @debug or @deploy"):
            config.read(text + ending, Path("c.yaml"))


def test_two_rules_for_one_pair() -> None:
    """Exactly one rule per identity and connection."""
    twice = GOOD + GOOD[GOOD.index("  - identity"):]
    with pytest.raises(ConfigurationError, match=r"c.yaml:21: rules\[1\]: a second rule for agent-deploybot on staging, first on line 11"):
        config.read(twice, Path("c.yaml"))


def test_owner_may_approve_only_where_no_people_are() -> None:
    """The solo install needs it; a configuration with people has to say it."""
    assert config.read(GOOD, HERE).rules[0].owner_may_approve is False
    solo = config.read(GOOD.replace("people:\n  ana: {uid: 1000, roles: [approver, operator]}\n", ""), HERE)
    assert (solo.solo, solo.rules[0].owner_may_approve) == (True, True)
    lifted = config.read(broken("    approvals: 2", "    owner_may_approve: true"), HERE)
    assert lifted.rules[0].owner_may_approve is True


@pytest.mark.parametrize("name", ["gateway", "clock", "automatic"])
def test_a_person_is_not_called_as_a_part_of_the_gateway(name: str) -> None:
    """Or its facts would be of nobody knows whom."""
    with pytest.raises(ConfigurationError, match=rf"people.{name}: the record calls a part of the gateway so"):
        config.read(GOOD.replace("  ana: {uid", f"  {name}: {{uid"), HERE)


def test_automatic() -> None:
    """Automatic passes READ alone unless more is named."""
    made = config.read(broken("approvals: 2", "approval: automatic"), HERE).rules[0]
    assert (made.automatic, set(made.automatic_for)) == (True, {"READ"})
    more = config.read(broken("approvals: 2", "approval: automatic\n    automatic_for: [READ, EXEC]"), HERE).rules[0]
    assert more.automatic_for == {"READ", "EXEC"}


def test_scope_as_one_text() -> None:
    """The grammar's own `;` joins clauses as a YAML list does."""
    start = GOOD.index("    scope:")
    made = config.read(GOOD[:start] + "    scope: read pods,pods/log in web; exec pods in web\n", HERE)
    assert made.rules[0].scope == config.read(GOOD, HERE).rules[0].scope


EKS = """\
connections:
  prod-eks:
    kind: kubernetes-eks
    cluster_name: prod
    region: us-east-1
    role_arn: arn:aws:iam::123456789012:role/jitui-narrow
    access: just-in-time
"""


def test_eks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The settings of a connection of this kind; the optional ones are empty unless given."""
    monkeypatch.delenv("EKS_ROLE_ARN", raising=False)
    more = "    external_id: 'a:1'\n    profile: ops\n    source_identity: '{identity}'\n    tags: {'jitui:grant': '{grant}'}\n"
    made, full = config.read(EKS, HERE), config.read(EKS + more, HERE)
    made.must_start()
    plain, every = (each.connections["prod-eks"] for each in (made, full))
    assert isinstance(plain, EksConnection)
    assert isinstance(every, EksConnection)
    role = "arn:aws:iam::123456789012:role/jitui-narrow"
    assert plain.role_settings() == RoleSettings("prod", "us-east-1", role)
    assert every.role_settings() == RoleSettings("prod", "us-east-1", role, external_id="a:1", profile="ops", source_identity="{identity}",
                                                 tags={"jitui:grant": "{grant}"})  # fmt: skip


@pytest.mark.parametrize(("tags", "says"), [
    ("{'aws:team': x}", "keys that begin with aws:"), ("{team: x, Team: y}", "differ only in case"), ("{team: '{agent}'}", "does not fit"),
    ("{'a!b': x}", "does not fit"),
])  # fmt: skip
def test_tags_are_what_AWS_takes(tags: str, says: str) -> None:  # noqa: N802
    """Said at load, and not by AWS in the middle of the night."""
    with pytest.raises(ConfigurationError, match=says):
        config.read(EKS + f"    tags: {tags}\n", HERE)


def test_the_environment_names_the_role_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """EKS_ROLE_ARN serves where role_arn is not given; without both, or with what is no role, a gateway does not start."""
    text = EKS.replace("    role_arn: arn:aws:iam::123456789012:role/jitui-narrow\n", "")
    monkeypatch.delenv("EKS_ROLE_ARN", raising=False)
    with pytest.raises(ConfigurationError, match=r"^c.yaml:2: connections.prod-eks: role_arn is missing, and EKS_ROLE_ARN is not in the environment$"):
        config.read(text, Path("c.yaml")).must_start()
    monkeypatch.setenv("EKS_ROLE_ARN", "arn:aws:iam::123456789012:user/bob")
    with pytest.raises(ConfigurationError, match=r"EKS_ROLE_ARN in the environment is no role's ARN: 'arn:aws:iam::123456789012:user/bob'"):
        config.read(text, Path("c.yaml")).must_start()
    monkeypatch.setenv("EKS_ROLE_ARN", "arn:aws-cn:iam::123456789012:role/team/narrow")
    made = config.read(text, Path("c.yaml"))
    made.must_start()
    connection = made.connections["prod-eks"]
    assert isinstance(connection, EksConnection)
    assert (connection.role_settings().partition, connection.role_settings().role) == ("aws-cn", "arn:aws-cn:iam::123456789012:role/team/narrow")


@pytest.mark.parametrize("line", [
    "cluster_name: 'two words'", "region: US-EAST-1", "role_arn: arn:aws:iam::1:role/x", "external_id: x", "source_identity: '{grant}{who}'",
    "insecure_skip_tls_verify: true", "cluster_url: http://x",
])
def test_what_eks_does_not_take(line: str) -> None:
    """Refused when read, with the key: what AWS would refuse later; and there is no way to leave a certificate unverified."""
    key = line.partition(":")[0]
    text = "".join(each for each in EKS.splitlines(keepends=True) if not each.strip().startswith(f"{key}:")) + f"    {line}\n"
    with pytest.raises(ConfigurationError, match=rf"connections\.prod-eks\.{key}: "):
        config.read(text, HERE)


def test_eks_url_needs_its_authority() -> None:
    """Without a look-up there is nothing that says which certificate to trust."""
    with pytest.raises(ConfigurationError, match=r"cluster_url and certificate_authority go together"):
        config.read(EKS + "    cluster_url: https://x.eks.amazonaws.com\n", HERE)


def test_load_reads_a_file(tmp_path: Path) -> None:
    """A file that is missing is said in one line; one that is there is read, with paths from its own folder."""
    path = tmp_path / "jitui.yaml"
    with pytest.raises(ConfigurationError, match=r"no such configuration file"):
        config.load(path)
    path.write_text(GOOD)
    staging = config.load(path).connections["staging"]
    assert isinstance(staging, KubernetesConnection)
    assert staging.kubeconfig == (tmp_path / "kube.yaml",)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigurationError, match=r"can't be read"):
        config.load(path)


def test_schema_is_json_schema() -> None:
    """Editors get every key, and durations as text."""
    made = json.loads(config.schema())
    assert set(made["properties"]) == {"listen", "certificate", "ssh", "people", "connections", "rules", "limits", "witness", "retention", "export"}
    assert made["$defs"]["RuleEntry"]["properties"]["duration"]["type"] == "string"
    assert made["additionalProperties"] is False


def test_a_rule_says_how_many_bytes_a_window_may_move() -> None:
    """2 GiB unless it does; by ten or by two, as its unit says; the schema knows the form."""
    assert config.read(GOOD, HERE).rules[0].budget == 2 << 30
    assert config.read(broken("    pending: 2h", "    bytes: 500MB"), HERE).rules[0].budget == 500_000_000
    assert json.loads(config.schema())["$defs"]["RuleEntry"]["properties"]["bytes"]["pattern"] == r"^\d{1,9}(B|[KMGT]i?B)$"


def test_a_configuration_that_everybody_may_change_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever changes it grants themselves what they like."""
    monkeypatch.setattr("jitui.config.writable_by_all", lambda path: bool(path.stat().st_mode & 0o002))  # the folders above are not everybody's
    path = tmp_path / "jitui.yaml"
    path.write_text(GOOD)
    path.chmod(0o606)
    with pytest.raises(ConfigurationError, match="everybody may change it"):
        config.load(path)
    path.chmod(0o644)
    assert config.load(path).rules


KEYS = sorted({*config.Settings.model_fields, *config.Listen.model_fields, *config.RuleEntry.model_fields, *Limits.model_fields, "cert", "key", "uid", "roles",
               *(name for kind in BY_NAME.values() for name in kind.settings.model_fields)})  # fmt: skip
WORDS = st.sampled_from([*BY_NAME, "a", "127.0.0.1:0", "[::1]:1", "1:99999", "~nobody-here/x", "30m", f"{'9' * 14}h", "1GiB", "automatic", "READ", "approver",
                         "read pods in web", "\0", "*", "x" * 300, "\u0665m", "\u00b2m", "1e9GB", "required", "\x9b"])  # fmt: skip
SCALARS = WORDS | st.none() | st.booleans() | st.integers(-9, 1 << 70) | st.floats() | st.dates() | st.text(max_size=5)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS) | SCALARS, inner, max_size=4), max_leaves=10)
ENTRY = st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=5)
CONNECTION = st.builds(lambda kind, more: {"kind": kind, **more}, st.sampled_from(list(BY_NAME)), ENTRY)
RULE = ENTRY.map(lambda more: {"identity": "bot", "connection": "a", "duration": "30m", "scope": ["read pods in web"], **more})
CONNECTIONS = st.dictionaries(st.sampled_from(["a", "b", "B"]), CONNECTION, max_size=2)
PEOPLE = st.dictionaries(st.sampled_from(["ana", "clock", "x y"]), ENTRY, max_size=2)
OTHERS = {"rules": st.lists(RULE, max_size=2), "people": PEOPLE, "listen": ENTRY, "limits": ENTRY, "certificate": ENTRY}
DOCUMENTS = VALUES | st.fixed_dictionaries({"connections": CONNECTIONS}, optional=OTHERS)


@settings(max_examples=soak(30, 5000), deadline=None)
@given(DOCUMENTS)
def test_any_document(document: object) -> None:
    """Any YAML is a configuration or one printable line of a ConfigurationError, nothing else."""
    text = yaml.safe_dump(document, allow_unicode=True, sort_keys=False)
    try:
        config.read(text, HERE).must_start()
    except ConfigurationError as error:
        assert str(error).isprintable()  # noqa: PT017
        assert str(error).startswith(str(HERE))  # noqa: PT017


@given(st.text(max_size=60) | st.text(alphabet="[]{}:,-? &*!|>'\"\n\t ab1~<", max_size=60))
def test_any_text(text: str) -> None:
    """So is any text."""
    try:
        config.read(text, HERE)
    except ConfigurationError as error:
        assert str(error).startswith(f"{HERE}:")  # noqa: PT017


def test_a_rule_says_what_becomes_of_processes() -> None:
    """They are ended by default, and pods are deleted only where that is written out; who leaves processes deletes no pod for them."""
    def rule(more: str = "") -> Rule:
        return config.read(broken("    approvals: 2\n", f"    approvals: 2\n{more}"), HERE).rules[0]

    assert (rule().ends_processes, rule().deletes_pods) == (True, False)
    assert not rule("    processes: leave\n").ends_processes
    assert rule("    unexplained: delete-pod\n").deletes_pods
    with pytest.raises(ConfigurationError, match=r"unexplained: delete-pod only with processes: end"):
        rule("    processes: leave\n    unexplained: delete-pod\n")
    assert rule("    probe: ephemeral-container\n    probe_image: registry/tools:1\n").probe_image == "registry/tools:1"
    assert not rule().probe_image
    for half in ("    probe: ephemeral-container\n", "    probe_image: tools\n"):
        with pytest.raises(ConfigurationError, match=r"if and only if probe is ephemeral-container"):
            rule(half)
