"""Requests that cannot be read: what was expected and found, by the names that whoever asked has used."""

import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from types import NoneType, TracebackType
from typing import Annotated, Any, Literal, get_args, get_origin

from litestar import Request
from litestar.exceptions import HTTPException
from litestar.handlers import BaseRouteHandler
from litestar.params import QueryParameter
from msgspec.structs import fields

from shared.runtime.access.local import AnyConnection

BODY = "data"
"""The name under which Litestar hands the body over."""

_STEP = re.compile(r"([A-Za-z_]\w*)|\[[^\]]*\]")


def only_offered(connection: AnyConnection, handler: BaseRouteHandler) -> None:
    """A guard: refuses a query parameter that the route does not offer, or that says two things at once.

    A mistyped filter that is ignored gives everything, and looks like an answer. Routes that declare no parameter
    look at theirs by themselves, or have none.
    """
    offered = [name for name, _ in _parameters(handler)]
    if not offered:
        return
    found: dict[str, str] = {}
    for name, value in connection.query_params.multi_items():
        if name not in offered:
            raise _refused(f"query: expected parameters among {', '.join(offered)}, found {name[:80]!r}")
        if found.setdefault(name, value) != value:
            raise _refused(f"{name}: expected one value, found {found[name][:80]!r} and {value[:80]!r}")


def why_unread(request: Request[Any, Any, Any], reasons: Sequence[Mapping[str, Any]]) -> str:
    """What Litestar found wrong with the parameters or the body of a request, in one sentence."""
    return "; ".join(_said(request.route_handler, each) for each in reasons)


def is_body_unreadable(error: Exception) -> bool:
    """Whether it is about the bytes of a JSON body: nested too deep, or text that is not UTF-8."""
    return (
        isinstance(error, RecursionError | UnicodeDecodeError) and _innermost(error.__traceback__) == "decode_json"
    )


def _said(handler: BaseRouteHandler, reason: Mapping[str, Any]) -> str:
    key, message = str(reason.get("key", "?")), str(reason.get("message", ""))
    parameters = handler.parsed_fn_signature.parameters
    if key in parameters and key != BODY:
        name, kind, path = next((name for name, field in _parameters(handler) if field == key), key), key, ""
    else:
        name, kind, path = ("the body" if key == BODY else key), BODY, "" if key == BODY else key
    if message == f"'{BODY}'":
        return "expected a body of JSON, found none"
    codes = _codes(parameters[kind].raw, path) if kind in parameters else ()
    if codes:
        message = message.replace("Invalid enum value", f"expected {' or '.join(map(str, codes))}, found", 1)
    return f"{name}: {message}"


def _parameters(handler: BaseRouteHandler) -> list[tuple[str, str]]:
    """Query parameters that a route declares: each one's name, and that of the function's argument."""
    declared = handler.parsed_fn_signature.parameters.items()
    return [
        (field.kwarg_definition.name or argument, argument)
        for argument, field in declared
        if isinstance(field.kwarg_definition, QueryParameter)
    ]


def _codes(kind: Any, path: str) -> tuple[Any, ...]:
    """The codes that may stand at a path of this type, such as `subscriptions[0].rules[0]`; none if others may."""
    for step in _STEP.finditer(path):
        kind = _bare(kind)
        if step[1] is None:
            kind = (get_args(kind) or (None,))[0]
        else:
            members = fields(kind) if hasattr(kind, "__struct_fields__") else ()
            kind = next((each.type for each in members if each.encode_name == step[1]), None)
    kind = _bare(kind)
    return get_args(kind) if get_origin(kind) is Literal else ()


def _bare(kind: Any) -> Any:
    """A type without its bounds, and without null."""
    if get_origin(kind) is Annotated:
        return _bare(get_args(kind)[0])
    choices = [each for each in get_args(kind) if each is not NoneType]
    return _bare(choices[0]) if len(choices) == 1 < len(get_args(kind)) else kind


def _innermost(traceback: TracebackType | None) -> str | None:
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    return None if traceback is None else traceback.tb_frame.f_code.co_name


def _refused(detail: str) -> HTTPException:
    return HTTPException(detail=detail, status_code=HTTPStatus.BAD_REQUEST)
