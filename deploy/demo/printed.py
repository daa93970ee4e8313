"""The figures that the demo must reproduce: what each is, what it was worth in print, where it is read."""

from dataclasses import dataclass
from typing import Literal

from deploy.demo import organisations

Kind = Literal["printed", "derived", "synthetic"]
"""`printed` stands in print, `derived` is arithmetic on printed figures, `synthetic` is made up."""

Value = int | float | str | None


@dataclass(frozen=True)
class Figure:
    """One figure: `value` is expected at the dotted path `at` of the answer to GET `call`.

    In `at`, `targets[ID]` is the row of that target, and a path that ends in `#` is the length of a list.
    """

    vi: str
    en: str
    kind: Kind
    value: Value
    call: str
    at: str


_DISTRICT = f"/v1/organisations/{organisations.DISTRICT}"
_COMMUNE = f"/v1/organisations/{organisations.COMMUNE}"
_ADMISSIONS = "actuals.admissions"

# Printed for the end of November 2022; that the count begins on 1 January is assumed.
_TOTALS = f"{_DISTRICT}/totals?as_of=2022-11-30"
_ATTAINMENT = f"{_DISTRICT}/attainment?from=2022-01-01&to=2022-12-31&as_of=2022-11-30"
_STRUCTURE = f"{_DISTRICT}/structure?from=2022-01-01&to=2022-12-31&as_of=2022-11-30"
_MOVEMENTS = f"{_DISTRICT}/movements?from=2022-01-01&to=2022-11-30&as_of=2022-11-30"
_COMMUNE_TOTALS = f"{_COMMUNE}/totals?as_of=2022-12-31"
_COMMUNE_ATTAINMENT = f"{_COMMUNE}/attainment?from=2022-01-01&to=2022-12-31&as_of=2022-12-31"
_MID_2023 = f"{_DISTRICT}/attainment?from=2023-01-01&to=2023-12-31&as_of=2023-06-30"
_END_2023 = f"{_DISTRICT}/attainment?from=2023-01-01&to=2023-12-31&as_of=2023-12-31"

_RESOLUTION = f"targets[{organisations.RESOLUTION_2022}]"
_ASSIGNED = f"targets[{organisations.ASSIGNED_2022}]"
_OWN = f"targets[{organisations.OWN_2023}]"
_OWN_ENTERPRISES = f"targets[{organisations.OWN_ENTERPRISES_2023}]"

