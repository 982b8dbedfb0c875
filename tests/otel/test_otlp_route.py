"""POST /v1/traces and /v1/logs: what a request brings is stored in the workspace of its key, and no body is a 5xx."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator
from typing import Any

import httpx
import orjson
import pytest
from google.rpc.status_pb2 import Status
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from agenttrace import AgentTrace
from agenttrace.asgi.app import create_app
from agenttrace.asgi.principal import Principal
from tests.otel.otel_records import log_request, trace_request
from tests.otel.otel_replay import case
from tests.otel.test_otlp import SPAN, request

ONE = "11111111-1111-4111-8111-111111111111"
OTHER = "22222222-2222-4222-8222-222222222222"
PROTOBUF = {"Content-Type": "application/x-protobuf"}
JSON = {"Content-Type": "application/json"}
KEYS = {
    "one": Principal(workspace_id=ONE, scopes=["ingest"]),
    "other": Principal(workspace_id=OTHER, scopes=["ingest"]),
    "reader": Principal(workspace_id=ONE, scopes=["read"]),
}


class Server:
    """An app and its AgentTrace."""

    def __init__(self, **settings: Any) -> None:
        self.trace = AgentTrace(store="memory://")
        app = create_app(self.trace, auth=lambda request: KEYS.get(request.headers.get("x-api-key", "")), **settings)
        transport = httpx.ASGITransport(app, raise_app_exceptions=True)
        self.client = httpx.AsyncClient(transport=transport, base_url="http://test")

    async def post(
        self, body: bytes, headers: dict[str, str], path: str = "/v1/traces", key: str = "one"
    ) -> httpx.Response:
        return await self.client.post(path, content=body, headers={"X-API-Key": key, **headers})

    def names(self, workspace: str = ONE) -> list[str]:
        return [run.name for run in self.trace.query.runs(workspace_id=workspace)]

    async def close(self) -> None:
        await self.client.aclose()
        assert self.trace.shutdown(20)


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    made = Server()
    yield made
    await made.close()


async def test_protobuf_is_stored(server: Server) -> None:
    found = case("pydantic_ai-tool_and_llm")
    answer = await server.post(trace_request(found), PROTOBUF)
    assert (answer.status_code, answer.headers["content-type"], answer.content) == (200, PROTOBUF["Content-Type"], b"")
    assert "get_weather" in server.names()


async def test_json_is_stored(server: Server) -> None:
    answer = await server.post(request(SPAN), JSON)
    assert (answer.status_code, answer.json()) == (200, {})
    assert server.names() == ["chat"]


async def test_events_are_stored(server: Server) -> None:
    """Prompts that come as log records, in a request of their own, meet their spans."""
    found = case("openai_client_v2-tool_and_llm")
    assert (await server.post(log_request(found), PROTOBUF, "/v1/logs")).status_code == 200
    assert (await server.post(trace_request(found), PROTOBUF)).status_code == 200
    texts = [str(run.content) for run in server.trace.query.runs(workspace_id=ONE, run_type="prompt")]
    assert any("weather in Paris?" in text for text in texts)


async def test_gzip_is_inflated(server: Server) -> None:
    answer = await server.post(gzip.compress(request(SPAN)), {**JSON, "Content-Encoding": "gzip"})
    assert answer.status_code == 200
    assert server.names() == ["chat"]


async def test_the_key_names_the_workspace(server: Server) -> None:
    """Nothing in a request can put a span into another tenant's workspace."""
    claims = [
        {"key": name, "value": {"stringValue": OTHER}}
        for name in ("agenttrace.workspace_id", "workspace_id", "agenttrace.scope.workspace_id")
    ]
    await server.post(request({**SPAN, "attributes": [*SPAN["attributes"], *claims]}), JSON, key="one")
    assert server.names(ONE) == ["chat"]
    assert server.names(OTHER) == []


async def test_two_tenants_with_the_same_ids(server: Server) -> None:
    """Ids come from senders: the same span of two tenants is two runs."""
    await server.post(request({**SPAN, "name": "mine"}), JSON, key="one")
    await server.post(request({**SPAN, "name": "theirs"}), JSON, key="other")
    assert (server.names(ONE), server.names(OTHER)) == (["mine"], ["theirs"])


