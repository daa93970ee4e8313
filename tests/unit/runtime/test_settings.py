"""Settings: what cannot be read is said by the name of the variable."""

from pathlib import Path

import pytest

from deploy.stack.errors import NotRunning
from deploy.stack.layout import locate
from services.notifier.settings import NotifierSettings
from shared.runtime.service import ServiceSettings
from shared.runtime.settings import SettingsError, load, read

DATABASE = {"KETNAP_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}


@pytest.mark.parametrize("level", ["debug", "INFO", "Warning", "critical"])
def test_a_level_of_logs_is_written_in_any_letters(level: str) -> None:
    settings = load(ServiceSettings, {"KETNAP_LOG_LEVEL": level} | DATABASE)
    assert settings.log_level == level


@pytest.mark.parametrize("level", ["loud", "20", "info "])
def test_a_level_of_logs_that_is_none_is_wrong(level: str) -> None:
    expected = f"KETNAP_LOG_LEVEL: expected debug, info, warning, error or critical, found {level!r}"
    with pytest.raises(SettingsError, match=f"^{expected}$"):
        load(ServiceSettings, {"KETNAP_LOG_LEVEL": level} | DATABASE)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("KETNAP_HTTP_PORT", "65536"),
        ("KETNAP_HTTP_PORT", "-1"),
        ("KETNAP_OIDC_LEEWAY", "-1"),
        ("KETNAP_OIDC_LEEWAY", "3601"),  # tokens that have ended would count for the rest of the day
    ],
)
def test_a_number_out_of_its_bounds_is_wrong(variable: str, value: str) -> None:
    said = f"{variable}: expected a whole number from 0 to [0-9]+, found {value!r}"
    with pytest.raises(SettingsError, match=said):
        load(ServiceSettings, {variable: value} | DATABASE)


@pytest.mark.parametrize(
    ("setting", "value", "expected"),
    [
        ("KETNAP_LOG_FORMAT", "xml", "console or json"),
        ("KETNAP_HTTP_PORT", "x", "a whole number from 0 to 65535"),
        ("KETNAP_LANGUAGE", "fr", "en or vi"),
        ("KETNAP_WEBHOOK_ALLOW_PRIVATE", "maybe", "true or false"),
    ],
)
def test_a_setting_that_is_wrong_says_what_it_may_be(setting: str, value: str, expected: str) -> None:
    registry = {"KETNAP_REGISTRY_URL": "http://127.0.0.1:1"}
    with pytest.raises(SettingsError, match=f"^{setting}: expected {expected}, found {value!r}$"):
        load(NotifierSettings, {setting: value} | DATABASE | registry)


def test_a_secret_in_a_file_that_is_no_text_is_said_to_be_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "key"
    file.write_bytes(b"\xff\xfe\x00")
    monkeypatch.setenv("KETNAP_KEY_FILE", str(file))

    for asked, raised in (
        (lambda: read("KETNAP_KEY", {"KETNAP_KEY_FILE": str(file)}), SettingsError),
        (lambda: locate(tmp_path), NotRunning),
    ):
        with pytest.raises(raised, match="KETNAP_KEY_FILE: expected text in"):
            asked()
