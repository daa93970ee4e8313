"""Requests that cannot be read: each is refused with what was expected, by the names that the asker used."""

from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Annotated, Any, Literal, cast

import httpx
import pytest
from litestar import Litestar, get, post
from litestar.params import FromQuery, JSONBody, QueryParameter
from msgspec import Meta, Struct

from shared.runtime.access.gate import Gate
from shared.runtime.access.rules import any_key
from shared.runtime.access.settings import AccessSettings
from shared.runtime.http import create_api


class Line(Struct, forbid_unknown_fields=True):
    """One of an order."""

    colour: Annotated[Literal["red", "blue"] | None, Meta(description="as painted")] = None
    sizes: Annotated[list[Literal["small", "large"]], Meta(min_length=1)] = []


class Order(Struct, forbid_unknown_fields=True):
    """What is posted."""

    lines: list[Line]


@post("/orders", status_code=200, opt=any_key(), sync_to_thread=False)
def order(data: JSONBody[Order]) -> int:
    """How many lines it has."""
    return len(data.lines)


@get("/orders", opt=any_key(), sync_to_thread=False)
def orders(
    customer: FromQuery[str | None] = None,
    in_state: Annotated[Literal["open", "sent"] | None, QueryParameter(name="state")] = None,
) -> str:
    """Those of a customer."""
    return f"{customer} {in_state}"


@get("/all", opt=any_key(), sync_to_thread=False)
def everything() -> str:
    """Takes no parameter."""
    return "all"


@post("/broken", status_code=200, opt=any_key(), sync_to_thread=False)
def broken(data: JSONBody[Order]) -> None:
    """A mistake of its own: it never ends."""
    broken.fn(data)


async def asked(method: str, path: str, content: bytes | None = None) -> tuple[int, Any]:
    def lifespan(_: Litestar) -> AbstractAsyncContextManager[None]:
        return nullcontext()

    app = create_api("test", [order, orders, everything, broken], lifespan, lambda _: {}, Gate(AccessSettings()))
    transport = httpx.ASGITransport(cast(Any, app), client=("127.0.0.1", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
        answer = await http.request(method, path, content=content)
    body = answer.json() if "json" in answer.headers["content-type"] else answer.text
    return answer.status_code, body["detail"] if isinstance(body, dict) else body


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "expected a body of JSON, found none"),
        (b"null", "the body: Expected `object`, got `null`"),
        (b'{"lines": [], "notes": 1}', "the body: Object contains unknown field `notes`"),
        (b"[" * 100_000, "expected a body of JSON, found one that is nested too deep or is not UTF-8"),
        (b'{"lines": "\xff"}', "expected a body of JSON, found one that is nested too deep or is not UTF-8"),
        (b'{"lines": [{}, {"colour": "green"}]}', "lines[1].colour: expected red or blue, found 'green'"),
        (b'{"lines": [{"sizes": ["huge"]}]}', "lines[0].sizes[0]: expected small or large, found 'huge'"),
        (b'{"lines": [{"sizes": []}]}', "lines[0].sizes: Expected `array` of length >= 1"),
    ],
    ids=["none", "null", "unknown member", "too deep", "no UTF-8", "code", "code in a list", "empty list"],
)
async def test_a_body_that_cannot_be_read_is_refused_with_what_was_expected(content: bytes, said: str) -> None:
    assert await asked("POST", "/orders", content) == (400, said)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("state=lost", "state: expected open or sent, found 'lost'"),
        ("custmer=a", "query: expected parameters among customer, state, found 'custmer'"),
        ("in_state=open", "query: expected parameters among customer, state, found 'in_state'"),
        ("customer=a&customer=b", "customer: expected one value, found 'a' and 'b'"),
    ],
)
async def test_a_parameter_that_would_be_ignored_or_cannot_be_read_is_refused(query: str, said: str) -> None:
    assert await asked("GET", f"/orders?{query}") == (400, said)


async def test_parameters_that_are_offered_are_taken_also_twice_the_same() -> None:
    assert await asked("GET", "/orders?customer=a&state=open&customer=a") == (200, "a open")
    assert await asked("GET", "/all?since=yesterday") == (200, "all")


async def test_a_mistake_of_a_routes_own_is_not_put_down_to_the_body() -> None:
    assert (await asked("POST", "/broken", b'{"lines": []}'))[0] == 500
