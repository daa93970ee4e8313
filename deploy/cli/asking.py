"""How commands ask the system's APIs: an answer, or one line that says what to do."""

from typing import Any

import httpx
import msgspec

from deploy.stack.errors import StackError
from shared.runtime.tls import trusting


def client(base_url: str, key: str, timeout: float = 30, *, ca: str) -> httpx.Client:
    """A client of one API that shows the operator's key, where there is one; `ca` certifies it over https."""
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return httpx.Client(base_url=base_url, timeout=timeout, trust_env=False, headers=headers, verify=trusting(ca))


def ask(client: httpx.Client, method: str, path: str, **options: Any) -> bytes:
    """The body of a successful answer. Raises StackError where nobody answers, or with the problem's detail."""
    try:
        response = client.request(method, path, **options)
    except httpx.TransportError as error:
        raise StackError(f"{client.base_url} does not answer: is the system up? ({error})") from None
    if response.is_success:
        return response.content
    try:
        detail = str(msgspec.json.decode(response.content)["detail"])
    except (msgspec.DecodeError, KeyError, TypeError):
        detail = response.text[:300]
    if response.status_code == httpx.codes.UNAUTHORIZED:
        detail += "; run this as the user of `ketnap up`, or set KETNAP_KEY_FILE to a file with an operator's key"
    raise StackError(f"{method} {path}: {response.status_code}: {detail}")
