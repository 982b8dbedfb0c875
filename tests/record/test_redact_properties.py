"""No surrounding text and no nesting hides a secret from the gate."""

from __future__ import annotations

import json
import shutil
import string
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agenttrace.record.look import look_in_python
from agenttrace.record.redact import NATIVE, Redactor, look, names_secret, suspicious
from agenttrace.record.secretwords import FORM, SecretNames
from tests.record.redact_secrets import KINDS, SECRETS, to_clean_json

#: What may stand right beside a secret without making it something else.
_EDGES = st.sampled_from(
    ["", " ", "\n", "\t", '"', "'", "(", ",", ";", "\u00e9 ", "\\n", "[", "<", "|", "\u2014", " \\\\ "]
)
_NOISE = st.text(
    st.sampled_from(string.ascii_lowercase + string.digits + " JKSz_-:=./@\"'\\{}[],\n\u00e9\u4e2d"), max_size=60
)
_KEYS = (
    "password",
    "apiKey",
    "X-Auth-Token",
    "client_secret",
    "DB_PASSWORD",
    "Set-Cookie",
    "auth",
    "private key",
    "token",
)
_SECRET_TEXT = st.text(string.ascii_letters + string.digits, min_size=12, max_size=40).map("Q".__add__)


@st.composite
def nested(draw: st.DrawFn, inner: Any) -> Any:
    """A JSON value that holds `inner` somewhere, sometimes in JSON that is embedded as text."""
    value = inner
    for _ in range(draw(st.integers(0, 4))):
        kind = draw(st.sampled_from(["list", "dict", "text", "between"]))
        if kind == "list":
            value = [draw(_NOISE), value]
        elif kind == "dict":
            value = {draw(st.sampled_from(["a", "note", "max_tokens", "x y"])): value, "n": draw(st.integers())}
        elif kind == "text":
            value = json.dumps(value, ensure_ascii=draw(st.booleans()))
        else:
            value = f"so: {json.dumps(value)} ."
    return value


@st.composite
def planted(draw: st.DrawFn) -> tuple[Any, str]:
    """A value with a secret of a known form in it, and what must not be left."""
    _, secret = draw(st.sampled_from(KINDS))
    text = draw(_NOISE) + " " + draw(_EDGES) + secret + draw(_EDGES) + " " + draw(_NOISE)
    return draw(nested(text)), SECRETS[secret]


@given(planted())
@settings(max_examples=300)
def test_a_planted_secret_never_stays(case: tuple[Any, str]) -> None:
    """Whatever surrounds a secret of a known form, it is hidden in JSON and in text."""
    value, secret = case
    redactor = Redactor()
    for shown in (to_clean_json(value, redactor), redactor.json(json.dumps(value).encode())):
        assert secret not in shown.decode()
        assert secret not in json.dumps(json.loads(shown))
    assert secret not in redactor.text(json.dumps(value))


@given(st.data(), st.sampled_from(_KEYS), _SECRET_TEXT, _NOISE)
@settings(max_examples=300)
def test_the_value_of_a_secret_key_never_stays(data: st.DataObject, key: str, secret: str, noise: str) -> None:
    """Whatever is around an object with a secret key, its value is hidden, also where it is a list or an object."""
    held = data.draw(st.sampled_from([secret, [secret], {"a": noise, "b": [secret]}]))
    value = data.draw(nested({"noise": noise, key: held, "after": noise}))
    redactor = Redactor()
    assert secret not in to_clean_json(value, redactor).decode()
    assert secret not in redactor.json(json.dumps(value, indent=1).encode()).decode()


@given(st.data(), st.sampled_from(_KEYS), st.sampled_from(["=", ": ", ":", " = ", "='", '="', '":"']), _SECRET_TEXT)
@settings(max_examples=300)
def test_an_assigned_secret_never_stays(data: st.DataObject, key: str, sign: str, secret: str) -> None:
    """Whatever is around an assignment to the name of a secret, its value is hidden."""
    value = data.draw(nested(f"{data.draw(_NOISE)}\n{key}{sign}{secret}\n"))
    assert secret not in to_clean_json(value, Redactor()).decode()


