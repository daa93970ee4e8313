"""Statements that are put together from named pieces."""

import pytest

from shared.runtime.sql import columns, instead


def test_a_part_is_put_in_the_place_of_another() -> None:
    assert instead("SELECT a FROM b WHERE a > 1", "FROM b", "FROM c") == "SELECT a FROM c WHERE a > 1"


def test_a_part_that_is_not_there_is_named() -> None:
    with pytest.raises(LookupError, match="expected a statement with 'FROM c' in it, found 'SELECT a FROM b'"):
        instead("SELECT a FROM b", "FROM c", "FROM d")


def test_rows_are_handed_over_column_by_column() -> None:
    assert columns(("person", "day"), [("a", 1), ("b", 2)]) == {"person": ["a", "b"], "day": [1, 2]}


def test_a_row_that_has_not_all_columns_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="zip"):
        columns(("person", "day"), [("a", 1), ("b",)])
