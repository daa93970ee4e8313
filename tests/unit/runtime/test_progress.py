"""What readiness tells of an error, to whoever asks, is not what the error was about."""

import pytest
from sqlalchemy.exc import DBAPIError

from shared.runtime.progress import Progress


async def test_neither_the_statement_nor_the_row_is_told_that_an_error_was_about() -> None:
    progress = Progress("the writer")
    said = "duplicate key value violates unique constraint\nDETAIL:  Key (person)=(7f3c) already exists."
    error = DBAPIError("INSERT INTO registry.person_key", None, Exception(said))

    with pytest.raises(DBAPIError):
        async with progress.working():
            raise error

    problem = progress.problem()
    assert problem is not None
    assert "the writer failed and is trying again: DBAPIError: " in problem
    assert "duplicate key value violates unique constraint" in problem
    assert "7f3c" not in problem
    assert "INSERT" not in problem


async def test_an_error_that_says_nothing_is_told_by_its_name() -> None:
    progress = Progress("the writer")

    with pytest.raises(TimeoutError):
        async with progress.working():
            raise TimeoutError

    assert progress.problem() == "the writer failed and is trying again: TimeoutError"
