"""The cache of answers: in time, by caller, bounded, and empty after an erasure."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agenttrace.asgi.cache import AnswerCache, AnswerKey
from agenttrace.errors import ConfigurationError

KEY = AnswerKey("workspace", "workspace/k/u", "ask_ai_logs", (("page", 1),))


class Clock:
    """Seconds that stand."""

    now = 0.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    """Give a clock."""
    return Clock()


def test_an_answer_lasts_as_long_as_it_was_told_to(clock: Clock) -> None:
    """Up to and without its last instant."""
    cache = AnswerCache(60, clock)
    cache.put(KEY, b"answer")
    clock.now = 59.999
    assert cache.get(KEY) == b"answer"
    clock.now = 60.0
    assert cache.get(KEY) is None
    assert cache._bytes == 0


def test_asking_does_not_lengthen_it(clock: Clock) -> None:
    """A new answer does."""
    cache = AnswerCache(60, clock)
    cache.put(KEY, b"first")
    clock.now = 50.0
    assert cache.get(KEY) == b"first"
    cache.put(KEY, b"second")
    clock.now = 100.0
    assert cache.get(KEY) == b"second"


@pytest.mark.parametrize(
    "other",
    [
        KEY._replace(workspace_id="other"),
        KEY._replace(who="workspace/k/v"),
        KEY._replace(view="run_logs"),
        KEY._replace(parameters=(("page", 2),)),
    ],
)
def test_an_answer_is_for_one_caller_and_one_question(clock: Clock, other: AnswerKey) -> None:
    """It never crosses a key."""
    cache = AnswerCache(60, clock)
    cache.put(KEY, b"answer")
    assert cache.get(other) is None


def test_an_erasure_empties_it(clock: Clock) -> None:
    """Of the workspace, or altogether."""
    cache, other = AnswerCache(60, clock), KEY._replace(workspace_id="other")
    cache.put(KEY, b"answer")
    cache.put(other, b"theirs")
    cache.clear("workspace")
    assert (cache.get(KEY), cache.get(other)) == (None, b"theirs")
    cache.clear()
    assert cache.get(other) is None
    assert cache._bytes == 0


def test_an_answer_from_before_an_erasure_is_not_kept_after_it(clock: Clock) -> None:
    """It was read from the store while somebody erased."""
    cache = AnswerCache(60, clock)
    since = cache.state
    cache.clear("workspace")
    cache.put(KEY, b"erased", since=since)
    assert cache.get(KEY) is None
    cache.put(KEY, b"fresh", since=cache.state)
    assert cache.get(KEY) == b"fresh"


def test_without_time_nothing_is_kept(clock: Clock) -> None:
    """A TTL of 0 switches it off."""
    cache = AnswerCache(0, clock)
    cache.put(KEY, b"answer")
    assert not cache.enabled
    assert cache.get(KEY) is None
    assert AnswerCache(1).enabled


@pytest.mark.parametrize("ttl", [-1, -0.001, 1800.001, float("nan"), float("inf"), "60", None, True])
def test_a_ttl_outside_its_range_is_named(ttl: object) -> None:
    """0 to 1,800 seconds."""
    with pytest.raises(ConfigurationError, match=r"^ttl: "):
        AnswerCache(ttl)  # type: ignore[arg-type]
    assert AnswerCache(1800).enabled


def test_the_answer_that_was_used_longest_ago_goes_first(clock: Clock) -> None:
    """Where there is no room for all."""
    cache = AnswerCache(60, clock, max_bytes=8_000)
    keys = [KEY._replace(parameters=number) for number in range(5)]
    for key in keys[:4]:
        cache.put(key, bytes(1_400))
    assert cache.get(keys[0]) is not None
    cache.put(keys[4], bytes(1_400))
    assert [cache.get(key) is not None for key in keys] == [True, False, True, True, True]


def test_an_answer_that_would_push_out_the_rest_is_not_kept(clock: Clock) -> None:
    """And what was there stays."""
    cache = AnswerCache(60, clock, max_bytes=8_000)
    cache.put(KEY, b"small")
    cache.put(KEY._replace(parameters="big"), bytes(3_000))
    assert cache.get(KEY) == b"small"
    assert cache.get(KEY._replace(parameters="big")) is None


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 1_200)), max_size=60))
def test_it_never_holds_more_than_it_may(puts: list[tuple[int, int]]) -> None:
    """Whatever is put in, and it counts right."""
    cache = AnswerCache(60, Clock(), max_bytes=7_000)
    for number, size in puts:
        cache.put(KEY._replace(parameters=number), bytes(size))
        assert cache._bytes == sum(len(entry.answer) + 512 for entry in cache._entries.values()) <= 7_000


def test_threads_may_use_it_together(clock: Clock) -> None:
    """Each gets its own answer or none."""
    cache = AnswerCache(60, clock, max_bytes=20_000)

    def work(number: int) -> bool:
        key = KEY._replace(parameters=number % 50)
        cache.put(key, str(number % 50).encode())
        if number % 97 == 0:
            cache.clear()
        return cache.get(key) in (None, str(number % 50).encode())

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(4_000)))
