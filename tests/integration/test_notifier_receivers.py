"""Receivers beside each other: a slow one costs no other its turn; each has one delivery at a time, in order."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from aiosmtpd.smtp import SMTP
from msgspec import structs
from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifier.api import subscriptions
from services.notifier.channels.channel import Letter, NotDelivered
from services.notifier.channels.mail import MailChannel, SmtpServer
from services.notifier.channels.webhook import WebhookChannel, new_secret
from services.notifier.channels.wording import Wording
from services.notifier.outbox import SQL, Sender
from shared.runtime.tasks import ended
from tests.conftest import Database
from tests.given import target
from tests.integration.test_notifier_alerts import Case, admission, case
from tests.integration.test_notifier_once import Mailbox, sender_of
from tests.unit.notifier.test_channels import letter
from tests.until import PATIENCE, until

__all__ = ["case"]

SLOW, PROMPT, THIRD = "https://slow.example.vn/", "https://prompt.example.vn/", "https://third.example.vn/"


@dataclass
class Held:
    """A channel in whose receivers' hands letters stay until the test lets them go."""

    at_once: int = 16
    name: str = "webhook"
    held: dict[str, asyncio.Event] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)
    begun: list[tuple[str, str]] = field(default_factory=list)
    """(recipient, target) in the order in which they came."""
    done: list[tuple[str, str]] = field(default_factory=list)
    under_way: Counter[str] = field(default_factory=Counter)
    most: int = 0
    """The most letters that were on their way at the same time."""
    most_to: Counter[str] = field(default_factory=Counter)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def send(self, letter: Letter) -> None:
        said = (letter.recipient, letter.alert.target_id)
        self.begun.append(said)
        self.under_way[letter.recipient] += 1
        self.most = max(self.most, self.under_way.total())
        self.most_to[letter.recipient] = max(self.most_to[letter.recipient], self.under_way[letter.recipient])
        self.changed.set()
        try:
            if letter.recipient in self.held:
                await self.held[letter.recipient].wait()
            if letter.recipient in self.refused:
                raise NotDelivered("not now")
        finally:
            self.under_way[letter.recipient] -= 1
            self.done.append(said)
            self.changed.set()

    def hold(self, *recipients: str) -> None:
        """Let letters to these wait from now on."""
        self.held |= {each: asyncio.Event() for each in recipients}

    def let_go(self, recipient: str) -> None:
        """Let letters to this one wait no longer."""
        self.held.pop(recipient).set()

    async def until(self, what: Callable[[], bool]) -> None:
        """Wait until it is so, looking whenever a letter comes or goes."""
        async with asyncio.timeout(PATIENCE):
            while not what():
                self.changed.clear()
                await self.changed.wait()


@asynccontextmanager
async def running(*senders: Sender) -> AsyncIterator[None]:
    """While this lasts they run."""
    tasks = [asyncio.create_task(each.run()) for each in senders]
    try:
        yield
    finally:
        for task in tasks:
            await ended(task)


async def subscribe(database: Database, *recipients: str) -> None:
    """The district's webhooks; deliveries are made in this order."""
    for number, recipient in enumerate(recipients, 1):
        await database.fetch(
            "INSERT INTO notifier.subscription (id, organisation, rules, channel, recipient, language, secret) "
            "VALUES ($1, 'district', '{A2}', 'webhook', $2, 'vi', $3)",
            UUID(int=number),
            recipient,
            new_secret(),
        )


async def attain(case: Case, *targets: str) -> None:
    """The district reaches these targets, one after the other."""
    await case.happen(*admission("2022-03-01"))
    for day, target_id in enumerate(targets, 1):
        await case.happen(target("district", target_id=target_id, value=1, to=f"2022-12-{day:02}"))


async def states(database: Database) -> dict[str, tuple[str, int]]:
    """Recipient → state and attempts of its only delivery."""
    rows = await database.fetch("SELECT recipient, state, attempts FROM notifier.delivery")
    return {row["recipient"]: (row["state"], row["attempts"]) for row in rows}


