"""API keys of a store: made, listed, revoked, and checked at every request without asking the store each time."""

from __future__ import annotations

import threading
import time
import uuid
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from agenttrace.access import check
from agenttrace.errors import ConfigurationError, KeyNotFound
from agenttrace.model import times
from agenttrace.model.keys import ROLES, SCOPES, KeyText, fits, hash_of, new_key, read_key
from agenttrace.model.rows import ApiKeyRow
from agenttrace.model.wire import KEY_USED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from agenttrace.store.protocol import Store

__all__ = ["ApiKey", "Keys", "NewKey"]

#: How many keys, and how many texts that are none, are remembered.
_MOST = 10_000
#: A key's last use is recorded at most so often.
_USED_EVERY = 60 * times.SECOND
_LONGEST_NAME = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """A key as it is stored: everything but its secret, of which the store only has a hash. Times are aware, UTC."""

    id: str
    name: str
    workspace_id: str
    user_id: str | None
    team_ids: tuple[str, ...]
    role: str
    scopes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None  # to the minute


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKey(ApiKey):
    """A key that was just made. `key` is its whole text: nobody can get at it later."""

    key: str = field(repr=False)


class _Remembered(NamedTuple):
    key: ApiKey | None
    hash: bytes
    expires_at: int | None
    end: float


