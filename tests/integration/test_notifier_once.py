"""An alert is sent once, whatever is redelivered, rebuilt or restarted: a real SMTP server, a real receiver."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any
from uuid import UUID

import pytest
from aiosmtpd.smtp import SMTP, Envelope
from standardwebhooks import Webhook

from services.notifier.api import subscriptions
from services.notifier.channels.channel import Channel
from services.notifier.channels.mail import MailChannel, SmtpServer
from services.notifier.channels.webhook import WebhookChannel, new_secret
from services.notifier.channels.wording import Wording
from services.notifier.outbox import Sender
from shared.runtime.tasks import ended
from tests.conftest import Database
from tests.given import target
from tests.integration.test_notifier_alerts import Case, admission, case
from tests.until import until

__all__ = ["case"]

SECRET = new_secret()
DRIPPING = "200 OK, byte by byte"


@dataclass
class Mailbox:
    """An SMTP server in this process; answers in `replies` come first, then every mail is taken."""

    replies: list[str] = field(default_factory=list)
    mails: list[EmailMessage] = field(default_factory=list)
    port: int = 0

    async def handle_RCPT(self, server: Any, session: Any, envelope: Envelope, address: str, options: Any) -> str:  # noqa: N802
        if self.replies:
            return self.replies.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Envelope) -> str:  # noqa: N802
        content = envelope.content
        assert isinstance(content, bytes)
        message = message_from_bytes(content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        self.mails.append(message)
        return "250 OK"


@dataclass
class Receiver:
    """An HTTP server in this process; statuses in `replies` come first, then 204. Keeps what is signed rightly."""

    replies: list[str] = field(default_factory=list)
    bodies: list[dict[str, Any]] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    dripping: asyncio.Event = field(default_factory=asyncio.Event)
    url: str = ""

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[1:-2]
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        body = await reader.readexactly(int(headers["content-length"]))
        self.ids.append(headers["webhook-id"])
        status = self.replies.pop(0) if self.replies else "204 No Content"
        if status == DRIPPING:
            await self._drip(reader, writer)
            return
        if status.startswith("204"):
            self.bodies.append(Webhook(SECRET).verify(body, headers))
        location = f"Location: {self.url}\r\n" if status.startswith("30") else ""
        writer.write(f"HTTP/1.1 {status}\r\n{location}Content-Length: 0\r\nConnection: close\r\n\r\n".encode())
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    async def _drip(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """A head that never ends, until the other side has enough."""
        writer.write(b"HTTP/1.1 200 OK\r\nDrip: ")
        self.dripping.set()
        while not reader.at_eof():
            writer.write(b"a")
            with contextlib.suppress(TimeoutError, ConnectionError):
                await asyncio.wait_for(reader.read(1), 0.05)
        writer.close()


@pytest.fixture
async def mailbox() -> AsyncIterator[Mailbox]:
    """A mail server on a free port."""
    box = Mailbox()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(box, hostname="mail.test", loop=loop), "127.0.0.1", 0)
    box.port = server.sockets[0].getsockname()[1]
    yield box
    server.close()
    await server.wait_closed()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """A webhook's receiver on a free port."""
    receiver = Receiver()
    server = await asyncio.start_server(receiver.answer, "127.0.0.1", 0)
    receiver.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook?for=ketnap"
    yield receiver
    server.close()
    await server.wait_closed()


@dataclass
class Post:
    """Both channels' senders, as a process has them; made anew they are a restarted process."""

    case: Case
    mailbox: Mailbox
    allow_private: bool = True
    patience: float = 10.0

    async def send(self) -> int:
        """What is sent until nothing is due any more, after a start; the process ends then."""
        before = await self._sent()
        async with self.running():
            await until(self._through)
        return await self._sent() - before

    @asynccontextmanager
    async def running(self) -> AsyncIterator[list[Sender]]:
        """A started process."""
        webhooks = WebhookChannel(lambda: datetime.now(UTC), allow_private=self.allow_private)
        server = SmtpServer.of_url(f"smtp://127.0.0.1:{self.mailbox.port}?starttls=never")
        senders = [
            sender_of(self.case, each, self.patience)
            for each in (MailChannel(server, "ketnap@example.vn", Wording()), webhooks)
        ]
        tasks = [asyncio.create_task(each.run()) for each in senders]
        try:
            yield senders
        finally:
            for task in tasks:
                await ended(task)
            await webhooks.close()

    async def _through(self) -> bool:
        rows = await self.case.database.fetch(
            "SELECT FROM notifier.delivery d JOIN notifier.alert a ON a.id = d.alert_id "
            "WHERE d.state = 'pending' AND greatest(d.next_attempt, a.muted_until) <= $1",
            self.case.now,
        )
        return not rows

    async def _sent(self) -> int:
        return sum(state == "sent" for _, state, _ in await states(self.case.database))


