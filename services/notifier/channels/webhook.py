"""Webhooks: a signed JSON POST, as Standard Webhooks describes it."""

import base64
import binascii
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import httpx
import msgspec
from standardwebhooks import Webhook

from services.notifier.channels.addresses import resolve
from services.notifier.channels.channel import GivenUp, Letter, NotDelivered

TIMEOUT = httpx.Timeout(10.0, connect=5.0)
SECRET_PREFIX = "whsec_"  # noqa: S105 - what secrets begin with, not one


def new_secret() -> str:
    """A secret that receivers verify signatures with."""
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def is_secret(text: str) -> bool:
    """Whether `text` is `whsec_` and 24 to 64 bytes in base64."""
    try:
        key = base64.b64decode(text.removeprefix(SECRET_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        return False
    return text.startswith(SECRET_PREFIX) and 24 <= len(key) <= 64


class WebhookChannel:
    """Posts letters. The body and `webhook-id` are the same on every attempt; so a receiver can tell a repeat."""

    name = "webhook"
    at_once = 16

    def __init__(self, clock: Callable[[], datetime], *, allow_private: bool = False) -> None:
        self._clock = clock
        self._allow_private = allow_private
        # Redirects lead to addresses nobody has checked, and a proxy would be asked instead of the checked one.
        # A connection that is kept is known by its address only, which may be that of several receivers: it would
        # carry to one what another one's certificate was looked at for.
        self._client = httpx.AsyncClient(
            timeout=TIMEOUT,
            follow_redirects=False,
            trust_env=False,
            limits=httpx.Limits(max_keepalive_connections=0),
        )
        # Asking for a name cannot be broken off. On the threads that all of this process share, those who look for
        # PostgreSQL and NATS would wait behind receivers whose name servers are silent.
        self._threads = ThreadPoolExecutor(self.at_once, "name-of-a-receiver")

    async def close(self) -> None:
        """Close connections."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        await self._client.aclose()

    async def send(self, letter: Letter) -> None:
        """Deliver; any 2xx counts. Raises NotDelivered, or GivenUp for an address that is not allowed."""
        try:
            url = httpx.URL(letter.recipient)
            port = url.port or (443 if url.scheme == "https" else 80)
            address = await resolve(url.host, port, allow_private=self._allow_private, threads=self._threads)
            body = self.body(letter)
            async with self._client.stream(
                "POST",
                # To the very address that was checked; the certificate is still the name's.
                url.copy_with(host=address),
                content=body,
                headers=self._headers(letter, body) | {"host": url.netloc.decode("ascii")},
                extensions={"sni_hostname": url.raw_host.decode("ascii")},
            ) as answer:
                status = answer.status_code
        except httpx.InvalidURL as error:
            raise GivenUp(f"{error}") from None
        except httpx.TimeoutException as error:
            raise NotDelivered(f"the receiver took too long ({type(error).__name__})") from None
        except httpx.HTTPError as error:
            raise NotDelivered(f"{type(error).__name__}: {error}") from None
        if status == httpx.codes.GONE:
            raise GivenUp("the receiver answered 410: it wants no more")
        if not 200 <= status < 300:
            raise NotDelivered(f"the receiver answered {status}, expected 2xx")

    def body(self, letter: Letter) -> bytes:
        """What is posted."""
        content = {
            "type": "alert.raised",
            "timestamp": letter.alert.raised_at,
            "data": letter.alert.body() | {"state": "open"},
        }
        return msgspec.json.encode(content)

    def _headers(self, letter: Letter, body: bytes) -> dict[str, str]:
        assert letter.secret is not None, "subscriptions of webhooks have a secret"
        now = self._clock().astimezone(UTC)
        signature: str = Webhook(letter.secret).sign(str(letter.delivery_id), now, body.decode())
        return {
            "content-type": "application/json",
            "user-agent": "ketnap",
            "webhook-id": str(letter.delivery_id),
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": signature,
        }