class Keys:
    """The API keys of one store. All methods may be called from any thread; `remembered` never blocks.

    What the store said about a key is remembered for `remember` seconds: so long a key that another process has revoked
    still works, and one that it has made may not work yet. In the process that revokes it a key ends at once.
    """

    def __init__(
        self,
        store: Callable[[], Store],
        *,
        append: Callable[[int, bytes], None],
        clock: Callable[[], int],
        remember: float = 5.0,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._append = append
        self._clock = clock
        self._timer = timer
        self._remember = remember
        self._lock = threading.Lock()
        self._known: OrderedDict[str, _Remembered] = OrderedDict()
        self._unknown: OrderedDict[str, _Remembered] = OrderedDict()
        self._used: OrderedDict[str, int] = OrderedDict()
        self._changes = 0

    def create(
        self,
        *,
        name: str,
        workspace_id: str | uuid.UUID | None = None,
        role: str = "member",
        user_id: str | uuid.UUID | None = None,
        team_ids: Iterable[str | uuid.UUID] = (),
        scopes: Iterable[str] = ("read",),
        expires: datetime | None = None,
    ) -> NewKey:
        """Make a key, store its hash, and return it: the only time that its text is there to be seen.

        Without a `workspace_id` it is the default workspace's. `expires` is an aware datetime; without it the key is
        good until it is revoked. Raises ConfigurationError, StoreError.
        """
        key = new_key()
        now = self._clock()
        row = ApiKeyRow(
            id=key.id,
            workspace_id=check.workspace(workspace_id),
            hash=hash_of(key),
            name=_name(name),
            user_id=check.owner("user_id", user_id),
            team_ids=_json(check.owners("team_ids", team_ids)),
            role=check.one_of("role", role, ROLES),
            scopes=_json(_scopes(scopes)),
            created_at=now,
            expires_at=_expiry(expires, now),
            revoked_at=None,
            last_used_at=None,
        )
        self._store().add_key(row)
        self._forget(key.id)
        return NewKey(key=key.text, **_fields(row))

    def list(self, *, workspace_id: str | uuid.UUID | None = None) -> list[ApiKey]:
        """Return the keys of a workspace, newest first, those that expired or were revoked too. Raises StoreError."""
        workspace = check.workspace(workspace_id)
        return [ApiKey(**_fields(row)) for row in self._store().keys(workspace)]

    def revoke(self, key_id: str, *, workspace_id: str | uuid.UUID | None = None) -> ApiKey:
        """Revoke a key by its id, or by its whole text, and return it; one that was revoked before stays so.

        Raises KeyNotFound where the workspace has no such key, StoreError.
        """
        workspace = check.workspace(workspace_id)
        whole = read_key(key_id)
        wanted = key_id if whole is None else whole.id
        row = self._store().revoke_key(workspace, wanted, at=self._clock())
        self._forget(wanted)
        if row is None:
            # The text may be a mistyped key with its secret: it is not repeated.
            raise KeyNotFound("no API key of this id in this workspace; `agenttrace keys list` shows them")
        return ApiKey(**_fields(row))

    def check(self, text: str) -> ApiKey | None:
        """Return the key whose text this is, or None: unknown, wrong, expired, revoked. Asks the store if it must.

        Raises StoreError.
        """
        key = read_key(text)
        if key is None:
            return None
        found = self._recall(key.id)
        if found is None:
            changes = self._changes
            found = self._keep(key.id, self._store().key(key.id), changes)
        return self._checked(key, found)

    def remembered(self, text: str) -> tuple[bool, ApiKey | None]:
        """Return (True, what `check` would) where that needs no store, else (False, None). Never blocks."""
        key = read_key(text)
        if key is None:
            return True, None
        found = self._recall(key.id)
        return (False, None) if found is None else (True, self._checked(key, found))

    def _checked(self, key: KeyText, found: _Remembered) -> ApiKey | None:
        if found.key is None or not fits(key, found.hash) or found.key.revoked_at is not None:
            return None
        now = self._clock()
        if found.expires_at is not None and found.expires_at <= now:
            return None
        self._note_use(found.key, now)
        return found.key

    def _note_use(self, key: ApiKey, now: int) -> None:
        with self._lock:
            last = self._used.get(key.id)
            if last is None and key.last_used_at is not None:
                last = times.micros(key.last_used_at)
            if last is not None and last <= now < last + _USED_EVERY:
                return
            _put(self._used, key.id, now)
        record = {"key": key.id, "workspace": key.workspace_id, "time": now}
        self._append(KEY_USED, orjson.dumps(record))

    def _recall(self, key_id: str) -> _Remembered | None:
        with self._lock:
            found = self._known.get(key_id) or self._unknown.get(key_id)
        return found if found is not None and self._timer() < found.end else None

    def _keep(self, key_id: str, row: ApiKeyRow | None, changes: int) -> _Remembered:
        end = self._timer() + self._remember
        if row is None:
            found = _Remembered(None, b"", None, end)
        else:
            found = _Remembered(ApiKey(**_fields(row)), row.hash, row.expires_at, end)
        with self._lock:
            # What was read while this process made or revoked a key may be out of date already.
            if changes == self._changes:
                _put(self._unknown if row is None else self._known, key_id, found)
        return found

    def _forget(self, key_id: str) -> None:
        with self._lock:
            self._changes += 1
            self._known.pop(key_id, None)
            self._unknown.pop(key_id, None)


def _put(known: OrderedDict[str, Any], key: str, value: Any) -> None:
    known.pop(key, None)
    known[key] = value
    while len(known) > _MOST:
        known.popitem(last=False)


def _json(words: Iterable[str]) -> str:
    return orjson.dumps(sorted(words)).decode()


def _name(name: Any) -> str:
    if not isinstance(name, str) or not name.strip() or len(name) > _LONGEST_NAME:
        raise ConfigurationError(f"name: must be text of 1 to {_LONGEST_NAME} characters that says who uses the key")
    return check.unicode("name", name)


def _scopes(scopes: Any) -> frozenset[str]:
    found = check.several_of("scopes", scopes, SCOPES)
    if not found:
        raise ConfigurationError(f"scopes: must be one or more of {', '.join(SCOPES)}; without any a key is of no use")
    return found


def _expiry(expires: Any, now: int) -> int | None:
    if expires is None:
        return None
    if not isinstance(expires, datetime) or expires.tzinfo is None:
        raise ConfigurationError(f"expires: must be aware, as datetime(..., tzinfo=UTC) is, got {expires!r}")
    time = times.micros(expires)
    if time <= now:
        raise ConfigurationError(f"expires: must be in the future, got {expires.isoformat()}")
    return time


def _fields(row: ApiKeyRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "name": row.name,
        "workspace_id": str(uuid.UUID(bytes=row.workspace_id)),
        "user_id": row.user_id,
        "team_ids": tuple(orjson.loads(row.team_ids)),
        "role": row.role,
        "scopes": tuple(orjson.loads(row.scopes)),
        "created_at": times.utc(row.created_at),
        "expires_at": None if row.expires_at is None else times.utc(row.expires_at),
        "revoked_at": None if row.revoked_at is None else times.utc(row.revoked_at),
        "last_used_at": None if row.last_used_at is None else times.utc(row.last_used_at),
    }
