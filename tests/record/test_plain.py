"""Plain values: written and searched in one pass, with the thorough way's answers."""

from __future__ import annotations

import shutil
from typing import Any

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agenttrace.record.clip import to_clean_clipped
from agenttrace.record.plain import flat_in_python, plain_in_python
from agenttrace.record.quick import NATIVE, plain
from agenttrace.record.redact import Redactor, look, suspicious
from agenttrace.record.secretwords import SecretNames

LIMIT = 2000
KEYS = ["a", "role", "content", "é", "with space", "input_tokens", 'quo"te']
TEXTS = st.text(max_size=40) | st.sampled_from(
    [
        "x" * 700,
        'a\nb\\c"d\x00\x1f\x7f',
        "password=hunter22",
        "eyJ",
        "authorization",
        "4111 1111 1111 1111",
        "key: a",
        "é\ud800",
    ]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.integers(10**11, 10**13) | st.floats() | TEXTS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(inner, inner)
        | st.dictionaries(st.sampled_from([*KEYS, "value", "name", "token"]) | st.integers(), inner, max_size=4)
    ),
    max_leaves=12,
)
WAYS = pytest.mark.parametrize("way", [plain, plain_in_python] if NATIVE else [plain_in_python])


def heads() -> dict[str, bytes]:
    return {key: orjson.dumps(key) + b":" for key in KEYS}


@given(VALUES)
@example([["authorization", "Basic abc"]])
@example({"a": [1.5, -0.0, 1e-4, 123456789.25, 10**12 - 1]})
@example([[[["x" * 16, "y" * 17]]]])
def test_what_is_settled_at_once_is_what_the_thorough_way_says(value: Any) -> None:
    """Compiled or in Python: the same bytes; and what the compiled one settles the other settles too."""
    known = heads()
    settled = [way(value, known, LIMIT) for way in (plain, plain_in_python, flat_in_python)]
    for found in settled:
        if type(found) is bytes:
            assert found == to_clean_clipped(value, Redactor(), LIMIT)
        elif found is not None:
            assert type(found) is str
            assert found not in known
    if type(settled[0]) is bytes:
        assert settled[1] == settled[0]


@WAYS
def test_a_list_of_messages_is_settled_at_once(way: Any) -> None:
    """What prompts are made of."""
    history = [{"role": "user", "content": f"Hello\n{number}, my friend."} for number in range(100)]
    assert way(history, heads(), 1 << 20) == orjson.dumps(history)


@WAYS
def test_a_key_that_is_not_known_is_asked_for(way: Any) -> None:
    """The caller learns it, or takes care."""
    assert way([{"a": 1}, {"new": 2}], heads(), LIMIT) == "new"


@WAYS
@pytest.mark.parametrize(
    "value",
    [
        "Bearer " + "aB3" * 9,
        [["authorization", "x"]],
        ("api_key", "x"),
        4111111111111111,
        float("nan"),
        1e300,
        {1: 2},
        {1},
        b"x",
        "\ud800",
        type("Text", (str,), {})("x"),
        "x" * LIMIT,
    ],
    ids=repr,
)
def test_what_needs_care_is_left_to_the_thorough_way(way: Any, value: Any) -> None:
    """Possible secrets, what JSON does not know, and what is too long; inside a list as well."""
    assert way(value, heads(), LIMIT) is None
    assert way([1, [value]], heads(), LIMIT) is None


@WAYS
def test_cycles_and_depth_are_left_to_the_thorough_way(way: Any) -> None:
    """No stack runs out here."""
    cycle: list[Any] = []
    cycle.append(cycle)
    deep: list[Any] = []
    for _ in range(5000):
        deep = [deep]
    assert way(cycle, heads(), LIMIT) is None
    assert way(deep, heads(), LIMIT) is None


SECRETS = ["Bearer " + "aB3" * 9, "sk-proj-" + "aB3" * 9, "4111111111111111", "eyJhbGciOiJI", "AKIA" + "A" * 16]


@pytest.mark.parametrize("secret", [*SECRETS, "password=hunter22", 'a "password": "x"', "https://u:p@h"])
def test_a_secret_is_seen_wherever_it_stands(secret: str) -> None:
    """The steps of 8 and 16 bytes meet without a gap."""
    names = SecretNames()
    for before in range(40):
        for after in range(20):
            assert suspicious("." * before + " " + secret + " " * after, names), (before, after)


@pytest.mark.parametrize("size", range(70))
def test_one_character_that_json_escapes_is_seen_wherever_it_stands(size: int) -> None:
    """A text is given back as it is only where nothing in it is to be escaped."""
    for place in range(size):
        for character in ('"', "\\", "\n", "\x1f"):
            text = "." * place + character + "." * (size - place)
            assert type(look(text)) is not bytes
            assert plain_in_python(text, {}, LIMIT) == plain(text, {}, LIMIT) == orjson.dumps(text)


def test_the_compiled_writer_is_there_wherever_there_is_a_compiler() -> None:
    """A build that quietly leaves it out would cost every value a microsecond."""
    assert NATIVE or shutil.which("cc") is None
