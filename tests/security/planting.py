"""Canaries, one for each place where a program may put a secret, and a program that puts them there."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any

import httpx
from opentelemetry import trace as api
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import Link, SpanContext, Status, StatusCode, TraceFlags

import agenttrace
from agenttrace import AgentTrace, otel
from agenttrace.asgi import create_app

SCOPE_IDS = ("agent_key", "session_id", "conversation_id", "call_sid", "ai_contact_id", "user_id", "team_id")


class Canaries:
    """Secrets with the form of a token, each known by the place that it was planted at."""

    def __init__(self) -> None:
        self.planted: dict[str, str] = {}

    def __call__(self, place: str) -> str:
        """Return the canary of a place; the same one each time."""
        token = "ghp_" + hashlib.sha256(place.encode()).hexdigest()[:36]
        self.planted[place] = token
        return token

    @property
    def texts(self) -> list[str]:
        """All that were planted; the part behind the prefix, which no id and no key in small letters would have."""
        return [token.removeprefix("ghp_") for token in self.planted.values()]


def plant(trace: AgentTrace, canary: Canaries) -> None:
    """Record a turn of everything, with a canary in each place."""
    scope: Any = {name: canary(f"scope {name}") for name in SCOPE_IDS}
    trace.register_agent(canary("registered agent"), canary("agent's name"))
    trace.register_contact(canary("registered contact"))
    trace.register_session(canary("registered session"), user_id=canary("its user"), call_sid=canary("its call"))
    attributes = {"plain": canary("attribute"), canary("attribute's key"): 1, "deep": {"er": [canary("deep")]}}
    with (
        trace.scope(workspace_id=canary("scope workspace_id"), **scope, attributes=attributes),
        trace.master(canary("name"), input=f"look: {canary('input')}") as turn,
    ):
        turn.output = {"text": canary("output"), canary("output's key"): 1, "json": json.dumps({"a": canary("json")})}
        turn.set("own", canary("own attribute"))
        turn.thinking(f"I know {canary('thinking')}")
        turn.message(canary("user's message"), role="user")
        turn.message({"text": canary("message")})
        turn.add_event(canary("event's name"), {"detail": canary("event")})
        turn.update_name(f"again {canary('new name')}")
        _plant_spans(trace, canary)
    with agenttrace.extract(_headers(canary)), trace.master("remote"):
        pass


def _plant_spans(trace: AgentTrace, canary: Canaries) -> None:
    history = [{"role": "user", "content": canary("history")}, {"role": "assistant", "content": [canary("reply")]}]
    tools = [{"name": canary("tool's name"), "description": canary("tool's description")}]
    with trace.prompt(
        canary("prompt type"),
        model=canary("model"),
        system_prompt=f"Be kind. {canary('system prompt')}",
        history=history,
        full_prompt=canary("full prompt"),
        tools=tools,
        state_name=canary("state"),
        action=canary("action"),
        provider=canary("provider"),
    ) as prompt:
        prompt.response = canary("response")
        prompt.usage(input_tokens=1, note=canary("usage"))
    with trace.context("retrieve", query=canary("query")) as retrieval:
        retrieval.documents = [{"text": canary("document"), "source": f"https://ann:{canary('password')}@example.org"}]
    with trace.tool_call("tool", tool_call_id=canary("call id"), tool_configuration=canary("configuration")) as call:
        call.payload(note=canary("payload"))
    with trace.predefined_behaviour("behaviour", trigger=canary("trigger")):
        pass
    try:
        with trace.tool_call("fails"):
            local = canary("local variable")
            try:
                raise ValueError(canary("cause"), local)
            except ValueError as cause:
                raise RuntimeError(f"{canary('error')}") from cause
    except RuntimeError:
        pass
    trace.span("failed", "given").start().end(error={"type": "E", "message": canary("given error"), "stack": "s"})


def _headers(canary: Canaries) -> dict[str, str]:
    baggage = [f"agenttrace.{name}={canary(f'baggage {name}')}" for name in SCOPE_IDS]
    return {
        "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "tracestate": f"vendor={canary('tracestate')}",
        "baggage": ",".join([*baggage, f"other={canary('other baggage')}"]),
    }


def plant_otel(trace: AgentTrace, canary: Canaries) -> None:
    """Have the OpenTelemetry SDK record a span that is full of canaries."""
    provider = TracerProvider(
        resource=Resource({"host.name": canary("sdk resource"), "service.name": "s"}), shutdown_on_exit=False
    )
    provider.add_span_processor(otel.SpanProcessor(trace))
    tracer = provider.get_tracer(canary("sdk library"), canary("sdk version"))
    link = Link(SpanContext(1, 1, is_remote=True, trace_flags=TraceFlags(1)), {"why": canary("sdk link")})
    with tracer.start_as_current_span(canary("sdk name"), links=[link]) as span:
        span.set_attribute("gen_ai.operation.name", "chat")
        span.set_attribute("session.id", canary("sdk session"))
        span.set_attribute("gen_ai.input.messages", json.dumps([_message(canary("sdk message"))]))
        span.set_attribute(canary("sdk key"), canary("sdk attribute"))
        span.add_event(canary("sdk event"), {"detail": canary("sdk detail")})
        span.record_exception(ValueError(canary("sdk exception")))
        span.set_status(Status(StatusCode.ERROR, canary("sdk status")))
    assert api.get_current_span() is api.INVALID_SPAN
    provider.shutdown()


def _message(text: str) -> dict[str, Any]:
    return {"role": "user", "parts": [{"type": "text", "content": text}]}


async def plant_http(trace: AgentTrace, canary: Canaries) -> list[httpx.Response]:
    """Send spans and questions over HTTP that are full of canaries, and return the answers."""
    key = trace.keys.create(name="k", scopes=["read", "ingest", "manage"], role="owner", user_id=canary("key's user"))
    transport = httpx.ASGITransport(create_app(trace))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        good = {"X-API-Key": key.key}
        return [
            await client.post("/v1/traces", json=_spans(canary), headers=good),
            await client.post("/v1/logs", json=_logs(canary), headers=good),
            *[await client.get(path, headers={**good, **_request(canary)}) for path in _questions(canary)],
            await client.get("/ai/logs", headers={"Authorization": f"Bearer {canary('bad key')}"}),
            await client.post("/v1/traces", content=canary("bad body").encode(), headers=good),
        ]


def _request(canary: Canaries) -> dict[str, str]:
    names = ("X-Request-ID", "User-Agent", "Cookie", "Referer")
    return {name: canary(f"header {name}") for name in names}


def _questions(canary: Canaries) -> Iterator[str]:
    yield f"/api/public/run-logs?ai_contact_id={canary('asked contact')}"
    yield f"/ai/logs?sessionId={canary('asked session')}"
    yield f"/v2/agents/agt_{canary('asked agent')}/sessions/ase_{canary('asked key')}/events"
    yield f"/v1/{canary('asked workspace')}/prompt-logs"
    yield f"/v1/f6452aa2-0e25-5818-b977-4b0e086d171e/prompt-logs?state_name={canary('asked state')}"
    yield f"/v1/analytics/ask-ai/logs?widget_id={canary('asked widget')}"
    yield f"/{canary('asked path')}"


def _attributes(**values: str) -> list[dict[str, Any]]:
    return [{"key": key.replace("__", "."), "value": {"stringValue": value}} for key, value in values.items()]


def _spans(canary: Canaries) -> dict[str, Any]:
    span = {
        "traceId": "1af7651916cd43dd8448eb211c80319c",
        "spanId": "b7ad6b7169203331",
        "name": canary("otlp name"),
        "kind": 3,
        "startTimeUnixNano": "1700000000000000000",
        "endTimeUnixNano": "1700000001000000000",
        "traceState": f"v={canary('otlp state')}",
        "attributes": [
            *_attributes(gen_ai__operation__name="chat", gen_ai__conversation__id=canary("otlp conversation")),
            *_attributes(gen_ai__input__messages=json.dumps([_message(canary("otlp message"))])),
            {"key": canary("otlp key"), "value": {"bytesValue": "AAEC"}},
            {"key": "list", "value": {"arrayValue": {"values": [{"stringValue": canary("otlp list")}]}}},
            {"key": "map", "value": {"kvlistValue": {"values": _attributes(password=canary("otlp password"))}}},
        ],
        "events": [{"name": canary("otlp event"), "attributes": _attributes(x=canary("otlp event attribute"))}],
        "links": [{"traceId": "01", "spanId": "02", "attributes": _attributes(x=canary("otlp link"))}],
        "status": {"code": 2, "message": canary("otlp status")},
    }
    library = {"name": canary("otlp library"), "version": canary("otlp version")}
    scope = {"scope": library, "schemaUrl": canary("otlp schema"), "spans": [span]}
    return {
        "resourceSpans": [{"resource": {"attributes": _attributes(h=canary("otlp resource"))}, "scopeSpans": [scope]}]
    }


def _logs(canary: Canaries) -> dict[str, Any]:
    log = {
        "traceId": "1af7651916cd43dd8448eb211c80319c",
        "spanId": "b7ad6b7169203331",
        "timeUnixNano": "1700000000500000000",
        "eventName": canary("otlp log"),
        "severityText": canary("otlp severity"),
        "body": {"stringValue": canary("otlp body")},
        "attributes": _attributes(x=canary("otlp log attribute")),
    }
    return {"resourceLogs": [{"resource": {}, "scopeLogs": [{"logRecords": [log]}]}]}
