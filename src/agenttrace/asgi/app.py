"""create_app: the documented APIs as one ASGI app. What each route does is in `routers`; this puts them together."""

from __future__ import annotations

import re
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, cast

from fastapi import FastAPI
from fastapi.exception_handlers import request_validation_exception_handler
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import request_response

from agenttrace.asgi import openapi
from agenttrace.asgi.anonymous import Anonymous
from agenttrace.asgi.answers import JSON
from agenttrace.asgi.auth import ApiKeys
from agenttrace.asgi.errors import Refusal, shape_of
from agenttrace.asgi.middleware import Gate, path_of
from agenttrace.asgi.pool import StorePool
from agenttrace.asgi.routers import action_logs, agent_events, ask_ai, health, otlp, prompt_logs, run_logs
from agenttrace.asgi.service import Authenticate, Service
from agenttrace.asgi.settings import Settings
from agenttrace.asgi.websocket import add as add_websocket
from agenttrace.configure import default
from agenttrace.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import Receive, Scope, Send

    from agenttrace.configure import AgentTrace

__all__ = ["API_KEYS", "create_app"]

_ROUTERS = (run_logs, ask_ai, action_logs, agent_events, prompt_logs, otlp, health)


_NO_QUALITY = re.compile(rb"q\s*=\s*0(\.0*)?")
_EXPOSED = (
    "Retry-After",
    "X-Cache",
    "X-RateLimit-Limit",
    "X-RateLimit-Remaining",
    "X-RateLimit-Reset",
    "X-Request-ID",
)


class _ByApiKey:
    """Stands for the API keys of the store that the app reads."""

    def __repr__(self) -> str:
        return "<API keys>"


API_KEYS = _ByApiKey()


class _ThinRoute(APIRoute):
    """A route that hands its request over as it is: FastAPI describes it, and has no part in answering."""

    def __init__(self, path: str, endpoint: Any, **options: Any) -> None:
        super().__init__(path, endpoint, **options)
        self.app = request_response(endpoint)


def create_app(
    trace: AgentTrace | None = None, *, auth: Authenticate | _ByApiKey | None = API_KEYS, **settings: Any
) -> FastAPI:
    """Return the ASGI app that serves what an AgentTrace's store holds; mount it under any path, or serve it alone.

    It opens nothing before the first request and needs no lifespan. It does not shut the AgentTrace down.

    Args:
        trace: whose store to read; the default one if left out.
        auth: `auth(request) -> asgi.Principal | None`, sync or async; None means 401. Left out: the API keys in the
            store. None written out: nobody is asked, and only this machine is served.
        settings: see `asgi.Settings`.

    Raises:
        ConfigurationError: a setting cannot be used.
    """
    chosen = default if trace is None else trace
    made = _settings(settings)
    if auth is None and "*" in made.cors_origins:
        raise ConfigurationError("cors_origins: '*' without keys lets every web page read everything; name the origins")
    pool = StorePool(made.threads, made.store_timeout)
    service = Service(chosen, _authenticate(auth, chosen, pool), made, pool)
    app = _Documented(
        title="agenttrace",
        version=version("agenttrace-otel"),
        summary="What AI agents did: run logs, agent events, action logs, Ask AI logs and prompt logs.",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        telemetry={"tracing": False, "metrics": False, "logs": False},  # whoever wants spans of it wraps the app
        exception_handlers={
            Refusal: _refused,
            HTTPException: _http_exception,
            RequestValidationError: _invalid,
        },
    )
    app.state.service = service
    app.router.route_class = _ThinRoute
    for router in _ROUTERS:
        router.add(app, service)
    add_websocket(app, service)
    _add_middleware(app, made)
    return app


class _Compressed(GZipMiddleware):
    """Starlette's gzip, for callers who accept it; others do not pay for it."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] == "http" and any(
            name == b"accept-encoding" and _takes_gzip(value) for name, value in scope["headers"]
        ):
            await super().__call__(scope, receive, send)
        else:
            await self.app(scope, receive, send)


def _takes_gzip(accepted: bytes) -> bool:
    """Return whether an Accept-Encoding names gzip, and not with a quality of zero (RFC 9110, 12.4.2)."""
    codings = (coding.partition(b";") for coding in accepted.split(b","))
    return any(name.strip() == b"gzip" and not _NO_QUALITY.fullmatch(rest.strip()) for name, _, rest in codings)


class _Documented(FastAPI):
    """FastAPI, with the security of all routes in its document."""

    def openapi(self) -> dict[str, Any]:
        """Return the OpenAPI document."""
        if not self.openapi_schema:
            found = super().openapi()
            found["security"] = openapi.SECURITY
            found.setdefault("components", {})["securitySchemes"] = openapi.SECURITY_SCHEMES
        return super().openapi()


def _settings(given: Mapping[str, Any]) -> Settings:
    unknown = sorted(set(given) - set(Settings.names()))
    if unknown:
        raise ConfigurationError(f"create_app: unknown {', '.join(unknown)}; known are {', '.join(Settings.names())}")
    return Settings(**given)


def _authenticate(auth: Authenticate | _ByApiKey | None, trace: AgentTrace, pool: StorePool) -> Authenticate:
    if isinstance(auth, _ByApiKey):
        return ApiKeys(trace, run=pool.run)
    if auth is None:
        return Anonymous()
    if not callable(auth):
        raise ConfigurationError(f"auth: must be a callable, None or left out, got {auth!r}")
    return auth


def _add_middleware(app: FastAPI, settings: Settings) -> None:
    """Add what stands around the routes; the last one added is the outermost."""
    if settings.gzip:
        app.add_middleware(_Compressed, minimum_size=1_000, compresslevel=4)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=("GET", "DELETE"),
            allow_headers=("Authorization", "X-API-Key", "Cache-Control", "X-Request-ID"),
            expose_headers=_EXPOSED,
        )
    app.add_middleware(Gate, settings=settings)


async def _refused(request: Request, error: Exception) -> Response:
    """Answer what a dependency of the prompt logs refused."""
    return _service(request).refuse(prompt_logs.VIEW, request, error)


async def _invalid(request: Request, error: Exception) -> Response:
    """Answer values that do not fit the prompt logs' parameters: 422 in FastAPI's own shape."""
    response = await request_validation_exception_handler(request, cast("RequestValidationError", error))
    return _service(request).noted(prompt_logs.VIEW, request, response)


async def _http_exception(request: Request, error: Exception) -> Response:
    """Answer a path that does not exist, or not with this method."""
    found = cast("HTTPException", error)
    code = {404: "not_found", 405: "method_not_allowed"}.get(found.status_code, "error")
    body = shape_of(path_of(request.scope))(code, str(found.detail))
    return Response(body, found.status_code, dict(found.headers or {}), JSON)


def _service(request: Request) -> Service:
    return request.app.state.service
