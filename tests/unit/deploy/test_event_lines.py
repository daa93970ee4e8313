"""Files of events are read line by line, and a line that is not JSON is named."""

from pathlib import Path

import pytest

from deploy import event_lines


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    first, second = tmp_path / "first.jsonl", tmp_path / "second.jsonl"
    first.write_bytes(b'\xef\xbb\xbf{"a": 1}\r\n\r\n{"b": 2}\r\n')
    second.write_bytes(b'\n{"c": 3}')
    return [first, second]


def test_blank_lines_byte_order_marks_and_line_endings_are_no_events(files: list[Path]) -> None:
    assert event_lines.check(files) == 3
    assert list(event_lines.lines(files)) == [b'{"a": 1}', b'{"b": 2}', b'{"c": 3}']


def test_an_event_is_found_again_by_its_number(files: list[Path]) -> None:
    assert event_lines.places(files, [1, 2]) == {1: f"{files[0]}:3", 2: f"{files[1]}:2"}
    assert event_lines.places(files, []) == {}


@pytest.mark.parametrize("line", [b"{nope", b'{"a": NaN}', b'{"a": "\xff"}', b"{} {}", b"[" * 100_000])
def test_a_line_that_is_not_json_is_named(files: list[Path], line: bytes) -> None:
    files[1].write_bytes(b'{"c": 3}\n' + line)

    with pytest.raises(event_lines.LineError, match=r"second\.jsonl:2: not JSON"):
        event_lines.check(files)
