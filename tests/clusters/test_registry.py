"""The kinds of connections, walked: whatever asks the registry knows each of them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from jitui import config
from jitui.clusters.kind import ConnectionSettings
from jitui.clusters.registry import BY_NAME, KINDS, kind_of
from jitui.values.errors import ConfigurationError

LEAST = {
    "kubernetes": "{kind: kubernetes}",
    "kubernetes-eks": '{kind: kubernetes-eks, cluster_name: prod, region: us-east-1, role_arn: "arn:aws:iam::123456789012:role/x"}',
}


def test_each_kind_has_its_name_and_its_settings() -> None:
    """The name is the one value of the settings' field `kind`, which the discriminated union goes by."""
    assert len(BY_NAME) == len(KINDS) == len({kind.settings for kind in KINDS})
    assert LEAST.keys() == BY_NAME.keys()
    for kind in KINDS:
        assert issubclass(kind.settings, ConnectionSettings)
        assert kind.settings.model_json_schema()["properties"]["kind"]["const"] == kind.name


@pytest.mark.parametrize("name", BY_NAME)
def test_the_configuration_reads_each_kind(name: str) -> None:
    """A connection of the file is settings of its kind, and an unknown key of it is compared with that kind's own."""
    connection = config.read(f"connections: {{c: {LEAST[name]}}}\n", Path("c.yaml")).connections["c"]
    assert kind_of(connection) is BY_NAME[name]
    with pytest.raises(ConfigurationError, match=r"c\.yaml:1: connections\.c\.isolatio: unknown key; did you mean isolation\?"):
        config.read(f"connections: {{c: {LEAST[name].replace('}', ', isolatio: required}')}}}\n", Path("c.yaml"))


def test_a_kind_that_is_not_there_is_told_those_that_are() -> None:
    """Also where none is named."""
    with pytest.raises(ConfigurationError, match=r"connections\.c\.kind: is kubernetes or kubernetes-eks$"):
        config.read("connections: {c: {kind: openshift}}\n", Path("c.yaml"))
    with pytest.raises(ConfigurationError, match=r"connections\.c\.kind: is missing; it is kubernetes or kubernetes-eks$"):
        config.read("connections: {c: {region: x}}\n", Path("c.yaml"))


def test_nobody_pays_for_a_kind_they_do_not_use() -> None:
    """boto3 and the kubernetes package take half a second each, so reading a configuration with both kinds in it imports neither."""
    text = "connections:\n" + "".join(f"  c{at}: {least}\n" for at, least in enumerate(LEAST.values()))
    code = (f"import json, pathlib, sys; from jitui import config; config.read({text!r}, pathlib.Path('c.yaml')); "
            "print(json.dumps([name for name in sys.modules if name.partition('.')[0] in {'boto3', 'botocore', 'kubernetes'}]))")  # fmt: skip
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert json.loads(done.stdout) == []
