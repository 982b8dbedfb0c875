"""Authentication by API key: which principal a request's headers prove. What the principal may do is `authorise`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Protocol

from agenttrace.asgi.pool import StorePool
from agenttrace.asgi.principal import Principal

if TYPE_CHECKING:
    from agenttrace.access.keys import ApiKey
    from agenttrace.configure import AgentTrace

__all__ = ["ApiKeys", "key_of"]

_THREADS, _TIMEOUT = 4, 10.0


class _Headers(Protocol):
    @property
    def raw(self) -> Sequence[tuple[bytes, bytes]]: ...


class _Connection(Protocol):
    @property
    def headers(self) -> _Headers: ...


_MOST = 10_000  # principals that are remembered

_Run = Callable[[Callable[[], "ApiKey | None"]], Awaitable["ApiKey | None"]]


class ApiKeys:
    """Authenticates by the API keys of an AgentTrace's store: `create_app(auth=ApiKeys(trace))`, which is the default.

    The key comes as `Authorization: Bearer KEY` or as `X-API-Key: KEY`. Calling it returns the key's principal, or None
    where there is no key, one that is unknown, wrong, expired or revoked, or two that differ. The store is asked only
    where its answer of the last seconds is not remembered (see `agenttrace.access.keys.Keys`): by `run`, which runs a
    function in a thread and waits for it; in a small pool of its own where that is None. Raises StoreError where the
    store has to be asked and fails.
    """

    def __init__(self, trace: AgentTrace, *, run: _Run | None = None) -> None:
        self._trace = trace
        self._made: dict[str, tuple[ApiKey, Principal]] = {}
        self._run = run or StorePool(_THREADS, _TIMEOUT).run

    async def __call__(self, request: _Connection) -> Principal | None:
        """Return the principal of a Starlette request or WebSocket, or None."""
        sure, found = self.remembered(request)
        if sure:
            return found
        text = key_of(request.headers) or ""
        key = await self._run(lambda: self._trace.keys.check(text))
        return None if key is None else self._principal(key)

    def remembered(self, request: _Connection) -> tuple[bool, Principal | None]:
        """Return (True, what calling it gives) where the store need not be asked, else (False, None). Never waits."""
        text = key_of(request.headers)
        if text is None:
            return True, None
        sure, key = self._trace.keys.remembered(text)
        return sure, None if key is None else self._principal(key)

    def _principal(self, key: ApiKey) -> Principal:
        """Return the key's principal, the one made before where it is the same key object."""
        made = self._made.get(key.id)
        if made is None or made[0] is not key:
            if len(self._made) >= _MOST:
                self._made.clear()
            made = self._made[key.id] = (key, _principal(key))
        return made[1]


def key_of(headers: _Headers) -> str | None:
    """Return the one key that the headers carry, or None: none at all, another scheme than Bearer, or several keys.

    >>> from starlette.datastructures import Headers
    >>> key_of(Headers({"Authorization": "bearer k1", "X-API-Key": "k1"}))
    'k1'
    >>> key_of(Headers({"Authorization": "Bearer k1", "X-API-Key": "k2"})) is None
    True
    """
    found: set[str] = set()
    for name, value in headers.raw:
        if name == b"authorization":
            found.add(_bearer(value.decode("latin-1")))
        elif name == b"x-api-key":
            found.add(value.decode("latin-1").strip())
    return found.pop() or None if len(found) == 1 else None


def _bearer(value: str) -> str:
    """Return the token of `Bearer TOKEN` (RFC 6750; the scheme's case does not matter), nothing for another scheme."""
    scheme, _, token = value.strip().partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _principal(key: ApiKey) -> Principal:
    return Principal(
        workspace_id=key.workspace_id,
        user_id=key.user_id,
        team_ids=key.team_ids,
        role=key.role,
        scopes=key.scopes,
        key_id=key.id,
    )
