"""Settings come from environment variables `KETNAP_…`; `KETNAP_…_FILE` reads the value from a file."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar, get_type_hints

import msgspec

S = TypeVar("S", bound=msgspec.Struct)


class SettingsError(Exception):
    """A setting is missing or cannot be read; the message names the variable and what it expects."""


def load(shape: type[S], environ: Mapping[str, str] | None = None) -> S:
    """Read every field of `shape` from `KETNAP_<FIELD>` or the file that `KETNAP_<FIELD>_FILE` names."""
    environ = os.environ if environ is None else environ
    hints = get_type_hints(shape, include_extras=True)
    found: dict[str, object] = {}
    for field in msgspec.structs.fields(shape):
        variable = f"KETNAP_{field.name.upper()}"
        raw = read(variable, environ)
        if raw is None:
            if field.required:
                raise SettingsError(f"{variable} is not set; set it, or {variable}_FILE to a file that holds it")
            continue
        try:
            found[field.name] = msgspec.convert(raw, hints[field.name], strict=False)
        except msgspec.ValidationError as error:
            expected = _expected(hints[field.name])
            said = str(error) if expected is None else f"expected {expected}, found {raw[:40]!r}"
            raise SettingsError(f"{variable}: {said}") from None
    return shape(**found)


def _expected(hint: object) -> str | None:
    """What a setting of this type may be, in words; None for text, which may be secret and is not repeated."""
    kind = msgspec.inspect.type_info(hint)
    if isinstance(kind, msgspec.inspect.Metadata):
        return (kind.extra_json_schema or {}).get("description")
    if isinstance(kind, msgspec.inspect.LiteralType):
        return " or ".join(map(str, kind.values))
    if isinstance(kind, msgspec.inspect.BoolType):
        return "true or false"
    if isinstance(kind, msgspec.inspect.IntType):
        return "a whole number" + (f" from {kind.ge} to {kind.le}" if kind.le is not None else "")
    return None


def read(variable: str, environ: Mapping[str, str]) -> str | None:
    """The value of one variable, or of the file that `<variable>_FILE` names; None where neither is set."""
    path = environ.get(f"{variable}_FILE")
    if path:
        try:
            return Path(path).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise SettingsError(f"{variable}_FILE: cannot read {path}: {error.strerror}") from None
        except UnicodeDecodeError:
            raise SettingsError(
                f"{variable}_FILE: expected text in {path}, found bytes that are no UTF-8"
            ) from None
    value = environ.get(variable)
    return value if value else None
