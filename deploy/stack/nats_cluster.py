"""A NATS server's place in a cluster: what its configuration says about the others."""

import json
from collections.abc import Sequence
from pathlib import Path

import msgspec

from deploy.stack.keys import ensure_secret, new_password

CLUSTER = "ketnap"
USER = "route"


class RouteTls(msgspec.Struct, frozen=True):
    """With what a server shows the others who it is, and how it knows them: paths as the server sees them."""

    certificate: str
    key: str
    authority: str


class Member(msgspec.Struct, frozen=True):
    """One server of a cluster.

    name: its own and no other's. listen: `HOST:PORT` where it listens for the others. others: their `HOST:PORT`.
    password: the same for all; who knows it may join. advertised: `HOST:PORT` by which the others know it; None:
    as the network says. tls: None: what the servers say to one another is not encrypted.
    """

    name: str
    listen: str
    others: Sequence[str]
    password: str
    advertised: str | None = None
    tls: RouteTls | None = None


def password(secrets: Path) -> str:
    """The password of the routes, made in the directory `secrets` on first use."""
    return ensure_secret(password_file(secrets), new_password)


def password_file(secrets: Path) -> Path:
    """Where it lies."""
    return secrets / "nats-route.password"


def written(member: Member | None) -> str:
    """The lines of the configuration; a server that stands alone has only a name."""
    if member is None:
        return "server_name: ketnap"
    routes = ", ".join(json.dumps(f"nats-route://{USER}:{member.password}@{other}") for other in member.others)
    advertised = f"\n  advertise: {json.dumps(member.advertised)}" if member.advertised else ""
    return f"""server_name: {json.dumps(member.name)}
cluster {{
  name: {CLUSTER}
  listen: {json.dumps(member.listen)}{advertised}
  # Clients are given all servers; addresses of a server's own network would mean nothing to them.
  no_advertise: true
  authorization {{ user: {USER}, password: {json.dumps(member.password)}, timeout: 5 }}
  routes: [ {routes} ]{_tls(member.tls)}
}}"""


def _tls(tls: RouteTls | None) -> str:
    """Both ends show a certificate of the authority; a route begins with TLS, so nothing is said before."""
    if tls is None:
        return ""
    files = (("cert_file", tls.certificate), ("key_file", tls.key), ("ca_file", tls.authority))
    said = ", ".join(f"{name}: {json.dumps(value)}" for name, value in files)
    return f"\n  tls {{ {said}, verify: true, timeout: 5 }}"