async def lapse(database: Database) -> None:
    """Time passes until attempts that are under way count as those of processes that are gone."""
    await database.fetch("UPDATE notifier.attempt SET until = until - interval '1 hour'")


@dataclass
class Server:
    """A receiver on a port of its own; with `hanging` it answers once that is set."""

    hanging: asyncio.Event | None = None
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    url: str = ""

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        self.asked.set()
        if self.hanging is not None:
            await self.hanging.wait()
        writer.write(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()


@asynccontextmanager
async def listening(server: Server) -> AsyncIterator[Server]:
    """While this lasts it can be reached."""
    listener = await asyncio.start_server(server.answer, "127.0.0.1", 0)
    server.url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}/hook"
    yield server
    listener.close()
    await listener.wait_closed()


async def test_a_receiver_that_hangs_holds_up_no_other(case: Case) -> None:
    channel = WebhookChannel(lambda: datetime.now(UTC), allow_private=True)
    async with listening(Server(asyncio.Event())) as slow, listening(Server()) as prompt:
        await subscribe(case.database, slow.url, prompt.url)
        await attain(case, "t1")

        async with running(sender_of(case, channel)):
            await asyncio.wait_for(slow.asked.wait(), PATIENCE)
            await until(lambda: told(case, prompt.url, "sent"))
            assert (await states(case.database))[slow.url] == ("pending", 0)

            assert slow.hanging is not None
            slow.hanging.set()
            await until(lambda: told(case, slow.url, "sent"))
    await channel.close()


async def told(case: Case, recipient: str, state: str) -> bool:
    return (await states(case.database))[recipient][0] == state


async def test_each_receiver_has_one_at_a_time_in_order_whichever_process_sends(case: Case) -> None:
    await subscribe(case.database, SLOW, PROMPT)
    await attain(case, "t1", "t2", "t3")
    channel = Held()
    channel.hold(SLOW)

    async with running(sender_of(case, channel), sender_of(case, channel)):
        await channel.until(lambda: len([each for each in channel.done if each[0] == PROMPT]) == 3)
        assert [each for each in channel.begun if each[0] == SLOW] == [(SLOW, "t1")]
        channel.let_go(SLOW)
        await channel.until(lambda: len(channel.done) == 6)

    for recipient in (SLOW, PROMPT):
        assert [each[1] for each in channel.begun if each[0] == recipient] == ["t1", "t2", "t3"]
        assert channel.most_to[recipient] == 1


async def test_of_two_processes_that_come_to_a_receiver_in_the_same_moment_one_goes_away_with_nothing(
    case: Case,
) -> None:
    await subscribe(case.database, SLOW)
    await attain(case, "t1", "t2")

    async with case.engine.connect() as one, case.engine.connect() as other:
        first = await claimed(case, one)
        second = asyncio.create_task(claimed(case, other))
        await until(lambda: somebody_waits(case))
        await one.commit()

        assert first is not None
        assert first["target_id"] == "t1"
        assert await second is None


async def claimed(case: Case, connection: AsyncConnection) -> RowMapping | None:
    """What a process would send after this; its transaction is still open."""
    asked = {"channel": "webhook", "now": case.now, "lease": timedelta(seconds=60)}
    return (await connection.execute(SQL["claim"], asked)).mappings().one_or_none()


async def somebody_waits(case: Case) -> bool:
    return bool(
        await case.database.fetch(
            "SELECT FROM pg_locks WHERE NOT granted "
            "AND pid IN (SELECT pid FROM pg_stat_activity WHERE datname = current_database())"
        )
    )


