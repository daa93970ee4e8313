"""Reporting as most of its tests begin: with what their module says has happened before."""

from collections.abc import AsyncIterator

import pytest

from tests.conftest import Database
from tests.integration.reporting_given import RunningReporting, running_reporting


@pytest.fixture
async def reporting(database: Database, request: pytest.FixtureRequest) -> AsyncIterator[RunningReporting]:
    """Reporting that has projected the events of the module's `beginning()`."""
    async with running_reporting(database) as running:
        await running.project(*request.module.beginning())
        yield running
