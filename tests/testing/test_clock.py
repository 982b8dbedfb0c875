"""Clock: time that stands still until it is told to move, and ids that count."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agenttrace.testing import CountedIds, FixedClock

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
NOON_NS = 1_767_268_800_000_000_000


def test_the_clock_stands_still() -> None:
    """Asked again, it shows the same instant, in nanoseconds since the epoch."""
    clock = FixedClock(NOON)
    assert [clock(), clock()] == [NOON_NS, NOON_NS]


def test_the_clock_moves_when_told_to() -> None:
    """It goes forward, back, and to any instant."""
    clock = FixedClock(NOON)
    clock.advance(1.5)
    assert clock() == NOON_NS + 1_500_000_000
    clock.advance(-2)
    assert clock() == NOON_NS - 500_000_000
    clock.set(NOON + timedelta(microseconds=1))
    assert clock() == NOON_NS + 1000


def test_the_time_zone_does_not_matter() -> None:
    """One instant is one number, in whatever zone it is told."""
    there = timezone(timedelta(hours=5, minutes=30))
    assert FixedClock(NOON.astimezone(there))() == NOON_NS


def test_an_instant_without_a_zone_is_refused() -> None:
    """A naive datetime is no instant."""
    with pytest.raises(ValueError, match="aware"):
        FixedClock(datetime(2026, 1, 1))  # noqa: DTZ001
    clock = FixedClock(NOON)
    with pytest.raises(ValueError, match="aware"):
        clock.set(datetime(2026, 1, 1))  # noqa: DTZ001
    assert clock() == NOON_NS


@given(st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1)))  # noqa: DTZ001
def test_microseconds_are_exact(moment: datetime) -> None:
    """No microsecond is lost to floating point."""
    instant = moment.replace(tzinfo=UTC)
    since = instant - datetime(1970, 1, 1, tzinfo=UTC)
    assert FixedClock(instant)() == since // timedelta(microseconds=1) * 1000


def test_ids_count_from_one() -> None:
    """Span ids are the bare number; trace ids have the milliseconds in front of it, the number once more between."""
    ids = CountedIds()
    assert [ids.span(), ids.span()] == [(1).to_bytes(8, "big"), (2).to_bytes(8, "big")]
    first, second = ids.trace(NOON_NS // 1000), ids.trace(NOON_NS // 1000)
    assert first == (NOON_NS // 1_000_000).to_bytes(6, "big") + b"\0\1" + (1).to_bytes(8, "big")
    assert second[6:] == b"\0\2" + (2).to_bytes(8, "big")


def test_each_counts_for_itself() -> None:
    """A new CountedIds begins at one again, so that every test has the same ids."""
    assert CountedIds().span() == CountedIds().span()
    assert CountedIds().trace(0) == CountedIds().trace(0)