async def test_no_more_are_under_way_than_the_channel_takes(case: Case) -> None:
    await subscribe(case.database, SLOW, PROMPT, THIRD)
    await attain(case, "t1", "t2")
    channel = Held(at_once=2)
    channel.hold(SLOW, PROMPT)

    async with running(sender_of(case, channel)):
        await channel.until(lambda: len(channel.begun) == 2)
        await asyncio.sleep(0.2)  # for a third that must not begin
        assert {each for each, _ in channel.begun} == {SLOW, PROMPT}
        channel.let_go(PROMPT)
        await channel.until(lambda: len(channel.done) == 4)
        assert (await states(case.database))[SLOW] == ("pending", 0)
        channel.let_go(SLOW)
        await channel.until(lambda: len(channel.done) == 6)

    assert channel.most == 2


async def test_what_a_killed_process_was_sending_is_sent_when_its_attempt_has_lapsed(case: Case) -> None:
    await subscribe(case.database, SLOW, PROMPT)
    await attain(case, "t1")
    async with case.engine.begin() as killed:
        sending = await claimed(case, killed)
        assert sending is not None
        assert sending["recipient"] == SLOW
    channel = Held()
    sender = sender_of(case, channel)

    async with running(sender):
        await until(lambda: told(case, PROMPT, "sent"))
        assert channel.begun == [(PROMPT, "t1")]
        await lapse(case.database)
        sender.wake()
        await until(lambda: told(case, SLOW, "sent"))

    assert channel.begun == [(PROMPT, "t1"), (SLOW, "t1")]


async def test_a_sender_that_is_stopped_leaves_what_it_was_sending_to_the_next_one_at_once(case: Case) -> None:
    await subscribe(case.database, SLOW)
    await attain(case, "t1")
    channel = Held()
    channel.hold(SLOW)
    stopping = asyncio.create_task(sender_of(case, channel).run())
    await channel.until(lambda: channel.begun == [(SLOW, "t1")])

    await asyncio.wait_for(ended(stopping), 5)

    assert await states(case.database) == {SLOW: ("pending", 0)}
    assert await case.database.fetch("SELECT FROM notifier.attempt") == []
    channel.let_go(SLOW)
    async with running(sender_of(case, channel)):
        await until(lambda: told(case, SLOW, "sent"))


async def test_an_attempt_that_took_longer_than_it_may_does_not_end_the_one_after_it(case: Case) -> None:
    await subscribe(case.database, SLOW, PROMPT)
    await attain(case, "t1")
    late, next_one = Held(at_once=1, refused={SLOW}), Held(at_once=1)
    late.hold(SLOW)
    next_one.hold(SLOW)
    async with running(sender_of(case, late)):
        await late.until(lambda: late.begun == [(SLOW, "t1")])
        await lapse(case.database)
        async with running(sender_of(case, next_one)):
            await next_one.until(lambda: next_one.begun == [(SLOW, "t1")])

            late.let_go(SLOW)
            await until(lambda: told(case, PROMPT, "sent"))  # by the late one, which is through with the other

            [under_way] = await case.database.fetch("SELECT recipient FROM notifier.attempt")
            assert under_way["recipient"] == SLOW
            next_one.let_go(SLOW)
            await until(lambda: told(case, SLOW, "sent"))
    assert late.begun == [(SLOW, "t1"), (PROMPT, "t1")]
    assert (await states(case.database))[SLOW] == ("sent", 1)


@pytest.mark.parametrize(("refused", "state"), [(set(), "sent"), ({SLOW}, "failed")])
async def test_of_a_subscription_that_is_removed_meanwhile_what_arrives_is_sent_and_else_it_is_given_up(
    case: Case, refused: set[str], state: str
) -> None:
    await subscribe(case.database, SLOW)
    await attain(case, "t1")
    channel = Held(refused=refused)
    channel.hold(SLOW)

    async with running(sender_of(case, channel)):
        await channel.until(lambda: len(channel.begun) == 1)
        async with case.engine.begin() as connection:
            await subscriptions.replace(connection, [], "vi")
        assert await told(case, SLOW, "failed")
        channel.let_go(SLOW)
        await until(lambda: nothing_under_way(case))

    assert await told(case, SLOW, state)


