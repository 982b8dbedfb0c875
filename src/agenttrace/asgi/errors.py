"""Errors over HTTP: what is refused with which status and code, and the body that each view documents for it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import orjson
from starlette.requests import ClientDisconnect

from agenttrace.errors import (
    AgentNotFound,
    ContactNotFound,
    ConversationNotFound,
    EventNotFound,
    InvalidQuery,
    NotFound,
    RunNotFound,
    SessionNotFound,
    StoreTooNew,
    StoreUnavailable,
)
from agenttrace.otel.otlp import JSON, PROTOBUF, protobuf_status

__all__ = ["Refusal", "Shape", "coded", "refusal_of", "rpc_status", "shape_of", "worded"]

#: A body from a code and a message.
Shape = Callable[[str, str], bytes]

#: Seconds after which a caller may try again where the store is out of reach.
RETRY_AFTER = "2"

_NOTHING: Mapping[str, str] = MappingProxyType({})

_NOT_FOUND: dict[type[NotFound], str] = {
    RunNotFound: "run_not_found",
    EventNotFound: "event_not_found",
    AgentNotFound: "agent_not_found",
    SessionNotFound: "session_not_found",
    ContactNotFound: "contact_not_found",
    ConversationNotFound: "conversation_not_found",
}

#: The words of the action logs, which document them, by code.
_WORDS = {
    "invalid_request": "Invalid request",
    "unauthorized": "Unauthorized",
    "forbidden": "Forbidden",
    "session_not_found": "Session not found",
    "not_found": "Not found",
    "method_not_allowed": "Method not allowed",
    "rate_limit_exceeded": "Too many requests",
    "store_unavailable": "Service unavailable",
    "internal_error": "Internal server error",
}

#: google.rpc.Code by HTTP status; any other is an internal error.
_RPC_CODES = {400: 3, 401: 16, 403: 7, 413: 8, 414: 3, 415: 3, 429: 8, 431: 8, 503: 14}


class Refusal(Exception):
    """A request that is answered with an error: a status, a code, a message and headers."""

    def __init__(self, status: int, code: str, message: str, headers: Mapping[str, str] = _NOTHING) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = headers


def coded(code: str, message: str) -> bytes:
    """Return `{"code": ..., "message": ...}`, the body of most views.

    >>> coded("forbidden", "no")
    b'{"code":"forbidden","message":"no"}'
    """
    return orjson.dumps({"code": code, "message": message.encode("utf-8", "backslashreplace").decode()})


def worded(code: str, message: str) -> bytes:
    """Return `{"message": ...}` with the words that the action logs document for this code.

    >>> worded("session_not_found", "no session x in this workspace")
    b'{"message":"Session not found"}'
    """
    return orjson.dumps({"message": _WORDS.get(code) or message.encode("utf-8", "backslashreplace").decode()})


def shape_of(path: str) -> Shape:
    """Return the shape of errors below a path, for those that arise before a view is reached."""
    return worded if path.startswith("/ai/") else coded


def rpc_status(refusal: Refusal, kind: str) -> tuple[bytes, str]:
    """Return the `google.rpc.Status` of a refused OTLP request of a content type, and the content type that it has.

    >>> rpc_status(Refusal(403, "forbidden", "no"), "application/json")
    (b'{"code":7,"message":"no"}', 'application/json')
    """
    code = _RPC_CODES.get(refusal.status, 13)
    if kind == PROTOBUF:
        return protobuf_status(code, refusal.message), PROTOBUF
    return orjson.dumps({"code": code, "message": refusal.message}), JSON


def refusal_of(error: Exception) -> Refusal:
    """Return how an error is answered; what is not foreseen is a 500 that tells nothing."""
    match error:
        case Refusal():
            return error
        case ClientDisconnect():
            return Refusal(400, "invalid_request", "the client left before its request had ended")
        case InvalidQuery():
            return Refusal(400, "invalid_request", str(error))
        case NotFound():
            return Refusal(404, _NOT_FOUND.get(type(error), "not_found"), str(error))
        case StoreUnavailable() | StoreTooNew():
            message = "the store is out of reach or busy; try again later"
            return Refusal(503, "store_unavailable", message, {"Retry-After": RETRY_AFTER})
        case _:
            return Refusal(500, "internal_error", "something went wrong; the request id leads to the log")