def sender_of(case: Case, channel: Channel, patience: float = 10.0) -> Sender:
    """A sender as a process has it, by the case's clock."""
    return Sender(case.engine, channel, lambda: case.now, patience=patience)


@pytest.fixture
async def post(case: Case, mailbox: Mailbox, receiver: Receiver) -> Post:
    """The district's e-mail in Vietnamese, the province's webhook."""
    for channel, organisation, recipient in (
        ("email", "district", "huyen@example.vn"),
        ("webhook", "root", receiver.url),
        ("email", "commune", "xa@example.vn"),
    ):
        await case.database.fetch(
            "INSERT INTO notifier.subscription (id, organisation, rules, channel, recipient, language, secret) "
            "VALUES (gen_random_uuid(), $1, '{A2}', $2, $3, 'vi', $4)",
            organisation,
            channel,
            recipient,
            SECRET if channel == "webhook" else None,
        )
    return Post(case, mailbox)


async def attain(case: Case) -> None:
    """The district reaches the target that the province gave it."""
    await case.happen(target("district", value=1, issuer_id="root"), *admission("2022-03-01"))


async def states(database: Database) -> list[tuple[str, str, int]]:
    rows = await database.fetch("SELECT channel, state, attempts FROM notifier.delivery ORDER BY channel")
    return [tuple(row) for row in rows]


async def test_owner_and_issuer_are_told_once(
    case: Case, post: Post, mailbox: Mailbox, receiver: Receiver
) -> None:
    await attain(case)
    assert await post.send() == 2
    [mail] = mailbox.mails
    assert mail["To"] == "huyen@example.vn"
    assert mail["Subject"] == "ketnap · Tổ chức district: đạt chỉ tiêu kết nạp đảng viên, 1 (100,0 %)"
    [body] = receiver.bodies
    assert body["data"]["organisation"] == {"id": "district", "name": "Tổ chức district"}
    assert (body["data"]["status"], body["data"]["target"], body["data"]["actual"]) == ("attained", 1, 1)
    assert "person" not in json.dumps(body)


async def test_redelivery_rebuild_and_restart_send_nothing_more(
    case: Case, post: Post, mailbox: Mailbox, receiver: Receiver
) -> None:
    await attain(case)
    await post.send()
    await case.projector.apply(case.log.read())  # the whole log again
    await post.send()
    await case.begin_anew()
    for each in case.log.read():
        await case.projector.apply([each])
    await case.projector.sweep()
    case.now += timedelta(days=30)
    await case.projector.sweep()
    assert await post.send() == 0
    assert (len(mailbox.mails), len(receiver.ids)) == (1, 1)


async def test_two_senders_at_once_send_once(case: Case, post: Post, mailbox: Mailbox, receiver: Receiver) -> None:
    await attain(case)
    await asyncio.gather(*(post.send() for _ in range(4)))
    assert await states(case.database) == [("email", "sent", 1), ("webhook", "sent", 1)]
    assert (len(mailbox.mails), len(receiver.bodies)) == (1, 1)


async def test_what_did_not_arrive_is_tried_again_later_under_the_same_id(
    case: Case, post: Post, mailbox: Mailbox, receiver: Receiver
) -> None:
    mailbox.replies, receiver.replies = ["451 later"], ["503 Busy", "302 Found"]
    await attain(case)
    assert await post.send() == 0
    assert await post.send() == 0  # not due yet
    assert await states(case.database) == [("email", "pending", 1), ("webhook", "pending", 1)]
    case.now += timedelta(seconds=6)
    assert await post.send() == 1  # a redirect is not followed
    case.now += timedelta(seconds=11)
    assert await post.send() == 1
    assert await states(case.database) == [("email", "sent", 2), ("webhook", "sent", 3)]
    assert len(set(receiver.ids)) == 1
    assert len(receiver.ids) == 3


async def test_a_recipient_who_is_refused_for_good_fails_at_once(case: Case, post: Post, mailbox: Mailbox) -> None:
    mailbox.replies = ["550 no such user"]
    await attain(case)
    await post.send()
    rows = await case.database.fetch("SELECT state, error FROM notifier.delivery WHERE channel = 'email'")
    assert rows[0]["state"] == "failed"
    assert "550" in rows[0]["error"]


