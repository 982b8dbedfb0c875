"""Facts about what a run's content holds, and how text is read from recorded values."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agenttrace.model.content import CONTENT_KEYS, complete, error_of, keys_of, messages_of, parse, text_of
from agenttrace.model.jsontext import compact_json, fold

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize("run_type", [*CONTENT_KEYS, "rerank"])
def test_captured_content_has_all_documented_keys_in_order(run_type: str) -> None:
    """What is not known is null; what was captured besides follows."""
    whole = complete(run_type, "name", {"extra": 1})
    assert whole is not None
    assert list(whole) == [*keys_of(run_type), "extra"]


@pytest.mark.parametrize("content", [None, {}])
def test_content_is_none_where_nothing_was_captured(content: dict[str, Any] | None) -> None:
    """No keys are invented."""
    assert complete("tool_call", "search", content) is None


@pytest.mark.parametrize(
    ("run_type", "key"), [("tool_call", "tool_name"), ("prompt", "prompt_type"), ("predefined_behaviour", "behaviour")]
)
def test_what_a_run_was_defaults_to_its_name(run_type: str, key: str) -> None:
    """A captured value wins over the name."""
    assert (complete(run_type, "name", {"input": 1}) or {})[key] == "name"
    assert (complete(run_type, "name", {key: "own"}) or {})[key] == "own"


@pytest.mark.parametrize("text", ["{", "[]", '"text"', "null", "1", "\x00", '{"a": "\\ud800"}', "[" * 2000])
def test_stored_text_that_is_no_object_is_none(text: str) -> None:
    """Nothing is raised."""
    assert parse(text) is None


def test_values_nested_deeper_than_encoders_write_become_text() -> None:
    """A parsed value can always be written again, and keeps what it held."""
    deep = '{"a":' * 900 + "1" + "}" * 900
    value = parse(deep)
    assert compact_json({"around": [value]}).count("{") > 200
    json.dumps(value)
    inner = value
    while isinstance(inner, dict):
        inner = inner["a"]
    assert inner == '{"a":' * 700 + "1" + "}" * 700


def test_many_brackets_that_are_not_deep_stay_as_they_are() -> None:
    """Only depth counts."""
    text = '{"a":[' + ",".join(["[1]"] * 300) + "]}"
    assert parse(text) == json.loads(text)


@settings(max_examples=80, deadline=None)
@given(JSON)
def test_compact_json_reads_back_as_the_same_value(value: Any) -> None:
    """Also where the value is too deep for the encoder."""
    assert json.loads(compact_json(value)) == value
    wrapped = value
    for _ in range(300):
        wrapped = {"k": [wrapped, "é"]}
    assert json.loads(compact_json(wrapped)) == wrapped


def test_compact_json_writes_what_has_no_json_form_as_text() -> None:
    """Not-a-number becomes null, anything unknown its `str`, keys their text."""
    deep: Any = {1: float("nan"), "b": (True, None, 1 << 80, 1.5), "c": object, "d": "\ud800"}
    assert json.loads(compact_json(deep)) == {
        "1": None,
        "b": [True, None, 1 << 80, 1.5],
        "c": "<class 'object'>",
        "d": "\\ud800",
    }


def test_fold_leaves_shallow_values_alone() -> None:
    """The value itself comes back."""
    value = {"a": [1, {"b": 2}]}
    assert fold(value) is value
    assert value == {"a": [1, {"b": 2}]}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, None),
        ("Why?", "Why?"),
        ("", ""),
        (5, "5"),
        (True, "true"),
        ({}, ""),
        ([], "[]"),
        ({"anything": "Why?"}, "Why?"),
        ({"anything": None}, None),
        ({"verbose": True, "question": "Why?"}, "Why?"),
        ({"query": None, "message": "Why?", "a": 1}, "Why?"),
        ({"a": 1, "b": [2]}, '{"a":1,"b":[2]}'),
        ({"message": {"role": "user", "content": [{"type": "text", "text": "Why?"}]}}, "Why?"),
        ([{"type": "text", "text": "A"}, {"type": "image", "url": "u"}, {"type": "text", "content": "B"}], "A\nB"),
        ([{"type": "image", "url": "u"}], '[{"type":"image","url":"u"}]'),
        (["Be", "cause"], "Because"),
        (["a", 1], '["a",1]'),
        ([{"a": 1}], '[{"a":1}]'),
        ({"messages": [{"role": "user", "content": "Why?"}]}, "Why?"),
        ([{"role": "user", "parts": [{"type": "text", "content": "Why?"}]}], "Why?"),
    ],
)
def test_text_is_found_in_usual_shapes(value: Any, text: str | None) -> None:
    """Where there is no text there is compact JSON, and None only for null."""
    assert text_of(value) == text
    assert text_of(value, "input") == text


def test_of_chat_messages_the_side_decides() -> None:
    """The input is the last user's message, the output the last message."""
    chat = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Why?"},
        {"role": "assistant", "content": "Because."},
    ]
    assert text_of(chat, "input") == "Why?"
    assert text_of(chat) == "Because."
    assert text_of([chat[0], chat[2]], "input") == "Because."


@settings(max_examples=100, deadline=None)
@given(JSON)
def test_any_value_has_text_and_messages(value: Any) -> None:
    """An `input_message` has at least one message of a type and a content, both text."""
    assert text_of(value) is None or isinstance(text_of(value), str)
    messages = messages_of(value)
    assert messages
    assert all(isinstance(message["type"], str) and isinstance(message["content"], str) for message in messages)


def test_text_is_found_in_values_of_any_depth() -> None:
    """No recursion: one value inside another 5,000 times."""
    value: Any = "Why?"
    for _ in range(5_000):
        value = {"only": value}
    assert text_of(value) == "Why?"


@pytest.mark.parametrize("wrap", [lambda messages: messages, lambda messages: {"messages": messages}])
def test_an_input_that_is_messages_stays(wrap: Any) -> None:
    """Also as the only argument of the recorded function, and with further keys."""
    messages = [{"type": "text", "content": "Why?", "lang": "en"}, {"type": "image", "content": "u"}]
    assert messages_of(wrap(messages)) == messages


def test_chat_messages_become_one_message() -> None:
    """A role is no part of a documented message."""
    assert messages_of([{"role": "user", "type": "text", "content": "Why?"}]) == [{"type": "text", "content": "Why?"}]


@pytest.mark.parametrize(
    ("stored", "error"),
    [
        (None, None),
        ("null", None),
        ('{"type":"ValueError","code":7}', {"type": "ValueError", "message": None, "stack": None, "code": 7}),
        ("boom", {"type": None, "message": "boom", "stack": None}),
    ],
)
def test_an_error_has_type_message_and_stack(stored: str | None, error: Any) -> None:
    """Text that is no object is the message."""
    assert error_of(stored) == error