FIGURES: tuple[Figure, ...] = (
    Figure("Đảng viên kết nạp", "members admitted", "printed", 310, _ATTAINMENT, _ADMISSIONS),
    Figure("Chỉ tiêu nghị quyết", "resolution target", "derived", 200, _ATTAINMENT, f"{_RESOLUTION}.target"),
    Figure(
        "Đạt so với nghị quyết, %",
        "attainment of the resolution, %",
        "derived",
        155.0,
        _ATTAINMENT,
        f"{_RESOLUTION}.attainment_percent",
    ),
    Figure(
        "Vượt nghị quyết, %",
        "excess over the resolution, %",
        "derived",
        55.0,
        _ATTAINMENT,
        f"{_RESOLUTION}.excess_percent",
    ),
    Figure("Chỉ tiêu trên giao", "assigned target", "derived", 310, _ATTAINMENT, f"{_ASSIGNED}.target"),
    Figure(
        "Đạt so với trên giao, %",
        "attainment of the assigned target, %",
        "derived",
        100.0,
        _ATTAINMENT,
        f"{_ASSIGNED}.attainment_percent",
    ),
    Figure(
        "Vượt trên giao, %",
        "excess over the assigned target, %",
        "derived",
        0.0,
        _ATTAINMENT,
        f"{_ASSIGNED}.excess_percent",
    ),
    Figure("Tổng số đảng viên", "members", "printed", 6101, _TOTALS, "members.total"),
    Figure(
        "Tổ chức cơ sở đảng",
        "grassroots organisations",
        "printed",
        64,
        _TOTALS,
        "organisations.grassroots",
    ),
    Figure(
        "Chi bộ trực thuộc đảng bộ cơ sở",
        "cells under grassroots committees",
        "printed",
        404,
        _TOTALS,
        "organisations.cells_under_grassroots_committees",
    ),
    Figure(
        "Đảng bộ cơ sở",
        "grassroots committees",
        "synthetic",
        38,
        _TOTALS,
        "organisations.grassroots_committees",
    ),
    Figure("Chi bộ cơ sở", "grassroots cells", "synthetic", 26, _TOTALS, "organisations.grassroots_cells"),
    Figure(
        "Tổ chức đảng thành lập trong doanh nghiệp tư nhân",
        "organisations founded in private enterprises",
        "printed",
        2,
        _STRUCTURE,
        "founded.by_sector.private_enterprise",
    ),
    Figure("Đầu kỳ", "opening", "synthetic", 5850, _MOVEMENTS, "opening"),
    Figure("Kết nạp", "admitted", "printed", 310, _MOVEMENTS, "admitted"),
    Figure("Chuyển đến", "transferred in", "synthetic", 25, _MOVEMENTS, "transferred_in"),
    Figure("Chuyển đi", "transferred out", "synthetic", 40, _MOVEMENTS, "transferred_out"),
    Figure("Ra khỏi Đảng, từ trần", "ended", "synthetic", 44, _MOVEMENTS, "ended"),
    Figure("Cuối kỳ", "closing", "printed", 6101, _MOVEMENTS, "closing"),
    Figure("Chênh lệch không giải thích được", "residual", "synthetic", 0, _MOVEMENTS, "residual"),
    Figure("Đảng viên kết nạp (xã)", "members admitted", "printed", 13, _COMMUNE_ATTAINMENT, _ADMISSIONS),
    Figure(
        "Số chỉ tiêu đã biết (xã)",
        "known targets: none is printed",
        "derived",
        0,
        _COMMUNE_ATTAINMENT,
        "targets#",
    ),
    Figure("Tổng số đảng viên (xã)", "members", "printed", 216, _COMMUNE_TOTALS, "members.total"),
    Figure("Chỉ tiêu tự đề ra: kết nạp", "own target: admissions", "printed", 310, _MID_2023, f"{_OWN}.target"),
    Figure(
        "Trạng thái giữa năm",
        "its status at mid-year, with no events of 2023",
        "synthetic",
        "behind",
        _MID_2023,
        f"{_OWN}.status",
    ),
    Figure(
        "Chỉ tiêu tự đề ra: tổ chức đảng trong doanh nghiệp tư nhân",
        "own target: organisations founded in private enterprises",
        "printed",
        2,
        _MID_2023,
        f"{_OWN_ENTERPRISES}.target",
    ),
    Figure(
        "Trạng thái giữa năm",
        "its status at mid-year, with no events of 2023",
        "synthetic",
        "behind",
        _MID_2023,
        f"{_OWN_ENTERPRISES}.status",
    ),
    Figure(
        "Trạng thái cuối năm: kết nạp",
        "status of the first at the end, with no events of 2023",
        "synthetic",
        "missed",
        _END_2023,
        f"{_OWN}.status",
    ),
    Figure(
        "Trạng thái cuối năm: doanh nghiệp tư nhân",
        "status of the second at the end, with no events of 2023",
        "synthetic",
        "missed",
        _END_2023,
        f"{_OWN_ENTERPRISES}.status",
    ),
)

NOTICE = {
    "vi": (
        "Số liệu minh hoạ. Chỉ những con số sau đã in trên báo: huyện Điện Biên ngày 30/11/2022 có 310 đảng "
        "viên mới, 6.101 đảng viên, 64 tổ chức cơ sở đảng, 404 chi bộ trực thuộc đảng bộ cơ sở, 2 tổ chức đảng "
        "mới trong doanh nghiệp tư nhân; xã Mường Pồn năm 2022 kết nạp 13, có 216 đảng viên; chỉ tiêu tự đề ra "
        "năm 2023. Mọi thứ khác được dựng để trình diễn."
    ),
    "en": (
        "Demonstration data. Only these figures stand in print: Điện Biên district on 30 November 2022 with 310 "
        "admitted, 6,101 members, 64 grassroots organisations, 404 cells under grassroots committees and 2 new "
        "organisations in private enterprises; Mường Pồn commune in 2022 with 13 admitted and 216 members; the "
        "district's own targets for 2023. Everything else is made up."
    ),
}
"""What stands on every page of the demo's dashboard, by language."""

MADE_UP = (
    "Made up for this demo: every organisation but the province, the district and the commune, every person, "
    "village, date and single event, the opening balance, the transfers, the endings, the split into 38 "
    "committees and 26 cells, and that nothing happens in 2023. Printed are only the figures marked so."
)
