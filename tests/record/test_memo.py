"""A value that is made of the same texts as the last one is known again: its JSON is what it would be anyway."""

from __future__ import annotations

import sys
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agenttrace.record.clip import to_clean_clipped
from agenttrace.record.makers import Makers
from agenttrace.record.recorder import DEFAULT_MAX_CONTENT_BYTES, Recorder
from agenttrace.record.redact import Redactor
from agenttrace.record.state import NATIVE

LIMIT = DEFAULT_MAX_CONTENT_BYTES
TEXTS = ["x" * 700, "y" * 700, "Grüße, " * 120, "", "a", "password", "token", "password=hunter22", 'quo"te\n' * 200]


@pytest.fixture
def recorder() -> Recorder:
    return recording()


def recording() -> Recorder:
    made = Recorder()
    made.append = lambda _kind, _payload: None
    made.enabled = True
    return made


def said(recorder: Recorder, value: Any) -> bytes:
    """Return what a span keeps of its input."""
    span = Makers(recorder).span("reasoning", "think")
    span.input = value
    return span._content["input"]


def expected(value: Any, limit: int = LIMIT) -> bytes:
    return to_clean_clipped(value, Redactor(), limit)


def messages(count: int) -> list[Any]:
    return [
        {"role": "user", "content": f"word {number} " * 50, "n": number, "tags": ["a", None]} for number in range(count)
    ]


LEAVES = st.sampled_from(TEXTS) | st.none() | st.booleans() | st.integers(-5, 10**13) | st.floats()
ITEMS = (
    LEAVES | st.lists(LEAVES, max_size=3) | st.dictionaries(st.sampled_from(["role", "content", "password"]), LEAVES)
)
PLACES = st.integers(0, 9)
CHANGES = st.one_of(
    st.tuples(st.just("append"), ITEMS),
    st.tuples(st.just("insert"), PLACES, ITEMS),
    st.tuples(st.just("set"), PLACES, ITEMS),
    st.tuples(st.just("pop"), PLACES),
    st.tuples(st.just("inside"), PLACES, st.sampled_from(["role", "content", "more"]), LEAVES),
    st.sampled_from([("copy",), ("tuple",), ("wrap",), ("same",), ("reverse",)]),
)


def change(value: Any, how: str, *given: Any) -> Any:
    """Return the value after a change, most often in place."""
    kept: list[Any] = list(value) if not isinstance(value, list) else value
    at = given[0] % max(len(kept), 1) if given and isinstance(given[0], int) and how != "append" else 0
    if how == "append":
        kept.append(given[0])
    elif how == "insert":
        kept.insert(at, given[1])
    elif how == "set" and kept:
        kept[at] = given[1]
    elif how == "pop" and kept:
        kept.pop(at)
    elif how == "inside" and kept and isinstance(kept[at], dict):
        kept[at][given[1]] = given[2]
    elif how == "copy":
        return deepcopy(value)
    elif how == "tuple":
        return tuple(kept)
    elif how == "wrap":
        return [kept, {"content": kept}][len(kept) % 2 :][:2]
    elif how == "reverse" and kept and isinstance(kept[0], dict):
        kept[0] = dict(reversed(kept[0].items()))
    return kept


@given(st.integers(0, 6), st.lists(CHANGES, max_size=12))
@example(1, [("append", "password"), ("append", "hunter2")])
@example(0, [("append", "password"), ("append", "hunter2" * 300), ("append", "x")])
@example(5, [("same",), ("append", TEXTS[0]), ("append", TEXTS[3]), ("inside", 2, "role", True), ("reverse",)])
@example(4, [("tuple",), ("append", 1.5), ("pop", 0), ("copy",)])
def test_whatever_was_said_before_a_value_has_its_own_json(count: int, changes: list[tuple[Any, ...]]) -> None:
    """Changed in place or made anew, longer or shorter, with other keys, in another order, with secrets or without."""
    recorder = recording()
    value: Any = messages(count)
    for each in [("same",), *changes]:
        value = change(value, *each)
        assert said(recorder, value) == expected(value)
        assert said(recorder, value) == expected(value)


