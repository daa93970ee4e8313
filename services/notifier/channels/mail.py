"""E-mail: one message for one recipient, plain and HTML, over SMTP."""

import contextlib
import re
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from urllib.parse import parse_qs, unquote, urlsplit

import aiosmtplib
from msgspec import Struct

from services.notifier.channels.channel import GivenUp, Letter, NotDelivered
from services.notifier.channels.wording import Wording
from shared.runtime.settings import SettingsError

TIMEOUT = 20.0
"""Seconds for each step."""
GOODBYE = 2.0
"""Seconds in which the server may answer when the mail is handed in."""
_ADDRESS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?")


def is_address(text: str) -> bool:
    """Whether mail can be sent there: one plain address, nothing around it."""
    if not _ADDRESS.fullmatch(text) or ".." in text:
        return False
    return not text.startswith(".") and ".@" not in text


class SmtpServer(Struct, frozen=True):
    """Where mail is handed in. `starttls`: None takes what the server offers."""

    host: str
    port: int
    username: str | None
    password: str | None
    tls: bool
    starttls: bool | None

    @classmethod
    def of_url(cls, url: str) -> "SmtpServer":
        """Read `smtp://user:password@host:587?starttls=required|offered|never` or `smtps://…`."""
        parts = urlsplit(url)
        asked = parse_qs(parts.query).get("starttls", [""])[-1]
        choices: dict[str, bool | None] = {"required": True, "offered": None, "never": False}
        try:
            port = parts.port
        except ValueError:
            port = -1
        if (
            parts.scheme not in ("smtp", "smtps")
            or not parts.hostname
            or port == -1
            or asked not in (*choices, "")
        ):
            raise SettingsError(
                "KETNAP_SMTP_URL: expected smtp://USER:PASSWORD@HOST:587?starttls=required|offered|never "
                "or smtps://USER:PASSWORD@HOST:465"
            )
        tls = parts.scheme == "smtps"
        # A password goes over an encrypted line, unless somebody says otherwise.
        starttls = False if tls else choices[asked or ("required" if parts.username else "offered")]
        return cls(
            parts.hostname,
            port or (465 if tls else 587),
            unquote(parts.username) if parts.username else None,
            unquote(parts.password) if parts.password else None,
            tls,
            starttls,
        )


class MailChannel:
    """Hands letters to one SMTP server. Raises SettingsError for a `sender` that is no address."""

    name = "email"
    at_once = 3
    """All go to one server, and some take few connections of one client: Exchange Online takes three."""

    def __init__(self, server: SmtpServer, sender: str, wording: Wording) -> None:
        self._server = server
        if not is_address(sender):
            raise SettingsError(
                f"KETNAP_MAIL_FROM: expected an address such as ketnap@example.vn, found {sender!r}"
            )
        self._sender = Address("ketnap", addr_spec=sender)
        self._wording = wording

    async def send(self, letter: Letter) -> None:
        """Deliver to the server. Raises NotDelivered, or GivenUp where it refuses the recipient for good."""
        server = self._server
        client = aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            username=server.username,
            password=server.password,
            use_tls=server.tls,
            start_tls=server.starttls,
            timeout=TIMEOUT,
        )
        try:
            await client.connect()
            await client.send_message(self.message(letter))
            # The server has it, whatever it says to this.
            with contextlib.suppress(aiosmtplib.SMTPException, OSError):
                await client.quit(timeout=GOODBYE)
        except aiosmtplib.SMTPRecipientsRefused as error:
            refused = error.recipients[0]
            if 500 <= refused.code < 600:
                raise GivenUp(f"the server refuses the recipient: {refused.code} {refused.message}") from None
            raise NotDelivered(f"the server puts the recipient off: {refused.code} {refused.message}") from None
        except (aiosmtplib.SMTPException, OSError) as error:
            raise NotDelivered(f"{type(error).__name__}: {error}") from None
        finally:
            # Not `async with client`: broken off, it would say goodbye to a silent server and wait for the answer.
            client.close()

    def message(self, letter: Letter) -> EmailMessage:
        """The message, the same on every attempt."""
        said = self._wording.say(letter.alert, letter.language)
        message = EmailMessage()
        message["Subject"] = said.subject
        message["From"] = self._sender
        message["To"] = Address(addr_spec=letter.recipient)
        message["Date"] = format_datetime(letter.alert.raised_at)
        message["Message-ID"] = f"<{letter.delivery_id}@{self._sender.domain}>"
        message["Auto-Submitted"] = "auto-generated"
        message["Content-Language"] = letter.language
        message.set_content(said.plain)
        message.add_alternative(said.html, subtype="html")
        return message
