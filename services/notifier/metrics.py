"""The notifier's metrics that are read beside a scrape: how far it is behind the log, what waits to be sent."""

from prometheus_client import Gauge

from services.notifier.channels.mail import MailChannel
from services.notifier.channels.webhook import WebhookChannel
from services.notifier.outbox import SQL
from services.notifier.service import Notifier
from shared.runtime.collecting import Reading, disk, health, sizes
from shared.runtime.lag import lag

EVENTS = Gauge("ketnap_notifier_lag_events", "Recorded events that are not applied yet; NaN: not known")
SECONDS = Gauge(
    "ketnap_notifier_lag_seconds", "Age of the oldest recorded event that is not applied; 0: none, NaN: not known"
)
PENDING = Gauge("ketnap_notifier_deliveries_pending", "Deliveries that wait to be sent, by channel", ["channel"])
OLDEST = Gauge(
    "ketnap_notifier_deliveries_pending_age_seconds",
    "Age of the oldest delivery that waits and is not muted, by channel; 0 where none does",
    ["channel"],
)

CHANNELS = (MailChannel.name, WebhookChannel.name)


def figures(notifier: Notifier) -> list[Reading]:
    """What is read while the service runs."""

    async def waiting() -> None:
        async with notifier.engine.connect() as connection:
            rows = (await connection.execute(SQL["waiting"], {"now": notifier.clock()})).all()
        found = {row.channel: row for row in rows}
        for channel in {*CHANNELS, *found}:
            row = found.get(channel)
            PENDING.labels(channel).set(row.number if row else 0)
            OLDEST.labels(channel).set(max(0.0, row.seconds) if row and row.seconds else 0)

    settings = notifier.settings
    return [
        lag(notifier.log, notifier.projector.position, EVENTS, SECONDS),
        Reading("deliveries", 10.0, waiting),
        health(notifier.checks),
        sizes(notifier.engine, ["notifier"]),
        disk(settings.data_dir),
    ]
