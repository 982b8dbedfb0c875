"""OpenTelemetry metrics: each number of `stats` that counts, as the SDK reads it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import Gauge, InMemoryMetricReader, Metric, Sum

from agenttrace import AgentTrace, Stats, otel
from agenttrace.otel.meters import INSTRUMENTS
from agenttrace.testing import capture


@pytest.fixture
def reader() -> InMemoryMetricReader:
    """A reader in memory."""
    return InMemoryMetricReader()


@pytest.fixture
def provider(reader: InMemoryMetricReader) -> Iterator[MeterProvider]:
    """A provider with that reader."""
    made = MeterProvider([reader], shutdown_on_exit=False)
    yield made
    made.shutdown()


def found(reader: InMemoryMetricReader) -> dict[str, Metric]:
    """Return what the reader collects, by name."""
    data = reader.get_metrics_data()
    if data is None:
        return {}
    return {
        metric.name: metric
        for resource in data.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
        if scope.scope.name == "agenttrace"
    }


def values(metrics: dict[str, Metric]) -> dict[str, Any]:
    return {name: [point.value for point in metric.data.data_points] for name, metric in metrics.items()}  # pyright: ignore[reportAttributeAccessIssue]


def test_the_metrics_are_those_of_stats(reader: InMemoryMetricReader, provider: MeterProvider) -> None:
    """Names, units and kinds are those of the table, and values what `stats` says."""
    with AgentTrace(store="memory://") as trace:
        otel.metrics(provider, trace)
        with trace.master("turn"):
            pass
        assert trace.flush(30)
        metrics, stats = found(reader), trace.stats()
        assert values(metrics) == {one.name: [getattr(stats, one.field)] for one in INSTRUMENTS}
        assert stats.recorded == 2
        for one in INSTRUMENTS:
            metric = metrics[one.name]
            assert (metric.unit, metric.description) == (one.unit, one.description)
            assert isinstance(metric.data, Gauge if one.kind == "gauge" else Sum)
            assert getattr(metric.data, "is_monotonic", None) == {"counter": True, "level": False}.get(one.kind)
        with trace.master("turn"):
            pass
        assert values(found(reader))["agenttrace.records.recorded"] == [4]


def test_every_number_of_stats_is_a_metric() -> None:
    """A new counter is not forgotten."""
    numbers = {field.name for field in fields(Stats)} - {"journal_dir", "last_error"}
    assert {one.field for one in INSTRUMENTS} == numbers
    assert len({one.name for one in INSTRUMENTS}) == len(INSTRUMENTS)


def test_the_docs_have_each_metric() -> None:
    """docs/otel.md has its name, unit and field."""
    text = Path(__file__).parents[2].joinpath("docs", "otel.md").read_text(encoding="utf-8")
    missing = [one.name for one in INSTRUMENTS if not re.search(rf"\| `{one.name}` \| .* \| `{one.field}` \|", text)]
    assert missing == []


def test_metrics_never_raise(
    reader: InMemoryMetricReader, provider: MeterProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A defect leaves the metric out, and is counted."""
    trace = AgentTrace(store="memory://")
    otel.metrics(provider, trace)

    def defect() -> Stats:
        raise ZeroDivisionError("a defect")

    monkeypatch.setattr(trace, "stats", defect)
    assert all(points == [] for points in values(found(reader)).values())
    assert trace.recorder.internal_errors == len(INSTRUMENTS)


def test_the_default_trace_is_looked_at(reader: InMemoryMetricReader, provider: MeterProvider) -> None:
    """Without one given it is the module's."""
    otel.metrics(provider)
    with capture() as trace:
        with trace.master("turn"):
            pass
        assert values(found(reader))["agenttrace.records.recorded"] == [2]
