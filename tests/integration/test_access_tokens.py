"""Tokens of an issuer: what it signed for us lets in; whatever is forged, stale or meant for others does not."""

import asyncio
import base64
import contextlib
import hashlib
import hmac
import json
import warnings
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import RSAAlgorithm
from jwt.warnings import InsecureKeyLengthWarning

from shared.runtime.access import issuer_keys
from shared.runtime.access.issuer_keys import IssuerUnreachable
from shared.runtime.access.keys import NotAdmitted
from shared.runtime.access.principal import Principal
from shared.runtime.access.settings import AccessSettings
from shared.runtime.access.tokens import Tokens
from shared.runtime.settings import SettingsError
from tests.integration.issuer_given import AUDIENCE, EC, ED, ISSUER, KEYS, RSA, SHORT, STRANGER, claims, jwk, token


def unsigned(header: dict[str, Any], body: dict[str, Any], secret: bytes | None = None) -> str:
    """A token put together by hand, as a forger does it."""
    parts = [
        base64.urlsafe_b64encode(json.dumps(part, default=lambda day: int(day.timestamp())).encode()).rstrip(b"=")
        for part in (header, body)
    ]
    signed = b".".join(parts)
    signature = hmac.new(secret, signed, hashlib.sha256).digest() if secret else b""
    return (signed + b"." + base64.urlsafe_b64encode(signature).rstrip(b"=")).decode()


def token_of_a_short_key() -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InsecureKeyLengthWarning)  # this test makes the mistake that it warns of
        return token(SHORT, kid="short")


def settings(place: Path | str, **more: Any) -> AccessSettings:
    return AccessSettings(oidc_issuer=ISSUER, oidc_audience=AUDIENCE, oidc_jwks=str(place), **more)


def tokens(place: Path | str, **more: Any) -> Tokens:
    found = Tokens.of(settings(place, **more))
    assert found is not None
    return found


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "jwks.json"
    file.write_text(json.dumps(KEYS))
    return file


async def test_a_token_is_whom_its_claims_name(file: Path) -> None:
    checked = tokens(file, oidc_algorithms="RS256,PS256,ES256,EdDSA")

    viewer = Principal("viewer", "token office-7", "district")
    assert await checked.holder(token()) == viewer
    assert await checked.holder(token(algorithm="PS256")) == viewer
    assert await checked.holder(token(EC, "ES256", "ec")) == viewer
    assert await checked.holder(token(ED, "EdDSA", "ed")) == viewer
    assert await checked.holder(token(aud=["other", AUDIENCE])) == viewer
    assert await checked.holder(token(ketnap_role="operator")) == Principal("operator", "token office-7")
    source = token(ketnap_role="source", ketnap_source="dien-bien", ketnap_organisation="root")
    assert await checked.holder(source) == Principal("source", "token office-7", "root", "dien-bien")


async def test_claims_are_found_where_the_settings_say(file: Path) -> None:
    checked = tokens(file, oidc_role_claim="realm_access.roles", oidc_organisation_claim="https://x.example/org")

    found = await checked.holder(
        token(
            ketnap_role=None,
            ketnap_organisation=None,
            **{"realm_access": {"roles": ["offline_access", "ketnap-viewer"]}, "https://x.example/org": "commune"},
        )
    )

    assert found == Principal("viewer", "token office-7", "commune")


PAST, FUTURE = datetime.now(UTC) - timedelta(minutes=5), datetime.now(UTC) + timedelta(days=1)
PUBLIC = RSA.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