async def test_after_enough_attempts_it_is_given_up(case: Case, post: Post, receiver: Receiver) -> None:
    receiver.replies = ["500 Broken"] * 30
    await attain(case)
    for _ in range(25):
        await post.send()
        case.now += timedelta(hours=7)
    assert await states(case.database) == [("email", "sent", 1), ("webhook", "failed", 20)]


async def test_a_receiver_inside_is_refused_unless_allowed(case: Case, post: Post, receiver: Receiver) -> None:
    post.allow_private = False
    await attain(case)
    assert await post.send() == 1
    rows = await case.database.fetch("SELECT state, error FROM notifier.delivery WHERE channel = 'webhook'")
    assert rows[0]["state"] == "failed"
    assert "not a public address" in rows[0]["error"]
    assert receiver.ids == []


async def test_a_muted_alert_waits(case: Case, post: Post, mailbox: Mailbox) -> None:
    await attain(case)
    until = case.now + timedelta(hours=1)
    await case.database.fetch("UPDATE notifier.alert SET muted_until = $1", until)
    assert await post.send() == 0
    case.now = until
    assert await post.send() == 2


async def test_a_running_sender_is_woken_by_an_alert(case: Case, post: Post, receiver: Receiver) -> None:
    arrived = asyncio.Event()

    class Told(WebhookChannel):
        async def send(self, letter: Any) -> None:
            await super().send(letter)
            arrived.set()

    channel = Told(lambda: datetime.now(UTC), allow_private=True)
    sender = sender_of(case, channel)
    running = asyncio.create_task(sender.run())
    await attain(case)
    sender.wake()
    await asyncio.wait_for(arrived.wait(), 4)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await channel.close()
    assert len(receiver.bodies) == 1


async def test_a_receiver_that_answers_byte_by_byte_holds_nobody_up(
    case: Case, post: Post, receiver: Receiver
) -> None:
    receiver.replies, post.patience = [DRIPPING], 0.5
    await attain(case)
    assert await post.send() == 1
    rows = await case.database.fetch("SELECT state, error FROM notifier.delivery WHERE channel = 'webhook'")
    assert [tuple(row) for row in rows] == [("pending", "expected an answer within 0.5 s, found none")]


async def test_the_list_is_replaced_while_a_receiver_it_removes_takes_its_time(
    case: Case, post: Post, receiver: Receiver
) -> None:
    receiver.replies, post.patience = [DRIPPING], 3.0
    await attain(case)
    sending = asyncio.create_task(post.send())
    await receiver.dripping.wait()

    async with asyncio.timeout(2), case.engine.begin() as connection:
        await subscriptions.replace(connection, [], "vi")

    await sending
    case.now += timedelta(seconds=6)
    await post.send()
    rows = await case.database.fetch("SELECT state, error FROM notifier.delivery WHERE channel = 'webhook'")
    assert [tuple(row) for row in rows] == [("failed", "no subscription asks for it any more")]


async def test_who_is_told_for_two_organisations_is_told_also_when_one_subscription_ends(
    case: Case, post: Post, mailbox: Mailbox
) -> None:
    twice = [
        subscriptions.Subscription(organisation=name, rules=["A2"], channel="email", to="chung@example.vn")
        for name in ("district", "root")
    ]
    for remaining in twice:
        async with case.engine.begin() as connection:
            await subscriptions.replace(connection, twice, "vi")
        goal = target("district", target_id=f"for-{remaining.organisation}", value=1, issuer_id="root")
        await case.happen(goal, *admission("2022-03-01"))

        async with case.engine.begin() as connection:
            await subscriptions.replace(connection, [remaining], "vi")

        await post.send()
    assert [mail["To"] for mail in mailbox.mails] == ["chung@example.vn"] * 2
    assert {state for _, state, _ in await states(case.database)} == {"sent"}


async def test_what_waited_for_the_former_address_of_a_subscription_is_given_up(
    case: Case, post: Post, mailbox: Mailbox
) -> None:
    mailbox.replies = ["451 later"]
    held = subscriptions.Subscription(
        id=UUID(int=1), organisation="district", rules=["A2"], channel="email", to="truoc@example.vn"
    )
    async with case.engine.begin() as connection:
        await subscriptions.replace(connection, [held], "vi")
    await attain(case)
    await post.send()

    held.to = "sau@example.vn"
    async with case.engine.begin() as connection:
        await subscriptions.replace(connection, [held], "vi")

    case.now += timedelta(seconds=6)
    await post.send()
    assert mailbox.mails == []
    assert await states(case.database) == [("email", "failed", 1)]
