"""Authentication by API key: which headers prove which principal."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from starlette.requests import Request

from agenttrace import AgentTrace
from agenttrace.access.keys import ApiKey
from agenttrace.asgi.auth import ApiKeys
from agenttrace.asgi.principal import Principal
from agenttrace.errors import StoreUnavailable
from agenttrace.model.keys import KeyText, new_key, read_key
from agenttrace.store.memory import MemoryStore
from agenttrace.testing import FixedClock

NOON = datetime(2026, 2, 28, 12, tzinfo=UTC)
Headers = list[tuple[str, str]]


@pytest.fixture
def clock() -> FixedClock:
    """Give a clock that stands at noon."""
    return FixedClock(NOON)


@pytest.fixture
def trace(clock: FixedClock) -> Iterator[AgentTrace]:
    """Give an AgentTrace in memory."""
    with AgentTrace("memory://", clock=clock) as made:
        yield made


async def principal(trace: AgentTrace, *headers: tuple[str, str]) -> Principal | None:
    """Return what the headers prove."""
    raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers]
    return await ApiKeys(trace)(Request({"type": "http", "method": "GET", "path": "/", "headers": raw}))


async def test_a_key_proves_whom_it_was_made_for(trace: AgentTrace) -> None:
    """In either header, and in both where they are the same."""
    made = trace.keys.create(
        name="ci", workspace_id="acme", role="su", user_id="u", team_ids=["t1", "t2"], scopes=["read", "manage"]
    )
    expected = Principal(
        workspace_id=made.workspace_id,
        user_id="u",
        team_ids=("t1", "t2"),
        role="su",
        scopes=("read", "manage"),
        key_id=made.id,
    )
    bearer, plain = ("Authorization", f"Bearer {made.key}"), ("X-API-Key", made.key)
    for headers in ([bearer], [plain], [bearer, plain], [plain, plain], [("authorization", f"bearer   {made.key} ")]):
        assert await principal(trace, *headers) == expected


WRONG: dict[str, Callable[[str, str], Headers]] = {
    "none at all": lambda key, other: [],
    "both, and different": lambda key, other: [("Authorization", f"Bearer {key}"), ("X-API-Key", other)],
    "both, one wrong": lambda key, other: [("Authorization", f"Bearer {key}"), ("X-API-Key", "x")],
    "both, one empty": lambda key, other: [("Authorization", f"Bearer {key}"), ("X-API-Key", "")],
    "two in one header": lambda key, other: [("X-API-Key", f"{key}, {other}")],
    "two headers of a kind": lambda key, other: [("X-API-Key", key), ("X-API-Key", other)],
    "two headers of the other kind": lambda key, other: [
        ("Authorization", f"Bearer {key}"),
        ("Authorization", f"Bearer {other}"),
    ],
    "no scheme": lambda key, other: [("Authorization", key)],
    "another scheme": lambda key, other: [("Authorization", f"Basic {key}")],
    "another scheme beside a key": lambda key, other: [("Authorization", "Basic dTpw"), ("X-API-Key", key)],
    "a scheme alone": lambda key, other: [("Authorization", "Bearer")],
    "an empty key": lambda key, other: [("X-API-Key", "")],
    "the scheme in the other header": lambda key, other: [("X-API-Key", f"Bearer {key}")],
    "an unknown key": lambda key, other: [("X-API-Key", new_key().text)],
    "a wrong secret": lambda key, other: [("X-API-Key", KeyText(key.split("_")[1], "0" * 64).text)],
    "another key's secret": lambda key, other: [("X-API-Key", f"{key[:22]}{other[22:]}")],
    "a key without its end": lambda key, other: [("X-API-Key", key[:-1])],
    "a long one": lambda key, other: [("X-API-Key", key * 1000)],
    "not ASCII": lambda key, other: [("X-API-Key", key.replace("agtk", "ägtk"))],
}


@pytest.mark.parametrize("case", WRONG)
async def test_headers_that_prove_nobody(trace: AgentTrace, case: str) -> None:
    """None, which is a 401; nothing is raised."""
    key, other = trace.keys.create(name="a").key, trace.keys.create(name="b").key
    assert read_key(key) is not None
    assert await principal(trace, *WRONG[case](key, other)) is None
    assert await principal(trace, ("X-API-Key", key)) is not None


async def test_a_key_ends_by_time_and_by_revocation(trace: AgentTrace, clock: FixedClock) -> None:
    """To the instant; a revocation in the same process at once."""
    short = trace.keys.create(name="short", expires=NOON + timedelta(seconds=10))
    revoked = trace.keys.create(name="revoked")
    for made in (short, revoked):
        assert await principal(trace, ("X-API-Key", made.key)) is not None
    trace.keys.revoke(revoked.id)
    assert await principal(trace, ("X-API-Key", revoked.key)) is None
    clock.advance(9.999)
    assert await principal(trace, ("X-API-Key", short.key)) is not None
    clock.advance(0.001)
    assert await principal(trace, ("X-API-Key", short.key)) is None


async def test_a_request_writes_nothing_to_the_store_on_its_way() -> None:
    """The last use goes through the journal, once a minute; the store is not even asked again for a while."""

    class Watched(MemoryStore):
        asked = 0

        def key(self, key_id: str) -> object:  # type: ignore[override]
            self.asked += 1
            return super().key(key_id)

    store = Watched()
    with AgentTrace(store) as trace:
        made = trace.keys.create(name="ci")
        for _ in range(10):
            assert await principal(trace, ("X-API-Key", made.key)) is not None
        assert trace.flush()
        assert store.asked == 1
        assert trace.stats().recorded == 1
        assert trace.keys.list()[0].last_used_at is not None


async def test_a_store_out_of_reach_is_not_a_wrong_key(trace: AgentTrace) -> None:
    """It raises StoreUnavailable, which is a 503 and not a 401."""
    made = trace.keys.create(name="ci")
    trace._pipe().open_store_once().close()
    with pytest.raises(StoreUnavailable):
        await principal(trace, ("X-API-Key", made.key))


async def test_the_store_is_asked_where_the_caller_says(trace: AgentTrace) -> None:
    """`run` gets the blocking question, and only where it has to be asked."""
    made = trace.keys.create(name="ci")
    asked: list[str] = []

    async def run(question: Callable[[], ApiKey | None]) -> ApiKey | None:
        asked.append("once")
        return question()

    authenticate: Callable[[Request], Awaitable[Principal | None]] = ApiKeys(trace, run=run)
    headers = [(b"x-api-key", made.key.encode())]
    for _ in range(3):
        assert await authenticate(Request({"type": "http", "headers": headers})) is not None
    assert asked == ["once"]


async def test_a_new_configuration_has_its_own_keys(trace: AgentTrace) -> None:
    """What was remembered of the store before does not count."""
    made = trace.keys.create(name="ci")
    authenticate = ApiKeys(trace)
    request = Request({"type": "http", "headers": [(b"x-api-key", made.key.encode())]})
    assert await authenticate(request) is not None
    trace.configure("memory://")
    assert await authenticate(request) is None
