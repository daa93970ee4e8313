"""The dashboard: its pages and their static files.

Whoever builds it puts its route handlers into `HANDLERS`; `services.reporting.app` serves them beside the API.
Files for the browser lie in `static/`.
"""

from collections.abc import Sequence

from litestar.types import ControllerRouterHandler

HANDLERS: Sequence[ControllerRouterHandler] = ()
