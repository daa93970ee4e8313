"""What goes out: words in two languages, the same message on every attempt, to addresses that are allowed."""

import asyncio
import ipaddress
import threading
from datetime import UTC, date, datetime, timedelta
from email import message_from_bytes, policy
from typing import Any
from uuid import UUID

import pytest
from msgspec import structs

from services.notifier.channels.addresses import is_public, resolve
from services.notifier.channels.channel import Alert, GivenUp, Letter, NotDelivered
from services.notifier.channels.mail import MailChannel, SmtpServer
from services.notifier.channels.webhook import WebhookChannel, is_secret, new_secret
from services.notifier.channels.wording import Wording, _texts
from services.notifier.rules.counting import METRICS
from services.notifier.rules.retrying import MAX_ATTEMPTS, delay_after
from shared.runtime.settings import SettingsError


def alert(**more: Any) -> Alert:
    given: dict[str, Any] = {
        "id": UUID(int=1),
        "rule": "A2",
        "target_id": "t1",
        "status": "exceeded",
        "organisation_id": "dien-bien-district",
        "organisation_name": "Đảng bộ huyện Điện Biên",
        "issuer_id": "dien-bien",
        "metric": "admissions",
        "basis": "resolution",
        "comparison": "at_least",
        "value": 1200,
        "actual": 1310,
        "attainment_percent": 109.2,
        "excess_percent": 9.2,
        "first": date(2022, 1, 1),
        "last": date(2022, 12, 31),
        "as_of": date(2022, 11, 30),
        "raised_at": datetime(2022, 11, 30, 2, tzinfo=UTC),
        "state": "open",
        "resolved_at": None,
        "acknowledged_at": None,
        "muted_until": None,
    }
    return Alert(**given | more)


def letter(language: str = "vi", **more: Any) -> Letter:
    return Letter(
        delivery_id=UUID(int=2), recipient="a@example.vn", language=language, secret=None, alert=alert(**more)
    )


def test_vietnamese_words_numbers_and_dates() -> None:
    said = Wording().say(alert(), "vi")
    assert said.subject == "ketnap · Đảng bộ huyện Điện Biên: vượt chỉ tiêu kết nạp đảng viên, 1.310 (109,2 %)"
    assert "Chỉ tiêu: tối thiểu 1.200" in said.plain
    assert "Thời gian: 01/01/2022 – 31/12/2022" in said.plain


def test_english_words_numbers_and_dates() -> None:
    said = Wording("https://ketnap.example").say(alert(status="attained", actual=1200), "en")
    assert said.subject.startswith("ketnap · Đảng bộ huyện Điện Biên: target attained, admissions, 1,200")
    assert "Period: 1 January 2022 – 31 December 2022" in said.plain
    assert "https://ketnap.example" in said.plain


def test_a_name_cannot_write_markup_or_headers() -> None:
    channel = MailChannel(SmtpServer.of_url("smtp://localhost"), "ketnap@example.vn", Wording())
    message = channel.message(letter(organisation_name="<b>A</b>\u2028Bcc: x@y"))
    assert message["Bcc"] is None
    html = message.get_body(("html",))
    assert html is not None
    assert "&lt;b&gt;A&lt;/b&gt;" in html.get_content()


def test_both_languages_have_a_text_for_everything() -> None:
    assert _texts("vi").keys() == _texts("en").keys()
    assert {f"metric.{metric}" for metric in METRICS} <= _texts("vi").keys()
    assert all(text for language in ("vi", "en") for text in _texts(language).values())


def test_a_percentage_of_a_target_of_zero_is_left_out() -> None:
    assert Wording().say(alert(value=0, actual=2, attainment_percent=None), "en").subject.endswith("admissions, 2")


