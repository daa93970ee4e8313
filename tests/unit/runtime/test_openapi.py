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
from shared.runtime.openapi import words_of

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


@pytest.mark.parametrize("service", APPLICATIONS)
def test_every_operation_says_what_it_means_what_it_takes_and_what_it_answers(service: str) -> None:
    document = json.loads(json.dumps(APPLICATIONS[service]().openapi_schema.to_schema()))

    missing = []
    assert "Examples are" in document["info"]["description"]
    for path, item in document["paths"].items():
        for method, operation in item.items():
            name = f"{method} {path}"
            missing += [f"{name}: {member}" for member in ("summary", "description") if not operation.get(member)]
            missing += [
                f"{name}: {each['name']}"
                for each in operation.get("parameters", [])
                if not each.get("description")
            ]
            missing += [
                f"{name}: body without example"
                for content in operation.get("requestBody", {}).get("content", {}).values()
                if "example" not in content
            ]
            answers = operation["responses"]
            missing += [
                f"{name}: {status} without example"
                for status in answers
                if status == "200" and method != "head"
                for media_type, content in answers[status]["content"].items()
                if media_type == "application/json" and "example" not in content
            ]
            missing += [
                f"{name}: {status} is no problem"
                for status, answer in answers.items()
                if status >= "400"
                and "/health/" not in path
                and set(answer["content"]) != {"application/problem+json"}
            ]
            if "/health/" not in path:
                assert {"401", "503"} <= set(answers), name

    assert missing == []


@pytest.mark.parametrize("service", APPLICATIONS)
def test_no_words_are_left_of_an_operation_or_parameter_that_is_gone(service: str) -> None:
    words = words_of(f"services.{service}.api")
    document = json.loads(json.dumps(APPLICATIONS[service]().openapi_schema.to_schema()))

    there = {f"{method.upper()} {path}" for path, item in document["paths"].items() for method in item}
    taken = {
        each["name"]
        for item in document["paths"].values()
        for operation in item.values()
        for each in operation.get("parameters", [])
    }
    assert set(words.operations) - there == set()
    assert set(words.parameters) - taken == set()
