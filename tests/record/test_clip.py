"""The content of a run stays within its bound."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agenttrace.record.clip import MARGIN, PREVIEW, clip, to_clean_clipped
from agenttrace.record.redact import Redactor
from tests.record.redact_secrets import to_clean_json

BIG = MARGIN * 3


def test_what_fits_is_the_same_object() -> None:
    """Nothing happens to content within the bound."""
    fragments = {"input": b'"a"', "output": b"1"}
    assert clip(fragments, 4) is fragments


def test_the_largest_goes_first() -> None:
    """Only as many values as needed are truncated, the largest first; the order of keys stays."""
    fragments = {"a": b'"' + b"x" * 20_000 + b'"', "b": b'"' + b"y" * 30_000 + b'"', "c": b"3"}
    result = clip(fragments, 25_000)
    assert list(result) == ["a", "b", "c"]
    assert (result["a"], result["c"]) == (fragments["a"], fragments["c"])
    shown = json.loads(result["b"])
    digest = hashlib.blake2b(fragments["b"][:25_000], digest_size=16).hexdigest()
    preview = '"' + "y" * (PREVIEW - 1)
    assert shown == {"truncated": True, "bytes": 30_002, "hash": f"blake2b:{digest}", "preview": preview}
    assert fragments["b"].startswith(b'"yyy')


def test_small_values_are_never_made_larger() -> None:
    """A value that its own preview would outgrow stays."""
    fragments = {"a": b"1" * 50, "b": b"2" * 50}
    assert clip(fragments, 10) == fragments


@given(st.dictionaries(st.text(max_size=5), st.text(max_size=9000).map(lambda s: json.dumps(s).encode()), max_size=6))
@settings(max_examples=100)
def test_clipping_fits_or_could_not(fragments: dict[str, bytes]) -> None:
    """The result fits, or nothing in it can shrink; every value stays JSON; a preview ends at a character."""
    result = clip(fragments, 8000)
    assert sum(map(len, result.values())) <= 8000 or all(len(value) < 14_000 for value in result.values())
    for key, value in result.items():
        shown = json.loads(value)
        if value != fragments[key]:
            assert fragments[key].decode().startswith(shown["preview"])
            assert shown["bytes"] == len(fragments[key])


@pytest.mark.parametrize("value", ["é" * 5000, ["🙂" * 3000], "a" + "é" * 5000])
def test_previews_end_at_a_character(value: Any) -> None:
    """A cut in the middle of a character drops it."""
    whole = to_clean_json(value, Redactor())
    shown = json.loads(clip({"a": whole}, 1001)["a"])
    assert whole.decode().startswith(shown["preview"])
    assert "\ufffd" not in shown["preview"]


@pytest.mark.parametrize("value", [1, "text", {"a": [1]}, "x" * 10_000, {"password": "x" * 10_000}, None])
def test_within_the_limit_it_is_clean_json(value: object) -> None:
    """Values that fit come out as `to_clean_json` gives them."""
    redactor = Redactor()
    assert to_clean_clipped(value, redactor, 20_000) == to_clean_json(value, redactor)


def test_a_little_too_large_is_redacted_whole() -> None:
    """A value just over the bound is redacted by its structure, then cut."""
    value = {"password": {"a": ["hunter2x"]}, "text": "y " * 2000}
    shown = json.loads(to_clean_clipped(value, Redactor(), 1000))
    assert shown["preview"].startswith('{"password":"[REDACTED]","text":"y y')
    assert shown["bytes"] == len(json.dumps(value, separators=(",", ":")))


def test_redaction_may_make_it_fit() -> None:
    """What fits once its secrets are hidden is not truncated."""
    assert to_clean_clipped({"password": "x" * 5000}, Redactor(), 1000) == b'{"password":"[REDACTED]"}'


LONG_JWT = "eyJ" + "h" * 50 + "." + "p" * BIG + "." + "s" * BIG
LONG_PEM = "-----BEGIN PRIVATE KEY-----\n" + "kKk\n" * BIG


@pytest.mark.parametrize(
    ("value", "secret"),
    [
        ({"password": "hunter2x", "text": "y" * BIG}, "hunter2x"),
        ({"a": {"apiKey": ["hunter2x", {"b": "hunter2x"}]}, "text": "y" * BIG}, "hunter2x"),
        ({"password": ["hunter2x"] * BIG}, "hunter2x"),
        ({"secret": {"a": "hunter2x" * BIG}}, "hunter2x"),
        (json.dumps({"token": "hunter2x" * BIG}), "hunter2x"),
        ([json.dumps([json.dumps({"token": "hunter2x", "text": "y" * BIG})])], "hunter2x"),
        ({"text": LONG_JWT}, "pppp"),
        ({"text": LONG_PEM}, "kKk"),
        (LONG_PEM, "kKk"),
        ({"text": "see sk-proj-Abcdefghijk1234567890abcd " + "y" * BIG}, "sk-proj"),
        ({"pin": 4111111111111111, "text": "y" * BIG}, "4111"),
        ({"password": 31337, "text": "y" * BIG}, "31337"),
        ("password=hunter2x&" + "y" * BIG, "hunter2x"),
        ({"text": "Authorization: Bearer hunter2xhunter2x" + "y " * BIG}, "hunter2x"),
    ],
)
def test_secrets_in_a_cut_json_are_hidden(value: object, secret: str) -> None:
    """Though the kept part of a huge JSON is no JSON, its secrets are found, also those across the cut."""
    data = to_clean_clipped(value, Redactor(), 2000)
    shown = json.loads(data)
    assert secret not in data.decode()
    assert shown["truncated"] is True
    assert shown["bytes"] >= BIG


@given(st.integers(0, 3000), st.sampled_from(["sk-proj-Abcdefghijk1234567890abcd", "AKIAIOSFODNN7EXAMPLE"]))
@settings(max_examples=30, deadline=None)
def test_no_head_of_a_secret_is_left_at_the_cut(place: int, secret: str) -> None:
    """Wherever the cut falls, no part of a secret stays."""
    value = ["word " * (place // 5) + "-" * (place % 5) + " " + secret + " more" * MARGIN]
    for limit in (1000, 2500):
        assert secret[:8] not in to_clean_clipped(value, Redactor(), limit).decode()


def test_a_failing_rule_withholds_the_preview() -> None:
    """Where redaction of the kept part fails, the preview says so and shows nothing."""

    def extra(key: str | None, text: str) -> str:
        raise ValueError

    shown = json.loads(to_clean_clipped("y" * BIG, Redactor(extra), 1000))
    assert shown["preview"] == "[WITHHELD: redaction failed]"
    assert shown["bytes"] == BIG + 2