@given(_NOISE.flatmap(nested), st.booleans())
@settings(max_examples=200)
def test_the_gate_lets_through_whatever_the_patterns_change(value: Any, spaced: bool) -> None:
    """What the gate calls clean, the full redaction would leave alone."""
    text = json.dumps(value, separators=None if spaced else (",", ":"))
    if not suspicious(text, SecretNames()):
        assert Redactor()._thorough().json(text.encode()) == text.encode()
        assert Redactor()._thorough().text(text) == text


@pytest.mark.parametrize("way", [look, look_in_python])
@given(_NOISE, st.sampled_from([secret for _, secret in KINDS]), _EDGES, _NOISE)
@settings(max_examples=150)
def test_both_looks_see_the_form_of_a_secret(
    way: Callable[[str], int | bytes], before: str, secret: str, edge: str, after: str
) -> None:
    """A text with a secret of a known form in it is never called clean."""
    found = way(before + edge + secret + " " + after)
    assert isinstance(found, int)
    assert found & FORM


@pytest.mark.parametrize("secret", [secret for _, secret in KINDS])
def test_the_form_of_a_secret_is_seen_wherever_it_begins(secret: str) -> None:
    """At each place of the sixteen bytes that the compiled look takes at once, also at the end of a text."""
    for before in range(33):
        for text in (" " * before + secret, f"{'é' * before} {secret} and more than sixteen bytes"):
            for found in (look(text), look_in_python(text)):
                assert isinstance(found, int)
                assert found & FORM


@given(_NOISE)
@settings(max_examples=300)
def test_what_a_look_gives_back_is_the_json_of_the_text(text: str) -> None:
    """The compiled look returns the JSON only of texts in which redaction would find nothing."""
    found = look(text)
    if isinstance(found, bytes):
        assert Redactor()._thorough().text(text) == text
        assert found == orjson.dumps(text)


_NAMES = st.sampled_from(
    [*_KEYS, "DB_PASSWORD_2", "pwd", "accessKey", "cvv", "SSN", "secret", "passphrase", "credentials", "idToken", "x"]
)
_SIGNS = st.sampled_from([":", "=", ": ", " = ", '": "', '":"', '\\": \\"', '"":', "' : ", "`:", '":[', "** : "])


@given(_NOISE, _NAMES, _SIGNS, _SECRET_TEXT, _EDGES)
@settings(max_examples=400)
def test_both_looks_see_what_is_assigned_to_a_secrets_name(
    before: str, name: str, sign: str, secret: str, edge: str
) -> None:
    """Whatever the full redaction would change, no look calls clean; a name in front of it is judged by Python."""
    text = f"{before}{edge}{name}{sign}{secret} and more"
    if Redactor()._thorough().text(text) != text:
        for way in (look, look_in_python):
            found = way(text)
            assert isinstance(found, int)
            assert names_secret(text, found, SecretNames())


@given(st.sampled_from(["name", "key", "header"]), _NAMES, _SECRET_TEXT, st.booleans())
def test_both_looks_see_headers_as_pairs_and_as_objects(label: str, name: str, secret: str, pair: bool) -> None:
    """`["authorization","x"]` and `{"name":"authorization","value":"x"}` hold secrets although no key says so."""
    data = [[name, secret]] if pair else [{label: name, "value": secret}]
    text = json.dumps(data, separators=(",", ":"))
    if Redactor()._thorough().json(text.encode()) != text.encode():
        for way in (look, look_in_python):
            found = way(text)
            assert isinstance(found, int)
            assert names_secret(text, found, SecretNames())


def test_the_compiled_look_is_there_wherever_there_is_a_compiler() -> None:
    """A build that quietly leaves it out would cost every call two microseconds."""
    assert NATIVE or shutil.which("cc") is None
