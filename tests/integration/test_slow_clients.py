"""Slow clients: who does not send, or does not read, loses the connection; who is only slow does not."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import uvicorn
from structlog.testing import capture_logs

from shared.runtime import patience
from shared.runtime.patience import PatientProtocol

SHORT = 0.3


async def _application(scope: dict[str, object], receive: object, send: object) -> None:
    """Answers with what it is sent, or with far more than fits into any buffer."""
    assert callable(receive)
    assert callable(send)
    body = b""
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        body += message.get("body", b"")
        more = message.get("more_body", False)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    for _ in range(400 if scope["path"] == "/much" else 0):
        await send({"type": "http.response.body", "body": b" " * 65536, "more_body": True})
    await send({"type": "http.response.body", "body": body})


@pytest.fixture
async def port(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[int]:
    """A server whose patience is short."""
    monkeypatch.setattr(patience, "_PATIENCE", dict.fromkeys(("head", "body", "reading"), SHORT))
    config = uvicorn.Config(
        _application, port=0, http=PatientProtocol, lifespan="off", log_config=None, access_log=False, ws="none"
    )
    server = uvicorn.Server(config)
    config.load()
    server.lifespan = config.lifespan_class(config)
    await server.startup()
    yield server.servers[0].sockets[0].getsockname()[1]
    await server.shutdown()


async def _ended(port: int, begun: bytes, then: bytes = b"") -> bool:
    """Whether the server ends a connection on which nothing but `then` follows."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(begun)
    reading = asyncio.create_task(reader.read())
    try:
        async with asyncio.timeout(SHORT * 20):
            while not (await asyncio.wait({reading}, timeout=SHORT / 4))[0]:
                writer.write(then)
    except TimeoutError:
        return False
    finally:
        reading.cancel()
        writer.transport.abort()
    return reading.exception() is not None or reading.result() == b""


HEAD = b"POST / HTTP/1.1\r\nHost: x\r\n"


@pytest.mark.parametrize(
    ("begun", "then"),
    [
        (b"", b""),
        (HEAD, b""),
        (HEAD, b"X-More: 1\r\n"),
        (HEAD + b"Content-Length: 1000\r\n\r\n", b"a"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\na\r\n"),
    ],
    ids=["nothing", "half a head", "a head without end", "a slow body", "chunks without end"],
)
async def test_whoever_never_ends_a_request_loses_the_connection(port: int, begun: bytes, then: bytes) -> None:
    with capture_logs() as logged:
        assert await _ended(port, begun, then)

    assert [each["event"] for each in logged] == ["a client was too slow; its connection is closed"]
    assert logged[0]["client"] == "127.0.0.1"


async def test_whoever_does_not_read_loses_the_connection(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
    with capture_logs() as logged:
        writer.write(b"GET /much HTTP/1.1\r\nHost: x\r\n\r\n")
        async with asyncio.timeout(10):
            while not logged:  # noqa: ASYNC110 - the other end is what says it
                await asyncio.sleep(0.05)
    writer.transport.abort()

    assert logged[0]["awaited"] == "reading"
    assert reader.at_eof() is False


async def test_whoever_comes_in_time_is_answered_again_and_again(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for _ in range(3):
        writer.write(HEAD + b"Content-Length: 2\r\n\r\n")
        await writer.drain()
        await asyncio.sleep(SHORT / 2)
        writer.write(b"ab")
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200")
        assert (await reader.readuntil(b"0\r\n\r\n")).endswith(b"ab\r\n0\r\n\r\n")
        await asyncio.sleep(SHORT * 2)  # between two requests it is uvicorn's keep-alive that counts
    writer.close()
