"""The settings of collectors."""

import pytest

from jitui.export.settings import ExportSettings


def test_what_is_left_out_has_its_default() -> None:
    """TLS, OCSF; the port has to be said."""
    told = ExportSettings.model_validate({"syslog": {"address": "siem.example:6514"}, "otlp": {"endpoint": "https://otel.example:4318"}})
    assert (told.syslog and (told.syslog.protocol, told.syslog.format), told.otlp and told.otlp.format) == (("tls", "ocsf"), "ocsf")


@pytest.mark.parametrize("wrong", [
    {}, {"syslog": {"address": "siem.example"}}, {"syslog": {"address": "a:1", "protocol": "tcp", "ca": "x"}}, {"otlp": {"endpoint": "otel.example"}},
    {"otlp": {"endpoint": "http://user@otel.example"}}, {"syslog": {"address": "a:1", "protocol": "relp"}}])
def test_what_is_refused(wrong: dict[str, object]) -> None:
    """Nothing at all, an address without a port, an authority without TLS, a secret in a URL."""
    with pytest.raises(ValueError, match=r"syslog|otlp"):
        ExportSettings.model_validate(wrong)
