"""The words of an alert in Vietnamese and English: catalogues in `locale/`, layouts in `templates/`."""

from importlib.resources import files
from io import BytesIO
from typing import Any

from babel import Locale
from babel.dates import format_date
from babel.messages.pofile import read_po
from babel.numbers import format_decimal
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from msgspec import Struct

from services.notifier.channels.channel import Alert

LANGUAGES = ("vi", "en")


class Said(Struct, frozen=True):
    """An alert in words."""

    subject: str
    plain: str
    html: str


class Wording:
    """Puts alerts into words; `dashboard_url` is linked, where there is one."""

    def __init__(self, dashboard_url: str | None = None) -> None:
        self._dashboard_url = dashboard_url
        self._texts = {language: _texts(language) for language in LANGUAGES}
        self._templates = Environment(
            loader=PackageLoader("services.notifier"),
            autoescape=select_autoescape(["html.jinja"]),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
        )

    def say(self, alert: Alert, language: str) -> Said:
        """The alert in one language."""
        texts = self._texts[language]
        names = self._names(alert, language, texts)
        subject = " ".join(texts[f"subject.{alert.status}"].format(**names).split())
        rows = [
            (texts[f"row.{row}"], names[row]) for row in ("metric", "basis", "target", "actual", "period", "as_of")
        ]
        content = {
            "language": language,
            "subject": subject,
            "sentence": texts[f"sentence.{alert.status}"].format(**names),
            "rows": rows,
            "link": self._dashboard_url,
            "texts": texts,
        }
        plain = self._templates.get_template("alert.txt.jinja").render(content)
        html = self._templates.get_template("alert.html.jinja").render(content)
        return Said(subject, plain, html)

    def _names(self, alert: Alert, language: str, texts: dict[str, str]) -> dict[str, str]:
        locale = Locale.parse(language)

        def number(value: float, pattern: str = "#,##0") -> str:
            return str(format_decimal(value, format=pattern, locale=locale))

        def day(value: Any) -> str:
            return str(format_date(value, format=texts["format.date"], locale=locale))

        actual = number(alert.actual)
        if alert.attainment_percent is not None:
            actual = f"{actual} ({number(alert.attainment_percent, '#,##0.0')} %)"
        return {
            "organisation": alert.organisation_name,
            "metric": texts[f"metric.{alert.metric}"],
            "basis": texts[f"basis.{alert.basis}"],
            "target": f"{texts[f'comparison.{alert.comparison}']} {number(alert.value)}",
            "actual": actual,
            "period": f"{day(alert.first)} – {day(alert.last)}",
            "as_of": day(alert.as_of),
        }


def _texts(language: str) -> dict[str, str]:
    source = files("services.notifier").joinpath("locale", f"{language}.po").read_bytes()
    catalogue = read_po(BytesIO(source), locale=language, abort_invalid=True)
    return {str(message.id): str(message.string) for message in catalogue if message.id}
