"""GET /v1/analytics/ask-ai/logs and its sibling /v1/analytics/ask-ai: questions, answers, and what they amount to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import Response

from agenttrace.asgi.answers import json_response
from agenttrace.asgi.cache import AnswerKey
from agenttrace.asgi.openapi import LIMITED, ErrorCode, responses
from agenttrace.asgi.parameters import Parameter, described, read
from agenttrace.asgi.service import Answer, View
from agenttrace.query.views.ask_ai_analytics import AskAIAnalytics
from agenttrace.query.views.ask_ai_logs import AskAILogPage

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastapi import FastAPI

    from agenttrace.asgi.principal import Principal
    from agenttrace.asgi.service import Service
    from agenttrace.query.reader import Query

__all__ = ["ANALYTICS", "FILTERS", "LOGS", "PAGES", "add"]

LOGS = View("ask_ai_logs")
ANALYTICS = View("ask_ai_analytics")


def _text(name: str, description: str, **schema: Any) -> Parameter:
    return Parameter(name=name, argument=name, schema={"type": "string", **schema}, description=description)


FILTERS = (
    _text("start_date", "The first day, UTC; without both days it is the seven that end today.", format="date"),
    _text("end_date", "The last day, included; at most 365 days in all.", format="date"),
    _text("widget_id", "Only of this widget."),
    _text("placement_id", "Only of this placement."),
    _text("deployment_type", "Only of this deployment type."),
    _text("interaction_type", "Only of this type; without it free_form, automated_followup and search."),
)

PAGES = (
    Parameter(
        name="page",
        argument="page",
        schema={"type": "integer", "minimum": 1, "default": 1},
        description="The page.",
    ),
    Parameter(
        name="limit",
        argument="limit",
        schema={"type": "integer", "minimum": 1, "default": 50},
        description="Rows a page; more than 500 become 500.",
    ),
)

_CACHE = {
    "X-Cache": {
        "description": "Whether the answer was kept from an earlier request.",
        "schema": {"type": "string", "enum": ["HIT", "MISS", "BYPASS", "DISABLED"]},
    }
}

Made = tuple[int, bytes]


def add(app: FastAPI, service: Service) -> None:
    """Add both routes."""

    @app.get(
        "/v1/analytics/ask-ai/logs",
        tags=["Ask AI"],
        summary="List Ask AI logs",
        operation_id="list-ask-ai-logs",
        openapi_extra={"parameters": described([*FILTERS, *PAGES])},
        responses={
            200: {"model": AskAILogPage, "description": "Rows, newest first", "headers": {**LIMITED, **_CACHE}},
            **responses(ErrorCode, 400, 403, 503),
        },
    )
    async def ask_ai_logs(request: Request) -> Response:
        """One row for each question that was asked, with its answer. All dates are UTC."""

        def make(query: Query, asked: dict[str, Any]) -> Made:
            page = query.ask_ai_logs(**asked)
            return len(page.data), page.model_dump_json(by_alias=True).encode()

        return await _serve(service, LOGS, request, (*FILTERS, *PAGES), make)

    @app.get(
        "/v1/analytics/ask-ai",
        tags=["Ask AI"],
        summary="Sum up Ask AI interactions",
        operation_id="get-ask-ai-analytics",
        openapi_extra={"parameters": described(FILTERS)},
        responses={
            200: {"model": AskAIAnalytics, "description": "The sums", "headers": {**LIMITED, **_CACHE}},
            **responses(ErrorCode, 400, 403, 503),
        },
    )
    async def ask_ai_analytics(request: Request) -> Response:
        """A summary of the window and a row a day: interactions, sessions, users, latency, failures, tokens, cost."""

        def make(query: Query, asked: dict[str, Any]) -> Made:
            found = query.ask_ai_analytics(**asked)
            return len(found.daily_breakdown), found.model_dump_json(by_alias=True).encode()

        return await _serve(service, ANALYTICS, request, FILTERS, make)


async def _serve(
    service: Service,
    view: View,
    request: Request,
    parameters: tuple[Parameter, ...],
    make: Callable[[Query, dict[str, Any]], Made],
) -> Response:
    """Return the answer that is kept for this caller, or make it and keep it."""

    def parse(request: Request) -> dict[str, Any]:
        return read(parameters, request)

    async def respond(principal: Principal, asked: dict[str, Any]) -> Answer:
        window = service.trace.query.ask_ai_window(asked["start_date"], asked["end_date"])
        key = AnswerKey(principal.workspace_id, principal.who, view.name, (window, *sorted(asked.items(), key=_name)))
        state, since = _state(service, request), service.cache.state
        kept = service.cache.get(key) if state == "MISS" else None
        if kept is None:
            rows, body = await service.ask(lambda query: make(query, {"workspace_id": principal.workspace_id, **asked}))
            service.cache.put(key, b"%d\n" % rows + body, since=since)
        else:
            state, (count, _, body) = "HIT", kept.partition(b"\n")
            rows = int(count)
        response = json_response(body)
        response.headers["X-Cache"] = state
        return Answer(response, rows)

    return await service.serve(view, request, parse, respond)


def _name(item: tuple[str, Any]) -> str:
    return item[0]


def _state(service: Service, request: Request) -> str:
    """Return what X-Cache says where no kept answer is given."""
    if not service.cache.enabled:
        return "DISABLED"
    asked = ",".join(request.headers.getlist("cache-control")).lower().split(",")
    return "BYPASS" if "no-cache" in (word.strip() for word in asked) else "MISS"