@pytest.mark.parametrize(
    ("body", "headers", "key", "status"),
    [
        (b"{}", JSON, "nobody", 401),
        (b"{}", JSON, "reader", 403),
        (b"{", JSON, "one", 400),
        (b"\xff\xff", PROTOBUF, "one", 400),
        (b"{}", {"Content-Type": "text/plain"}, "one", 415),
        (b"{}", {}, "one", 415),
        (b"{}", {**JSON, "Content-Encoding": "br"}, "one", 415),
        (b"{}", {**JSON, "Content-Encoding": "gzip"}, "one", 400),
        (gzip.compress(bytes(1 << 21)), {**JSON, "Content-Encoding": "gzip"}, "one", 413),
    ],
    ids=["key", "scope", "json", "protobuf", "type", "no type", "encoding", "gzip", "size"],
)
async def test_refusals(body: bytes, headers: dict[str, str], key: str, status: int) -> None:
    """Each has its status, and a google.rpc.Status in the encoding of the request."""
    server = Server(max_ingest_bytes=1 << 20)
    answer = await server.post(body, headers, key=key)
    assert answer.status_code == status
    if headers == PROTOBUF:
        assert Status.FromString(answer.content).message
    else:
        assert isinstance(answer.json()["code"], int)
        assert answer.json()["message"]
    assert server.names() == []
    await server.close()


@pytest.mark.parametrize("kind", [JSON, PROTOBUF], ids=["json", "protobuf"])
@pytest.mark.parametrize(
    ("size", "path", "headers", "status"),
    [
        (1025, "/v1/traces", {}, 413),
        (1025, "/v1/logs", {}, 413),
        (0, "/v1/traces?" + "q" * 9000, {}, 414),
        (0, "/v1/traces", {"X-Fill": "y" * 70_000}, 431),
    ],
)
async def test_what_is_too_large(
    kind: dict[str, str], size: int, path: str, headers: dict[str, str], status: int
) -> None:
    """It is refused before it is read, with a google.rpc.Status in the encoding of the request as well."""
    small = Server(max_ingest_bytes=1024)
    answer = await small.post(b" " * size, {**kind, **headers}, path)
    assert (answer.status_code, answer.headers["content-type"]) == (status, kind["Content-Type"])
    told = Status.FromString(answer.content) if kind is PROTOBUF else Status(**answer.json())
    assert told.code == {413: 8, 414: 3, 431: 8}[status]
    assert "may take" in told.message
    await small.close()


async def test_the_rate_is_limited() -> None:
    server = Server(rates={"ingest": "2/minute"})
    answers = [await server.post(request(SPAN), JSON) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert int(answers[-1].headers["Retry-After"]) >= 1
    await server.close()


@pytest.mark.parametrize("kind", ["json", "protobuf"])
async def test_what_cannot_be_read_is_a_partial_success(server: Server, kind: str) -> None:
    """The good spans are stored, the others counted."""
    if kind == "json":
        answer = await server.post(request({**SPAN, "traceId": "x"}, SPAN), JSON)
        assert answer.json()["partialSuccess"]["rejectedSpans"] == "1"
    else:
        from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

        message = ExportTraceServiceRequest.FromString(trace_request(case("pydantic_ai-tool_and_llm")))
        message.resource_spans[0].scope_spans[0].spans[0].trace_id = b"short"
        answer = await server.post(message.SerializeToString(), PROTOBUF)
        assert ExportTraceServiceResponse.FromString(answer.content).partial_success.rejected_spans == 1
    assert answer.status_code == 200
    assert server.names()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.binary(max_size=200), kind=st.sampled_from([JSON, PROTOBUF]), zipped=st.booleans())
async def test_no_body_is_a_5xx(server: Server, body: bytes, kind: dict[str, str], zipped: bool) -> None:
    headers = {**kind, "Content-Encoding": "gzip"} if zipped else kind
    answer = await server.post(gzip.compress(body) if zipped else body, headers)
    assert answer.status_code in (200, 400, 429)


async def test_secrets_are_redacted(server: Server) -> None:
    key = "sk-proj-" + "Zq8Rt3Lm" * 4
    attributes = [*SPAN["attributes"], {"key": "note", "value": {"stringValue": key}}]
    await server.post(request({**SPAN, "attributes": attributes}), JSON)
    (run,) = server.trace.query.runs(workspace_id=ONE)
    assert key not in orjson.dumps(run.attributes).decode()
    assert "REDACTED" in run.attributes["note"]
