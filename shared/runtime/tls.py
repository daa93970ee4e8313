"""TLS: clients that verify whom they talk to, and a server's certificates, which are renewed while it serves."""

import ipaddress
import ssl
from datetime import UTC, datetime
from pathlib import Path

import structlog
from cryptography import x509
from prometheus_client import Gauge

from shared.runtime.settings import SettingsError

log = structlog.get_logger(__name__)

EXPIRES = Gauge(
    "ketnap_tls_certificate_expires_timestamp_seconds",
    "When a certificate that this service shows ends, as seconds since 1970",
    ["certificate"],
)
WARN_BEFORE = 60.0
"""Days before a certificate's end from which readiness warns."""


def trusting(ca: str | None) -> ssl.SSLContext:
    """A client's context: the server's name and chain are verified against `ca` (PEM), else the system's store.

    Raises SettingsError where `ca` holds no certificate.
    """
    try:
        return ssl.create_default_context(cadata=ca or None)
    except ssl.SSLError as error:
        raise SettingsError(f"KETNAP_CA: expected certificates in PEM, found what OpenSSL calls {error}") from None


class ServerCertificates:
    """What a server shows of `directory`: `server.pem` and its `.key`, and `public.pem` with its own if there.

    `server` is for whoever asks for one of its own names, `public` for everybody else. Whoever asks for an address
    says no name, and gets `public` if that is for addresses. Replaced files are taken up by `look`, for new
    connections; those that are open go on.
    """

    def __init__(self, directory: Path) -> None:
        """Raises SettingsError where there is nothing to show."""
        self._directory = directory
        self._inner = _server_context()
        self.context = _server_context()
        """What the listening socket gets; it chooses by the name that a client asks for."""
        self.context.sni_callback = self._choose
        self._inner_names: frozenset[str | None] = frozenset()
        self._seen: dict[Path, int] = {}
        self.ends: dict[str, datetime] = {}
        """When each certificate ends, by its file's name without the suffix."""
        try:
            self._take()
        except (OSError, ValueError) as error:
            raise SettingsError(
                f"KETNAP_TLS_DIR: {directory} has no certificate that can be shown: {error}"
            ) from None

    def look(self) -> None:
        """Take up files that were replaced; what cannot be used is logged, and the one before stays."""
        if self._stamps() == self._seen:
            return
        try:
            self._take()
        except (OSError, ValueError) as error:
            log.error("a new certificate cannot be used; the one before stays", error=str(error))
        else:
            log.info("a certificate was renewed", ends={name: str(end) for name, end in self.ends.items()})

    async def warning(self) -> str | None:
        """What somebody should know about a certificate that ends soon."""
        now = datetime.now(UTC)
        ending = [
            f"{name}.pem on {end:%Y-%m-%d}" for name, end in self.ends.items() if days(now, end) < WARN_BEFORE
        ]
        return f"ends soon: {', '.join(ending)}; docs/security.md says how to renew it" if ending else None

    def _take(self) -> None:
        stamps = self._stamps()
        server = self._directory / "server.pem"
        public = self._directory / "public.pem"
        shown = public if public.exists() else server
        for pair in {server, shown}:
            # First where nobody looks: what fails half-way would leave a certificate without its key.
            _server_context().load_cert_chain(pair, pair.with_suffix(".key"))
        self._inner.load_cert_chain(server, server.with_suffix(".key"))
        self.context.load_cert_chain(shown, shown.with_suffix(".key"))
        self._inner_names = _only_inner(server, public) if public.exists() else frozenset()
        self.ends = {each.stem: end_of(each) for each in {server, shown}}
        for name, end in self.ends.items():
            EXPIRES.labels(certificate=name).set(end.timestamp())
        self._seen = stamps

    def _choose(self, connection: ssl.SSLObject, asked: str | None, _: ssl.SSLContext) -> None:
        if (asked.lower() if asked else None) in self._inner_names:
            connection.context = self._inner

    def _stamps(self) -> dict[Path, int]:
        found = (
            self._directory / f"{name}{suffix}" for name in ("server", "public") for suffix in (".pem", ".key")
        )
        return {path: path.stat().st_mtime_ns for path in found if path.exists()}


def names(certificate: Path) -> frozenset[str]:
    """The names, in lower case, and addresses that a certificate is for. Raises OSError, ValueError."""
    found = x509.load_pem_x509_certificate(certificate.read_bytes())
    try:
        alternatives = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return frozenset()
    addresses = alternatives.get_values_for_type(x509.IPAddress)
    return frozenset(each.lower() for each in alternatives.get_values_for_type(x509.DNSName)) | {
        str(each) for each in addresses
    }


def _only_inner(server: Path, public: Path) -> frozenset[str | None]:
    """The names for which only `server` will do; None, which is no name, if `public` is for no address."""
    known = names(public)
    return names(server) - known | (frozenset() if any(map(is_address, known)) else {None})


def is_address(name: str) -> bool:
    """Whether this is an IP address."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def end_of(certificate: Path) -> datetime:
    """When a certificate ends. Raises OSError, ValueError."""
    return x509.load_pem_x509_certificate(certificate.read_bytes()).not_valid_after_utc


def days(now: datetime, end: datetime) -> float:
    """Days from now to an end."""
    return (end - now).total_seconds() / 86400


def _server_context() -> ssl.SSLContext:
    return ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
