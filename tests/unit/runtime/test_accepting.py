"""An Accept header is read with its weights, not looked through for a word."""

import pytest

from shared.runtime.accepting import is_preferred

LINES, JSON = "application/x-ndjson", "application/json"


@pytest.mark.parametrize(
    "accept",
    [
        "application/x-ndjson",
        "Application/X-NDJSON",
        "application/x-ndjson, application/json",
        "application/json;q=0.5, application/x-ndjson",
        "application/x-ndjson, */*;q=0.1",
        "application/x-ndjson;q=0.2, application/json;q=0, */*",
    ],
)
def test_lines_are_preferred(accept: str) -> None:
    assert is_preferred(LINES, JSON, accept)


@pytest.mark.parametrize(
    "accept",
    [
        "",
        "*/*",
        "application/*",
        "application/json",
        "application/json, application/x-ndjson;q=0.5",
        "application/x-ndjson;q=0",
        "application/x-ndjson;q=0, */*",
        "application/x-ndjson;q=none",
        "application/x-ndjson;q=0.2, application/*",
        "application/x-ndjson;q=0.2, */*;q=0.8",
        "application/x-ndjsonx",
    ],
)
def test_lines_are_not(accept: str) -> None:
    assert not is_preferred(LINES, JSON, accept)
