"""What might be tried at the three APIs: forged keys, tricks in paths and parameters, too much, and too slowly."""

import asyncio
import base64
import json
import re
import time
from collections.abc import AsyncIterator, Iterator
from urllib.parse import quote

import pytest

from services.registry.app import MAX_BODY as REGISTRYS
from shared.runtime import patience
from shared.runtime.http import ruled_routes
from shared.runtime.tls import trusting
from tests.connected.conftest import Secured
from tests.integration.test_access_routes import APPLICATIONS

ROUTES = sorted(
    (service, method, path)
    for service, application in APPLICATIONS.items()
    for path, method, rule in ruled_routes(application())
    if rule is not None and not rule.everyone and path != "/v1/live"
)
PAGES = ("/", "/organisations/{organisation_id:str}", "/organisations/{organisation_id:str}/{page:str}")
TRICKS = [
    "' OR '1'='1",
    "'; DROP TABLE registry.log; --",
    "1) UNION SELECT version() --",
    "$1",
    "%",
    "_",
    "\\",
    "\x00",
    "\ud7ff\U0010ffff",
    "../../../../etc/passwd",
    "..\\..\\secrets",
    "/etc/passwd",
    "${jndi:ldap://x}",
    "{{7*7}}",
    "<script>alert(1)</script>",
    "\r\nSet-Cookie: x=1",
    "-1",
    "99999999999999999999",
    "1e309",
    "NaN",
    "2022-02-30",
    "a" * 5000,
]
PARAMETERS = {
    "registry": {
        "/v1/events": ("after", "limit", "source", "subject", "type"),
        "/v1/receipts": ("source", "after_stream_sequence", "limit"),
        "/v1/quarantine": ("source", "code", "subject", "older_than", "next", "limit"),
        "/v1/sources": ("source",),
    },
    "reporting": {
        "/v1/organisations": ("query", "kind", "parent", "next", "limit", "as_of", "known_at"),
        "/v1/organisations/cell/totals": (
            "as_of",
            "known_at",
            "hierarchy",
            "by",
            "format",
            "min_position",
            "lang",
        ),
        "/v1/organisations/cell/evidence": ("measure", "from", "to", "next", "limit"),
        "/v1/reads": ("key", "organisation", "after", "limit", "next"),
        "/organisations/cell": ("as_of", "lang", "known_at"),
        "/login": ("next", "lang"),
    },
    "notifier": {
        "/v1/alerts": ("organisation", "rule", "state", "limit", "next", "after"),
        "/v1/deliveries": ("state", "alert", "limit", "next", "after"),
    },
}


def _forged() -> Iterator[tuple[str, str]]:
    def part(content: dict[str, object]) -> str:
        return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")

    claims = {"iss": "x", "aud": "ketnap", "exp": 4102444800, "ketnap_role": "operator"}
    yield "a token without a signature", f"{part({'alg': 'none'})}.{part(claims)}."
    yield "a token that signs itself", f"{part({'alg': 'HS256', 'typ': 'JWT'})}.{part(claims)}.{part({})}"
    yield "a key that was never made", f"ketnap_abcdefgh_{'A' * 43}"
    yield "nothing that we know", "operator"
    yield "far too much", "A" * 8000


@pytest.mark.parametrize("service", APPLICATIONS)
async def test_no_route_answers_without_a_key_or_with_a_forged_one(secured: Secured, service: str) -> None:
    # Metrics are for this machine without a key, too.
    tried = [(method, path) for each, method, path in ROUTES if each == service and path != "/metrics"]
    assert len(tried) > 6
    async with secured.client(service) as client:
        client.headers["Accept"] = "application/json"
        for method, path in tried:
            url = re.sub(
                r"\{\w+:uuid\}", "00000000-0000-7000-8000-000000000000", re.sub(r"\{\w+:str\}", "cell", path)
            )
            found = {"none": await client.request(method, url)}
            for name, forged in _forged():
                found[name] = await client.request(method, url, headers={"Authorization": f"Bearer {forged}"})
            for name, answer in found.items():
                asks_for_a_key = answer.headers.get("location", "").startswith("/login") and path in PAGES
                assert answer.status_code == (303 if asks_for_a_key else 401), f"{method} {url}, {name}"


@pytest.mark.parametrize(("service", "method", "path"), [each for each in ROUTES if "{" in each[2]])
async def test_no_trick_in_a_path_is_more_than_a_name_that_nobody_has(
    secured: Secured, service: str, method: str, path: str
) -> None:
    for role in ("operator", "viewer"):
        async with secured.client(service, role) as client:
            client.headers["Accept"] = "application/json"
            for trick in TRICKS:
                url = re.sub(r"\{[^}]+\}", lambda _: quote(trick, safe=""), path)  # noqa: B023 - used at once
                answer = await client.request(method, url)
                refused = {400, 404, 405} | ({401, 403} if role == "viewer" else set())
                assert answer.status_code in refused, f"{role} {trick[:40]!r}: {answer.status_code} {answer.text}"
                assert "Traceback" not in answer.text
                assert "root:x:0" not in answer.text


