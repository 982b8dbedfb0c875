"""Rate limits: at, below and above their edge, by view and caller, in windows of a clock that is held."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from agenttrace.asgi import limits as room
from agenttrace.asgi.limits import Limit, RateLimits
from agenttrace.errors import ConfigurationError


class Clock:
    """Seconds since the epoch that stand."""

    def __init__(self) -> None:
        self.now = 1_767_225_600.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    """Give a clock."""
    return Clock()


def test_sixty_a_minute_unless_said_otherwise(clock: Clock) -> None:
    """The sixtieth goes on, the sixty-first does not."""
    limits = RateLimits(clock=clock)
    found = [limits.hit("run_logs", "key") for _ in range(61)]
    assert [limit.allowed for limit in found] == [True] * 60 + [False]
    assert [limit.remaining for limit in found] == [*range(59, -1, -1), 0]
    assert {(limit.limit, limit.reset_at) for limit in found} == {(60, 1_767_225_660)}


def test_a_window_ends_when_it_said_it_would(clock: Clock) -> None:
    """Counted from its first request; requests that were refused do not lengthen it."""
    limits = RateLimits({"default": "2/minute"}, clock=clock)
    end = limits.hit("v", "key").reset_at
    clock.now += 59
    assert [limits.hit("v", "key").allowed for _ in range(5)] == [True, False, False, False, False]
    refused = limits.hit("v", "key")
    assert (refused.reset_at, refused.retry_after) == (end, 1)
    clock.now = float(end)
    after = limits.hit("v", "key")
    assert (after.allowed, after.remaining, after.reset_at) == (True, 1, end + 60)


def test_the_first_request_that_is_refused_is_known(clock: Clock) -> None:
    """It alone, in each window."""
    limits = RateLimits({"default": "2/minute"}, clock=clock)
    for _ in range(2):
        found = [limits.hit("v", "key").is_first_refused for _ in range(6)]
        assert found == [False, False, True, False, False, False]
        clock.now += 61


def test_views_and_callers_count_apart(clock: Clock) -> None:
    """What one caller asks of one view takes nothing from another."""
    limits = RateLimits({"default": "1/minute"}, clock=clock)
    assert [limits.hit(view, who).allowed for view in "ab" for who in "xy"] == [True] * 4
    assert [limits.hit(view, who).allowed for view in "ab" for who in "xy"] == [False] * 4


def test_names_of_callers_hold_what_they_like(clock: Clock) -> None:
    """None is taken for another's."""
    limits = RateLimits({"default": "1/minute"}, clock=clock)
    names = ["b", "b/c", "b/1/1/minute", "", "/", "b/c/1/1/minute"]
    assert all(limits.hit(view, who).allowed for view in ("a", "ab") for who in names)


def test_a_view_has_a_rate_of_its_own(clock: Clock) -> None:
    """The others keep theirs."""
    limits = RateLimits({"run_logs": "3 per second", "default": "5/hour"}, clock=clock)
    assert limits.hit("run_logs", "key") == Limit(True, 3, 2, 1_767_225_601, 1)
    assert limits.hit("prompt_logs", "key") == Limit(True, 5, 4, 1_767_229_200, 3600)


def test_the_headers_say_what_is_left(clock: Clock) -> None:
    """Retry-After stands only where one has to wait, and is never 0; the reset is in whole seconds, rounded up."""
    clock.now += 0.25
    limits = RateLimits({"default": "1/minute"}, clock=clock)
    assert limits.hit("v", "key").headers() == {
        "X-RateLimit-Limit": "1",
        "X-RateLimit-Remaining": "0",
        "X-RateLimit-Reset": "1767225661",
    }
    clock.now += 59.999
    assert limits.hit("v", "key").headers() == {
        "X-RateLimit-Limit": "1",
        "X-RateLimit-Remaining": "0",
        "X-RateLimit-Reset": "1767225661",
        "Retry-After": "1",
    }


@pytest.mark.parametrize(
    "rate", ["", "many", "60", "60/fortnight", "-1/minute", "0/minute", None, 60, "1/minute; 5/hour"]
)
def test_a_rate_that_is_none_is_named(rate: object) -> None:
    """With its view."""
    with pytest.raises(ConfigurationError, match=r"^rates: run_logs: "):
        RateLimits({"run_logs": rate})  # type: ignore[dict-item]


def test_what_is_over_is_forgotten(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Callers that come and go do not fill the memory."""
    monkeypatch.setattr(room, "_SWEEP_AT", 100)
    limits = RateLimits({"default": "1/minute"}, clock=clock)
    most = 0
    for number in range(2_000):
        limits.hit("v", f"key-{number}")
        clock.now += 1
        most = max(most, len(limits._storage._windows))
    assert most <= 201


def test_counters_in_use_are_kept_although_there_are_many(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody gets a fresh window by the presence of others."""
    monkeypatch.setattr(room, "_SWEEP_AT", 10)
    limits = RateLimits({"default": "1/minute"}, clock=clock)
    for number in range(100):
        assert limits.hit("v", f"key-{number}").allowed
    assert not any(limits.hit("v", f"key-{number}").allowed for number in range(100))


def test_threads_together_get_no_more_than_the_rate(clock: Clock) -> None:
    """Counting is one step; no thread is started for it."""
    limits = RateLimits({"default": "100/minute"}, clock=clock)
    before = threading.active_count()
    limits.hit("v", "another")
    assert threading.active_count() == before
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: limits.hit("v", "key").allowed, range(400)))
    assert sum(found) == 100
