"""What `openapi.json` says beyond the routes: bodies of errors, headers, how callers prove who they are. Pure."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict

__all__ = [
    "LIMITED",
    "SECURITY",
    "SECURITY_SCHEMES",
    "ErrorCode",
    "ErrorMessage",
    "headers",
    "no_content",
    "responses",
]


class ErrorCode(BaseModel):
    """What went wrong, as a word for programs and a sentence for people."""

    model_config = ConfigDict(extra="forbid")

    code: str
    message: str


class ErrorMessage(BaseModel):
    """What went wrong, in the documented words."""

    model_config = ConfigDict(extra="forbid")

    message: str


#: Either header carries the key.
SECURITY: list[dict[str, list[str]]] = [{"BearerAuth": []}, {"ApiKeyAuth": []}]

SECURITY_SCHEMES: dict[str, Any] = {
    "BearerAuth": {"type": "http", "scheme": "bearer", "description": "An API key, made by `agenttrace keys create`."},
    "ApiKeyAuth": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "The same key."},
}

_INTEGER = {"schema": {"type": "integer"}}

#: Headers of every answer to a known caller.
LIMITED: dict[str, Any] = {
    "X-RateLimit-Limit": {"description": "How many requests the window allows.", **_INTEGER},
    "X-RateLimit-Remaining": {"description": "How many of them are left.", **_INTEGER},
    "X-RateLimit-Reset": {"description": "When the window ends, in seconds since 1970.", **_INTEGER},
}

_RETRY = {"Retry-After": {"description": "After how many seconds to try again.", **_INTEGER}}

_MEANINGS = {
    400: "A parameter is missing or outside its range",
    401: "No API key, or none that is valid",
    403: "The caller may not do this",
    404: "It does not exist in the caller's workspace",
    413: "The body is too large",
    414: "The query string is too long",
    422: "The values do not fit",
    429: "More requests than the rate allows",
    431: "The headers are too large",
    500: "Something went wrong",
    503: "The store is out of reach",
}


def headers(status: int) -> dict[str, Any]:
    """Return the documented headers of an answer with this status."""
    limited = {} if status in (401, 413, 414, 431) else LIMITED
    return {**limited, **(_RETRY if status in (429, 503) else {})}


def responses(body: type[BaseModel], *statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the documented errors of a view, all in one shape; those that any request may meet are among them."""
    return {
        status: {"model": body, "description": _MEANINGS[status], "headers": headers(status)}
        for status in sorted({*statuses, 401, 413, 414, 429, 431, 500})
    }


def no_content(description: str) -> dict[int | str, dict[str, Any]]:
    """Return the documented answer that has no body."""
    return {204: {"description": description, "headers": LIMITED}}
