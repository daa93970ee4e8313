"""Completes the OpenAPI document of a service: what its operations mean, an example of each, and what is answered.

The words and examples of a service stand in its `api/words.json`, those of what all services answer alike in the
`words.json` beside this module.
"""

from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import msgspec
from litestar.openapi.spec import (
    OpenAPI,
    OpenAPIMediaType,
    OpenAPIResponse,
    OpenAPIType,
    Operation,
    Parameter,
    RequestBody,
    Schema,
)
from msgspec import Struct
from msgspec.structs import replace

from shared.runtime.http import PROBLEM

_METHODS = ("get", "head", "post", "put")
_JSON = "application/json"
_EVERYONE = "/health/"
_ALWAYS = {
    "401": "No key, or one that does not count; the detail says why.",
    "503": "The database is away or takes too long: ask again after `Retry-After` seconds.",
}
_UNREADABLE = "A parameter or the body cannot be read; the detail says what was expected and what was found."


class Said(Struct, frozen=True, forbid_unknown_fields=True):
    """What an operation means, as far as its function does not say it."""

    summary: str = ""
    description: str = ""
    answer: str = ""
    """What a 200 is."""
    example: Any = None
    """A made-up answer; lists are shortened."""
    body: Any = None
    """A made-up request."""
    problems: dict[str, str] = {}
    """Status → when, besides 400, 401 and 503."""


class Words(Struct, frozen=True, forbid_unknown_fields=True):
    """What an API is for, its parameters by name, its operations as `GET /v1/…`."""

    about: str
    parameters: dict[str, str]
    operations: dict[str, Said]


def words_of(package: str) -> Words:
    """Those in `words.json` of the package, and of what every service answers."""
    everywhere = msgspec.json.decode(_read("shared.runtime"), type=dict[str, Said])
    own = msgspec.json.decode(_read(package), type=Words)
    return replace(own, operations=everywhere | own.operations)


def _read(package: str) -> bytes:
    return files(package).joinpath("words.json").read_bytes()


def complete(document: OpenAPI, words: Words) -> None:
    """Put them into the document. What they do not explain stays as it is; `test_openapi.py` names it."""
    document.info.description = words.about
    for path, method, operation in _operations(document):
        said = words.operations.get(f"{method.upper()} {path}") or words.operations.get(f"GET {path}") or Said()
        operation.summary = said.summary or operation.summary
        operation.description = said.description or operation.description or operation.summary
        for parameter in operation.parameters or []:
            if isinstance(parameter, Parameter) and not parameter.description:
                parameter.description = words.parameters.get(parameter.name)
        if said.body is not None:
            operation.request_body = _asked(operation.request_body, said.body)
        operation.responses = _answered(operation, said, path)


def problem(said: str) -> OpenAPIResponse:
    """An answer that is a problem of RFC 9457."""
    text = Schema(type=OpenAPIType.STRING)
    schema = Schema(
        type=OpenAPIType.OBJECT,
        required=["type", "title", "status", "detail"],
        properties={"type": text, "title": text, "status": Schema(type=OpenAPIType.INTEGER), "detail": text},
    )
    return OpenAPIResponse(said, content={PROBLEM: OpenAPIMediaType(schema=schema)})


def _operations(document: OpenAPI) -> Iterator[tuple[str, str, Operation]]:
    for path, item in (document.paths or {}).items():
        for method in _METHODS:
            operation = getattr(item, method)
            if operation is not None:
                yield path, method, operation


def _asked(body: Any, example: Any) -> RequestBody:
    if body is None:  # read by hand, to tell what is wrong with it
        schema = Schema(type=OpenAPIType.ARRAY if isinstance(example, list) else OpenAPIType.OBJECT)
        return RequestBody(content={_JSON: OpenAPIMediaType(schema=schema, example=example)}, required=True)
    body.content[_JSON].example = example
    found: RequestBody = body
    return found


def _answered(operation: Operation, said: Said, path: str) -> dict[str, Any]:
    answers: dict[str, Any] = dict(operation.responses or {})
    for status, answer in answers.items():
        if status.startswith("2"):
            answer.description = said.answer or "The answer."
            for media_type, content in (answer.content or {}).items():
                if media_type == _JSON and said.example is not None:
                    content.example = said.example
    problems = dict(said.problems)
    if not path.startswith(_EVERYONE):
        problems = {**_ALWAYS, **problems}
    if "400" in answers:
        problems.setdefault("400", _UNREADABLE)
    for status, told in problems.items():
        if PROBLEM not in (getattr(answers.get(status), "content", None) or {}):
            answers[status] = problem(told)
    return dict(sorted(answers.items()))
