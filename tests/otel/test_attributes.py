"""AttributeWriter: attributes as redacted JSON; the compiled way writes what the one in Python writes."""

from __future__ import annotations

import shutil
from typing import Any

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agenttrace.otel import attributes
from agenttrace.otel.attributes import NATIVE, AttributeWriter, members, members_in_python
from agenttrace.record.recorder import Recorder

KEY = "sk-proj-" + "Zq8Rt3Lm" * 4
NAMES = st.sampled_from(["model", "gen_ai.input.messages", "api_key", "über", "a:b", "", 'q"', "value", "name"])
TEXTS = st.one_of(
    st.text(),
    st.text(st.sampled_from('abc"\\\n\t\x00\x1f\x7fé€😀:=-_/')),
    st.sampled_from(
        [KEY, f'{{"k": "{KEY}"}}', '{"api_key": "hunter2"}', "Bearer abcdefghijklmnop", "\ud800", "Authorization"]
    ),
)
VALUES: st.SearchStrategy[Any] = st.one_of(
    TEXTS,
    st.integers(),
    st.integers(-(10**13), 10**13),
    st.floats(),
    st.booleans(),
    st.none(),
    st.binary(max_size=5),
    st.lists(TEXTS, max_size=2).map(tuple),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)


def written(given_attributes: dict[str, Any], way: Any, *, limit: int = 1 << 20, times: int = 2) -> bytes:
    """Return what a writer that goes this way writes, the second time, when it knows the keys."""
    recorder = Recorder()
    recorder.redact_with(None, enabled=True, limit=limit)
    writer, before = AttributeWriter(recorder), attributes.members
    attributes.members = way  # type: ignore[misc]
    try:
        for _ in range(times):
            made = writer.write("héad", dict(given_attributes))
    finally:
        attributes.members = before  # type: ignore[misc]
    assert made.startswith("héad{".encode())
    return made[5:]


@given(st.dictionaries(NAMES, VALUES, max_size=5))
@example({"model": "x" * 5000 + '"', "size": 1 - 10**12, "t": 1e-4, "u": 1e-5, "z": -0.0, "n": float("nan")})
@example({"model": KEY, "list": (KEY,), "pair": ("authorization", "hunter2")})
def test_both_ways_write_the_same(given_attributes: dict[str, Any]) -> None:
    """Byte for byte, of whatever type and with whatever characters."""
    assert written(given_attributes, members) == written(given_attributes, members_in_python)


@given(st.dictionaries(NAMES, VALUES, max_size=5))
def test_what_is_written_is_an_object_without_secrets(given_attributes: dict[str, Any]) -> None:
    """It has the attributes' names, and no secret, the first time and the next."""
    for times in (1, 2):
        made = written(given_attributes, members, times=times)
        assert len(orjson.loads(made)) == len(given_attributes)
        assert KEY.encode() not in made
        assert b"hunter2" not in made


@given(TEXTS)
def test_texts_come_back_unless_they_are_redacted(text: str) -> None:
    """Escapes are JSON's; a lone surrogate, which JSON cannot hold, is replaced."""
    (back,) = orjson.loads(written({"model": text}, members)).values()
    assert back == text or "REDACTED" in back or "\ud800" in text


@pytest.mark.parametrize("way", [members, members_in_python])
@pytest.mark.parametrize("size", [100, 5_000, 200_000])
def test_beyond_the_limit_the_largest_give_way(way: Any, size: int) -> None:
    """What is small stays whole, whichever way the large was written."""
    back = orjson.loads(written({"small": "kept", "big": "x" * size, "n": 1}, way, limit=4096))
    assert (back["small"], back["n"]) == ("kept", 1)
    assert back["big"] == "x" * size if size == 100 else back["big"]["truncated"] is True


def test_long_texts_that_name_secrets_are_remembered() -> None:
    """A tool's definition that speaks of tokens is looked at closely once, not with every call."""
    recorder = Recorder()
    writer = AttributeWriter(recorder)
    looked = 0
    capture = recorder.capture

    def counted(value: Any) -> bytes:
        nonlocal looked
        looked += value == text
        return capture(value)

    recorder.capture = counted
    text = '[{"name": "sign_in", "parameters": {"api_key": "the key"}}]' * 10
    first, *others = [writer.write("", {"tools": text}) for _ in range(5)]
    assert others == [first] * 4
    assert looked == 2  # for a key that is seen for the first time nothing is remembered


def test_keys_that_never_repeat_are_forgotten() -> None:
    writer = AttributeWriter(Recorder())
    for number in range(attributes._MOST_KEYS + 10):
        assert writer.write("", {f"key{number}": 1}) == b'{"key%d":1}' % number
    assert len(writer._keys) <= attributes._MOST_KEYS


def test_long_texts_that_never_repeat_are_forgotten() -> None:
    writer = AttributeWriter(Recorder())
    for number in range(80):
        writer.write("", {"tools": f'{{"api_key": "{number}"}}' + "x" * 60_000})
    assert 0 < writer._remembered <= attributes._MOST_BYTES


@pytest.mark.parametrize("wrong", [(1, {}, {}, repr), ("", [], {}, repr), ("", {}, [], repr), ("", {})])
def test_what_are_no_attributes_is_an_error(wrong: tuple[Any, ...]) -> None:
    with pytest.raises((TypeError, AttributeError)):
        members(*wrong)


def test_an_error_inside_is_the_callers() -> None:
    with pytest.raises(ZeroDivisionError):
        members("", {"a": 1}, {}, lambda name, value: b"%d" % (1 // 0))


def test_the_compiled_way_is_there_wherever_there_is_a_compiler() -> None:
    """A build that quietly leaves it out would cost every span some microseconds."""
    assert NATIVE or shutil.which("cc") is None
