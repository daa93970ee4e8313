"""Tokens of an OpenID Connect issuer: checked against its keys, and read for role, organisation and source.

The algorithms are ours to choose, never the token's: the list is pinned, has no `none` and no shared secret, and
each fits one type of key, so that no public key can be taken for a secret.
"""

from collections.abc import Mapping
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from shared.runtime.access.issuer_keys import PAUSE, IssuerKeys, IssuerUnreachable, Jwk
from shared.runtime.access.keys import NotAdmitted
from shared.runtime.access.principal import KEY_ROLES, KeyRole, Principal
from shared.runtime.access.settings import AccessSettings
from shared.runtime.settings import SettingsError

FITTING: Mapping[str, tuple[str, str | None]] = {
    "RS256": ("RSA", None), "RS384": ("RSA", None), "RS512": ("RSA", None),
    "PS256": ("RSA", None), "PS384": ("RSA", None), "PS512": ("RSA", None),
    "ES256": ("EC", "P-256"), "ES384": ("EC", "P-384"), "ES512": ("EC", "P-521"),
    "EdDSA": ("OKP", "Ed25519"),
}  # fmt: skip
"""Algorithms that may be chosen, each with the type and curve of its keys."""

SMALLEST_RSA = 2048
LONGEST = 16 * 1024
"""Characters of a token."""


class Tokens:
    """The tokens of one issuer, for one audience."""

    def __init__(self, settings: AccessSettings, issuer: str, audience: str, place: str) -> None:
        self._settings = settings
        self._issuer = issuer
        self._audience = audience
        self._algorithms = _chosen(settings.oidc_algorithms)
        self._keys = IssuerKeys(place)

    @classmethod
    def of(cls, settings: AccessSettings) -> "Tokens | None":
        """As the settings say; None where they say nothing. Raises SettingsError."""
        wanted = {
            "KETNAP_OIDC_ISSUER": settings.oidc_issuer,
            "KETNAP_OIDC_AUDIENCE": settings.oidc_audience,
            "KETNAP_OIDC_JWKS": settings.oidc_jwks,
        }
        missing = [name for name, value in wanted.items() if not value]
        if len(missing) == len(wanted):
            return None
        if missing:
            raise SettingsError(f"expected {', '.join(wanted)} together, found no {' and no '.join(missing)}")
        return cls(settings, *(value or "" for value in wanted.values()))

    async def holder(self, token: str) -> Principal:
        """Whom the issuer says this is. Raises NotAdmitted; IssuerUnreachable while its keys are not known."""
        if len(token) > LONGEST:
            raise NotAdmitted(f"expected a token of at most {LONGEST} characters")
        try:
            head = jwt.get_unverified_header(token)
        except jwt.PyJWTError:
            raise NotAdmitted("expected a key or a token (JWT), found neither") from None
        algorithm = head.get("alg")
        if algorithm not in self._algorithms:
            raise NotAdmitted(f"expected a token signed with {' or '.join(self._algorithms)}")
        if "crit" in head:
            raise NotAdmitted("the token demands extensions that are not known here")
        found = await self._keys.named(head.get("kid"))
        if found is None:
            raise NotAdmitted(
                "the token is signed with a key that its issuer does not publish; a new key is known here "
                f"{PAUSE:.0f} s later at most"
                if "kid" in head
                else "the token does not say with which of its issuer's keys it is signed (`kid`)"
            )
        try:
            claims = jwt.decode(
                token,
                _fitting(found, algorithm),
                algorithms=[algorithm],
                audience=self._audience,
                issuer=self._issuer,
                leeway=self._settings.oidc_leeway,
                options={"require": ["exp", "iss", "aud"]},
            )
        except jwt.PyJWTError as error:
            raise NotAdmitted(f"the token does not hold: {error}{self._advice(error)}") from None
        return self._principal(claims)

    def _advice(self, error: jwt.PyJWTError) -> str:
        """What to do about a token that does not hold: for those who set up the issuer, and those it let in."""
        for kind, advice in (
            (jwt.ExpiredSignatureError, "ask its issuer for a new one"),
            (jwt.ImmatureSignatureError, "compare the clocks of its issuer and of this machine"),
            (jwt.InvalidIssuerError, f"expected {self._issuer!r} (KETNAP_OIDC_ISSUER), to the letter"),
            (jwt.InvalidAudienceError, f"expected {self._audience!r} (KETNAP_OIDC_AUDIENCE)"),
        ):
            if isinstance(error, kind):
                return f"; {advice}"
        return ""

    def _principal(self, claims: Mapping[str, Any]) -> Principal:
        settings = self._settings
        role = _role(_claim(claims, settings.oidc_role_claim))
        if role is None:
            raise NotAdmitted(f"expected a role among {', '.join(KEY_ROLES)} in claim {settings.oidc_role_claim}")
        organisation = _text(_claim(claims, settings.oidc_organisation_claim))
        source = _text(_claim(claims, settings.oidc_source_claim))
        if role == "viewer" and organisation is None:
            raise NotAdmitted(f"expected an organisation in claim {settings.oidc_organisation_claim}")
        if role == "source" and source is None:
            raise NotAdmitted(f"expected a source in claim {settings.oidc_source_claim}")
        subject = str(claims.get("sub", "without subject"))[:80]
        if role == "operator":
            return Principal(role, f"token {subject}")
        return Principal(role, f"token {subject}", organisation, source if role == "source" else None)


def _chosen(listed: str) -> tuple[str, ...]:
    chosen = tuple(each.strip() for each in listed.split(",") if each.strip())
    unfit = [each for each in chosen if each not in FITTING]
    if unfit or not chosen:
        found = ", ".join(unfit) or "none"
        raise SettingsError(f"KETNAP_OIDC_ALGORITHMS: expected some of {', '.join(FITTING)}, found {found}")
    return chosen


def _fitting(found: Jwk, algorithm: str) -> jwt.PyJWK:
    """The key, if it is one for this algorithm. Raises NotAdmitted."""
    kind, curve = FITTING[algorithm]
    fits = (
        found.get("kty") == kind
        and (curve is None or found.get("crv") == curve)
        and found.get("alg", algorithm) == algorithm
        and found.get("use", "sig") == "sig"
    )
    if not fits:
        raise NotAdmitted(f"the token's key is not one for {algorithm}")
    try:
        key = jwt.PyJWK(found, algorithm=algorithm)
    except jwt.PyJWTError as error:
        raise NotAdmitted(f"the token's key cannot be used: {error}") from None
    if isinstance(key.key, RSAPublicKey) and key.key.key_size < SMALLEST_RSA:
        raise NotAdmitted(f"the token's key is too short: expected {SMALLEST_RSA} bits or more")
    return key


def _claim(claims: Mapping[str, Any], name: str) -> Any:
    """A claim by its name, or by a way through the members of one: `realm_access.roles`."""
    if name in claims:
        return claims[name]
    found: Any = claims
    for step in name.split("."):
        if not isinstance(found, Mapping):
            return None
        found = found.get(step)
    return found


def _role(value: Any) -> KeyRole | None:
    """The role that a claim names; of several, the one that may most. `ketnap-viewer` is as good as `viewer`."""
    named = {str(each).removeprefix("ketnap-") for each in (value if isinstance(value, list) else [value])}
    return next((role for role in reversed(KEY_ROLES) if role in named), None)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


__all__ = ["IssuerUnreachable", "Tokens"]
