"""What is behind an error: itself, those it is a group of, and what each was raised from."""

from collections.abc import Iterator


def causes(error: BaseException) -> Iterator[BaseException]:
    """All of them, the error first."""
    yield error
    for each in error.exceptions if isinstance(error, BaseExceptionGroup) else ():
        yield from causes(each)
    if error.__cause__ is not None:
        yield from causes(error.__cause__)
