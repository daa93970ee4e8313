"""The notifier's settings."""

from typing import Literal

from shared.runtime.service import Port, ServiceSettings


class NotifierSettings(ServiceSettings, kw_only=True):
    """`smtp_url`: see `channels.mail`; without it e-mails wait. `webhook_allow_private` admits inner receivers."""

    registry_url: str
    http_port: Port = 8082
    smtp_url: str | None = None
    mail_from: str = "ketnap@localhost"
    webhook_allow_private: bool = False
    dashboard_url: str | None = None
    language: Literal["vi", "en"] = "vi"
    """Of subscriptions that name none."""
