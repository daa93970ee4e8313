"""Asks the services whether they are ready, all at once."""

from concurrent.futures import ThreadPoolExecutor

import httpx
import msgspec

from deploy.stack.layout import Addresses
from deploy.stack.postgres import SERVICES
from shared.runtime.tls import trusting

Readiness = tuple[int | None, dict[str, dict[str, str]]]
"""The status of a service's readiness, and what it says; None where nobody answers."""


def of_all(addresses: Addresses) -> dict[str, Readiness]:
    """By service; all are asked at once, for one that is stuck keeps whoever asks waiting."""
    with ThreadPoolExecutor(len(SERVICES)) as pool:
        asked = {name: pool.submit(_of, getattr(addresses, f"{name}_url"), addresses.ca) for name in SERVICES}
        return {name: answer.result() for name, answer in asked.items()}


def _of(url: str, ca: str) -> Readiness:
    try:
        # More than the service itself gives its checks.
        answer = httpx.get(f"{url}/health/ready", timeout=8, trust_env=False, verify=trusting(ca))
    except httpx.HTTPError:
        return None, {}
    try:
        return answer.status_code, msgspec.json.decode(answer.content, type=_Said).body()
    except msgspec.DecodeError:
        return answer.status_code, {}


class _Said(msgspec.Struct):
    checks: dict[str, str] = {}
    warnings: dict[str, str] = {}

    def body(self) -> dict[str, dict[str, str]]:
        return {"checks": self.checks, "warnings": self.warnings}
