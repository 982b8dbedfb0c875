"""What strangers send is bounded: it is refused or cut, in time and memory in proportion to its size."""

from __future__ import annotations

import gzip
import json
from typing import Any

import httpx
import pytest

from agenttrace import AgentTrace
from agenttrace.asgi import Principal, create_app
from agenttrace.cli.text import clean
from agenttrace.otel import otlp, values
from agenttrace.otel.received import Malformed, TooLarge
from agenttrace.record.redact import Redactor
from agenttrace.verify.finder import Finder

SIZE = 40_000
JSON = {"Content-Type": "application/json"}
SPAN = {"traceId": "1af7651916cd43dd8448eb211c80319c", "startTimeUnixNano": "1", "endTimeUnixNano": "2", "name": "s"}
CHAT = [{"key": "gen_ai.operation.name", "value": {"stringValue": "chat"}}]

#: Beginnings of what patterns look for, repeated: where a pattern goes back again and again, none of this ever ends.
PIECES = [
    *("sk-", "-sk-", "xoxb-", "eyJ", "eyJaaaaaaaa.", "-----BEGIN ", "-----BEGIN A PRIVATE KEY-----", "SG.", "ghp_"),
    *("bearer ", "Bearer \t ", "bearer" + " " * 50, "Basic aaaaaaaaa ", "://a:", "a://b:c@", "4111 ", "4 4 ", "4-"),
    *("password=", 'password:"', "password={", "password='\\\\", 'password=""', "password=,,,,", "api key: true,"),
    *(
        "\\\\",
        '\\\\\\"',
        '"password":',
        '{"a":',
        "[",
        '"',
        "=",
        ":",
        "\\u00",
        "\\/",
        "Call(x='",
        "f(a=",
        "token token=",
    ),
]


@pytest.mark.parametrize("piece", PIECES)
def test_no_text_makes_redaction_go_in_circles(piece: str) -> None:
    """Forty thousand characters, made of what the patterns want to see."""
    text = (piece * (SIZE // len(piece) + 1))[:SIZE]
    redactor, finder = Redactor(), Finder(["canary"])
    clean = redactor.text(text)
    assert redactor.text(clean) == clean
    redactor.text_json(text)
    list(finder.value(text))
    list(finder.plain(text.encode()))
    values.object_repr(f"A({text})")
    values.read(text)


def test_what_is_printed_has_no_control_characters() -> None:
    """Whatever was recorded: a terminal does not act on it."""
    assert clean("\x1b]0;title\x07\x9b31m\u202e") == "␛]0;title␇�31m�"


@pytest.mark.parametrize("body", [gzip.compress(b"") * 100, gzip.compress(b"x") * 100])
def test_gzip_of_many_members(body: bytes) -> None:
    """Each costs a copy of those behind it: there may be 64."""
    with pytest.raises(Malformed, match="64 gzip members"):
        otlp.inflate(body, "gzip", 1 << 20)
    assert otlp.inflate(gzip.compress(b"ab") * 64, "gzip", 1 << 20) == b"ab" * 64


def test_a_bomb_is_not_inflated() -> None:
    """No more than the limit is ever held."""
    bomb = gzip.compress(bytes(64 << 20))
    assert len(bomb) < 100_000
    with pytest.raises(TooLarge):
        otlp.inflate(bomb, "gzip", 1 << 20)


async def sent(body: bytes, **settings: Any) -> tuple[httpx.Response, list[str]]:
    """Send spans, and return the answer and the names of the runs."""
    with AgentTrace(store="memory://") as trace:
        who = Principal(workspace_id=None, scopes=["ingest"])
        transport = httpx.ASGITransport(create_app(trace, auth=lambda _: who, **settings))
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            answer = await client.post("/v1/traces", content=body, headers=JSON)
        assert trace.flush(30)
        names = [run.name for run in trace.query.runs()]
        assert trace.stats().internal_errors == 0
    return answer, names


async def test_what_swells_is_cut_off() -> None:
    """A resource stands once in a request and in each span's record: what would be far larger is not taken whole."""
    spans = [{**SPAN, "attributes": CHAT, "spanId": f"{number:016x}"} for number in range(1, 1001)]
    resource = {"attributes": [{"key": "k", "value": {"stringValue": "x" * 8_000}}]}
    body = json.dumps({"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": spans}]}]}).encode()
    answer, names = await sent(body, max_ingest_bytes=250_000)
    rejected = int(answer.json()["partialSuccess"]["rejectedSpans"])
    assert answer.status_code == 200
    assert "too much" in answer.json()["partialSuccess"]["errorMessage"]
    assert (len(names) + rejected, 200 < len(names) < 300) == (1000, True)


@pytest.mark.parametrize("place", ["resource", "span", "text"])
async def test_what_is_nested_deeply(place: str) -> None:
    """Is taken or refused; never a 5xx."""
    value: Any = {"stringValue": "x"}
    for _ in range(200):
        value = {"arrayValue": {"values": [value]}}
    attributes = [{"key": "k", "value": value}]
    if place == "text":
        attributes = [{"key": "k", "value": {"stringValue": "[" * 50_000 + "]" * 50_000}}]
    resource = {"attributes": attributes if place == "resource" else []}
    span = {**SPAN, "spanId": "b7ad6b7169203331", "attributes": CHAT if place == "resource" else CHAT + attributes}
    body = json.dumps({"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": [span]}]}]}).encode()
    answer, names = await sent(body)
    assert (answer.status_code, names) == (200, ["s"])


async def test_a_document_that_is_too_deep_for_json() -> None:
    """Is no message of this kind."""
    answer, names = await sent(b'{"resourceSpans":' + b"[" * 100_000 + b"]" * 100_000 + b"}")
    assert (answer.status_code, names) == (400, [])
