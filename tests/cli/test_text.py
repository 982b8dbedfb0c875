"""Recorded data as text that is safe to print."""

from __future__ import annotations

import json
import sys
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agenttrace.cli.text import clean, duration, json_line, one_line

any_text = st.text(st.characters(), max_size=200)


@given(any_text)
def test_one_line_is_one_printable_line(text: str) -> None:
    """Whatever was recorded becomes one line without control characters, of bounded width."""
    line = one_line(text, 40)
    assert len(line.splitlines()) <= 1
    assert len(line) <= 40
    assert not {char for char in line if ord(char) < 0x20 or 0x7F <= ord(char) < 0xA0 or 0xD800 <= ord(char) < 0xE000}


@given(any_text)
def test_clean_keeps_the_length_and_what_is_harmless(text: str) -> None:
    """Each character stays or is replaced by one other; cleaning twice changes nothing more."""
    cleaned = clean(text)
    assert len(cleaned) == len(text)
    assert clean(cleaned) == cleaned


@given(any_text)
def test_json_lines_never_fail(text: str) -> None:
    """Text that no encoding has, as a store of others might give it, is written as well."""
    assert json_line([text]).isascii()


@given(st.text(max_size=200))
def test_json_lines_are_ascii_and_read_back(text: str) -> None:
    """A JSON line holds what was recorded, and nothing that a terminal acts on."""
    document = {text: [text, {"n": None}]}
    line = json_line(document)
    assert line.isascii()
    assert line.isprintable()
    assert json.loads(line) == document


def test_json_lines_of_any_depth() -> None:
    """A value nested far deeper than the interpreter's recursion limit is written."""
    deep: list[object] = []
    for _ in range(3 * sys.getrecursionlimit()):
        deep = [deep]
    assert json_line({"deep": deep}).count("[") == 3 * sys.getrecursionlimit() + 1


@pytest.mark.parametrize("text", ["naïve", "日本語", "👩‍🔬", "tab\there", "two\nlines"])
def test_text_of_people_stays_as_it_is(text: str) -> None:
    """Letters of any script, emoji sequences, tabs and newlines are no danger."""
    assert clean(text) == text


@pytest.mark.parametrize(
    ("span", "told"),
    [
        (timedelta(0), "0 ms"),
        (timedelta(microseconds=1234), "1.23 ms"),
        (timedelta(microseconds=999_900), "1 s"),
        (timedelta(seconds=2.5), "2.5 s"),
        (timedelta(seconds=59.99), "1 min 0 s"),
        (timedelta(hours=2), "120 min 0 s"),
    ],
)
def test_durations_have_the_unit_that_suits_them(span: timedelta, told: str) -> None:
    """Three digits are enough, and none says 60 seconds."""
    assert duration(span) == told


def test_huge_values_are_cut() -> None:
    """A line shows the beginning of what is long."""
    assert one_line("x" * 1_000_000, 10) == "xxxxxxxxx…"
    assert one_line(["x" * 1_000_000], 10) == '["xxxxxxx…'
