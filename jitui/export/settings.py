"""The settings under `export:`."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from jitui.values.fields import FilePath, HostPort, Strict

Form = Literal["ocsf", "json"]


class SyslogPlace(Strict):
    """A collector that takes syslog (RFC 5424)."""

    address: HostPort
    protocol: Literal["udp", "tcp", "tls"] = "tls"
    """TCP and TLS with octet counting (RFC 6587, RFC 5425). UDP loses what it loses, and nobody knows."""
    ca: FilePath | None = None
    """With tls: the authorities that may have signed the collector's certificate; without it the machine's."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.ca is not None and self.protocol != "tls":
            raise ValueError("ca: only with protocol: tls")
        return self


class SyslogSettings(SyslogPlace):
    """The same for facts."""

    format: Form = "ocsf"


class OtlpSettings(Strict):
    """A collector that takes OpenTelemetry's logs (OTLP over HTTP, JSON)."""

    endpoint: Annotated[str, Field(pattern=r"^https?://[^/?#@\s]+(?:/[^?#\s]*)?$", examples=["https://otel.example:4318"])]
    """Without a path /v1/logs."""
    headers: FilePath | None = None
    """A file with lines `Name: value`, as for a token; it is read at each connection."""
    ca: FilePath | None = None
    format: Form = "ocsf"


class ExportSettings(Strict):
    """Collectors that facts are sent to."""

    syslog: SyslogSettings | None = None
    otlp: OtlpSettings | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if self.syslog is None and self.otlp is None:
            raise ValueError("syslog or otlp: where to; without both leave export out")
        return self