def test_a_message_is_the_same_on_every_attempt_and_survives_the_wire() -> None:
    channel = MailChannel(SmtpServer.of_url("smtp://localhost"), "ketnap@example.vn", Wording())
    message = channel.message(letter())
    assert message["Message-ID"] == f"<{UUID(int=2)}@example.vn>"
    read = message_from_bytes(message.as_bytes(), policy=policy.default)
    assert read["Subject"] == Wording().say(alert(), "vi").subject
    assert [part.get_content_type() for part in read.iter_parts()] == ["text/plain", "text/html"]


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("smtp://localhost", SmtpServer("localhost", 587, None, None, False, None)),
        ("smtp://u:p%40ss@mail.vn:25", SmtpServer("mail.vn", 25, "u", "p@ss", False, True)),
        ("smtp://u:p@mail.vn?starttls=never", SmtpServer("mail.vn", 587, "u", "p", False, False)),
        ("smtps://u:p@mail.vn", SmtpServer("mail.vn", 465, "u", "p", True, False)),
    ],
)
def test_an_smtp_url_says_how_to_connect(url: str, expected: SmtpServer) -> None:
    assert SmtpServer.of_url(url) == expected


@pytest.mark.parametrize("sender", ["nobody@", "@b.vn", "a b@c.vn", "a@b.vn\nBcc: c@d.vn", ".a@b.vn", "a..b@c.vn"])
def test_a_sender_that_is_no_address_is_refused(sender: str) -> None:
    with pytest.raises(SettingsError, match="KETNAP_MAIL_FROM"):
        MailChannel(SmtpServer.of_url("smtp://localhost"), sender, Wording())


@pytest.mark.parametrize("url", ["http://mail.vn", "smtp://", "smtp://mail.vn:99999", "smtp://m?starttls=perhaps"])
def test_an_smtp_url_that_says_nothing_is_refused(url: str) -> None:
    with pytest.raises(SettingsError, match="KETNAP_SMTP_URL"):
        SmtpServer.of_url(url)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "192.168.0.1", "172.16.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0",  # noqa: S104
        "224.0.0.1", "::1", "::", "fe80::1", "fc00::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
    ],
)  # fmt: skip
def test_addresses_of_inner_networks_are_not_public(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ["1.1.1.1", "203.119.8.1", "2606:4700::1111", "::ffff:1.1.1.1"])
def test_addresses_of_the_internet_are_public(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


async def test_a_receiver_inside_is_given_up_unless_allowed() -> None:
    with pytest.raises(GivenUp, match="KETNAP_WEBHOOK_ALLOW_PRIVATE"):
        await resolve("127.0.0.1", 80, allow_private=False)
    assert await resolve("127.0.0.1", 80, allow_private=True) == "127.0.0.1"


async def test_receivers_whose_names_nobody_answers_for_hold_up_nothing_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loop, answered, silent = asyncio.get_running_loop(), threading.Event(), WebhookChannel.at_once - 1
    asked: asyncio.Queue[None] = asyncio.Queue()

    def ask(host: str, *_: Any, **__: Any) -> list[Any]:
        if host.endswith(".silent.example.vn"):
            loop.call_soon_threadsafe(asked.put_nowait, None)
            answered.wait()
        raise OSError("unknown")

    monkeypatch.setattr("socket.getaddrinfo", ask)
    channel = WebhookChannel(lambda: datetime.now(UTC))
    to = [structs.replace(letter(), recipient=f"https://{n}.silent.example.vn/") for n in range(silent)]
    sending = [asyncio.create_task(channel.send(each)) for each in to]
    try:
        async with asyncio.timeout(10):
            for _ in to:
                await asked.get()
            await asyncio.to_thread(int)
            with pytest.raises(NotDelivered, match="has no address"):
                await channel.send(structs.replace(letter(), recipient="https://example.vn/"))
    finally:
        answered.set()
        await asyncio.gather(*sending, return_exceptions=True)
        await channel.close()


def test_a_new_secret_is_one() -> None:
    assert is_secret(new_secret())
    assert not is_secret("whsec_c2hvcnQ=")
    assert not is_secret("whsec_not base64")


def test_delays_grow_to_a_bound_and_end() -> None:
    assert delay_after(1) == timedelta(seconds=5)
    assert delay_after(2) == timedelta(seconds=10)
    assert delay_after(MAX_ATTEMPTS - 1) == timedelta(hours=6)
    assert delay_after(MAX_ATTEMPTS) is None
