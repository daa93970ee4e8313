"""The OpenAPI documents of all three services are what the standard asks for."""

import json
from collections.abc import Callable

import pytest
from litestar import Litestar
from openapi_spec_validator import OpenAPIV31SpecValidator

from services.notifier.app import create_app as create_notifier
from services.notifier.settings import NotifierSettings
from services.registry.app import create_app as create_registry
from services.registry.settings import RegistrySettings
from services.reporting.app import create_app as create_reporting
from services.reporting.settings import ReportingSettings

NOWHERE = "postgresql://nobody@127.0.0.1/none"
APPLICATIONS: dict[str, Callable[[], Litestar]] = {
    "registry": lambda: create_registry(
        RegistrySettings(database_url=NOWHERE, content_key="a" * 64, master_key="b" * 64)
    ),
    "reporting": lambda: create_reporting(ReportingSettings(database_url=NOWHERE)),
    "notifier": lambda: create_notifier(NotifierSettings(database_url=NOWHERE, registry_url="http://127.0.0.1:1")),
}


@pytest.mark.parametrize("service", APPLICATIONS)
def test_the_openapi_document_is_valid(service: str) -> None:
    app = APPLICATIONS[service]()
    document = json.loads(json.dumps(app.openapi_schema.to_schema()))

    faults = [
        f"{'/'.join(map(str, each.path))}: {each.message}"
        for each in OpenAPIV31SpecValidator(document).iter_errors()
    ]

    assert faults == []
    assert document["openapi"].startswith("3.1")
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    ids = [operation["operationId"] for operation in operations]
    assert len(ids) == len(set(ids)) >= 8
