"""POST /v1/traces and /v1/logs: OTLP over HTTP, protobuf or JSON, gzip or not, into the workspace of the key.

Follows the OpenTelemetry Protocol specification, OTLP/HTTP: the answer has the request's encoding, an error's body is a
`google.rpc.Status`, and what cannot be read in an otherwise good request is told as a partial success.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from agenttrace.asgi.errors import Refusal, refusal_of, rpc_status
from agenttrace.asgi.middleware import media_type
from agenttrace.asgi.openapi import LIMITED, headers
from agenttrace.asgi.pool import StorePool
from agenttrace.asgi.service import View, tell
from agenttrace.otel import otlp
from agenttrace.otel.receive import Receiver
from agenttrace.otel.received import Malformed, TooLarge, Unsupported

if TYPE_CHECKING:
    from fastapi import FastAPI

    from agenttrace.asgi.principal import Principal
    from agenttrace.asgi.service import Service
    from agenttrace.otel.received import Received

__all__ = ["VIEW", "add"]

VIEW = View("ingest", scope="ingest")

_REJECTED = "trace or span id missing, a field of the wrong type, or too much altogether"
#: How many times the largest request's size the records of one may take.
_SWELL = 8
_PARTS = {"/v1/traces": ("spans", "rejectedSpans"), "/v1/logs": ("log records", "rejectedLogRecords")}
_BODIES: dict[str, Any] = {
    kind: {"schema": {"type": "string", "format": "binary"} if kind == otlp.PROTOBUF else {"type": "object"}}
    for kind in (otlp.PROTOBUF, otlp.JSON)
}


def add(app: FastAPI, service: Service) -> None:
    """Add both routes."""
    receiver = Receiver(service.trace)
    # Threads of its own: a text that takes long to redact must not hold those in which everybody's questions run.
    pool = StorePool(service.settings.threads, service.settings.store_timeout)

    async def receive(request: Request, path: str) -> Response:
        kind = media_type(request.scope)
        try:
            admission = await service.identify(request, VIEW)
            service.permit(admission.principal, VIEW)
            body = await request.body()
            encoding, limit = request.headers.get("content-encoding", ""), service.settings.max_ingest_bytes
            principal = admission.principal
            # In a thread: reading and redacting megabytes takes its time.
            taken, rejected = await pool.run(lambda: _take(receiver, body, encoding, kind, path, principal, limit))
        except Exception as error:  # noqa: BLE001 - each kind of error has its answer
            return service.noted(VIEW, request, _refused(request, error, kind))
        service.note(request, principal, VIEW, {}, taken, 200)
        return Response(_success(kind, path, rejected), 200, admission.limit.headers(), kind)

    for path, (what, _) in _PARTS.items():
        _add(app, path, what, receive)


def _add(app: FastAPI, path: str, what: str, receive: Any) -> None:
    async def endpoint(request: Request) -> Response:
        return await receive(request, path)

    endpoint.__doc__ = f"Take an OTLP export request of {what}. They show moments later, as runs."
    name = path.rpartition("/")[2]
    meanings = {400: "No such message", 401: "No valid key", 403: "The key lacks the scope ingest", 413: "Too large"}
    meanings |= {414: "The query string is too long", 415: "Neither protobuf nor JSON", 429: "Too many requests"}
    meanings |= {431: "The headers are too large", 500: "Something went wrong", 503: "The store is out of reach"}
    app.post(
        path,
        tags=["OpenTelemetry"],
        summary=f"Receive {what} over OTLP",
        operation_id=f"post-{name}",
        openapi_extra={"requestBody": {"required": True, "content": _BODIES}},
        responses={
            200: {"description": "Taken, as far as not told otherwise", "content": _BODIES, "headers": LIMITED},
            **{
                status: {"description": text, "content": _BODIES, "headers": headers(status)}
                for status, text in meanings.items()
            },
        },
    )(endpoint)


def _take(
    receiver: Receiver, body: bytes, encoding: str, kind: str, path: str, principal: Principal, limit: int
) -> tuple[int, int]:
    """Record what a body holds, and return how many items of it were taken, and how many could not be read."""
    received: Received = otlp.read(otlp.inflate(body, encoding, limit), kind, logs=path == "/v1/logs")
    given = len(received.spans) + len(received.logs)
    taken = receiver.take(received, principal.workspace_id, most=_SWELL * limit)
    return taken, received.rejected + given - taken


def _success(kind: str, path: str, rejected: int) -> bytes:
    if kind == otlp.JSON:
        name = _PARTS[path][1]
        return orjson.dumps({"partialSuccess": {name: str(rejected), "errorMessage": _REJECTED}} if rejected else {})
    return otlp.protobuf_success(rejected, _REJECTED)


def _refused(request: Request, error: Exception, kind: str) -> Response:
    match error:
        case TooLarge():
            refusal = Refusal(413, "body_too_large", str(error))
        case Unsupported():
            refusal = Refusal(415, "unsupported", str(error))
        case Malformed():
            refusal = Refusal(400, "invalid_request", str(error))
        case _:
            refusal = refusal_of(error)
    if refusal.status >= 500:
        tell(request.scope, error)
    body, media = rpc_status(refusal, kind)
    return Response(body, refusal.status, dict(refusal.headers), media)
