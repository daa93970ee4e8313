"""A made-up issuer: its keys, and the tokens that it, or somebody in its place, signs."""

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

ISSUER, AUDIENCE = "https://issuer.example", "ketnap"
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
SHORT = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505 - to be refused
STRANGER = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC = ec.generate_private_key(ec.SECP256R1())
ED = ed25519.Ed25519PrivateKey.generate()


def jwk(kid: str, made: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {**made, "kid": kid, **more}


KEYS = {
    "keys": [
        jwk("rsa", RSAAlgorithm.to_jwk(RSA.public_key(), as_dict=True)),
        jwk("short", RSAAlgorithm.to_jwk(SHORT.public_key(), as_dict=True)),
        jwk("for-encryption", RSAAlgorithm.to_jwk(RSA.public_key(), as_dict=True), use="enc"),
        jwk("ec", ECAlgorithm.to_jwk(EC.public_key(), as_dict=True), alg="ES256", use="sig"),
        jwk("ed", OKPAlgorithm.to_jwk(ED.public_key(), as_dict=True)),
        {"kty": "oct", "kid": "secret", "k": base64.urlsafe_b64encode(b"s" * 32).decode().rstrip("=")},
    ]
}


def claims(**other: Any) -> dict[str, Any]:
    """What a good token says, but for `other`; None leaves a claim out."""
    now = datetime.now(UTC)
    good = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "office-7",
        "exp": now + timedelta(days=1),
        "nbf": now - timedelta(minutes=1),
        "ketnap_role": "viewer",
        "ketnap_organisation": "district",
    }
    return {name: value for name, value in {**good, **other}.items() if value is not None}


def token(key: Any = RSA, algorithm: str = "RS256", kid: str | None = "rsa", **other: Any) -> str:
    return jwt.encode(claims(**other), key, algorithm=algorithm, headers={"kid": kid} if kid else None)
