"""Traces cost nothing unless a collector is named, and are carried on by position."""

import re
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.runtime import carried, tracing
from shared.runtime.settings import SettingsError
from tests.faults.system import ROOT

PARENTS = [f"00-{number:032x}-{number:016x}-01" for number in (1, 2, 3)]


def test_a_service_that_does_not_trace_loads_nothing_of_it() -> None:
    modules = ", ".join(f"services.{name}.app" for name in ("registry", "reporting", "notifier"))
    look = f"import sys, {modules}; print([each for each in sys.modules if each.startswith('opentelemetry')])"

    done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True, cwd=ROOT)

    # FastStream looks for names of it, if they are there; nothing that traces is loaded.
    assert not {"trace", "sdk", "exporter"} & {
        each.split(".")[1] for each in re.findall(r"opentelemetry\.\w+", done.stdout)
    }
    assert not tracing.on()


def test_without_the_extra_a_collector_is_refused_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)

    with pytest.raises(SettingsError, match=r"ketnap\[telemetry\]"):
        tracing.begin("registry", "http://127.0.0.1:4318/v1/traces")

    assert not tracing.on()


@given(st.dictionaries(st.integers(1, 60), st.sampled_from(PARENTS)))
def test_each_position_is_carried_with_the_span_that_it_comes_from(traced: dict[int, str]) -> None:
    read = list(carried.read(carried.write(sorted(traced.items()))))

    found = {position: parent for first, last, parent in read for position in range(first, last + 1)}
    assert found == traced
    neighbours = sum(traced.get(position - 1) == parent for position, parent in traced.items())
    assert len(read) == len(traced) - neighbours


def test_what_is_no_header_of_ours_is_passed_over() -> None:
    assert list(carried.read("")) == []
    assert list(carried.read("1-2,x-y=00-1,3=4,,5-6=")) == []
