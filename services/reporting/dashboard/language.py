"""The dashboard's languages: its words, and how numbers, shares, days and times are written in each."""

from datetime import date, datetime
from decimal import Decimal
from importlib.resources import files
from io import BytesIO
from typing import Literal
from zoneinfo import ZoneInfo

from babel import Locale, negotiate_locale
from babel.dates import format_date, format_datetime
from babel.messages.pofile import read_po
from babel.numbers import format_decimal, format_percent

Code = Literal["vi", "en"]
VIETNAM = ZoneInfo("Asia/Ho_Chi_Minh")


class Language:
    """One language: the texts of its catalogue by their keys, and its way of writing figures."""

    def __init__(self, code: Code, own_name: str, locale: str) -> None:
        self.code: Code = code
        self.own_name = own_name
        self._locale = Locale.parse(locale)
        self.texts = _texts(code)

    def text(self, key: str, **values: object) -> str:
        """The text of a key, with `values` put in. A key without a text is a mistake: KeyError."""
        return self.texts[key].format(**values)

    def number(self, amount: float) -> str:
        """`6.101` in Vietnamese; a fraction with one decimal."""
        pattern = "#,##0" if isinstance(amount, int) else "#,##0.0"
        return str(format_decimal(amount, pattern, locale=self._locale))

    def signed(self, amount: float) -> str:
        """A number that is more or less, with its sign; `0` without one."""
        sign = "+" if amount > 0 else "−" if amount < 0 else ""
        return sign + self.number(abs(amount))

    def percent(self, share: float | None) -> str:
        """A percentage with its one decimal; a dash where there is none."""
        return "–" if share is None else self._percent(share, "format.percent")

    def difference(self, share: float | None) -> str:
        """A percentage that is over or under, with its sign."""
        return self._percent(share, "format.difference") if share else self.percent(share)

    def _percent(self, share: float, pattern: str) -> str:
        return str(format_percent(Decimal(str(share)) / 100, self.texts[pattern], locale=self._locale))

    def day(self, day: date) -> str:
        """A date."""
        return str(format_date(day, self.texts["format.day"], locale=self._locale))

    def calendar(self, day: date, step: str) -> str:
        """The month, quarter or year that a day lies in."""
        return str(format_date(day, self.texts[f"format.{step}"], locale=self._locale))

    def moment(self, moment: datetime) -> str:
        """A time, as clocks in Vietnam show it."""
        local = moment.astimezone(VIETNAM)
        return str(format_datetime(local, self.texts["format.moment"], locale=self._locale))


def _texts(code: Code) -> dict[str, str]:
    source = files("services.reporting.dashboard").joinpath("locale", f"{code}.po").read_bytes()
    catalogue = read_po(BytesIO(source), locale=code, abort_invalid=True)
    return {str(message.id): str(message.string) for message in catalogue if message.id}


LANGUAGES = {"vi": Language("vi", "Tiếng Việt", "vi_VN"), "en": Language("en", "English", "en_GB")}
"""By code; the first one is for whoever asks for none of them."""


def spoken(asked: str | None, accepted: str) -> Language:
    """The language asked for in the address, else the best one of an Accept-Language header, else Vietnamese."""
    if asked in LANGUAGES:
        return LANGUAGES[asked]
    found = negotiate_locale(_preferred(accepted), list(LANGUAGES), sep="-")
    return LANGUAGES[found or next(iter(LANGUAGES))]


def _preferred(accepted: str) -> list[str]:
    weighed: list[tuple[float, str]] = []
    for each in accepted.split(","):
        tag, _, weight = each.replace(" ", "").partition(";q=")
        try:
            weighed.append((-float(weight or 1), tag))
        except ValueError:
            continue
    return [tag for weight, tag in sorted(weighed, key=lambda each: each[0]) if tag and weight < 0]
