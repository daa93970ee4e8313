"""Prometheus in containers: it reads all services over TLS, with a key for metrics only. An alert follows a fault.

It goes on with the installation as the tests before it left it.
"""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.deployment.installation import SERVICES, Installation, run
from tests.faults.system import eventually


@pytest.fixture(scope="module")
async def prometheus(installation: Installation) -> AsyncIterator[httpx.AsyncClient]:
    """Prometheus's API, once every target was read."""
    installation.compose("--profile", "watch", "up", "--detach", "--wait", "--no-build", "--no-deps", "prometheus")
    async with httpx.AsyncClient(base_url=installation.prometheus_url, timeout=10, trust_env=False) as client:
        yield client


async def _asked(prometheus: httpx.AsyncClient, path: str, **parameters: str) -> Any:
    answer = await prometheus.get(f"/api/v1/{path}", params=parameters)
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


async def test_it_reads_every_service_over_tls_and_every_rule_works(prometheus: httpx.AsyncClient) -> None:
    async def all_read() -> Any:
        targets = (await _asked(prometheus, "targets"))["activeTargets"]
        return targets if targets and all(each["health"] == "up" for each in targets) else None

    async def all_tried() -> Any:
        [group] = (await _asked(prometheus, "rules"))["groups"]
        return group["rules"] if all(each["health"] != "unknown" for each in group["rules"]) else None

    targets = await eventually(all_read, "every target is up")
    rules = await eventually(all_tried, "every rule was tried")

    assert {each["labels"]["service"] for each in targets} == set(SERVICES)
    assert all(each["scrapeUrl"].startswith("https://") for each in targets)
    assert {each["name"]: each["lastError"] for each in rules if each.get("lastError")} == {}
    assert {each["health"] for each in rules} == {"ok"}


async def test_its_key_opens_metrics_and_nothing_else(
    installation: Installation, prometheus: httpx.AsyncClient
) -> None:
    handed = installation.compose("exec", "-T", "prometheus", "ls", "/run/ketnap").split()
    key = installation.compose("exec", "-T", "prometheus", "cat", "/run/ketnap/watcher.key").strip()
    shown = {"Authorization": f"Bearer {key}"}

    assert set(handed) == {"watcher.key", "ca.pem"}
    for service, path in (
        ("registry", "/v1/events"),
        ("reporting", "/v1/organisations"),
        ("notifier", "/v1/alerts"),
    ):
        async with installation.client(service) as client:
            assert (await client.get("/metrics")).status_code == 401
            assert (await client.get("/metrics", headers=shown)).status_code == 200
            assert (await client.get(path, headers=shown)).status_code == 403


async def test_the_page_without_grafana_shows_every_service_and_source(
    installation: Installation, prometheus: httpx.AsyncClient
) -> None:
    installation.ketnap("source", "add", "watched", "--root", "watched", "--creds", "-")

    async def shown() -> str | None:
        page = await prometheus.get("/consoles/ketnap.html")
        assert page.status_code == 200, page.text
        return page.text if "<td>watched</td>" in page.text else None

    page = await eventually(shown, "the page shows a new source", 90)

    for service in SERVICES:
        assert f"<tr><td>{service}</td>\n<td>làm việc · works</td>" in page
    assert "does not answer" not in page


async def test_an_alert_is_raised_by_a_service_that_hangs_and_ends_with_it(
    installation: Installation, prometheus: httpx.AsyncClient
) -> None:
    container = installation.inspect("notifier")["Id"]

    async def raised() -> Any:
        alerts = (await _asked(prometheus, "alerts"))["alerts"]
        [*found] = [each for each in alerts if each["labels"]["alertname"] == "KetnapServiceDown"]
        return found if found and all(each["state"] == "firing" for each in found) else None

    async def over() -> bool | None:
        alerts = (await _asked(prometheus, "alerts"))["alerts"]
        return not any(each["labels"]["alertname"] == "KetnapServiceDown" for each in alerts) or None

    assert await over()
    run("docker", "pause", container)
    try:
        [alert] = await eventually(raised, "the alert is raised")
        page = (await prometheus.get("/consoles/ketnap.html")).text
    finally:
        run("docker", "unpause", container)

    assert alert["labels"] == {
        "alertname": "KetnapServiceDown",
        "instance": "notifier:8082",
        "job": "ketnap",
        "service": "notifier",
        "severity": "critical",
    }
    assert alert["annotations"]["summary"] == "notifier does not answer"
    assert "không trả lời · does not answer" in page
    assert '<td class="bad">KetnapServiceDown</td>' in page
    await eventually(over, "the alert has ended")
