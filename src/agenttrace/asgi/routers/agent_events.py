"""GET /v2/agents/{agent_key}/sessions/{session_key}/events, and one event below it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import Response

from agenttrace.asgi.answers import json_response
from agenttrace.asgi.authorise import may_read_session
from agenttrace.asgi.errors import Refusal
from agenttrace.asgi.openapi import LIMITED, ErrorCode, responses
from agenttrace.asgi.parameters import Parameter, described, read
from agenttrace.asgi.service import Answer, View
from agenttrace.errors import SessionNotFound
from agenttrace.query.views.agent_events import AgentEvent, AgentEventPage

if TYPE_CHECKING:
    from fastapi import FastAPI

    from agenttrace.asgi.principal import Principal
    from agenttrace.asgi.service import Service
    from agenttrace.query.reader import Query

__all__ = ["EVENT", "EVENTS", "add"]

EVENTS = View("agent_events")
EVENT = View("agent_event")


def _key(name: str, prefix: str, description: str) -> Parameter:
    return Parameter(
        name=name,
        argument=name,
        schema={"type": "string", "pattern": f"^{prefix}_[0-9a-zA-Z_-]+$"},
        description=description,
        where="path",
    )


_OF_SESSION = (_key("agent_key", "agt", "The agent."), _key("session_key", "ase", "The session."))
_ONE = (*_OF_SESSION, _key("event_id", "aev", "The event."))
_MANY = (
    *_OF_SESSION,
    Parameter(
        name="limit",
        argument="limit",
        schema={"type": "integer", "minimum": 1, "maximum": 100, "default": 20},
        description="How many events a page has.",
    ),
    Parameter(
        name="page_key",
        argument="page_key",
        schema={"type": "string"},
        description="`metadata.page_key` of the page before.",
    ),
)


def add(app: FastAPI, service: Service) -> None:
    """Add both routes."""

    async def list_events(principal: Principal, asked: dict[str, Any]) -> Answer:
        def question(query: Query) -> tuple[int, str]:
            _check(query, principal, asked)
            page = query.agent_events(workspace_id=principal.workspace_id, **asked)
            return len(page.events), page.model_dump_json(by_alias=True)

        rows, body = await service.ask(question)
        return Answer(json_response(body), rows)

    async def one_event(principal: Principal, asked: dict[str, Any]) -> Answer:
        def question(query: Query) -> str:
            _check(query, principal, asked)
            return query.agent_event(workspace_id=principal.workspace_id, **asked).model_dump_json(by_alias=True)

        return Answer(json_response(await service.ask(question)), 1)

    @app.get(
        "/v2/agents/{agent_key}/sessions/{session_key}/events",
        tags=["Agent events"],
        summary="List the events of an agent's session",
        operation_id="list-agent-events",
        openapi_extra={"parameters": described(_MANY)},
        responses={
            200: {"model": AgentEventPage, "description": "Events, oldest first", "headers": LIMITED},
            **responses(ErrorCode, 400, 403, 404, 503),
        },
    )
    async def agent_events(request: Request) -> Response:
        """A page of them; `metadata.page_key` leads to the next one and is null on the last."""
        return await service.serve(EVENTS, request, lambda request: _read(_MANY, request), list_events)

    @app.get(
        "/v2/agents/{agent_key}/sessions/{session_key}/events/{event_id}",
        tags=["Agent events"],
        summary="Get one event of an agent's session",
        operation_id="get-agent-event",
        openapi_extra={"parameters": described(_ONE)},
        responses={
            200: {"model": AgentEvent, "description": "The event", "headers": LIMITED},
            **responses(ErrorCode, 400, 403, 404, 503),
        },
    )
    async def agent_event(request: Request) -> Response:
        """The same object that the list holds."""
        return await service.serve(EVENT, request, lambda request: _read(_ONE, request), one_event)


def _read(parameters: tuple[Parameter, ...], request: Request) -> dict[str, Any]:
    return read(parameters, request)


def _check(query: Query, principal: Principal, asked: dict[str, Any]) -> None:
    """Raise Refusal where the caller may not read the session, and NotFound where there is no such one."""
    agent, session, workspace = asked["agent_key"], asked["session_key"], principal.workspace_id
    try:
        found = query.session(session, workspace_id=workspace)
    except SessionNotFound:
        return  # whether it is the agent that is missing, the question itself finds out
    if not may_read_session(principal, found):
        # What does not exist is told first: then only is it somebody else's.
        query.agent_events(agent, session, workspace_id=workspace, limit=1)
        raise Refusal(403, "forbidden", "the session is another user's")
