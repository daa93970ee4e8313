"""The dashboard: its pages and their static files, which `services.reporting.app` serves beside the API."""

from collections.abc import Sequence

from litestar.types import ControllerRouterHandler

from services.reporting.dashboard.assets import static
from services.reporting.dashboard.entry import COOKIE, enter, leave, login
from services.reporting.dashboard.pages import no_such_page, organisation, start

__all__ = ["COOKIE", "HANDLERS", "no_such_page"]

HANDLERS: Sequence[ControllerRouterHandler] = (start, organisation, login, enter, leave, static)