REFUSED = {
    "expired": (token(exp=PAST), "expired; ask its issuer for a new one"),
    "not valid yet": (token(nbf=FUTURE), "not yet valid .*compare the clocks"),
    "without end": (token(exp=None), "exp"),
    "for another audience": (token(aud="other"), "[Aa]udience.*expected 'ketnap' .KETNAP_OIDC_AUDIENCE"),
    "for no audience": (token(aud=None), "aud"),
    "of another issuer": (
        token(iss="https://evil.example"), "[Ii]ssuer.*expected 'https://issuer.example' .KETNAP_OIDC_ISSUER"
    ),
    "of no issuer": (token(iss=None), "iss"),
    "signed by a stranger": (token(STRANGER), "[Ss]ignature"),
    "under an id that nobody knows": (token(STRANGER, kid="unknown"), "does not publish"),
    "without an id among several keys": (token(kid=None), "does not say with which"),
    "with a key that is too short": (token_of_a_short_key(), "too short"),
    "with a key for something else": (token(kid="for-encryption"), "not one for RS256"),
    "with an algorithm that is not chosen": (token(algorithm="RS512"), "signed with RS256 or ES256"),
    "with the key of another type": (token(EC, "ES256", "rsa"), "not one for ES256"),
    "without signature": (unsigned({"alg": "none", "typ": "JWT"}, claims()), "signed with"),
    "without signature, in capitals": (unsigned({"alg": "NONE", "kid": "rsa"}, claims()), "signed with"),
    "with the public key as a secret": (unsigned({"alg": "HS256", "kid": "rsa"}, claims(), PUBLIC), "signed with"),
    "with the published secret": (unsigned({"alg": "HS256", "kid": "secret"}, claims(), b"s" * 32), "signed with"),
    "with the published secret as RS256": (
        unsigned({"alg": "RS256", "kid": "secret"}, claims(), b"s" * 32), "not one for RS256"
    ),
    "changed after signing": (token()[:-6] + "AAAAAA", "[Ss]ignature"),
    "with a demand that is not known": (
        unsigned({"alg": "RS256", "kid": "rsa", "crit": ["b64"], "b64": True}, claims()), "demands"
    ),
    "with a key it brings along": (
        jwt.encode(
            claims(),
            STRANGER,
            algorithm="RS256",
            headers={"kid": "mine", "jwk": RSAAlgorithm.to_jwk(STRANGER.public_key(), as_dict=True)},
        ),
        "does not publish",
    ),
    "without role": (token(ketnap_role=None), "expected a role"),
    "with a role that nobody knows": (token(ketnap_role="service"), "expected a role"),
    "of a viewer of nothing": (token(ketnap_organisation=None), "expected an organisation"),
    "of a source without name": (token(ketnap_role="source"), "expected a source"),
    "endless": ("a" * 20_000, "at most"),
    "no token": ("hello", "found neither"),
}  # fmt: skip


@pytest.mark.parametrize("kind", REFUSED)
async def test_a_token_that_is_not_for_us_lets_nobody_in(file: Path, kind: str) -> None:
    bad, said = REFUSED[kind]

    with pytest.raises(NotAdmitted, match=said) as refused:
        await tokens(file).holder(bad)

    assert bad not in str(refused.value)


async def test_clocks_may_differ_a_little(file: Path) -> None:
    late = token(exp=datetime.now(UTC) - timedelta(seconds=30))

    assert await tokens(file, oidc_leeway=60).holder(late)
    with pytest.raises(NotAdmitted, match="expired"):
        await tokens(file, oidc_leeway=0).holder(late)


class Issuer:
    """Serves a set of keys over HTTP, and counts how often it was asked."""

    def __init__(self) -> None:
        self.keys: dict[str, Any] = KEYS
        self.body: bytes | None = None
        """What it says instead of its keys."""
        self.drips = False
        """Whether it answers byte by byte, and never to the end."""
        self.status = "200 OK"
        self.asked = 0
        self.url = ""

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        self.asked += 1
        body = json.dumps(self.keys).encode() if self.body is None else self.body
        head = f"HTTP/1.1 {self.status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        writer.write(head.encode())
        with contextlib.suppress(ConnectionError):
            while self.drips:
                writer.write(b" ")
                await writer.drain()
                await asyncio.sleep(0.02)
            writer.write(body)
            await writer.drain()
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


@pytest.fixture
async def issuer() -> AsyncIterator[Issuer]:
    issuer = Issuer()
    server = await asyncio.start_server(issuer.answer, "127.0.0.1", 0)
    issuer.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/jwks"
    yield issuer
    server.close()
    await server.wait_closed()


