"""GET /v1/{workspace_id}/prompt-logs: prompts whole, for admins and owners. Parsed by FastAPI: its errors are 422."""

from __future__ import annotations

import uuid
from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Depends, Query
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

from agenttrace.asgi.answers import json_response
from agenttrace.asgi.authorise import in_workspace, may_read_prompts
from agenttrace.asgi.errors import Refusal
from agenttrace.asgi.openapi import LIMITED, ErrorCode, headers, responses
from agenttrace.asgi.service import Admission, Answer, Service, View
from agenttrace.query.views.prompt_logs import (
    LONGEST_CALL_SID,
    LONGEST_PROMPT_TYPE,
    LONGEST_STATE_NAME,
    MAX_LIMIT,
    MAX_OFFSET,
    PromptLogListResponse,
)

if TYPE_CHECKING:
    from fastapi import FastAPI

    from agenttrace.asgi.principal import Principal

__all__ = ["VIEW", "add"]

VIEW = View("prompt_logs")

_PARAMETERS = frozenset(
    ("conversation_id", "call_sid", "prompt_type", "state_name", "from_ts", "to_ts", "limit", "offset")
)

#: Answers whose body the published document does not describe.
_WITHOUT_BODY = {
    400: "Filters that exclude each other",
    403: "The caller is neither admin nor owner",
    404: "The conversation, or the workspace, is none of the caller's",
    503: "Raw prompts are switched off, or the store is out of reach",
}


def add(app: FastAPI, _: Service) -> None:
    """Add the route. FastAPI checks the parameters, after `_admitted` has checked the caller."""
    app.router.add_api_route(
        "/v1/{workspace_id}/prompt-logs",
        _prompt_logs,
        methods=["GET"],
        tags=["Prompt Logs"],
        summary="List prompt logs for a workspace",
        operation_id="list-prompt-logs",
        response_model=None,
        route_class_override=APIRoute,
        responses={
            200: {"model": PromptLogListResponse, "description": "Prompt logs, newest first", "headers": LIMITED},
            **responses(ErrorCode),
            **{status: {"description": text, "headers": headers(status)} for status, text in _WITHOUT_BODY.items()},
        },
    )


async def _admitted(request: Request) -> Admission:
    """Return the caller, who may read prompts; raises Refusal: who is asking and which workspace come first."""
    service: Service = request.app.state.service
    admission = await service.identify(request, VIEW)
    if not in_workspace(admission.principal, request.path_params["workspace_id"]):
        raise Refusal(404, "not_found", "there is no such workspace")
    service.permit(admission.principal, VIEW)
    if not may_read_prompts(admission.principal):
        raise Refusal(403, "forbidden", "prompt logs are for admins and owners")
    _check_once(request)
    return admission


def _check_once(request: Request) -> None:
    """Raise RequestValidationError where a parameter is given twice: which one is meant, nobody knows."""
    given = Counter(name for name, _ in request.query_params.multi_items() if name in _PARAMETERS)
    twice = [name for name, count in given.items() if count > 1]
    if twice:
        message = "Parameter should be given once"
        raise RequestValidationError([{"type": "duplicate", "loc": ("query", name), "msg": message} for name in twice])


async def _prompt_logs(
    request: Request,
    admission: Annotated[Any, Depends(_admitted)],
    workspace_id: uuid.UUID,  # noqa: ARG001 - it is the caller's
    conversation_id: Annotated[uuid.UUID | None, Query(description="Only of this conversation.")] = None,
    call_sid: Annotated[
        str | None, Query(max_length=LONGEST_CALL_SID, description="Only of this call, or of this session's UUID.")
    ] = None,
    prompt_type: Annotated[
        str | None, Query(max_length=LONGEST_PROMPT_TYPE, description="Only prompts of this type.")
    ] = None,
    state_name: Annotated[
        str | None, Query(max_length=LONGEST_STATE_NAME, description="Only prompts of this state.")
    ] = None,
    from_ts: Annotated[datetime | None, Query(description="The earliest start.")] = None,
    to_ts: Annotated[datetime | None, Query(description="The first start that is too late.")] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT, description="How many a page has.")] = 20,
    offset: Annotated[int, Query(ge=0, le=MAX_OFFSET, description="How many to leave out first.")] = 0,
) -> Response:
    """Each prompt as the model was given it, and what the model said. For admins and owners of the workspace.

    Where no conversation, call or time is named, it is the last seven days, and `applied_time_window_days` says so.
    """
    service: Service = request.app.state.service
    asked = {
        "conversation_id": conversation_id,
        "call_sid": call_sid,
        "prompt_type": prompt_type,
        "state_name": state_name,
        "from_ts": from_ts,
        "to_ts": to_ts,
        "limit": limit,
        "offset": offset,
    }

    async def respond(principal: Principal, asked: dict[str, Any]) -> Answer:
        rows, body = await service.ask(lambda query: _counted(query.prompt_logs(principal.workspace_id, **asked)))
        return Answer(json_response(body), rows)

    return await service.serve(VIEW, request, lambda _: asked, respond, admission=admission)


def _counted(page: PromptLogListResponse) -> tuple[int, str]:
    return page.count, page.model_dump_json(by_alias=True)
