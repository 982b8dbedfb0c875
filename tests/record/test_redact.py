"""Redaction takes secrets out and leaves everything else alone."""

from __future__ import annotations

import json
from typing import Any

import pytest

from agenttrace.record.redact import WITHHELD, Redactor
from tests.record.redact_secrets import KINDS, SECRET_FREE, SECRETS, to_clean_json

HIDDEN = "[REDACTED]"


@pytest.fixture
def redactor() -> Redactor:
    """A redactor under which a failing redaction fails the test."""

    def fail(error: Exception) -> None:
        raise AssertionError from error

    return Redactor(on_error=fail)


def redacted(value: object, redactor: Redactor) -> Any:
    """Redact a value by both ways; they must agree."""
    result = to_clean_json(value, redactor)
    assert redactor.json(json.dumps(value).encode()).count(b"REDACTED") == result.count(b"REDACTED")
    return json.loads(result)


CONTEXTS = {
    "alone": lambda s: s,
    "prose": lambda s: f"Use {s} for this.",
    "after a line end": lambda s: f"first line\n{s}\nlast",
    "list": lambda s: ["a", [s], 1],
    "dict": lambda s: {"note": {"text": s}},
    "key": lambda s: {s: 1},
    "embedded JSON": lambda s: json.dumps({"note": s, "n": [1]}),
    "embedded JSON in prose": lambda s: "answer: " + json.dumps({"note": s}) + " done",
    "JSON line ends": lambda s: "see " + json.dumps("line\n" + s),
    "twice embedded": lambda s: {"a": json.dumps({"b": json.dumps({"c": "x\n" + s})})},
    "escaped letters": lambda s: "text " + json.dumps(s).replace(s[:3], "".join(f"\\u{ord(c):04x}" for c in s[:3])),
    "brackets": lambda s: f"('{s}')",
    "after unicode": lambda s: f"é {s} ü",
}


@pytest.mark.parametrize("context", CONTEXTS)
@pytest.mark.parametrize(("kind", "secret"), KINDS)
def test_known_forms_are_hidden(kind: str, secret: str, context: str, redactor: Redactor) -> None:
    """A secret of a known form is hidden wherever it stands."""
    value = CONTEXTS[context](secret)
    result = json.dumps(redacted(value, redactor))
    assert f"[REDACTED:{kind}]" in result
    assert SECRETS[secret] not in result
    assert f"[REDACTED:{kind}]" in redactor.text(json.dumps(value))


@pytest.mark.parametrize(
    "key",
    [
        *("password", "Password", "userPassword", "password_hash", "DB_PASSWORD", "dbpassword", "passwd", "pwd", "PWD"),
        *("passphrase", "secret", "clientSecret", "client-secret", "secrets", "credential", "aws_credentials"),
        *("authorization", "Authorization", "Proxy-Authorization", "cookie", "Set-Cookie", "cookies", "apikey"),
        *("api_key", "apiKey", "API_KEY", "X-API-Key", "APIKey", "OPENAI_API_KEY", "api key", "accessKey"),
        *("private_key", "secretKey", "signing-key", "encryption.key", "accessKeyId", "token", "Token", "access_token"),
        *("accessToken", "x-auth-token", "refreshtoken", "auth", "AUTH", "bearer", "cvv", "cvc", "ssn"),
    ],
)
def test_secret_keys(key: str, redactor: Redactor) -> None:
    """What a key of such a name holds is hidden, whatever it is; booleans and null stay."""
    assert redactor.secret_key(key)
    value = {"a": [{key: "hunter2x"}, {key: {"deep": ["hunter2x"]}}, {key: 31337}, {key: True}, {key: None}], "z": 1}
    shown = [{key: HIDDEN}, {key: HIDDEN}, {key: HIDDEN}, {key: True}, {key: None}]
    assert redacted(value, redactor) == {"a": shown, "z": 1}
    assert redacted(json.dumps(value), redactor) == json.dumps({"a": shown, "z": 1}, separators=(",", ":"))
    for text in (json.dumps(value)[:-1], f"so {json.dumps(value)}", f"{value}", json.dumps(json.dumps(value))[:-1]):
        assert "hunter2x" not in redactor.text(text)
        assert "31337" not in redactor.text(text)


