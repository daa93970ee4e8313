"""Reporting's metrics that are read beside a scrape: how far it is behind the log, its readiness, its tables."""

from prometheus_client import Gauge

from services.reporting.service import Reporting
from services.reporting.settings import ReportingSettings
from shared.runtime.collecting import Reading, disk, health, sizes
from shared.runtime.lag import lag

EVENTS = Gauge("ketnap_reporting_lag_events", "Recorded events that are not projected yet; NaN: not known")
SECONDS = Gauge(
    "ketnap_reporting_lag_seconds",
    "Age of the oldest recorded event that is not projected; 0: none, NaN: not known",
)


def figures(reporting: Reporting, settings: ReportingSettings) -> list[Reading]:
    """What is read while the service runs."""

    async def position() -> int:
        return (await reporting.projector.checkpoint()).position

    return [
        lag(reporting.log, position, EVENTS, SECONDS),
        health(reporting.checks),
        sizes(reporting.engine, ["reporting", "reporting_person"]),
        disk(settings.data_dir),
    ]
