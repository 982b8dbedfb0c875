"""Record into a list and read the records back as light objects: what recording wrote, with no journal or store."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from agenttrace.model.wire import ENTITY, EVENT, REMOTE, RUN, SPREAD, RunRecord, read_run
from agenttrace.record.makers import Makers
from agenttrace.record.recorder import Recorder
from agenttrace.testing.clock import CountedIds, FixedClock

__all__ = ["DECORATORS", "NOON", "Recording", "Run", "decorator"]

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)

#: Every span maker that may be used bare; `span` needs a run type.
DECORATORS = ("master", "tool_call", "context", "prompt", "predefined_behaviour")


def decorator(make: Makers, kind: str, **settings: Any) -> Callable[..., Any]:
    """Return a maker as a decorator, bare where there are no settings; `custom_step` stands for `span`."""
    if kind not in DECORATORS:
        return make.span(kind, **settings)
    maker = getattr(make, kind)
    return maker(**settings) if settings else maker


@dataclass
class Run:
    """One version of one run, taken apart."""

    record: RunRecord
    envelope: dict[str, Any]
    content: dict[str, Any]
    payload: bytes

    @property
    def name(self) -> str:
        return self.envelope["name"]

    @property
    def type(self) -> str:
        return self.envelope["type"]

    @property
    def trace_id(self) -> str:
        return self.record.trace.hex()

    @property
    def span_id(self) -> str:
        return self.record.span.hex()

    @property
    def parent_id(self) -> str | None:
        return None if self.record.parent is None else self.record.parent.hex()

    @property
    def status(self) -> str:
        return self.record.status

    @property
    def error(self) -> dict[str, Any] | None:
        return self.envelope.get("error")

    @property
    def scope(self) -> dict[str, Any]:
        return self.envelope.get("scope", {})

    @property
    def attributes(self) -> dict[str, Any]:
        return self.envelope.get("attributes", {})

    @property
    def remote(self) -> bool:
        return bool(self.record.flags & REMOTE)

    @property
    def spread(self) -> bool:
        return bool(self.record.flags & SPREAD)


def _read(payload: bytes) -> Run:
    record = read_run(payload)
    content = orjson.loads(record.content) if record.content else {}
    return Run(record, orjson.loads(record.envelope), content, payload)


def _read_event(payload: bytes) -> dict[str, Any]:
    head, _, data = payload.partition(b"\n")
    return {**orjson.loads(head), "data": orjson.loads(data)}


class Recording:
    """A recorder whose records land in a list, makers on it, and a clock that is held."""

    def __init__(self, *, strict: bool = True, enabled: bool = True) -> None:
        self.records: list[tuple[int, bytes]] = []
        self.clock = FixedClock(NOON)
        recorder = self.recorder = Recorder()
        recorder.append = lambda kind, payload: self.records.append((kind, payload))
        recorder.clock = self.clock
        recorder.use_ids(CountedIds())
        recorder.strict = strict
        recorder.enabled = enabled
        self.make = Makers(recorder)

    def capture_with(self, redact: Any = None, *, redacts: bool = True, limit: int = 1 << 20) -> None:
        """Redact with a callable of one's own, or not at all; bound the content of a run."""
        self.recorder.redact_with(redact, enabled=redacts, limit=limit)

    def versions(self, name: str | None = None) -> list[Run]:
        """All versions of all runs, or of those of this name, as they were written."""
        found = [_read(payload) for kind, payload in self.records if kind == RUN]
        return [one for one in found if name is None or one.name == name]

    def runs(self, name: str | None = None) -> list[Run]:
        """The latest version of each run, by their start."""
        latest: dict[tuple[bytes, bytes], Run] = {}
        for one in self.versions():
            key = one.record.trace, one.record.span
            if key not in latest or _order(latest[key]) < _order(one):
                latest[key] = one
        runs = sorted(latest.values(), key=lambda one: one.record.seq)
        return [one for one in runs if name is None or one.name == name]

    def run(self, name: str | None = None) -> Run:
        """The latest version of the only run (of this name)."""
        (run,) = self.runs(name)
        return run

    def tree(self) -> list[Any]:
        """The runs as nested (name, children), siblings by their start."""
        runs = self.runs()
        known = {run.span_id for run in runs}
        below: dict[str | None, list[Run]] = defaultdict(list)
        for run in runs:
            below[run.parent_id if run.parent_id in known else None].append(run)

        def grow(parent: str | None) -> list[Any]:
            return [(run.name, grow(run.span_id)) for run in below[parent]]

        return grow(None)

    def events(self, kind: str | None = None) -> list[dict[str, Any]]:
        """The events that were written, with their data."""
        found = [_read_event(payload) for number, payload in self.records if number == EVENT]
        return [event for event in found if kind is None or event["type"] == kind]

    def entities(self) -> list[dict[str, Any]]:
        """What was registered."""
        return [orjson.loads(payload) for kind, payload in self.records if kind == ENTITY]


def _order(run: Run) -> tuple[int, int]:
    return run.record.rank, run.record.revision
