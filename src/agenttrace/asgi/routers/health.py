"""GET /healthz and /readyz, for everybody: whether the process answers, and whether its store does."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from agenttrace.asgi.answers import json_response
from agenttrace.asgi.errors import RETRY_AFTER
from agenttrace.errors import AgentTraceError

if TYPE_CHECKING:
    from fastapi import FastAPI

    from agenttrace.asgi.service import Service

__all__ = ["Health", "add"]

#: Seconds for which an answer about the store holds, however often it is asked for.
_HOLDS = 1.0
_PATIENCE = 2.0


class Health(BaseModel):
    """How it is."""

    status: Literal["ok", "ready", "unavailable"]


def add(app: FastAPI, service: Service) -> None:
    """Add both routes."""
    found: tuple[float, bool] | None = None
    asking = False

    async def is_ready() -> bool:
        nonlocal found, asking
        # One asks, and meanwhile the others get the last answer: anybody may come here, and threads are few.
        if found is not None and (asking or time.monotonic() < found[0]):
            return found[1]
        asking = True
        try:
            await service.ask(lambda query: query.sessions(limit=1), timeout=_PATIENCE)
            ready = True
        except AgentTraceError:
            ready = False
        finally:
            asking = False
        found = (time.monotonic() + _HOLDS, ready)
        return ready

    @app.get(
        "/healthz",
        tags=["Operations"],
        summary="Say whether the process answers",
        operation_id="get-health",
        openapi_extra={"security": []},
        responses={200: {"model": Health, "description": "It does"}},
    )
    async def healthz(request: Request) -> Response:  # noqa: ARG001
        """Never asks the store."""
        return json_response(b'{"status":"ok"}')

    @app.get(
        "/readyz",
        tags=["Operations"],
        summary="Say whether the store answers",
        operation_id="get-readiness",
        openapi_extra={"security": []},
        responses={
            200: {"model": Health, "description": "It does"},
            503: {"model": Health, "description": "It does not, or takes too long"},
        },
    )
    async def readyz(request: Request) -> Response:  # noqa: ARG001
        """The answer holds for a second."""
        if await is_ready():
            return json_response(b'{"status":"ready"}')
        response = json_response(b'{"status":"unavailable"}')
        response.status_code = 503
        response.headers["Retry-After"] = RETRY_AFTER
        return response
