"""How commands ask the system's APIs: an answer, or one line that says what to do."""

from typing import Any

import httpx
import msgspec

from deploy.stack.errors import StackError


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
    raise StackError(f"{method} {path}: {response.status_code}: {detail}")