async def test_keys_are_fetched_once_and_again_only_after_a_pause(
    issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked = tokens(issuer.url)

    await asyncio.gather(*(checked.holder(token()) for _ in range(10)))
    assert issuer.asked == 1
    for _ in range(5):  # whoever makes up key ids cannot make us ask and ask
        with pytest.raises(NotAdmitted):
            await checked.holder(token(STRANGER, kid="new"))
    assert issuer.asked == 1

    issuer.keys = {"keys": [jwk("new", RSAAlgorithm.to_jwk(STRANGER.public_key(), as_dict=True))]}
    monkeypatch.setattr(issuer_keys, "PAUSE", 0.0)
    assert await checked.holder(token(STRANGER, kid="new"))
    with pytest.raises(NotAdmitted):
        await checked.holder(token())  # no longer published


async def test_an_issuer_that_is_away_keeps_those_out_that_it_alone_knows(
    issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(issuer_keys, "PAUSE", 0.0)
    checked = tokens(issuer.url)
    issuer.status = "500 Internal Server Error"
    with pytest.raises(IssuerUnreachable):
        await checked.holder(token())

    issuer.status = "200 OK"
    assert await checked.holder(token())

    issuer.status = "500 Internal Server Error"
    monkeypatch.setattr(issuer_keys, "FRESH", 0.0)
    assert await checked.holder(token())  # with the keys of before
    monkeypatch.setattr(issuer_keys, "KEPT", 0.0)
    with pytest.raises(IssuerUnreachable):
        await checked.holder(token())


@pytest.mark.parametrize(
    "body",
    [b"<html>", b"", b"null", b'{"keys": null}', b'{"keys": [5]}', b'{"keys": [{"a": "\xff"}]}', b"[" * 10_000],
)
async def test_an_issuer_that_answers_with_something_else_is_as_one_that_is_away(
    issuer: Issuer, body: bytes
) -> None:
    issuer.body = body

    with pytest.raises(IssuerUnreachable):
        await tokens(issuer.url).holder(token())


async def test_an_issuer_that_never_ends_its_answer_is_waited_for_once(
    issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(issuer_keys, "TIMEOUT", 0.2)
    issuer.drips = True
    checked = tokens(issuer.url)

    async with asyncio.timeout(10):
        said = await asyncio.gather(*(checked.holder(token()) for _ in range(5)), return_exceptions=True)

    assert [type(each) for each in said] == [IssuerUnreachable] * 5
    assert issuer.asked == 1


async def test_a_key_that_may_be_new_is_not_refused_while_the_issuer_cannot_be_asked(
    issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked = tokens(issuer.url)
    assert await checked.holder(token())
    monkeypatch.setattr(issuer_keys, "PAUSE", 0.0)
    issuer.status = "500 Internal Server Error"

    with pytest.raises(IssuerUnreachable):
        await checked.holder(token(STRANGER, kid="new"))
    assert await checked.holder(token())  # with the keys of before

    issuer.status = "200 OK"
    with pytest.raises(NotAdmitted, match="does not publish"):
        await checked.holder(token(STRANGER, kid="new"))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"oidc_audience": None}, "KETNAP_OIDC_AUDIENCE"),
        ({"oidc_algorithms": "RS256,HS256"}, "HS256"),
        ({"oidc_algorithms": "none"}, "none"),
        ({"oidc_algorithms": ""}, "found none"),
        ({"oidc_jwks": "http://issuer.example/jwks"}, "https"),
        ({"oidc_jwks": "https://[issuer/jwks"}, "https"),
        ({"oidc_jwks": "https://"}, "https"),
        ({"oidc_jwks": "https://issuer.example:99999/jwks"}, "https"),
        ({"oidc_jwks": "https://issuer example/jwks"}, "https"),
        ({"oidc_jwks": "/no/such/file"}, "cannot be read"),
    ],
)
def test_settings_that_are_not_safe_are_refused(file: Path, wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        Tokens.of(
            AccessSettings(**{"oidc_issuer": ISSUER, "oidc_audience": AUDIENCE, "oidc_jwks": str(file), **wrong})
        )
