"""GET /api/public/run-logs: a contact's root runs, newest first, each with its whole tree."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import Response

from agenttrace.asgi.answers import Text, json_response, response_of
from agenttrace.asgi.openapi import LIMITED, ErrorCode, responses
from agenttrace.asgi.parameters import Parameter, described, read
from agenttrace.asgi.service import Answer, View
from agenttrace.query.views.run_logs import RunLogPage

if TYPE_CHECKING:
    from fastapi import FastAPI

    from agenttrace.asgi.principal import Principal
    from agenttrace.asgi.service import Service
    from agenttrace.query.reader import Query

__all__ = ["PARAMETERS", "VIEW", "add"]

VIEW = View("run_logs")

PARAMETERS = (
    Parameter(
        name="ai_contact_id",
        argument="ai_contact_id",
        schema={"type": "string", "format": "uuid"},
        description="The AI contact.",
        required=True,
    ),
    Parameter(
        name="page",
        argument="page",
        schema={"type": "integer", "minimum": 1, "default": 1},
        description="The page of root runs.",
    ),
    Parameter(
        name="page_size",
        argument="page_size",
        schema={"type": "integer", "minimum": 1, "maximum": 100, "default": 20},
        description="How many root runs a page has.",
    ),
)


def add(app: FastAPI, service: Service) -> None:
    """Add the route."""

    def parse(request: Request) -> dict[str, Any]:
        return read(PARAMETERS, request)

    async def respond(principal: Principal, asked: dict[str, Any]) -> Answer:
        # A page that is at hand is given on the event loop: a thread would cost more than the answer.
        kept = service.trace.query.run_logs_kept(workspace_id=principal.workspace_id, **asked)
        if kept is not None:
            return Answer(json_response(kept[1]), kept[0])

        def question(query: Query) -> tuple[int, Text]:
            rows, pieces = query.run_logs_text(workspace_id=principal.workspace_id, **asked)
            return rows, Text(pieces)

        rows, text = await service.ask(question)
        return Answer(response_of(text, service.pool), rows)

    @app.get(
        "/api/public/run-logs",
        tags=["Run logs"],
        summary="List the run logs of an AI contact",
        operation_id="list-run-logs",
        openapi_extra={"parameters": described(PARAMETERS)},
        responses={
            200: {"model": RunLogPage, "description": "Root runs, newest first", "headers": LIMITED},
            **responses(ErrorCode, 400, 403, 404, 503),
        },
    )
    async def run_logs(request: Request) -> Response:
        """Each root run comes with all its descendants, oldest first; `total` counts the contact's root runs."""
        return await service.serve(VIEW, request, parse, respond)
