"""Where things are in an installation of containers: the names that compose.yaml gives them."""

from pathlib import Path

POSTGRES_HOST = "postgres"
POSTGRES_PORT = 5432
NATS_PORT = 4222

CLUSTER = Path("/var/lib/postgres/data")
STREAMS = Path("/var/lib/nats/jetstream")
HANDED = Path("/run/ketnap")
"""What is handed to a service, as it sees it."""


def handed(data_dir: Path, container: str) -> Path:
    """What is handed to a container, as the one who hands it out sees it: a volume for each."""
    return data_dir / "handed" / container
