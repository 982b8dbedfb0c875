"""Fields: which content key a value belongs to, and the shapes of other people's objects."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from agenttrace.record.arguments import split_arguments
from agenttrace.record.fields import KEY_JSON, PARAMETERS, SETTABLE, tool_names
from agenttrace.record.stream import chunk_text


def space(**fields: Any) -> SimpleNamespace:
    """Make an object with attributes, as clients of models have them."""
    return SimpleNamespace(**fields)


@pytest.mark.parametrize(
    ("chunk", "text"),
    [
        ("plain", "plain"),
        ("", ""),
        ({"choices": [{"delta": {"content": "Hi"}}]}, "Hi"),
        ({"choices": [{"delta": {"role": "assistant"}}]}, ""),
        ({"choices": [{"delta": {"content": None}}]}, ""),
        ({"choices": [], "usage": {"total_tokens": 3}}, None),
        ({"choices": [{}]}, None),
        (space(choices=[space(delta=space(content="Hi"))]), "Hi"),
        (space(choices=[space(delta=space(content=None))]), ""),
        ({"type": "content_block_delta", "delta": {"type": "text_delta", "text": "Hi"}}, "Hi"),
        (space(type="content_block_delta", delta=space(text="Hi")), "Hi"),
        ({"type": "response.output_text.delta", "delta": "Hi"}, "Hi"),
        (space(type="message_stop"), None),
        (space(type="message_delta", delta=space(stop_reason="end_turn")), None),
        ({"text": "Hi"}, "Hi"),
        (space(content="Hi"), "Hi"),
        ({"content": [1]}, None),
        (17, None),
        (None, None),
    ],
)
def test_the_text_of_a_chunk_is_found_in_the_known_shapes(chunk: Any, text: str | None) -> None:
    """Texts, OpenAI and Anthropic chunks as objects and as dicts; None where there is no text in it."""
    assert chunk_text(chunk) == text


def named() -> None:
    pass


@pytest.mark.parametrize(
    ("tools", "names"),
    [
        (None, None),
        ([], []),
        (["a", "b"], ["a", "b"]),
        ("a", ["a"]),
        ([named, len], ["named", "len"]),
        ([{"name": "a"}, {"type": "function", "function": {"name": "b"}}], ["a", "b"]),
        ([{"toolSpec": {"name": "c"}}], ["c"]),
        ({"name": "a", "description": "x"}, ["a"]),
        ({"a": {"type": "object"}, "b": {}}, ["a", "b"]),
        (({"name": "a"},), ["a"]),
        ([space(name="a")], ["a"]),
        ([{"description": "nameless"}], ["dict"]),
        ([{"type": "web_search_preview"}, {"google_search": {}}], ["web_search_preview", "google_search"]),
        ([{"functionDeclarations": [{"name": "a"}, {"name": "b"}]}], ["a", "b"]),
        ({"tools": [{"toolSpec": {"name": "c"}}], "toolChoice": {"auto": {}}}, ["c"]),
        ({"tools": {"type": "object"}}, ["tools"]),
        ({"type": "web_search"}, ["web_search"]),
        ([{1: {}}], ["dict"]),
        ([17], ["int"]),
    ],
)
def test_tools_are_known_by_their_names(tools: Any, names: list[str] | None) -> None:
    """Names, functions and definitions of any provider."""
    assert tool_names(tools) == names


def test_arguments_of_plain_run_types_stand_together() -> None:
    """A tool call, a turn and run types of the user's keep all arguments under `input`."""
    for kind in ("tool_call", "master", "predefined_behaviour", "custom_step"):
        assert split_arguments(kind, {"query": 1, "model": 2}) == {"input": {"query": 1, "model": 2}}


def test_of_two_arguments_for_one_key_the_first_takes_it() -> None:
    """`messages` and `history` mean the same; the second stays an argument."""
    assert split_arguments("prompt", {"messages": [1], "history": [2]}) == {"history": [1], "input": {"history": [2]}}


def test_a_call_without_arguments_has_no_input() -> None:
    """Nothing went in: a retrieval has no query, a prompt no input."""
    assert split_arguments("context", {}) == {}
    assert split_arguments("prompt", {}) == {}


def test_every_content_key_has_its_json() -> None:
    """Whatever a table names can be written."""
    for table in PARAMETERS.values():
        assert set(table.values()) <= set(KEY_JSON)
    for keys in SETTABLE.values():
        assert keys <= set(KEY_JSON)
    assert all(json == f',"{key}":'.encode() for key, json in KEY_JSON.items())
