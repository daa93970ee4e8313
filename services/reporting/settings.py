"""Reporting's settings."""

from shared.runtime.service import Port, ServiceSettings


class ReportingSettings(ServiceSettings, kw_only=True):
    """`registry_url` is where events are fetched from that did not come through NATS; `unseal_token` is its own.

    `notice` stands at the top of every page of the dashboard (`notice_en` on English ones): what readers must know
    about this system, such as that its figures are made up.
    """

    registry_url: str = "http://127.0.0.1:8081"
    unseal_token: str | None = None
    http_port: Port = 8080
    notice: str | None = None
    notice_en: str | None = None
