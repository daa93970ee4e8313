"""Debian's chromium over `ketnap up` with the demo's history; says loudly where there is no chromium."""

import asyncio
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Request, sync_playwright

from deploy.demo import history
from deploy.publishing import publish
from tests.faults.system import System

FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
LEFT_OUT = (
    "######## NOT TESTED: the dashboard in a browser. There is no chromium here; on Debian, "
    "`apt-get install chromium` as root, and these tests run. ########"
)
_here = Path(__file__).parent
_left_out: list[pytest.Item] = []


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave these tests out where no browser is, unless BROWSER=required, as in CI."""
    if CHROMIUM is not None:
        return
    if os.environ.get("BROWSER") == "required":
        raise pytest.UsageError("expected chromium for tests/e2e, since BROWSER=required; found none")
    _left_out.extend(item for item in items if _here in item.path.parents)
    items[:] = [item for item in items if _here not in item.path.parents]
    config.hook.pytest_deselected(items=_left_out)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Nobody shall take a green run for one with a browser."""
    if _left_out:
        terminalreporter.write_line("")
        terminalreporter.write_line(LEFT_OUT, yellow=True, bold=True)


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """The whole system, with the demo's history projected."""
    system = System(tmp_path_factory.mktemp("e2e"))
    system.start()
    try:
        asyncio.run(_publish(system))
        yield system
    finally:
        system.stop()


async def _publish(system: System) -> None:
    seed = system.add_source(history.SOURCE, history.ROOT)
    published = await publish(
        system.addresses.nats_url,
        history.SOURCE,
        seed,
        history.encoded(),
        registry_url=system.addresses.registry_url,
    )
    position = published.last_position
    await system.get("reporting", "/v1/organisations", min_position=position)


@pytest.fixture(scope="session")
def browser(system: System) -> Iterator[Browser]:
    """One browser for all tests; it begins after the system, since its loop lets no other run in this thread."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


class Seen:
    """A page of the dashboard, with all that it asked for and complained about."""

    def __init__(self, page: Page, base: str) -> None:
        self.page = page
        self._base = base
        self.elsewhere: list[str] = []
        self.complaints: list[str] = []
        page.on("request", self._asked)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda said: said.type == "error" and self.complaints.append(said.text))

    def open(self, path: str) -> Page:
        """Go to a path of the dashboard."""
        answer = self.page.goto(self._base + path)
        assert answer is not None
        assert answer.status == 200, path
        return self.page

    def _asked(self, request: Request) -> None:
        if not request.url.startswith((self._base, "data:", "blob:")):
            self.elsewhere.append(request.url)


@pytest.fixture
def seen(system: System, browser: Browser) -> Iterator[Seen]:
    """A reader at a desk, in Vietnamese; nothing they look at may come from elsewhere, or fail."""
    context = browser.new_context(
        viewport={"width": 1366, "height": 768}, locale="vi-VN", timezone_id="Asia/Ho_Chi_Minh"
    )
    context.set_default_timeout(15_000)
    seen = Seen(context.new_page(), system.url("reporting"))
    yield seen
    context.close()
    assert seen.elsewhere == []
    assert seen.complaints == []
