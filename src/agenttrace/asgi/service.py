"""What every view over HTTP does: authenticate, count, authorise, ask the store in a thread, answer, note who read.

A view adds what is its own: how its parameters are read and which question they are.
"""

from __future__ import annotations

import inspect
import logging
import traceback
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import anyio
from starlette.exceptions import HTTPException
from starlette.responses import Response

from agenttrace.asgi.audit import Auditor
from agenttrace.asgi.auth import ApiKeys
from agenttrace.asgi.authorise import has_scope
from agenttrace.asgi.cache import AnswerCache
from agenttrace.asgi.errors import Refusal, Shape, coded, refusal_of
from agenttrace.asgi.limits import INGEST_RATE, Limit, RateLimits
from agenttrace.asgi.principal import Principal
from agenttrace.errors import ConfigurationError, StoreUnavailable

if TYPE_CHECKING:
    from starlette.requests import HTTPConnection, Request
    from starlette.types import Scope

    from agenttrace.asgi.pool import StorePool
    from agenttrace.asgi.settings import Settings
    from agenttrace.configure import AgentTrace
    from agenttrace.query.reader import Query

__all__ = ["REQUEST_ID", "Admission", "Answer", "Authenticate", "Service", "View", "tell"]

#: Returns the principal that a request proves, or None; sync or async.
Authenticate = Callable[[Any], Principal | Awaitable[Principal | None] | None]

R = TypeVar("R")

_log = logging.getLogger("agenttrace.asgi")

#: Where a request's id stands in its ASGI scope.
REQUEST_ID = "agenttrace.request_id"
_ADMISSION = "agenttrace.admission"
_NOTHING: Mapping[str, object] = MappingProxyType({})
_CHALLENGE = {"WWW-Authenticate": "Bearer"}


@dataclass(frozen=True, slots=True)
class View:
    """One view: the name under which it is counted and noted, the shape of its errors, the scope that it takes."""

    name: str
    shape: Shape = coded
    scope: str = "read"


class Admission(NamedTuple):
    """A caller who may ask, and what is left of the rate."""

    principal: Principal
    limit: Limit


@dataclass(slots=True)
class Answer:
    """What a view answers: a response, and how many rows are in it."""

    response: Response
    rows: int = 0


