"""The dashboard as people use it: with a keyboard, on a phone, on paper, by ear, and while events arrive."""

import csv
import io
import json
import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from deploy.demo import history
from deploy.demo.organisations import COMMUNE, DISTRICT, NEIGHBOUR, PROVINCE, RESOLUTION_2022
from services.reporting.dashboard.contents import PAGES
from tests.e2e.conftest import Seen
from tests.faults.system import System
from tests.given import event

VIEW = "as_of=2022-11-30"
AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
OWN = {
    "evidence": f"measure=attainment.actuals.admissions&target={RESOLUTION_2022}&",
    "restatement": "since=3000&report=totals&",
    "ranking": "measure=attainment_percent&",
}


OF_DISTRICT = ("attainment", "cascade", "evidence", "ranking")
"""Pages about the district, for its targets; what takes long in a browser looks at the commune otherwise."""


def at(name: str, organisation_id: str = DISTRICT, view: str = VIEW) -> str:
    path = f"/organisations/{organisation_id}{'/' + name if name else ''}"
    return f"{path}?{OWN.get(name, '')}{view}"


def serious(page: Page) -> list[str]:
    """What axe finds that keeps somebody out: the rule, and where."""
    page.evaluate(AXE)  # the policy of the page lets no script in by its address
    found: dict[str, Any] = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    assert len(found["passes"]) > 10  # it did look
    return [
        f"{each['id']}: {each['nodes'][0]['target']}"
        for each in found["violations"]
        if each["impact"] in ("serious", "critical")
    ]


def too_wide(page: Page) -> int:
    """Pixels by which a page is wider than the window; wide tables scroll within themselves."""
    found: int = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    return max(0, found)


def cut_off(page: Page, tables: str) -> int:
    """How many of these tables have columns that are seen by scrolling only."""
    found: int = page.locator(tables).evaluate_all(
        "all => all.filter(each => each.checkVisibility() && each.scrollWidth > each.clientWidth).length"
    )
    return found


def test_a_reader_goes_from_the_province_to_a_cell_with_the_keyboard(seen: Seen) -> None:
    page = seen.open(f"/?{VIEW}")
    expect(page.get_by_role("link", name="Đảng bộ tỉnh Điện Biên")).to_be_visible()

    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Đến nội dung chính")).to_be_focused()
    search = page.get_by_role("searchbox")
    while not search.evaluate("each => each === document.activeElement"):
        page.keyboard.press("Tab")
    page.keyboard.type("muong pon")
    page.keyboard.press("Enter")
    commune = page.locator(".found a").first
    expect(commune).to_have_text("Đảng bộ xã Mường Pồn")
    commune.focus()
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", level=1)).to_contain_text("Đảng bộ xã Mường Pồn")
    way = page.get_by_role("navigation", name="Vị trí trong hệ thống tổ chức")
    assert way.get_by_role("link").all_inner_texts() == [
        "Các tổ chức", "Đảng bộ tỉnh Điện Biên", "Đảng bộ huyện Điện Biên", "Đảng bộ xã Mường Pồn",
    ]  # fmt: skip
    cell = page.locator("table").last.get_by_role("link", name=re.compile("^Chi bộ 1 ")).first
    cell.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Chi bộ 1 trực thuộc Đảng bộ xã Mường Pồn")
    assert VIEW in page.url


def test_days_tree_and_knowledge_are_chosen_once_and_stay_in_the_address(seen: Seen) -> None:
    page = seen.open(at("", COMMUNE))
    page.get_by_label("Tính đến ngày").fill("2022-12-31")
    page.get_by_label("Kỳ từ ngày").fill("2022-01-01")
    page.get_by_label("đến ngày", exact=True).fill("2022-12-31")
    page.get_by_label("Hệ thống tổ chức", exact=True).select_option("current")
    page.get_by_role("button", name="Xem").click()

    page.get_by_role("navigation", name="Báo cáo").get_by_role("link", name="Diễn biến theo thời gian").click()
    page.get_by_label("Chỉ số").select_option("totals.members.total")
    page.get_by_label("Bước thời gian").select_option("quarter")
    page.get_by_role("button", name="Xem").click()

    for told in ("as_of=2022-12-31", "from=2022-01-01", "to=2022-12-31", "hierarchy=current", "step=quarter"):
        assert told in page.url
    assert "known_at" not in page.url
    table = page.get_by_role("table")
    expect(table.get_by_role("row")).to_have_count(5)
    expect(table.get_by_role("row").last).to_contain_text("Quý 4/2022")
    expect(table.get_by_role("row").last).to_contain_text("216")
    page.get_by_role("link", name="English").click()
    expect(page.get_by_role("table").get_by_role("row").last).to_contain_text("Q4 2022")


