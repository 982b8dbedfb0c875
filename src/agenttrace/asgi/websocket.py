"""/ai/ws: a session's new events as they are stored, by whatever process, and its resets.

Each message is one JSON object with a `type`: an event, as the agent events list shows it, or `session.reset`. The
store is looked at again and again, so it is the store that keeps what a slow client has not taken yet.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import anyio
import orjson
from starlette.websockets import WebSocket, WebSocketDisconnect

from agenttrace.asgi.authorise import may_read_session
from agenttrace.asgi.errors import Refusal, refusal_of, worded
from agenttrace.asgi.parameters import read
from agenttrace.asgi.routers.action_logs import SESSION
from agenttrace.asgi.service import View, tell
from agenttrace.errors import StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Generator

    from fastapi import FastAPI

    from agenttrace.asgi.principal import Principal
    from agenttrace.asgi.service import Service
    from agenttrace.model.run import Session
    from agenttrace.query.follow import SessionFollower, SessionNews

__all__ = ["CLOSE_CODES", "VIEW", "add"]

VIEW = View("websocket", worded)

#: How a socket is closed, by the status that the same refusal has over HTTP.
CLOSE_CODES = {400: 4400, 401: 4401, 403: 4403, 404: 4404, 429: 4429, 503: 1013}
_INTERNAL = 1011

#: Seconds between two looks at whether the caller may still listen.
_ASK_AGAIN = 15.0
#: Seconds for which a store that is out of reach is waited for, and a client that takes nothing.
_PATIENCE = 60.0
_FAREWELL = 5.0


def add(app: FastAPI, service: Service) -> None:
    """Add the route."""
    sockets = 0
    taken: Counter[str] = Counter()

    @app.websocket("/ai/ws")
    async def follow(socket: WebSocket) -> None:
        nonlocal sockets
        if not _same_origin(socket, service.settings.cors_origins):
            await socket.close()  # before it was accepted: 403, from servers of every kind
            return
        sockets += 1
        try:
            await _Conversation(service, socket, taken).run(full=sockets > service.settings.max_sockets)
        except WebSocketDisconnect:
            pass
        finally:
            sockets -= 1


class _Conversation:
    """One socket, from the handshake to its end."""

    def __init__(self, service: Service, socket: WebSocket, taken: Counter[str]) -> None:
        self._service = service
        self._socket = socket
        self._taken = taken  # how many sockets each workspace has
        self._wake = anyio.Event()

    async def run(self, *, full: bool) -> None:
        """Serve the socket until the client leaves or may not stay."""
        loop = asyncio.get_running_loop()

        def was_reset(_: Session) -> None:
            loop.call_soon_threadsafe(self._call)

        forget = self._service.trace.query.on_reset(was_reset)
        try:
            if full:
                raise StoreUnavailable("as many sockets as the settings allow are open")
            principal, follower = await self._begin()
            with self._place(str(principal.workspace_id)):
                # The follower stands where it does before the client is told that it is connected: nothing is missed.
                await self._socket.accept()
                await self._talk(principal, follower)
        except (WebSocketDisconnect, anyio.get_cancelled_exc_class()):
            raise
        except Exception as error:  # noqa: BLE001 - each kind of error has its close code
            await self._end(error)
        finally:
            forget()

    @contextmanager
    def _place(self, workspace: str) -> Generator[None]:
        """Take one of the workspace's places. Raises Refusal where it has as many as it may."""
        if self._taken[workspace] >= self._service.settings.max_workspace_sockets:
            raise Refusal(429, "too_many_sockets", "as many sockets as the settings allow a workspace are open")
        self._taken[workspace] += 1
        try:
            yield
        finally:
            self._taken[workspace] -= 1
            if not self._taken[workspace]:
                del self._taken[workspace]

    async def _begin(self) -> tuple[Principal, SessionFollower]:
        service, socket = self._service, self._socket
        principal = (await service.identify(socket, VIEW)).principal
        asked: dict[str, Any] = {}
        try:
            service.permit(principal, VIEW)
            asked = read((SESSION,), socket)
            follower = await service.ask(
                lambda query: query.follow_session(**asked, workspace_id=principal.workspace_id)
            )
            _check(principal, follower.session)
        except Exception as error:
            service.note(socket, principal, VIEW, asked, 0, refusal_of(error).status)
            raise
        service.note(socket, principal, VIEW, asked, 0, 101)
        return principal, follower

    async def _talk(self, principal: Principal, follower: SessionFollower) -> None:
        failure: Exception | None = None
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._listen, tasks.cancel_scope)
            try:
                await self._tell(principal, follower)
            except Exception as error:  # noqa: BLE001 - a group would wrap it in another
                failure = error
            tasks.cancel_scope.cancel()
        if failure is not None:
            raise failure

    async def _listen(self, scope: anyio.CancelScope) -> None:
        """Take what the client sends, which means nothing, until it leaves."""
        while (await self._socket.receive())["type"] != "websocket.disconnect":
            pass
        scope.cancel()

    async def _tell(self, principal: Principal, follower: SessionFollower) -> None:
        asked_at = time.monotonic()
        while True:
            news = await self._news(follower)
            if time.monotonic() - asked_at > _ASK_AGAIN:
                principal, asked_at = await self._again(), time.monotonic()
            _check(principal, news.session)
            await self._send(news)
            if not news.more:
                self._wake = anyio.Event()
                with anyio.move_on_after(self._service.settings.socket_interval):
                    await self._wake.wait()

    async def _news(self, follower: SessionFollower) -> SessionNews:
        """Return what is new; a store that is out of reach is asked again for a while."""
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                return await self._service.ask(lambda _: follower.news())
            except StoreUnavailable:
                if time.monotonic() > deadline:
                    raise
                await anyio.sleep(1.0)

    async def _again(self) -> Principal:
        principal = await self._service.principal(self._socket)
        if principal is None:
            raise Refusal(401, "unauthorized", "the key is no longer valid")
        self._service.permit(principal, VIEW)
        return principal

    async def _send(self, news: SessionNews) -> None:
        """Send one page of news; nothing more is read from the store before the client has taken it."""
        try:
            with anyio.fail_after(_PATIENCE):
                if news.was_reset:
                    await self._socket.send_text(_reset_text(news.session))
                for event in news.events:
                    await self._socket.send_text(event.model_dump_json(by_alias=True))
        except TimeoutError:
            raise Refusal(503, "too_slow", "what was sent was not taken") from None

    async def _end(self, error: Exception) -> None:
        refusal = refusal_of(error)
        if refusal.status >= 500 and not isinstance(error, Refusal):
            tell(self._socket.scope, error)
        if self._socket.client_state.name == "CONNECTING":
            await self._socket.accept()
        reason = orjson.loads(worded(refusal.code, refusal.message))["message"]
        with anyio.move_on_after(_FAREWELL):  # a client that takes nothing does not take this either
            await self._socket.close(CLOSE_CODES.get(refusal.status, _INTERNAL), reason)

    def _call(self) -> None:
        self._wake.set()


def _check(principal: Principal, session: Session) -> None:
    if not may_read_session(principal, session):
        raise Refusal(403, "forbidden", "the session is another user's")


def _reset_text(session: Session) -> str:
    at = None if session.reset_at is None else session.reset_at.isoformat().replace("+00:00", "Z")
    message = {"type": "session.reset", "sessionId": session.id, "sessionKey": session.key, "resetAt": at}
    return orjson.dumps(message).decode()


def _same_origin(socket: WebSocket, allowed: tuple[str, ...]) -> bool:
    """Return whether a page that opened the socket may: browsers let any page do so, with its user's credentials."""
    origin = socket.headers.get("origin")
    if origin is None or "*" in allowed or origin in allowed:
        return True
    return origin.partition("://")[2] == socket.headers.get("host")