@pytest.mark.parametrize(
    "key",
    [
        *("author", "authors", "authority", "secretary", "tokens", "input_tokens", "maxTokens", "max_token", "keys"),
        *("total_tokens", "token_count", "token_type", "tokenizer", "time_to_first_token", "price_per_token", "key"),
        *("next_page_token", "auth_method", "public_key", "key_points", "keyboard", "pass", "passage", "compass"),
        *(
            "bearer_of_news",
            "monkey",
            "session_key",
            "agent_key",
            "is_authorized",
            "accession_keynote",
            "",
            "1",
            "ключ",
        ),
    ],
)
def test_other_keys(key: str, redactor: Redactor) -> None:
    """Names that only resemble those of secrets are left alone."""
    assert not redactor.secret_key(key)
    data = json.dumps({"a": {key: "hunter2x", "b": 5}}).encode()
    assert redactor.json(data) is data
    assert redactor.text(f"{key}: hunter2x") == f"{key}: hunter2x"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("password=hunter2", "password=[REDACTED]"),
        ("password = 'hunt er2' and more", "password = '[REDACTED]' and more"),
        ('password: "hunt\\"er2", user: me', 'password: "[REDACTED]", user: me'),
        ("line\npassword: hunter2\nuser: me", "line\npassword: [REDACTED]\nuser: me"),
        ("API key: abc123 is it", "API key: [REDACTED] is it"),
        ("`api_key`: abc", "`api_key`: [REDACTED]"),
        ("**Password**: hunter2 ok", "**Password**: [REDACTED] ok"),
        ("https://h/p?api_key=abc&q=1", "https://h/p?api_key=[REDACTED]&q=1"),
        ("postgres://me:hunter2@host/db", "postgres://me:[REDACTED:password]@host/db"),
        ("redis://:hunter2@host", "redis://:[REDACTED:password]@host"),
        ("https:\\/\\/me:hunter2@host\\/x", "https://me:[REDACTED:password]@host/x"),
        ("Authorization: Bearer abc", "Authorization: [REDACTED]"),
        ("curl -H 'authorization: bearer abc' -v", "curl -H 'authorization: [REDACTED]' -v"),
        ("Cookie: a=b; c=d\nHost: x", "Cookie: [REDACTED]\nHost: x"),
        ("passphrase: correct horse battery", "passphrase: [REDACTED]"),
        ("Config(api_key='abc', retries=3)", "Config(api_key='[REDACTED]', retries=3)"),
        ("{'password': {'a': [1]}, 'n': 1}", "{'password': [REDACTED], 'n': 1}"),
        ('{"secret": {"a": "x', '{"secret": [REDACTED]'),
        ('{\\"token\\": \\"abc\\", \\"n\\": 1}', '{\\"token\\": \\"[REDACTED]\\", \\"n\\": 1}'),
        ("export DB_PASSWORD=hunter2", "export DB_PASSWORD=[REDACTED]"),
        ("password => hunter2", "password => [REDACTED]"),
    ],
)
def test_assignments(text: str, expected: str, redactor: Redactor) -> None:
    """A value that text assigns to the name of a secret is hidden, and no more than that."""
    assert redactor.text(text) == expected
    assert redacted({"note": text}, redactor) == {"note": expected}


@pytest.mark.parametrize("text", SECRET_FREE)
def test_other_text_stays(text: str, redactor: Redactor) -> None:
    """Ordinary text, numbers, ids and code are left as they are, and are the same object."""
    data = json.dumps({"note": text, "list": [text]}).encode()
    assert redactor.json(data) == data
    assert redactor.text(text) == text


@pytest.mark.parametrize(
    "number",
    [
        *("4111111111111111", "4111 1111 1111 1111", "4111-1111-1111-1111", "378282246310005", "3782 822463 10005"),
        *("5555555555554444", "2223003122003222", "6011111111111117", "30569309025904", "3530111333300000"),
        *("6200000000000005", "4222222222222", "6759649826438453"),
    ],
)
def test_card_numbers(number: str, redactor: Redactor) -> None:
    """Card numbers of the known issuers are hidden, alone, among other digits, and as JSON numbers."""
    assert redactor.text(number) == "[REDACTED:card]"
    assert redactor.text(f"card {number}, exp 12/29.") == "card [REDACTED:card], exp 12/29."
    assert redactor.text(f"{number} 12 345") == "[REDACTED:card] 12 345"
    assert redactor.text(f"77 {number}") == "77 [REDACTED:card]"
    if number.isdigit():
        assert redacted({"n": [int(number)]}, redactor) == {"n": ["[REDACTED:card]"]}


@pytest.mark.parametrize(
    "text",
    [
        *("4111111111111112", "1700000000003", "41111111111111111111111", "x4111111111111111", "4111111111111111a"),
        *("0.4111111111111111", "4111111111111111.5", "9111111111111111", "2026-11-21 22:05:17 2026-11-21", "5018 00"),
        *("4111  1111 1111 1111", "2026112122051700", "20261121220517123"),
    ],
)
def test_other_numbers_stay(text: str, redactor: Redactor) -> None:
    """Times, ids and fractions are no cards, even where their digits would pass the Luhn test."""
    assert redactor.text(text) == text


def test_numbers_stay_exact(redactor: Redactor) -> None:
    """Key order, floats and integers of any size stay as they were beside a redacted secret."""
    text = '{"z":1.0,"password":"x","a":123456789012345678901234567890,"f":1e-7,"b":false}'
    assert redactor.json(text.encode()) == text.replace('"x"', '"[REDACTED]"').encode()


def test_keys_that_are_secrets_do_not_collide(redactor: Redactor) -> None:
    """Two secret keys of one form stay two entries."""
    one, two = "4111111111111111", "4222222222222"
    assert redacted({one: 1, two: 2}, redactor) == {"[REDACTED:card]": 1, "[REDACTED:card]'": 2}