def test_every_page_is_whole_at_a_desk_and_on_a_phone_and_keeps_nobody_out(seen: Seen) -> None:
    addresses = {name: at(name, DISTRICT if name in OF_DISTRICT else COMMUNE) for name in PAGES}
    for name, address in addresses.items():
        page = seen.open(address)
        for chart in page.locator("[data-chart]").all():
            expect(chart.locator("canvas")).to_be_visible()
            assert chart.locator("xpath=ancestor::section//table").count(), name
        assert page.locator("main table, main .note, main .quiet").count(), name
        assert too_wide(page) == 0, name
        assert serious(page) == [], name
    page.set_viewport_size({"width": 768, "height": 1024})
    for name in ("", "movements"):
        page = seen.open(addresses[name])
        assert not cut_off(page, ".slim"), name
    page.set_viewport_size({"width": 390, "height": 780})
    for name, address in addresses.items():
        page = seen.open(address)
        assert too_wide(page) == 0, name
        # What is closed at first is opened by hand, and nothing else is in the way of the figures.
        expect(page.get_by_label("Tính đến ngày")).to_be_hidden()
        if name == "restatement":  # then, now and the difference are seen beside what they are of
            assert not cut_off(page, ".four")
    page.locator(".contents summary").click()
    page.get_by_role("navigation", name="Báo cáo").get_by_role("link", name="Cơ cấu tổ chức").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Cơ cấu tổ chức")
    assert serious(page) == []


def test_the_printed_figure_leads_to_its_310_events_and_to_the_resolution(seen: Seen) -> None:
    page = seen.open(at("attainment"))
    page.get_by_role("link", name="155,0 %").click()

    expect(page.get_by_text("= 310 ÷ 200")).to_be_visible()
    expect(page.locator("section", has=page.locator("#target")).get_by_text("Giao chỉ tiêu")).to_be_visible()
    seen_events = 0
    while True:
        section = page.locator("section", has=page.locator("#figure"))
        expect(section.locator("strong")).to_have_text("310")
        seen_events += section.locator("tbody tr").count()
        following = page.get_by_role("link", name="Trang sau »")
        if not following.count():
            break
        following.click()
    assert seen_events == 310


def test_by_ear_a_page_begins_with_its_name_and_says_whose_a_figure_is(seen: Seen) -> None:
    page = seen.open(at("ranking"))
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # to the content, past the list of reports
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Các tổ chức", exact=True)).to_be_focused()

    assert page.get_by_role("heading").first.evaluate("each => each.tagName") == "H1"
    reports = page.get_by_role("navigation", name="Báo cáo")
    expect(reports.get_by_role("list", name="Kết quả").get_by_role("link").first).to_have_text("Tổng quan")
    assert page.get_by_role("region").count() == 0  # the tables fit, so that there is nothing to scroll in them
    table = page.get_by_role("table", name=re.compile("kết nạp đảng viên"))
    expect(table.get_by_role("rowheader").first).to_have_text(re.compile("^(Đảng|Chi) bộ "))
    table.get_by_role("rowheader").last.scroll_into_view_if_needed()
    expect(table.get_by_role("columnheader").first).to_be_in_viewport()

    page.set_viewport_size({"width": 390, "height": 780})
    page = seen.open(at("ranking", COMMUNE))
    name = page.get_by_role("rowheader").first.bounding_box()
    assert name is not None
    assert name["width"] > 100
    page = seen.open(at("timeliness", COMMUNE))
    scrolled = page.get_by_role("region", name="Quy định áp dụng")
    assert scrolled.evaluate("each => each.scrollWidth > each.clientWidth && each.tabIndex === 0")


def test_charts_are_read_in_the_colours_of_the_reader_and_say_where_they_begin(seen: Seen) -> None:
    page = seen.page
    page.emulate_media(forced_colors="active", color_scheme="dark")
    seen.open(at("timeseries", DISTRICT, f"measure=totals.members.total&{VIEW}"))

    drawn: dict[str, Any] = page.evaluate(
        """() => {
          const told = echarts.getInstanceByDom(document.querySelector("[data-chart]")).getOption();
          const paper = getComputedStyle(document.body).backgroundColor;
          return { title: told.title[0], ink: told.xAxis[0].axisLabel.color, from: told.yAxis[0].min, paper };
        }"""
    )
    assert drawn["paper"] == "rgb(0, 0, 0)"
    assert drawn["ink"] == "rgb(255, 255, 255)"
    assert drawn["from"] == 5700
    assert drawn["title"]["show"]
    assert drawn["title"]["text"] == "Trục đứng bắt đầu từ 5.700, không phải từ 0"


