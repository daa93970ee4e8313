"""`/v1/reads`: operators see who read rows about persons, or figures by attribute."""

from datetime import date
from typing import Any

from litestar import Request, Response, get
from litestar.di import NamedDependency

from services.reporting.api import parameters
from services.reporting.persons.reads import reads
from services.reporting.service import Reporting
from shared.runtime.access.rules import operators

READS_PARAMETERS = ("since", "key", "organisation", "after", "limit")


@get("/v1/reads", summary="Who read rows about persons, or figures by attribute", opt=operators())
async def read_log(
    request: Request[Any, Any, Any], reporting: NamedDependency[Reporting]
) -> Response[dict[str, Any]]:
    """A page of the read log in its order; `since` a day, of one `key`, about one `organisation`."""
    query = parameters.single(request.query_params, READS_PARAMETERS)
    async with reporting.reader.committed() as connection:
        found, following = await reads(
            connection,
            since=parameters.day(query, "since", date(1900, 1, 1)),
            key=parameters.words(query, "key"),
            organisation=parameters.outer_id(query, "organisation"),
            after=parameters.number(query, "after", 0, 0, parameters.MAX_POSITION),
            limit=parameters.number(query, "limit", parameters.PAGE, 1, parameters.MAX_PAGE),
        )
    return Response({"reads": found, "next": following}, headers={"Cache-Control": "no-store"})