async def nothing_under_way(case: Case) -> bool:
    return not await case.database.fetch("SELECT FROM notifier.attempt")


async def test_an_outcome_that_cannot_be_noted_yet_is_noted_later_and_stops_no_other_delivery(case: Case) -> None:
    await subscribe(case.database, SLOW, PROMPT)
    await attain(case, "t1")
    await case.database.fetch(
        f"ALTER TABLE notifier.delivery ADD CONSTRAINT broken CHECK (state <> 'sent' OR recipient <> '{SLOW}')"
    )
    channel = Held()

    async with running(sender_of(case, channel)):
        await until(lambda: told(case, PROMPT, "sent"))
        assert await told(case, SLOW, "pending")
        await case.database.fetch("ALTER TABLE notifier.delivery DROP CONSTRAINT broken")
        await until(lambda: told(case, SLOW, "sent"))

    assert channel.begun == [(SLOW, "t1"), (PROMPT, "t1")]


async def test_each_letter_has_a_connection_of_its_own_since_one_address_may_be_several_receivers() -> None:
    asked: list[tuple[int, str]] = []

    async def receive(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = writer.get_extra_info("peername")[1]
        while head := (await reader.readuntil(b"\r\n\r\n")).decode():
            headers = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if line)
            await reader.readexactly(int(headers["content-length"]))
            asked.append((peer, headers["host"]))
            writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")

    listener = await asyncio.start_server(receive, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    channel = WebhookChannel(lambda: datetime.now(UTC), allow_private=True)
    try:
        for host in ("127.0.0.1", "127.1", "127.0.0.1"):  # names of one address
            await channel.send(structs.replace(letter(), recipient=f"http://{host}:{port}/", secret=new_secret()))
    finally:
        await channel.close()
        listener.close()

    assert [host for _, host in asked] == [f"127.0.0.1:{port}", f"127.1:{port}", f"127.0.0.1:{port}"]
    assert len({peer for peer, _ in asked}) == 3


async def test_mail_to_a_server_that_falls_silent_is_broken_off_without_a_goodbye() -> None:
    silent = asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.test\r\n")
        await reader.readline()
        writer.write(b"250 mail.test\r\n")
        await reader.readline()
        silent.set()
        await reader.read()
        writer.close()

    listener = await asyncio.start_server(answer, "127.0.0.1", 0)
    server = SmtpServer.of_url(f"smtp://127.0.0.1:{listener.sockets[0].getsockname()[1]}?starttls=never")
    sending = asyncio.create_task(MailChannel(server, "ketnap@example.vn", Wording()).send(letter()))
    await asyncio.wait_for(silent.wait(), PATIENCE)

    sending.cancel()
    done, _ = await asyncio.wait({sending}, timeout=5)

    assert done == {sending}
    assert sending.cancelled()
    listener.close()
    await listener.wait_closed()


async def test_mail_that_a_server_took_is_sent_though_it_never_says_goodbye(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("services.notifier.channels.mail.GOODBYE", 0.1)
    never = asyncio.Event()

    class Silent(Mailbox):
        async def handle_QUIT(self, *_: object) -> str:  # noqa: N802
            await never.wait()
            return "221 Bye"

    box, loop = Silent(), asyncio.get_running_loop()
    listener = await loop.create_server(lambda: SMTP(box, hostname="mail.test", loop=loop), "127.0.0.1", 0)
    server = SmtpServer.of_url(f"smtp://127.0.0.1:{listener.sockets[0].getsockname()[1]}?starttls=never")

    async with asyncio.timeout(5):
        await MailChannel(server, "ketnap@example.vn", Wording()).send(letter())

    assert len(box.mails) == 1
    never.set()
    listener.close()
    await listener.wait_closed()