def test_a_file_has_the_figures_of_the_page(seen: Seen, system: System) -> None:
    page = seen.open(at("movements"))
    with page.expect_download() as begun:
        page.get_by_role("link", name="CSV").click()

    text = begun.value.path().read_text(encoding="utf-8-sig")
    rows = {row[0]: row for row in csv.reader(io.StringIO(text)) if row}
    assert rows["Tổ chức"][1] == "Đảng bộ huyện Điện Biên"
    assert "6101" in next(row for row in csv.reader(io.StringIO(text)) if row and row[0] == DISTRICT)


def test_a_page_follows_the_log_and_keeps_focus_and_what_was_opened(
    seen: Seen, system: System, tmp_path: Path
) -> None:
    page = seen.open(at("", PROVINCE, "as_of=2024-06-30&from=2024-01-01&to=2024-12-31"))
    members = page.locator(".tiles strong").first
    before = int(members.inner_text().replace(".", ""))
    page.locator("details.folded summary").click()
    link = page.locator("table").last.get_by_role("link", name="Đảng bộ huyện Điện Biên")
    link.focus()
    beside = page.context.new_page()
    beside.goto(seen._base + at("timeseries", NEIGHBOUR, "as_of=2024-06-30&from=2024-01-01&to=2024-12-31"))
    stood = int(str(beside.locator("[data-position]").get_attribute("data-position")))
    beside.evaluate("document.querySelector('[data-region=figures]').seen = true")

    balance = event(
        "OpeningBalanceDeclared",
        f"organisation/{COMMUNE}",
        "2024-02-01",
        {"as_of": "2024-02-01", "official": 5, "probationary": 0},
        source=history.SOURCE,
    )
    file = tmp_path / "more.jsonl"
    file.write_text(json.dumps(balance) + "\n", encoding="utf-8")
    creds = system.directory / f"{history.SOURCE}.creds"
    published = system.ketnap("publish", file, "--source", history.SOURCE, "--creds", creds)
    assert published.returncode == 0, published.stdout + published.stderr

    expect(members).to_have_text(f"{before + 5:,}".replace(",", "."))
    expect(link).to_be_focused()
    expect(page.locator("details.folded")).to_have_attribute("open", "")
    expect(page.locator("#live")).to_contain_text("Đã cập nhật lúc")
    # Where nothing has changed nothing is said, nor a chart drawn anew: only the position goes on.
    expect(beside.locator("[data-position]")).to_have_attribute("data-position", str(stood + 1))
    assert beside.evaluate("document.querySelector('[data-region=figures]').seen")
    expect(beside.locator("#live")).to_be_empty()


def test_on_paper_there_are_figures_and_nothing_to_click(seen: Seen, tmp_path: Path) -> None:
    page = seen.open(at("", DISTRICT))
    page.emulate_media(media="print")
    for hidden in (".contents", ".view", ".search", ".take", ".languages"):
        expect(page.locator(hidden).first).to_be_hidden()
    expect(page.get_by_role("heading", level=1)).to_be_visible()

    pdf = page.pdf(format="A4", prefer_css_page_size=True)

    (tmp_path / "page.pdf").write_bytes(pdf)
    pages = len(re.findall(rb"/Type\s*/Page\b", pdf))
    assert 2 <= pages <= 5
    boxes = re.findall(rb"/MediaBox\s*\[\s*0 0 ([0-9.]+) ([0-9.]+)\s*\]", pdf)
    assert {(round(float(width)), round(float(height))) for width, height in boxes} <= {(595, 842), (594, 842)}


@pytest.mark.parametrize("path", ["/", "/?query=khong-co-ai", "/organisations/nobody", "/login"])
def test_the_other_pages_keep_nobody_out_either(seen: Seen, path: str) -> None:
    seen.page.goto(seen._base + path)
    assert too_wide(seen.page) == 0
    assert serious(seen.page) == []
    seen.complaints[:] = [each for each in seen.complaints if "404" not in each]  # the browser says so itself
