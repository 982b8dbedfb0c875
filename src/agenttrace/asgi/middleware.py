"""Around every request: its id, its bounds, the security headers of its answer, one line in the log. Pure ASGI."""

from __future__ import annotations

import logging
import os
import random
import re
import time
from typing import TYPE_CHECKING

import anyio
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from agenttrace.asgi.errors import Refusal, refusal_of, rpc_status, shape_of
from agenttrace.asgi.service import REQUEST_ID, tell
from agenttrace.model.ids import veiled

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from agenttrace.asgi.settings import Settings

__all__ = ["INGEST", "Gate", "media_type", "path_of"]

#: Where runs are sent in: bodies may be larger there.
INGEST = ("/v1/traces", "/v1/logs")

#: Seconds for which a client may take nothing of an answer that is streamed: what waits for it takes memory.
_PATIENCE = 60.0

_log = logging.getLogger("agenttrace.asgi")

_SANE_ID = re.compile(rb"[0-9A-Za-z._:/+=@-]{1,128}\Z")

#: Headers of every answer that does not set them itself.
_SECURITY = (
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
)


# No system call: it would hand the GIL to another thread, in the middle of every request.
_random = random.Random()  # noqa: S311 - ids, not secrets # nosec B311
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_random.seed)


class Gate:
    """The outermost part of the app. What goes wrong further inside and has no answer becomes a 500 here."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if _has_foreign_slash(scope):
            scope = {**scope, "path": scope["path"].rstrip("/")}
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "websocket":
            scope[REQUEST_ID] = _request_id(scope)
            await self._app(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        request_id = scope[REQUEST_ID] = _request_id(scope)
        most = self._most(scope)
        exchange = _Exchange(receive, send, request_id, most)
        started = time.perf_counter()
        try:
            self._check(scope, most)
            await self._app(scope, exchange.receive, exchange.send)
        except Exception as error:  # noqa: BLE001 - nobody further out would answer in the documented shape
            await exchange.fail(scope, error)
        finally:
            if _log.isEnabledFor(logging.INFO):
                took = (time.perf_counter() - started) * 1000
                # The query string stays out of it: it has the callers' ids.
                path = "/".join(map(veiled, path_of(scope).split("/")))
                path = path.encode("unicode_escape").decode()[:200]  # a line stays one, and a terminal as it was
                _log.info("%s %s %s %.1f ms request %s", scope["method"], path, exchange.status, took, request_id)

    def _check(self, scope: Scope, most: int) -> None:
        """Raise Refusal where headers, query string or announced body are too large."""
        settings = self._settings
        if sum(len(name) + len(value) + 4 for name, value in scope["headers"]) > settings.max_header_bytes:
            raise Refusal(431, "headers_too_large", f"headers may take {settings.max_header_bytes} bytes")
        if len(scope["query_string"]) > settings.max_query_bytes:
            raise Refusal(414, "query_too_long", f"the query string may take {settings.max_query_bytes} bytes")
        length = _header(scope["headers"], b"content-length")
        if length is not None and (not length.isdigit() or len(length) > 18 or int(length) > most):
            raise _too_large(most)

    def _most(self, scope: Scope) -> int:
        settings = self._settings
        return settings.max_ingest_bytes if path_of(scope) in INGEST else settings.max_body_bytes


class _Exchange:
    """One request and its answer, as the server sees them."""

    def __init__(self, receive: Receive, send: Send, request_id: str, most: int) -> None:
        self._receive = receive
        self._send = send
        self._request_id = request_id.encode()
        self._left = most
        self._most = most
        self.status: int | None = None

    async def receive(self) -> Message:
        """Return the next part of the body; raises Refusal once it is too large."""
        message = await self._receive()
        self._left -= len(message.get("body", b""))
        if self._left < 0:
            raise _too_large(self._most)
        return message

    async def send(self, message: Message) -> None:
        """Send a part of the answer, with the headers that each has."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            given: list[tuple[bytes, bytes]] = list(message.get("headers", ()))
            known = {name.lower() for name, _ in given}
            given += [pair for pair in _SECURITY if pair[0] not in known]
            given.append((b"x-request-id", self._request_id))
            message = {**message, "headers": given}
        if message.get("more_body"):
            await self._send_piece(message)
        else:
            await self._send(message)

    async def _send_piece(self, message: Message) -> None:
        try:
            with anyio.fail_after(_PATIENCE):
                await self._send(message)
        except TimeoutError:
            raise Refusal(408, "too_slow", "what was sent was not taken") from None

    async def fail(self, scope: Scope, error: Exception) -> None:
        """Answer with an error, or end the connection where the answer has begun."""
        refusal = refusal_of(error)
        if refusal.status >= 500:
            tell(scope, error)
        if isinstance(error, ClientDisconnect):
            return  # nobody is there to be answered
        if self.status is not None:
            raise _Broken from None  # the server cuts the connection: half a document must not look whole
        body, media = _body(scope, refusal)
        headers = {**refusal.headers, "Connection": "close"}
        await Response(body, refusal.status, headers, media)(scope, self.receive, self.send)


class _Broken(Exception):
    """An answer that had begun could not be ended; the log says why."""


def path_of(scope: Scope) -> str:
    """Return the path inside the app, wherever it is mounted."""
    path, root = str(scope["path"]), str(scope.get("root_path", ""))
    return path[len(root) :] if root and path.startswith(root + "/") else path


def media_type(scope: Scope) -> str:
    """Return what a request's body is said to be, in lower case and without parameters; empty where nothing is said."""
    return (_header(scope["headers"], b"content-type") or b"").decode("latin-1").partition(";")[0].strip().lower()


def _body(scope: Scope, refusal: Refusal) -> tuple[bytes, str]:
    """Return the body of an error, in the shape of the path, and its media type."""
    path = path_of(scope)
    if path in INGEST:
        return rpc_status(refusal, media_type(scope))
    return shape_of(path)(refusal.code, refusal.message), "application/json"


def _has_foreign_slash(scope: Scope) -> bool:
    """Return whether the path ends in a slash that the client did not send: Litestar adds one where it mounts."""
    path, raw = scope.get("path", ""), scope.get("raw_path")
    sent = (b"/", b"%2f", b"%2F")
    return bool(raw) and path.endswith("/") and not raw.partition(b"?")[0].endswith(sent)


def _request_id(scope: Scope) -> str:
    given = _header(scope["headers"], b"x-request-id")
    # It stands in answers, logs and notes of the audit log, so a secret is hidden there as everywhere.
    return veiled(given.decode()) if given is not None and _SANE_ID.match(given) else f"{_random.getrandbits(128):032x}"


def _header(headers: Iterable[tuple[bytes, bytes]], wanted: bytes) -> bytes | None:
    return next((value for name, value in headers if name == wanted), None)


def _too_large(most: int) -> Refusal:
    return Refusal(413, "body_too_large", f"the body may take {most} bytes")
