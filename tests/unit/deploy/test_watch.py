"""What is given to Prometheus and Grafana: it names metrics that there are, and every alert has its page."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[3]
WATCH = ROOT / "deploy" / "watch"
INCIDENTS = ROOT / "docs" / "incidents.md"

OF_THE_CLIENT = {
    "process_open_fds", "process_max_fds", "process_resident_memory_bytes", "process_cpu_seconds_total",
    "process_start_time_seconds",
}  # fmt: skip
"""What prometheus-client says of every process by itself."""


def _rules() -> list[dict[str, Any]]:
    (group,) = yaml.safe_load((WATCH / "alerts.yml").read_text(encoding="utf-8"))["groups"]
    rules: list[dict[str, Any]] = group["rules"]
    return rules


def _dashboard() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((WATCH / "grafana" / "dashboards" / "ketnap.json").read_text("utf-8"))
    return found


def _told() -> set[str]:
    """All metrics that the code makes, by the name that Prometheus sees."""
    found = set()
    for file in [*(ROOT / "services").rglob("*.py"), *(ROOT / "shared").rglob("*.py")]:
        for kind, name in re.findall(r"= (Gauge|Counter)\(\s*\"(\w+)\"", file.read_text(encoding="utf-8")):
            found.add(name + ("_total" if kind == "Counter" else ""))
    return found


def _asked(expression: str) -> set[str]:
    return set(re.findall(r"\b(?:ketnap|process)_\w+", re.sub(r'"[^"]*"', "", expression)))


def _console() -> str:
    return (WATCH / "consoles" / "ketnap.html").read_text("utf-8")


def test_alerts_and_dashboards_ask_for_metrics_that_there_are() -> None:
    expressions = [rule["expr"] for rule in _rules()]
    expressions += [target["expr"] for panel in _dashboard()["panels"] for target in panel["targets"]]
    expressions += re.findall(r'query (?:\(printf )?"((?:[^"\\]|\\.)+)"', _console())
    asked = set().union(*map(_asked, expressions))

    assert asked - _told() - OF_THE_CLIENT == set()
    assert len(asked) > 20


def test_the_page_without_grafana_needs_nothing_but_prometheus() -> None:
    page = _console()

    assert re.findall(r"<script|<link|https?:|@import|url\(", page) == []
    for heading in re.findall(r"<(?:h2|th)\b[^>]*>([^<]+)<", page):
        assert " · " in heading


def test_metrics_are_named_as_prometheus_wants_them() -> None:
    for name in _told():
        assert re.fullmatch(r"ketnap_[a-z0-9_]+", name), name
        assert not re.search(r"_(ms|milliseconds|kb|mb|mib|minutes|hours|days|percent)$", name), name


@pytest.mark.parametrize("rule", _rules(), ids=lambda rule: rule["alert"])
def test_every_alert_is_explained_tested_and_worded_in_both_languages(rule: dict[str, Any]) -> None:
    name = rule["alert"]

    assert rule["labels"]["severity"] in ("critical", "warning")
    assert rule["annotations"]["runbook"] == f"docs/incidents.md#{name.lower()}"
    assert rule["annotations"]["summary"] != rule["annotations"]["summary_vi"]
    assert f"  - name: {name}\n" in (WATCH / "alerts_test.yml").read_text(encoding="utf-8")
    entry = re.search(rf"^### {name}\n(.+?)(?=^#|\Z)", INCIDENTS.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    assert entry is not None, f"docs/incidents.md has no entry for {name}"
    assert "**Do**" in entry[1]


def test_no_page_explains_an_alert_that_does_not_exist() -> None:
    explained = set(re.findall(r"^### (Ketnap\w+)$", INCIDENTS.read_text("utf-8"), re.MULTILINE))

    assert explained == {rule["alert"] for rule in _rules()}


def test_the_dashboard_speaks_both_languages_and_only_to_prometheus() -> None:
    for panel in _dashboard()["panels"]:
        assert " · " in panel["title"]
        assert panel["datasource"] == {"type": "prometheus", "uid": "prometheus"}


def test_prometheus_in_containers_shows_a_key_and_images_are_ours_or_have_a_version() -> None:
    compose = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text("utf-8"))["services"]
    config = yaml.safe_load((WATCH / "prometheus.yml").read_text("utf-8"))

    assert compose["prometheus"]["image"].startswith("ketnap-prometheus:")
    assert re.fullmatch(r"\$\{KETNAP_GRAFANA_IMAGE:-grafana/grafana:\d+\.\d+\.\d+\}", compose["grafana"]["image"])
    for name, profile in (("prometheus", "watch"), ("grafana", "grafana")):
        assert compose[name]["profiles"] == [profile]
        assert compose[name]["read_only"]
        assert compose[name]["cap_drop"] == ["ALL"]
        assert all(port.startswith("${KETNAP_WATCH_PUBLISH:-127.0.0.1}:") for port in compose[name]["ports"])
    assert "inside" not in compose["grafana"]["networks"]
    (scrape,) = config["scrape_configs"]
    assert scrape["authorization"] == {"credentials_file": "/run/ketnap/watcher.key"}
    targets = {each["labels"]["service"]: each["targets"] for each in scrape["static_configs"]}
    for service, (target,) in targets.items():
        host, port = target.split(":")
        assert host == service
        assert any(each.endswith(f":{port}") for each in compose[service]["ports"])
