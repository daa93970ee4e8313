"""What services read about access from their environment."""

from typing import Annotated

import msgspec


class AccessSettings(msgspec.Struct, kw_only=True):
    """`keys_path` is the file that `ketnap key` writes; `service_key` is what our services show each other.

    The `oidc_…` settings are about tokens: `oidc_jwks` is the https address or the file of the issuer's keys, and
    the three claims say which role a token has, about which organisation and source; `a.b` is member b of claim a.
    """

    keys_path: str | None = None
    service_key: Annotated[str, msgspec.Meta(min_length=32)] | None = None
    oidc_issuer: str | None = None
    oidc_audience: str | None = None
    oidc_jwks: str | None = None
    oidc_algorithms: str = "RS256,ES256"
    oidc_leeway: Annotated[int, msgspec.Meta(ge=0, le=3600)] = 60
    """Seconds by which clocks may differ; each token counts for so much longer."""
    oidc_role_claim: str = "ketnap_role"
    oidc_organisation_claim: str = "ketnap_organisation"
    oidc_source_claim: str = "ketnap_source"