def test_redaction_is_idempotent(redactor: Redactor) -> None:
    """What is redacted already stays as it is."""
    once = redactor.json(b'{"password":"x","note":"token=abc Bearer abcdefghijkl12345678"}')
    assert redactor.json(once) == once
    assert redactor.text(redactor.text("api_key: abc")) == "api_key: [REDACTED]"


def test_embedded_json_is_bounded(redactor: Redactor) -> None:
    """JSON in JSON in JSON is followed some levels down, and read as text beyond."""
    value = json.dumps({"password": "hunter2x"})
    for _ in range(10):
        value = json.dumps([value])
    assert "hunter2x" not in redactor.text(value)


def test_deep_json_is_redacted(redactor: Redactor) -> None:
    """Depth is no way around redaction."""
    data = b"[" * 200 + b'{"password":"hunter2x"}' + b"]" * 200
    assert redactor.json(data) == data.replace(b"hunter2x", b"[REDACTED]")


def test_the_users_own_rule_runs_last() -> None:
    """`extra` sees every string with its key, after the built-in rules."""
    seen: list[tuple[str | None, str]] = []

    def extra(key: str | None, text: str) -> str:
        seen.append((key, text))
        return text.replace("Ann", "[NAME]")

    redactor = Redactor(extra)
    result = json.loads(redactor.json(b'{"who":"Ann","password":"x","list":["Ann"]}'))
    assert result == {"who": "[NAME]", "password": HIDDEN, "list": ["[NAME]"]}
    assert {("who", "Ann"), ("password", HIDDEN), ("list", "Ann")} <= set(seen)
    assert redactor.text("Ann: token=abc") == "[NAME]: token=[REDACTED]"
    assert to_clean_json("Ann", redactor) == b'"[NAME]"'


def test_a_failing_rule_withholds_the_value() -> None:
    """Where `extra` raises, nothing of the value is written, and the error is reported."""
    errors: list[Exception] = []

    def extra(key: str | None, text: str) -> str:
        raise LookupError(text)

    redactor = Redactor(extra, on_error=errors.append)
    assert json.loads(redactor.json(b'{"a":"x"}')) == WITHHELD
    assert redactor.text("x") == WITHHELD
    assert json.loads(to_clean_json("x", redactor)) == WITHHELD
    assert [type(error) for error in errors] == [LookupError] * 3


def test_a_failing_report_is_silent() -> None:
    """Neither a missing nor a failing `on_error` lets an error out."""

    def fail(error: Exception) -> None:
        raise error

    for on_error in (fail, None):
        assert Redactor(on_error=on_error).json(b'{"password": not json') == b'"[WITHHELD: redaction failed]"'


def test_extra_without_built_in_rules() -> None:
    """With `enabled=False` only `extra` runs; without either nothing is touched."""
    off = Redactor(enabled=False)
    data = b'{"password":"x"}'
    assert off.json(data) is data
    assert off.text("token=abc") == "token=abc"
    assert to_clean_json("token=abc", off) == b'"token=abc"'
    own = Redactor(lambda _, text: text.upper(), enabled=False)
    assert own.json(data) == b'{"PASSWORD":"X"}'


def test_odd_text_is_captured(redactor: Redactor) -> None:
    """Lone surrogates and control characters pass."""
    assert to_clean_json("a\ud800", redactor) == b'"a\\\\ud800"'
    assert redactor.text("a\ud800 12345678901234") == "a\ud800 12345678901234"
    assert to_clean_json("\x00password=x", redactor) == b'"\\u0000password=[REDACTED]"'


def test_the_memory_of_names_is_bounded(redactor: Redactor) -> None:
    """However many names are seen, few are remembered, and answers stay right."""
    for i in range(10_000):
        assert not redactor.secret_key("".join(chr(97 + int(d)) for d in str(i)))
    assert len(redactor._names._clean) < 9000
    assert redactor.secret_key("a_very_long_name_" * 9 + "password")


@pytest.mark.parametrize(
    "piece",
    [
        "sk-",
        "-eyJ",
        "eyJ.",
        "2 ",
        "22",
        "\\",
        '\\"',
        "=",
        ":",
        "password=",
        "Bearer ",
        "://:",
        "a@://",
        "_",
        "{",
        "key ",
        "curl -u a:",
        " -u a:b",
        "-uuuu",
        "fw_a",
        "aB",
        "sk-a-",
        "123456789:AA",
        "://hooks.slack.com/services/",
        "://discord.com/api/webhooks/1",
        "&sig=A",
        "dapi0",
        "hvs.a",
        "ya29.",
    ],
)
def test_no_text_takes_forever(piece: str, redactor: Redactor) -> None:
    """Text made to be slow (a quadratic pattern would take minutes here) comes out in the same kind as it went in."""
    text = piece * 40_000
    assert type(redactor.text(text)) is str
    assert type(redacted_alone(text, redactor)) is str


def redacted_alone(text: str, redactor: Redactor) -> object:
    """Redact one text as JSON."""
    return json.loads(to_clean_json(text, redactor))