@pytest.mark.skipif(not NATIVE, reason="built without a compiler")
def test_what_is_said_again_is_the_same_object(recorder: Recorder) -> None:
    """A conversation, and a long text; also in another list and other dicts, if their texts are the same ones."""
    history, text = messages(10), "long " * 400
    for value in (history, text):
        said(recorder, value)  # its keys are learnt
        first = said(recorder, value)
        assert said(recorder, value) is first
    first = said(recorder, history)
    assert said(recorder, [*history, "more"]) == first[:-1] + b',"more"]'
    first = said(recorder, history)
    assert said(recorder, [{**message, "tags": message["tags"][:]} for message in history]) is first
    assert said(recorder, tuple(history)) is first
    assert said(recorder, [{**message, "n": float(message["n"])} for message in history]) != first


@pytest.mark.skipif(not NATIVE, reason="built without a compiler")
def test_conversations_in_turn_are_each_known_again(recorder: Recorder) -> None:
    """As a server has them."""
    histories = [[{"role": "user", "content": f"word {which} " * 50}, *messages(9)] for which in range(20)]
    said(recorder, histories[0])
    first = [said(recorder, history) for history in histories]
    assert all(said(recorder, history) is json for history, json in zip(histories, first, strict=True))


def test_a_message_that_was_changed_in_place_is_said_as_it_is_now(recorder: Recorder) -> None:
    """Only texts and numbers are taken for what they were."""
    history = messages(20)
    before = said(recorder, history)
    history[7]["tags"].append("late")
    now = said(recorder, history)
    assert orjson.loads(now)[7]["tags"] == ["a", None, "late"]
    assert orjson.loads(before)[7]["tags"] == ["a", None]


def test_redaction_is_that_of_today() -> None:
    """What was said under other rules is not said again."""
    recorder = recording()
    history = messages(20)
    recorder.redact_with(None, enabled=True, limit=LIMIT)
    assert b"user" in said(recorder, history)
    hide: Callable[[str | None, str], str] = lambda _key, text: text.replace("user", "[HIDDEN]")  # noqa: E731
    recorder.redact_with(hide, enabled=True, limit=LIMIT)
    assert b"user" not in said(recorder, history)
    recorder.redact_with(None, enabled=True, limit=LIMIT)
    assert said(recorder, history) == expected(history)


@pytest.mark.skipif(not NATIVE, reason="built without a compiler")
def test_little_is_held_of_what_was_said(recorder: Recorder) -> None:
    """Some thirty values at most, and four megabytes in all; nothing of a short one."""
    texts = [f"word {number} " * 500 for number in range(200)]
    before = [sys.getrefcount(texts[at]) for at in range(200)]
    for at in range(200):
        said(recorder, [texts[at]])
    assert sum(sys.getrefcount(texts[at]) - before[at] for at in range(200)) in range(1, 33)
    large = "z" * (5 << 20)
    count = sys.getrefcount(large)
    recorder.max_content_bytes = 64 << 20
    said(recorder, large)
    assert sys.getrefcount(large) == count
    short = f"short of {len(texts)}"
    count = sys.getrefcount(short)
    said(recorder, [short])
    assert sys.getrefcount(short) == count


@pytest.mark.skipif(not NATIVE, reason="built without a compiler")
def test_nothing_is_left_behind_by_many_conversations(recorder: Recorder) -> None:
    """Each item is referred to as often afterwards as before."""
    shared = "shared " * 300
    counts: list[int] = []
    for _ in range(20):
        for number in range(30):
            history: list[Any] = [shared, {"content": shared}]
            for size in range(number % 7):
                history.append({"content": shared, "n": size + 0.5})
                said(recorder, history)
            del history
        counts.append(sys.getrefcount(shared))
    assert set(counts[1:]) == {counts[0]}


def test_a_list_that_was_longer_is_said_as_long_as_it_is_now(recorder: Recorder) -> None:
    """Also where it has more items than are told from one another."""
    items = [f"item {number}" for number in range(2044)]
    for number in range(6):
        items.append(f"more {number}")
        assert said(recorder, items) == expected(items)
        last = items.pop()
        assert said(recorder, items) == expected(items)
        items.append(last)
        assert said(recorder, items) == expected(items)
