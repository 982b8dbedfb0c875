"""What `stats()` says as OpenTelemetry metrics: a table of instruments, and their registration. Uses the API alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from opentelemetry import metrics as api
from opentelemetry.metrics import CallbackOptions, Observation

from agenttrace.otel.target import Target, target_of

if TYPE_CHECKING:
    from opentelemetry.metrics import Meter, MeterProvider

__all__ = ["INSTRUMENTS", "Instrument", "metrics"]


class Instrument(NamedTuple):
    """One metric, and the field of `Stats` that it shows.

    A counter only grows, until a fork or `configure` begins anew; a level goes up and down, and levels of several
    processes may be added up; a gauge may not.
    """

    name: str
    kind: Literal["counter", "level", "gauge"]
    unit: str
    field: str
    description: str


#: Names and units follow OpenTelemetry's conventions: UCUM, with what is counted in braces.
INSTRUMENTS: tuple[Instrument, ...] = (
    Instrument("agenttrace.records.recorded", "counter", "{record}", "recorded", "Records that the journal took."),
    Instrument("agenttrace.records.written", "counter", "{record}", "written", "Records that the store committed."),
    Instrument("agenttrace.records.degraded", "counter", "{record}", "degraded", "Records that were cut down."),
    Instrument("agenttrace.records.dropped", "counter", "{record}", "dropped", "Records that found no room."),
    Instrument("agenttrace.records.pending", "level", "{record}", "pending", "Records that are not stored yet."),
    Instrument("agenttrace.backlog.size", "level", "By", "backlog_bytes", "What these take in the journal."),
    Instrument("agenttrace.backlog.age", "gauge", "s", "backlog_seconds", "How old the oldest of these can be."),
    Instrument("agenttrace.dead_letters", "counter", "{record}", "dead_letters", "Records that the store refused."),
    Instrument(
        "agenttrace.dead_letters.lost", "counter", "{record}", "dead_letters_lost", "Of these, those not set aside."
    ),
    Instrument("agenttrace.errors", "counter", "{error}", "internal_errors", "Errors inside agenttrace."),
    Instrument("agenttrace.store.retries", "counter", "{attempt}", "retried", "Writes that were tried again."),
    Instrument("agenttrace.heartbeats", "counter", "{heartbeat}", "heartbeats", "Heartbeats that the store took."),
    Instrument("agenttrace.journals.adopted", "counter", "{journal}", "adopted", "Journals of dead processes drained."),
    Instrument("agenttrace.journals.skipped", "counter", "{journal}", "skipped", "Journals that cannot be read."),
    Instrument("agenttrace.journals.damaged", "counter", "{place}", "damaged", "Places where no whole record stands."),
    Instrument("agenttrace.runs.abandoned", "counter", "{run}", "abandoned", "Runs ended because their process died."),
)


def metrics(meter_provider: MeterProvider | None = None, trace: Target | None = None) -> None:
    """Register what `stats()` of an AgentTrace says as observable metrics of the meter `agenttrace`.

    They are read when the provider's reader collects, which costs microseconds, opens nothing and never raises. Call it
    once for a provider: a second AgentTrace would be told by the same names. After a fork the numbers are the child's.

    Args:
        meter_provider: where to register; the global one if left out.
        trace: the AgentTrace to look at; the default one if left out.

    >>> from opentelemetry.sdk.metrics import MeterProvider
    >>> from opentelemetry.sdk.metrics.export import InMemoryMetricReader
    >>> import agenttrace
    >>> reader = InMemoryMetricReader()
    >>> provider = MeterProvider([reader], shutdown_on_exit=False)
    >>> with agenttrace.AgentTrace(store="memory://") as trace:
    ...     metrics(provider, trace)
    ...     with trace.master("greet"):
    ...         pass
    ...     found = reader.get_metrics_data().resource_metrics[0].scope_metrics[0].metrics
    >>> [metric.data.data_points[0].value for metric in found if metric.name == "agenttrace.records.recorded"]
    [2]
    >>> provider.shutdown()
    """
    target = target_of(trace)
    provider = api.get_meter_provider() if meter_provider is None else meter_provider
    meter = provider.get_meter("agenttrace")
    for instrument in INSTRUMENTS:
        create = _maker(meter, instrument.kind)
        create(
            instrument.name,
            [_callback(target, instrument.field)],
            unit=instrument.unit,
            description=instrument.description,
        )


def _maker(meter: Meter, kind: str) -> Callable[..., Any]:
    return {
        "counter": meter.create_observable_counter,
        "level": meter.create_observable_up_down_counter,
        "gauge": meter.create_observable_gauge,
    }[kind]


def _callback(target: Target, field: str) -> Callable[[CallbackOptions], Iterable[Observation]]:
    read = attrgetter(field)

    def observe(options: CallbackOptions) -> Iterable[Observation]:  # noqa: ARG001 - what the API hands over
        try:
            return [Observation(read(target.stats()))]
        except Exception as error:  # noqa: BLE001 - never into the program's own metrics
            target.recorder.failed(error, "metrics")
            return []

    return observe
