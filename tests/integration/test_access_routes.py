"""Every route of every service says who may ask it; the rules are read from the applications themselves."""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from litestar import Litestar, get
from litestar.handlers import HTTPRouteHandler

from services.notifier.app import create_app as create_notifier
from services.notifier.settings import NotifierSettings
from services.registry.app import create_app as create_registry
from services.registry.settings import RegistrySettings
from services.reporting.app import create_app as create_reporting
from services.reporting.settings import ReportingSettings
from shared.runtime.access.gate import Gate
from shared.runtime.access.rules import everyone
from shared.runtime.access.settings import AccessSettings
from shared.runtime.http import Ungated, create_api, ruled_routes
from shared.runtime.settings import SettingsError
from tests.access_given import Keys

NOWHERE = "postgresql://nobody@127.0.0.1:1/none"

APPLICATIONS: dict[str, Callable[[], Litestar]] = {
    "registry": lambda: create_registry(
        RegistrySettings(database_url=NOWHERE, content_key="c0" * 32, master_key="5e" * 32)
    ),
    "reporting": lambda: create_reporting(ReportingSettings(database_url=NOWHERE)),
    "notifier": lambda: create_notifier(NotifierSettings(database_url=NOWHERE, registry_url="http://localhost")),
}

OPEN = {
    "registry": {"/health/live", "/health/ready", "/v1/profiles/unseal"},  # the last asks for a token of its own
    "reporting": {"/health/live", "/health/ready", "/login", "/logout", "/static/{name:path}"},
    "notifier": {"/health/live", "/health/ready"},
}
"""What answers without a key. Whoever adds to this should have a reason."""


@pytest.mark.parametrize("name", APPLICATIONS)
def test_every_route_has_a_rule_and_few_are_for_everyone(name: str) -> None:
    routes = list(ruled_routes(APPLICATIONS[name]()))

    assert len(routes) > 8
    assert [(path, method) for path, method, rule in routes if rule is None] == []
    assert {path for path, _, rule in routes if rule is not None and rule.everyone} == OPEN[name]


@pytest.mark.parametrize("name", APPLICATIONS)
def test_what_names_a_source_or_an_organisation_in_its_path_looks_at_whose_it_is(name: str) -> None:
    for path, method, rule in ruled_routes(APPLICATIONS[name]()):
        assert rule is not None
        limited = rule.roles & {"viewer", "source"}
        if "{organisation_id" in path:
            assert rule.organisation == "organisation_id", f"{method} {path}"
        if "{source" in path and limited:
            assert rule.source == "source", f"{method} {path}"


@pytest.mark.parametrize("name", APPLICATIONS)
def test_who_answers_with_what_is_the_askers_own_knows_who_asks(name: str) -> None:
    handlers = {
        (str(route.path), str(method)): handler
        for route in APPLICATIONS[name]().routes
        for handler in getattr(route, "route_handlers", ())
        if isinstance(handler, HTTPRouteHandler)
        for method in handler.http_methods
    }
    found = [(path, method) for path, method, rule in ruled_routes(APPLICATIONS[name]()) if rule and rule.selects]

    assert found
    for path, method in found:
        taken: dict[str, Any] = dict(inspect.signature(handlers[path, method].fn).parameters)
        assert "principal" in taken, f"{method} {path}"


@pytest.mark.parametrize("name", APPLICATIONS)
def test_without_a_key_no_service_begins_where_others_reach_it(name: str) -> None:
    gate: Gate = APPLICATIONS[name]().state.gate

    for host in ("0.0.0.0", "::", "192.0.2.1", "registry.example"):  # noqa: S104 - to be refused
        with pytest.raises(SettingsError, match="ketnap key add"):
            gate.open_at(host)
    for host in ("127.0.0.1", "::1", "localhost"):
        gate.open_at(host)


def test_with_a_key_every_address_is_served(tmp_path: Path) -> None:
    keys = Keys(tmp_path)
    keys.operator()

    Gate(AccessSettings(keys_path=keys.path)).open_at("0.0.0.0")  # noqa: S104 - what is tested


def test_a_broken_file_of_keys_lets_no_service_begin(tmp_path: Path) -> None:
    (tmp_path / "keys.json").write_text("[]")

    with pytest.raises(SettingsError, match="KETNAP_KEYS_PATH"):
        Gate(AccessSettings(keys_path=str(tmp_path / "keys.json")))


def test_an_application_with_a_route_that_says_nothing_is_not_made() -> None:
    @get("/forgotten", sync_to_thread=False)
    def forgotten() -> None:
        """Somebody forgot something."""

    @get("/said", sync_to_thread=False, opt=everyone())
    def said() -> None:
        """Here nobody did."""

    def application(*handlers: Any) -> Litestar:
        lifespan: Any = lambda _: None  # noqa: E731 - never begins
        return create_api("test", handlers, lifespan, lambda _: {}, Gate(AccessSettings()))

    with pytest.raises(Ungated, match="/forgotten GET"):
        application(forgotten, said)
    assert application(said)