@pytest.mark.parametrize(
    ("service", "path", "parameter"),
    [
        (service, path, parameter)
        for service, paths in PARAMETERS.items()
        for path, parameters in paths.items()
        for parameter in parameters
    ],
)
async def test_no_trick_in_a_parameter_makes_a_service_fail_or_tell_more(
    secured: Secured, service: str, path: str, parameter: str
) -> None:
    async with secured.client(service, "operator") as client:
        for trick in TRICKS:
            answer = await client.get(path, params={parameter: trick}, headers={"Accept": "application/json"})
            assert answer.status_code < 500 or (answer.status_code == 503 and parameter == "min_position"), (
                f"{trick[:40]!r}: {answer.status_code} {answer.text[:300]}"
            )
            assert "set-cookie" not in answer.headers
            assert "PostgreSQL 1" not in answer.text  # what version() says
            assert "root:x:0" not in answer.text


CHUNK = 65536
TOO_MANY = REGISTRYS // CHUNK + 2
"""Chunks: more than any of the services takes."""


async def _chunks(number: int) -> AsyncIterator[bytes]:
    for _ in range(number):
        yield b" " * CHUNK


BODIES = [
    ("registry", "POST", "/v1/validate", "application/json"),
    ("registry", "POST", "/v1/quarantine/retry", "application/json"),
    ("notifier", "PUT", "/v1/subscriptions", "application/json"),
    ("reporting", "POST", "/login", "application/x-www-form-urlencoded"),
    ("registry", "POST", "/v1/profiles/unseal", "application/json"),
]


@pytest.mark.parametrize(("service", "method", "path", "kind"), BODIES)
async def test_a_body_that_is_too_large_is_refused_whether_or_not_it_says_its_length(
    secured: Secured, service: str, method: str, path: str, kind: str
) -> None:
    headers = {"Content-Type": kind}
    async with secured.client(service, "operator") as client:
        said = await client.request(method, path, content=b" " * (TOO_MANY * CHUNK), headers=headers)
        unsaid = await client.request(method, path, content=_chunks(TOO_MANY), headers=headers)
        assert {said.status_code, unsaid.status_code} <= {401, 403, 413}
        assert (await client.get("/health/ready")).status_code == 200
    if path not in ("/login", "/v1/profiles/unseal"):
        assert (said.status_code, unsaid.status_code) == (413, 413)


@pytest.mark.parametrize("service", APPLICATIONS)
async def test_a_head_that_is_too_large_is_refused(secured: Secured, service: str) -> None:
    async with secured.client(service, "operator") as client:
        answer = await client.get("/health/live", headers={"X-Much": "a" * 200_000})

    assert answer.status_code == 400


@pytest.mark.parametrize("service", APPLICATIONS)
async def test_whoever_watches_with_head_gets_the_status_and_no_body(secured: Secured, service: str) -> None:
    async with secured.client(service) as client:
        for path in ("/health/live", "/health/ready", "/metrics"):
            asked, head = await client.get(path), await client.head(path)
            assert (head.status_code, head.headers["content-type"]) == (200, asked.headers["content-type"])
            assert head.content == b""
        assert (await client.post("/health/ready")).status_code == 405
        forged = {"Authorization": "Bearer forged"}
        assert (await client.head("/metrics", headers=forged)).status_code == 401


async def _unfinished(secured: Secured, service: str, begun: bytes, then: bytes) -> float:
    """Seconds until the service ends a connection on which only `then` follows, again and again."""
    port = int(secured.system.url(service).rpartition(":")[2])
    reader, writer = await asyncio.open_connection("localhost", port, ssl=trusting(secured.ca))
    start = time.monotonic()
    writer.write(begun)
    reading = asyncio.create_task(reader.read())
    try:
        while not (await asyncio.wait({reading}, timeout=1))[0]:
            writer.write(then)
        reading.exception()
    finally:
        reading.cancel()
        writer.transport.abort()
    return time.monotonic() - start


async def test_whoever_never_ends_a_request_loses_the_connection_and_holds_up_nobody(secured: Secured) -> None:
    head = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n"
    slow = [
        asyncio.create_task(_unfinished(secured, service, begun, then))
        for service in APPLICATIONS
        for begun, then in ((b"", b""), (head, b"X-More: 1\r\n"))
        for _ in range(20)
    ]
    await asyncio.wait(slow, timeout=2)
    for service in APPLICATIONS:
        async with secured.client(service) as client:
            assert (await client.get("/health/live")).status_code == 200

    took = await asyncio.gather(*slow)

    assert len(took) == 120
    assert max(took) < patience.HEAD + 10
