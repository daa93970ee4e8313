"""The dashboard: its pages and their static files, which `services.reporting.app` serves beside the API."""

from collections.abc import Sequence

from litestar.types import ControllerRouterHandler

from services.reporting.dashboard.assets import static
from services.reporting.dashboard.pages import organisation, start

HANDLERS: Sequence[ControllerRouterHandler] = (start, organisation, static)
