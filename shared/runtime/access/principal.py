"""Who is asking: what a key or a token stands for."""

from typing import Literal, get_args

from litestar.exceptions import PermissionDeniedException
from msgspec import Struct

KeyRole = Literal["watcher", "source", "viewer", "operator"]
"""What a key or a token can be for; a `watcher` reads metrics and nothing else."""
Role = Literal["watcher", "source", "viewer", "operator", "service"]
"""`service` is one of our own services, which asks another."""

KEY_ROLES: tuple[KeyRole, ...] = get_args(KeyRole)


class Principal(Struct, frozen=True):
    """Whoever asks.

    `name` is what logs say: the id of a key, never the key. `organisation` is the top of the subtree that a viewer
    or a source sees; operators and services see everything.
    """

    role: Role
    name: str
    organisation: str | None = None
    source: str | None = None

    @property
    def sees_all(self) -> bool:
        """Whether no subtree limits what it sees."""
        return self.role in ("operator", "service")

    @property
    def sees_figures(self) -> bool:
        """Whether any figures are its to see: not those of a watcher, nor without an organisation."""
        return self.role == "operator" or (self.role in ("viewer", "source") and self.organisation is not None)

    @property
    def subtree(self) -> str | None:
        """The organisation that answers keep to; None: there is no limit. Raises PermissionDeniedException."""
        if self.sees_all:
            return None
        if self.organisation is None:
            raise PermissionDeniedException(
                f"expected a {self.role} with an organisation, found {self.name} without one; "
                "ask an operator for a key that names it"
            )
        return self.organisation

    def own_source(self, asked: str | None) -> str | None:
        """The source that answers keep to: its own, or the one that an operator asks about.

        Raises PermissionDeniedException.
        """
        if self.sees_all:
            return asked
        if self.source is None or asked not in (None, self.source):
            raise PermissionDeniedException(
                f"expected to be asked about {self.source or 'no source'}, which this key is for, found {asked!r}"
            )
        return self.source


def as_service(service_key: str | None) -> dict[str, str]:
    """The headers with which one of our services asks another."""
    return {"Authorization": f"Bearer {service_key}"} if service_key else {}


UNLOCKED = Principal("operator", "nobody in particular")
"""Whoever asks a system without any key from its own machine."""
