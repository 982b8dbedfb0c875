"""GET /ai/logs and DELETE /ai/sessions: the latest tool calls of a session, and the reset of a user's sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import Response

from agenttrace.asgi.answers import json_response
from agenttrace.asgi.authorise import may_read_session, may_reset
from agenttrace.asgi.errors import Refusal, worded
from agenttrace.asgi.openapi import LIMITED, ErrorMessage, no_content, responses
from agenttrace.asgi.parameters import Parameter, described, read
from agenttrace.asgi.service import Answer, View
from agenttrace.query.views.action_logs import ActionLogList

if TYPE_CHECKING:
    from fastapi import FastAPI

    from agenttrace.asgi.principal import Principal
    from agenttrace.asgi.service import Service
    from agenttrace.query.reader import Query

__all__ = ["LOGS", "OWNER", "PARAMETERS", "RESET", "SESSION", "add"]

LOGS = View("action_logs", worded)
RESET = View("reset_session", worded, scope="manage")

_UUID = {"type": "string", "format": "uuid"}

SESSION = Parameter(name="sessionId", argument="session_id", schema=_UUID, description="The session.", required=True)

PARAMETERS = (
    SESSION,
    Parameter(
        name="limit",
        argument="limit",
        schema={"type": "integer", "minimum": 1, "maximum": 200, "default": 50},
        description="How many of the latest to list.",
    ),
)

OWNER = (
    Parameter(name="teamId", argument="team_id", schema=_UUID, description="The team of the sessions.", required=True),
    Parameter(name="userId", argument="user_id", schema=_UUID, description="The caller's user.", required=True),
)


def add(app: FastAPI, service: Service) -> None:
    """Add both routes."""

    async def list_logs(principal: Principal, asked: dict[str, Any]) -> Answer:
        def question(query: Query) -> ActionLogList:
            session = query.session(asked["session_id"], workspace_id=principal.workspace_id)
            if not may_read_session(principal, session):
                raise Refusal(403, "forbidden", "the session is another user's")
            return query.action_logs(workspace_id=principal.workspace_id, **asked)

        found = await service.ask(lambda query: _counted(question(query)))
        return Answer(json_response(found[1]), found[0])

    async def reset(principal: Principal, asked: dict[str, Any]) -> Answer:
        if not may_reset(principal, asked["team_id"], asked["user_id"]):
            raise Refusal(403, "forbidden", "only the user of the sessions may reset them, as a member of the team")
        await service.ask(lambda query: query.reset_session(workspace_id=principal.workspace_id, **asked))
        service.cache.clear(principal.workspace_id)
        return Answer(Response(status_code=204))

    @app.get(
        "/ai/logs",
        tags=["Action logs"],
        summary="List the latest action logs of a session",
        operation_id="list-action-logs",
        openapi_extra={"parameters": described(PARAMETERS)},
        responses={
            200: {"model": ActionLogList, "description": "Action logs, newest first", "headers": LIMITED},
            **responses(ErrorMessage, 400, 403, 404, 503),
        },
    )
    async def action_logs(request: Request) -> Response:
        """For the session's user, active members of the user's team, and the roles su, admin and owner."""
        return await service.serve(LOGS, request, lambda request: _read(PARAMETERS, request), list_logs)

    @app.delete(
        "/ai/sessions",
        tags=["Action logs"],
        summary="Reset the caller's sessions in a team",
        operation_id="reset-sessions",
        status_code=204,
        openapi_extra={"parameters": described(OWNER)},
        responses={**no_content("All of them are reset, if there were any"), **responses(ErrorMessage, 400, 403, 503)},
    )
    async def reset_session(request: Request) -> Response:
        """Hides the user's messages, deletes all other events and the action logs: all of it, or nothing."""
        return await service.serve(RESET, request, lambda request: _read(OWNER, request), reset)


def _read(parameters: tuple[Parameter, ...], request: Request) -> dict[str, Any]:
    return read(parameters, request)


def _counted(found: ActionLogList) -> tuple[int, str]:
    return found.count, found.model_dump_json(by_alias=True)
