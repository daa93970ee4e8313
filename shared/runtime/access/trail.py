"""The trail: says in the log who read rows about single persons."""

import structlog

from shared.runtime.access.principal import Principal

log = structlog.get_logger("ketnap.access")


def read_rows(principal: Principal, what: str, rows: int | None, **about: object) -> None:
    """Note that rows about persons were read; `about` says which: an organisation, a measure. Never the rows.

    `rows` is None where they are streamed. Services reading for one another are no readers.
    """
    if principal.role != "service":
        log.info(
            "rows about persons were read", what=what, rows=rows, key=principal.name, role=principal.role, **about
        )
