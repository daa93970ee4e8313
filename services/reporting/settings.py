"""Reporting's settings."""

from shared.runtime.service import ServiceSettings


class ReportingSettings(ServiceSettings, kw_only=True):
    """`registry_url` is where events are fetched from that did not come through NATS."""

    registry_url: str = "http://127.0.0.1:8081"
    http_port: int = 8080
