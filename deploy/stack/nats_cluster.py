"""A NATS server's place in a cluster: what its configuration says about the others."""

import json
from collections.abc import Sequence

import msgspec

CLUSTER = "ketnap"
USER = "route"


class Member(msgspec.Struct, frozen=True):
    """One server of a cluster.

    name: its own and no other's. listen: `HOST:PORT` where the others reach it. others: their `HOST:PORT`.
    password: the same for all; who knows it may join.
    """

    name: str
    listen: str
    others: Sequence[str]
    password: str


def written(member: Member | None) -> str:
    """The lines of the configuration; a server that stands alone has only a name."""
    if member is None:
        return "server_name: ketnap"
    routes = ", ".join(json.dumps(f"nats-route://{USER}:{member.password}@{other}") for other in member.others)
    return f"""server_name: {json.dumps(member.name)}
cluster {{
  name: {CLUSTER}
  listen: {json.dumps(member.listen)}
  authorization {{ user: {USER}, password: {json.dumps(member.password)}, timeout: 5 }}
  routes: [ {routes} ]
}}"""