class Service:
    """One app's parts: the AgentTrace that it reads, who may, how often, in how many threads."""

    def __init__(self, trace: AgentTrace, authenticate: Authenticate, settings: Settings, pool: StorePool) -> None:
        self.trace = trace
        self.settings = settings
        self.limits = RateLimits({"ingest": INGEST_RATE, **settings.rates})
        self.cache = AnswerCache(settings.cache_ttl)
        trace.when_erased(self.cache.clear)
        self.pool = pool
        self._authenticate = authenticate
        self._auditor = Auditor(trace)

    async def serve(
        self,
        view: View,
        request: Request,
        parse: Callable[[Request], dict[str, Any]],
        respond: Callable[[Principal, dict[str, Any]], Awaitable[Answer]],
        *,
        admission: Admission | None = None,
    ) -> Response:
        """Return the answer of a view, or its error: who is asking comes first, then how often, then what.

        With an `admission` the caller is known already, and may ask.
        """
        asked: dict[str, Any] = {}
        try:
            if admission is None:
                admission = await self.identify(request, view)
                self.permit(admission.principal, view)
            asked = parse(request)
            answer = await respond(admission.principal, asked)
        except Exception as error:  # noqa: BLE001 - each kind of error has its answer
            return self.refuse(view, request, error, asked)
        response = answer.response
        response.raw_headers += admission.limit.raw_headers()
        self.note(request, admission.principal, view, asked, answer.rows, response.status_code)
        return response

    async def identify(self, connection: HTTPConnection, view: View) -> Admission:
        """Return who is asking and what is left of the rate; raises Refusal: 401 and 429."""
        principal = await self.principal(connection)
        if principal is None:
            raise Refusal(401, "unauthorized", "an API key is needed, and this is none that is valid", _CHALLENGE)
        limit = self.limits.hit(view.name, principal.who)
        admission = connection.scope[_ADMISSION] = Admission(principal, limit)
        if not limit.allowed:
            raise Refusal(429, "rate_limit_exceeded", f"more than {limit.limit} requests; wait", limit.headers())
        return admission

    def permit(self, principal: Principal, view: View) -> None:
        """Raise Refusal, 403, where the caller's key lacks the view's scope."""
        if not has_scope(principal, view.scope):
            raise Refusal(403, "forbidden", f"the key lacks the scope {view.scope}")

    async def principal(self, connection: HTTPConnection) -> Principal | None:
        """Return the principal that a connection proves, or None; raises Refusal, and StoreUnavailable."""
        if isinstance(self._authenticate, ApiKeys):
            sure, known = self._authenticate.remembered(connection)
            if sure:
                return known
        try:
            found = self._authenticate(connection)
            if inspect.isawaitable(found):
                with anyio.fail_after(self.settings.store_timeout):
                    found = await found
        except TimeoutError:
            raise StoreUnavailable("authentication took too long") from None
        except HTTPException as error:
            code = "unauthorized" if error.status_code == 401 else "forbidden"
            raise Refusal(error.status_code, code, str(error.detail), error.headers or {}) from error
        if found is None or isinstance(found, Principal):  # pyright: ignore[reportUnnecessaryIsInstance]
            return found
        raise ConfigurationError(f"auth: must return an asgi.Principal or None, returned {type(found).__name__}")

    async def ask(self, question: Callable[[Query], R], *, timeout: float | None = None) -> R:
        """Return what a question to the store gives; it runs in a thread. Raises StoreUnavailable once time is over."""
        return await self.pool.run(lambda: question(self.trace.query), timeout=timeout)

    def note(
        self,
        connection: HTTPConnection,
        principal: Principal,
        view: View,
        filters: Mapping[str, object],
        rows: int,
        status: int,
    ) -> None:
        """Note in the journal what was read, and by whom."""
        known = {name: value for name, value in filters.items() if value is not None}
        request_id = connection.scope.get(REQUEST_ID)
        self._auditor.note(principal, view.name, known, rows, status, request_id=request_id)

    def refuse(
        self,
        view: View,
        request: HTTPConnection,
        error: Exception,
        filters: Mapping[str, object] = _NOTHING,
    ) -> Response:
        """Return the answer that an error is in this view's shape, and note it where the caller is known."""
        refusal = refusal_of(error)
        if refusal.status >= 500:
            tell(request.scope, error)
        response = Response(
            view.shape(refusal.code, refusal.message), refusal.status, dict(refusal.headers), "application/json"
        )
        return self.noted(view, request, response, filters)

    def noted(
        self, view: View, request: HTTPConnection, response: Response, filters: Mapping[str, object] = _NOTHING
    ) -> Response:
        """Return an error's response with what is left of the rate, and note it, where the caller is known."""
        admission: Admission | None = request.scope.get(_ADMISSION)
        if admission is not None:
            response.headers.update(admission.limit.headers())
            # One above the rate is noted once a window: or nothing would bound what a caller makes the store keep.
            if admission.limit.allowed or admission.limit.is_first_refused:
                self.note(request, admission.principal, view, filters, 0, response.status_code)
        return response


def tell(scope: Scope, error: BaseException) -> None:
    """Log an error that is answered with a 5xx: its kind and its place, but no message, which may hold a payload."""
    frames = "\n".join(f"  {at.filename}:{at.lineno} {at.name}" for at in traceback.extract_tb(error.__traceback__))
    kind, request_id = type(error).__name__, scope.get(REQUEST_ID)
    if isinstance(error, StoreUnavailable):
        _log.warning("the store did not answer, request %s: %s", request_id, kind)
    else:
        _log.error("request %s failed: %s\n%s", request_id, kind, frames)
