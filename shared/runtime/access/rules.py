"""Rules: what each route needs, said beside the route as `opt=…`. A route without a rule cannot be served."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from shared.runtime.access.principal import Role

OPTION = "access"
"""Where a route handler's options hold its rule."""

Options = Mapping[str, Any]


class Rule(Struct, frozen=True):
    """Who may ask a route. `source` and `organisation` name path parameters that must be the asker's own."""

    roles: frozenset[Role] = frozenset()
    everyone: bool = False
    """Also without any key."""
    this_machine: bool = False
    """Also without any key, from the machine itself."""
    source: str | None = None
    organisation: str | None = None
    selects: bool = False
    """The answer holds only what is the asker's: the handler takes `principal` and sees to it."""


_ANY: frozenset[Role] = frozenset({"source", "viewer", "operator", "service"})
WITH_ANY_KEY = Rule(_ANY)


def everyone() -> Options:
    """Needs no key: what says nothing about any organisation."""
    return {OPTION: Rule(everyone=True)}


def any_key() -> Options:
    """Needs some key: what is the same for all who have one."""
    return {OPTION: WITH_ANY_KEY}


def operators() -> Options:
    """Needs an operator's key."""
    return {OPTION: Rule(frozenset({"operator"}))}


def watchers() -> Options:
    """How the service does, in figures: for watchers, operators, and the machine itself without a key."""
    return {OPTION: Rule(frozenset({"watcher", "operator"}), this_machine=True)}


def services() -> Options:
    """For our own services only; not even for operators."""
    return {OPTION: Rule(frozenset({"service"}))}


def own_source(parameter: str) -> Options:
    """About one source, named in the path: for that source and for operators."""
    return {OPTION: Rule(frozenset({"source", "operator"}), source=parameter)}


def own_subtree(parameter: str) -> Options:
    """About one organisation, named in the path: for those in whose subtree it lies, and for operators."""
    return {OPTION: Rule(frozenset({"source", "viewer", "operator"}), organisation=parameter)}


def selecting(*roles: Role) -> Options:
    """For these roles and operators; the handler takes `principal` and answers with what is its own."""
    return {OPTION: Rule(frozenset({"operator", *roles}), selects=True)}
