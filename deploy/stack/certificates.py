"""Makes a certificate authority and the servers' certificates, renews them, and takes those that are brought.

The authority's key lies in a directory of its own and is handed to nobody. A certificate is made anew when less
than half of its time is left, when it should be for other names, or when the authority is another one.
"""

import ipaddress
import os
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from deploy.stack.errors import StackError
from deploy.stack.keys import write_secret
from shared.runtime.tls import is_address, names

AUTHORITY_DAYS = 3650
SERVER_DAYS = 825
"""The longest time for which all browsers take the certificate of an authority that somebody added."""
CLOCKS_DIFFER = timedelta(days=1)
HERE = ("localhost", "127.0.0.1", "::1")

_HOST_NAME = re.compile(
    r"(?=.{1,253}$)(\*\.)?[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*"
)


class Authority(NamedTuple):
    """A certificate authority that can sign."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


def ensure_authority(directory: Path) -> Authority:
    """The authority in `directory` (`ca.pem`, `ca.key`), made on first use. Raises StackError."""
    certificate, key = directory / "ca.pem", directory / "ca.key"
    if not certificate.exists() or not key.exists():
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        made = _new_authority()
        write_secret(key, _key_text(made.key))
        write_secret(certificate, pem(made.certificate))
    try:
        loaded = serialization.load_pem_private_key(key.read_bytes(), None)
        found = x509.load_pem_x509_certificate(certificate.read_bytes())
    except (OSError, ValueError) as error:
        raise StackError(f"the certificate authority in {directory} cannot be read: {error}") from None
    if not isinstance(loaded, ec.EllipticCurvePrivateKey) or loaded.public_key() != found.public_key():
        raise StackError(f"{key} is not the key of {certificate}; put back the one that belongs to it")
    return Authority(found, loaded)


def ensure_server(
    authority: Authority,
    directory: Path,
    wanted: Iterable[str],
    now: datetime | None = None,
    *,
    asks_too: bool = False,
) -> bool:
    """`server.pem` and `server.key` in `directory`, for the names and addresses `wanted`; True if made anew.

    asks_too: for a server that also shows it where it asks others, as those of a cluster of NATS do.
    """
    now = now or datetime.now(UTC)
    certificate = directory / "server.pem"
    key = certificate.with_suffix(".key")
    wanted = frozenset(each.lower() for each in wanted)
    if key.exists() and certificate.exists() and not _stale(certificate, authority, wanted, now):
        return False
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    private = ec.generate_private_key(ec.SECP256R1())
    write_secret(key, _key_text(private))
    write_secret(certificate, pem(_issue(authority, private, sorted(wanted), now, asks_too)))
    return True


def take_brought(brought: Path, directory: Path) -> bool:
    """Copy the certificate that was brought (`server.pem`, `server.key`) to `directory`, for outsiders to see.

    Without one there is none in `directory` afterwards. True if that changed anything. Raises StackError for one
    that cannot be used, so that nothing is replaced by it.
    """
    found = {suffix: brought / f"server{suffix}" for suffix in (".pem", ".key")}
    targets = {suffix: directory / f"public{suffix}" for suffix in found}
    if not found[".pem"].exists():
        there = [each for each in targets.values() if each.exists()]
        for each in there:
            each.unlink()
        return bool(there)
    texts = _checked(found[".pem"], found[".key"])
    changed = False
    for suffix in (".key", ".pem"):  # the certificate last: it is what is looked for
        target = targets[suffix]
        if not target.exists() or target.read_text(encoding="utf-8") != texts[suffix] + "\n":
            write_secret(target, texts[suffix])
            changed = True
    return changed


def shown(directory: Path) -> list[str]:
    """Which certificates there are in `directory`, the one for outsiders first."""
    return [name for name in ("public", "server") if (directory / f"{name}.pem").exists()]


def names_outside() -> list[str]:
    """Names and addresses by which others reach this system, from `KETNAP_NAMES`. Raises StackError."""
    found = [each.strip() for each in (os.environ.get("KETNAP_NAMES") or "").split(",") if each.strip()]
    for each in found:
        if not is_address(each) and not _HOST_NAME.fullmatch(each):
            raise StackError(f"KETNAP_NAMES: expected names and addresses separated by commas, found {each!r}")
    return found


def _checked(certificate: Path, key: Path) -> dict[str, str]:
    try:
        texts = {each.suffix: each.read_text(encoding="utf-8").strip() for each in (certificate, key)}
        first = x509.load_pem_x509_certificate(texts[".pem"].encode())
        private = serialization.load_pem_private_key(texts[".key"].encode(), None)
    except (OSError, TypeError, ValueError) as error:
        raise StackError(
            f"{certificate} with {key.name} cannot be used: expected a PEM certificate, those between it and its "
            f"authority behind it, and its key without a passphrase, readable by this user; {error}"
        ) from None
    if private.public_key() != first.public_key():
        raise StackError(f"{key} is not the key of the first certificate in {certificate}")
    if first.not_valid_after_utc <= datetime.now(UTC):
        raise StackError(f"{certificate} has ended on {first.not_valid_after_utc:%Y-%m-%d}: bring a newer one")
    return texts


def _stale(certificate: Path, authority: Authority, wanted: frozenset[str], now: datetime) -> bool:
    try:
        found = x509.load_pem_x509_certificate(certificate.read_bytes())
        found.verify_directly_issued_by(authority.certificate)
    except Exception:  # whatever is wrong with it, a new one is right
        return True
    begin, end = found.not_valid_before_utc, found.not_valid_after_utc
    half = begin + (end - begin) / 2
    outlived = end < authority.certificate.not_valid_after_utc
    return names(certificate) != wanted or now < begin or (now > half and outlived) or now > end


def _new_authority() -> Authority:
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.now(UTC)
    # A number in the name, so that an authority that was made anew is not taken for the one before.
    name = _name(f"ketnap {x509.random_serial_number() % 16**8:08x}")
    public = key.public_key()
    certificate = (
        _begun(name, name, public, now, now + timedelta(days=AUTHORITY_DAYS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs=True), critical=True)
        .sign(key, hashes.SHA256())
    )
    return Authority(certificate, key)


def _issue(
    authority: Authority, key: ec.EllipticCurvePrivateKey, wanted: Sequence[str], now: datetime, asks_too: bool
) -> x509.Certificate:
    end = min(now + timedelta(days=SERVER_DAYS), authority.certificate.not_valid_after_utc)
    alternatives = [
        x509.IPAddress(ipaddress.ip_address(each)) if is_address(each) else x509.DNSName(each) for each in wanted
    ]
    issuer = authority.certificate
    uses = [ExtendedKeyUsageOID.SERVER_AUTH, *([ExtendedKeyUsageOID.CLIENT_AUTH] if asks_too else [])]
    its_id = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    return (
        _begun(_name("ketnap"), issuer.subject, key.public_key(), now, end)
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage(uses), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(its_id), critical=False)
        .sign(authority.key, hashes.SHA256())
    )


def _begun(
    subject: x509.Name, issuer: x509.Name, public: ec.EllipticCurvePublicKey, now: datetime, end: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCKS_DIFFER)
        .not_valid_after(end)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs,
        key_cert_sign=signs,
        crl_sign=signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def pem(certificate: x509.Certificate) -> str:
    """The certificate as text."""
    return certificate.public_bytes(serialization.Encoding.PEM).decode().strip()


def _key_text(key: ec.EllipticCurvePrivateKey) -> str:
    plain = serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain).decode().strip()
