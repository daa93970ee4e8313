"""The table of figures finds each figure in an answer and says when it differs."""

import io
import json

import httpx
import pytest
from rich.console import Console

from deploy.demo import figures
from deploy.demo.printed import FIGURES, Figure

ANSWER = {
    "members": {"total": 6101},
    "targets": [
        {"target_id": "a", "target": 200, "attainment_percent": 155.0},
        {"target_id": "b.c", "target": 310},
    ],
}


@pytest.mark.parametrize(
    ("at", "value"),
    [
        ("members.total", 6101),
        ("targets[a].attainment_percent", 155.0),
        ("targets[b.c].target", 310),
        ("targets#", 2),
        ("targets[none].target", None),
        ("members.unknown", None),
        ("members", None),
        ("members#", None),
    ],
)
def test_a_figure_is_found_at_its_dotted_path(at: str, value: object) -> None:
    assert figures.look_up(ANSWER, at) == value


def test_the_table_names_the_kind_of_every_figure_and_marks_what_differs() -> None:
    readings = [figures.Reading(figure, figure.value) for figure in FIGURES]
    readings[0] = figures.Reading(FIGURES[0], 309)
    output = io.StringIO()
    figures.print_table(Console(file=output, width=80), readings)
    text = output.getvalue()

    assert [reading.equal for reading in readings].count(False) == 1
    assert text.count("NO") == 1
    assert text.count("minh hoạ · made up") == sum(figure.kind == "synthetic" for figure in FIGURES)
    assert all(f"GET {figure.call}\n" in text for figure in FIGURES)


def test_a_figure_that_is_missing_is_not_equal() -> None:
    assert not figures.Reading(FIGURES[0], None).equal


async def test_figures_are_read_once_reporting_has_come_far_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url.raw_path, "ascii"))
        if len(asked) == 1:
            return httpx.Response(503, headers={"Retry-After": "0"})
        return httpx.Response(200, content=json.dumps(ANSWER))

    _answer_with(monkeypatch, answer)
    figure = Figure("vi", "en", "printed", 6101, "/v1/organisations/x/totals?as_of=2022-11-30", "members.total")

    (reading,) = await figures.read("http://reporting", 77, [figure])

    assert reading.equal
    assert asked == ["/v1/organisations/x/totals?as_of=2022-11-30&min_position=77"] * 2


async def test_what_reporting_refuses_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    _answer_with(monkeypatch, lambda _: httpx.Response(404, text="no such organisation"))

    with pytest.raises(figures.ReportingError, match="404: no such organisation"):
        await figures.read("http://reporting", 1, FIGURES[:1])


def _answer_with(monkeypatch: pytest.MonkeyPatch, answer: object) -> None:
    real = httpx.AsyncClient

    def client(**options: object) -> httpx.AsyncClient:
        return real(base_url=str(options["base_url"]), transport=httpx.MockTransport(answer))  # type: ignore[arg-type]

    monkeypatch.setattr(httpx, "AsyncClient", client)
