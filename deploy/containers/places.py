"""Where things are in an installation of containers: the names that compose.yaml gives them."""

from pathlib import Path

POSTGRES_HOST = "postgres"
POSTGRES_PORT = 5432
NATS_PORT = 4222

CLUSTER = Path("/var/lib/postgres/data")
BEGINS = CLUSTER.with_name("begins")
"""There, in an installation of several machines, until the PostgreSQL that it begins with has made its cluster."""
STREAMS = Path("/var/lib/nats/jetstream")
FOLLOWED = Path("/tmp/followed")  # noqa: S108 - a container's own
"""Touched whenever a machine of a cluster was in line with the others."""
HANDED = Path("/run/ketnap")
"""What is handed to a service, as it sees it."""


def handed(data_dir: Path, container: str) -> Path:
    """What is handed to a container, as the one who hands it out sees it: a volume for each."""
    return data_dir / "handed" / container
