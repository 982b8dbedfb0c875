"""Ask AI analytics: what the interactions of a window of days amount to, in all and day by day. Pure.

Interactions are the rows of the Ask AI logs. Tokens and cost are those of the prompts in the interactions' traces.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, cast

import orjson

from agenttrace.model import times
from agenttrace.query.document import Document
from agenttrace.query.views.ask_ai_logs import AskAILogMeta, Window

if TYPE_CHECKING:
    from agenttrace.model.rows import RunFigures

__all__ = ["AskAIAnalytics", "AskAIDay", "AskAISummary", "Tally"]


class AskAISummary(Document):
    """What interactions amount to; latencies are those of finished ones, null where there is none.

    `cost` is null where no prompt told one. A session or user counts once, however many interactions it had.
    """

    interactions: int
    sessions: int
    users: int
    failures: int
    latency_p50_ms: float | None
    latency_p95_ms: float | None
    input_tokens: int
    output_tokens: int
    cost: float | None


class AskAIDay(AskAISummary):
    """The same for one day, UTC."""

    date: date


class AskAIAnalytics(Document):
    """The sums of a window, and of each of its days, the earliest first; days without interactions are there too."""

    start_date: date
    end_date: date
    summary: AskAISummary
    daily_breakdown: list[AskAIDay]
    meta: AskAILogMeta


def _numbers() -> array[int]:
    return array("q")


@dataclass(slots=True)
class _Sums:
    interactions: int = 0
    failures: int = 0
    sessions: set[bytes] = field(default_factory=set[bytes])
    users: set[str] = field(default_factory=set[str])
    latencies: array[int] = field(default_factory=_numbers)
    input_tokens: int = 0
    output_tokens: int = 0
    cost: float | None = None

    def interaction(self, row: RunFigures) -> None:
        self.interactions += 1
        self.failures += row.status == "failed"
        if row.session_id is not None:
            self.sessions.add(row.session_id)
        if row.user_id is not None:
            self.users.add(row.user_id)
        if row.end_time is not None:
            self.latencies.append(max(row.end_time - row.start_time, 0))

    def prompt(self, used: tuple[int, int], cost: float | None) -> None:
        self.input_tokens += used[0]
        self.output_tokens += used[1]
        if cost is not None:
            self.cost = (self.cost or 0.0) + cost

    def figures(self) -> dict[str, Any]:
        latencies = sorted(self.latencies)
        return {
            "interactions": self.interactions,
            "sessions": len(self.sessions),
            "users": len(self.users),
            "failures": self.failures,
            "latency_p50_ms": _percentile(latencies, 50),
            "latency_p95_ms": _percentile(latencies, 95),
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
            "cost": self.cost,
        }


class Tally:
    """Adds up interactions and their prompts, in any order as long as an interaction comes before its prompts.

    It keeps, for each interaction, a latency and a trace id, and no row.
    """

    def __init__(self, window: Window) -> None:
        self._window = window
        self._all = _Sums()
        self._days: dict[int, _Sums] = {}
        self._traces: dict[bytes, int] = {}

    def interaction(self, row: RunFigures) -> None:
        """Add an interaction."""
        day = row.start_time // times.DAY
        self._all.interaction(row)
        self._days.setdefault(day, _Sums()).interaction(row)
        # Of several interactions of one trace the prompts count once, on the day of the earliest.
        self._traces[row.trace_id] = min(day, self._traces.get(row.trace_id, day))

    def prompt(self, row: RunFigures) -> None:
        """Add a prompt; one of a trace without interaction does not count."""
        day = self._traces.get(row.trace_id)
        if day is None:
            return
        used, cost = _usage(row)
        self._all.prompt(used, cost)
        self._days[day].prompt(used, cost)

    def analytics(self, now: int) -> AskAIAnalytics:
        """Return the document."""
        first, last = self._window
        days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
        return AskAIAnalytics(
            start_date=first,
            end_date=last,
            summary=AskAISummary(**self._all.figures()),
            daily_breakdown=[AskAIDay(date=day, **self._of(day).figures()) for day in days],
            meta=AskAILogMeta(timezone="UTC", generated_at=times.utc(now)),
        )

    def _of(self, day: date) -> _Sums:
        return self._days.get(times.start_of_day(day) // times.DAY) or _Sums()


def _percentile(ordered: list[int], percent: int) -> float | None:
    """Return the nearest-rank percentile in milliseconds.

    >>> _percentile([1000, 2000, 3000, 4000], 50), _percentile([], 50)
    (2.0, None)
    """
    if not ordered:
        return None
    return ordered[max(-(-percent * len(ordered) // 100) - 1, 0)] / times.MILLISECOND


def _usage(row: RunFigures) -> tuple[tuple[int, int], float | None]:
    usage = _read(row.usage)
    told = cast("dict[str, Any]", usage) if isinstance(usage, dict) else {}
    cost = _read(row.cost)
    cost = told.get("cost") if cost is None else cost
    known = float(cost) if isinstance(cost, int | float) and not isinstance(cost, bool) else None
    return (_count(told.get("input_tokens")), _count(told.get("output_tokens"))), known


def _read(text: str | None) -> Any:
    try:
        return None if text is None else orjson.loads(text)
    except ValueError:
        return None


def _count(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0
