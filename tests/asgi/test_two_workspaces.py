"""Two workspaces with the same ids: what one is answered is what it would be answered if the other did not exist.

So no word of the other can be in it, and no count, cache, rate, note or error depends on the other either.
"""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.asgi.asgi_tenants import CANARIES, LATER, OWN, RUN_LOGS, SHARED, WORKSPACES, Ids, World, worlds
from tests.asgi.asgi_world import (
    ABROAD,
    ANN,
    BLUE,
    SESSION,
    Socket,
    bearer,
    following,
)

KINDS = ("master", "tool_call", "context", "prompt", "otlp", "otlp_log", "register", "reset", "refuse")
#: Whose step it is; what it does; with ids that both use, or its own; below the other's span; whether it is flushed.
STEPS = st.tuples(st.integers(0, 1), st.sampled_from(KINDS), st.booleans(), st.booleans(), st.booleans())
PLANS = st.lists(STEPS, min_size=2, max_size=10).map(lambda plan: [(0, "master", True, False, True), *plan])


def asks(ids: Ids) -> list[str]:
    """Return every question that these ids can be put into, by path and by query."""
    events = f"/v2/agents/{ids.agent}/sessions/{ids.session_key}/events"
    return [
        f"{RUN_LOGS}{ids.contact}",
        f"{RUN_LOGS}{ids.session_uuid}",
        "/v1/analytics/ask-ai/logs",
        f"/v1/analytics/ask-ai/logs?widget_id={ids.widget}&start_date=2026-01-01&end_date=2026-01-31",
        "/v1/analytics/ask-ai",
        f"/v1/analytics/ask-ai?widget_id={ids.widget}",
        f"/ai/logs?sessionId={ids.session_uuid}&limit=200",
        f"{events}?limit=1",
        f"{events}?limit=100",
        f"{events}?limit=0",
        f"{events}/{LATER}",
        f"/v2/agents/agt_shared/sessions/{ids.session_key}/events",
        f"/v2/agents/{ids.agent}/sessions/ase_{SESSION}/events",
        *(
            f"/v1/{workspace}/prompt-logs{query}"
            for workspace in WORKSPACES
            for query in (
                "?limit=200",
                f"?conversation_id={ids.talk}",
                f"?call_sid={ids.call}",
                f"?call_sid={ids.session_uuid}",
                f"?conversation_id={ids.talk}&call_sid={ids.call}",
                f"?limit=0&prompt_type={ids.call}",
            )
        ),
    ]


async def learnt(world: World, number: int) -> list[str]:
    """Return questions with the event ids and page keys that a workspace's own answers gave."""
    found: list[str] = []
    for ids in (SHARED, OWN[number]):
        path = f"/v2/agents/{ids.agent}/sessions/{ids.session_key}/events"
        answer = await world.get(number, f"{path}?limit=2", X_Request_ID=f"{CANARIES[number]}-learns")
        if answer.status_code == 200:
            page = answer.json()
            found += [f"{path}/{event['id']}" for event in page["events"]]
            found += [f"{path}?page_key={page['metadata']['page_key']}"] if page["metadata"]["page_key"] else []
    return found


#: When a batch was written is by the wall clock's mercy, and a window begins with the first request.
_VARIES = re.compile(r'"ingested_at":"[^"]*"')


def told(answer: httpx.Response) -> tuple[int, str, dict[str, str]]:
    """Return all that an answer says."""
    headers = {name: value for name, value in answer.headers.items() if name != "x-ratelimit-reset"}
    return answer.status_code, _VARIES.sub("", answer.text), headers


async def check(plan: list[Any]) -> None:
    """Play the plan with both workspaces and with the first alone; the first must not see the difference."""
    with worlds((0, 1), (0,)) as (both, alone):
        headers: dict[tuple[int, int], dict[str, str]] = {}
        await both.play(plan, headers)
        await alone.play(plan, headers)
        paths = [path for ids in (SHARED, *OWN) for path in asks(ids)]
        paths += [path for number in (0, 1) for path in await learnt(both, number)]
        await learnt(alone, 0)  # the rates count it
        seen = 0
        for place, path in enumerate(dict.fromkeys(paths)):
            # The other asks first: an answer that is kept must not be the other's.
            rival = await both.get(1, path, X_Request_ID=f"{CANARIES[1]}-{place}")
            for turn in range(2 if "analytics" in path else 1):
                sent = {"X_Request_ID": f"{CANARIES[0]}-{place}-{turn}", "X_Workspace_ID": ABROAD}
                mine, expected = await both.get(0, path, **sent), await alone.get(0, path, **sent)
                assert told(mine) == told(expected), path
                assert mine.status_code < 500
                assert mine.headers.get("x-cache") in (None, ("MISS", "HIT")[turn])
                assert CANARIES[1] in path or CANARIES[1] not in mine.text + repr(mine.headers)
                seen += CANARIES[0] in mine.text
            assert CANARIES[0] in path or CANARIES[0] not in rival.text + repr(rival.headers)
        assert seen > 0
        assert both.notes(0) == alone.notes(0)
        assert not any(note[-1].startswith(CANARIES[0]) for note in both.notes(1))


@settings(
    max_examples=6,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # to make a plan shorter would take minutes
)
@given(plan=PLANS)
def test_a_workspace_does_not_see_whether_another_exists(plan: Any) -> None:
    """Statuses, bodies, headers, kept answers, rates and the audit log are the same to the letter."""
    asyncio.run(check(plan))


async def test_a_socket_tells_nothing_of_the_equal_session() -> None:
    """Neither its events nor its reset, while both are followed and both record."""
    with worlds((0, 1)) as (world,):
        for tenant in world.tenants.values():
            tenant.register(SHARED)
            assert tenant.trace.flush(30)
        path, (one, other) = f"/ai/ws?sessionId={SESSION}", world.tenants.values()
        async with following(world.app, path, one.key) as mine, following(world.app, path, other.key) as theirs:
            for tenant, socket in ((other, theirs), (one, mine)):
                for _ in range(2):
                    tenant.clock.advance(0.001)
                    tenant.record("master", SHARED, {})
                assert tenant.trace.flush(30)
                await check_messages(socket, tenant.canary)
            assert (await world.get(1, f"/ai/sessions?teamId={BLUE}&userId={ANN}", "DELETE")).status_code == 204
            assert (await theirs.json())["type"] == "session.reset"
            one.clock.advance(0.001)
            one.record("master", SHARED, {})
            assert one.trace.flush(30)
            await check_messages(mine, one.canary, turns=1)
            assert theirs.sent() == []


async def check_messages(socket: Socket, canary: str, turns: int = 2) -> None:
    """Take the events of these turns: each has the word of the one who recorded it, and nothing else is told."""
    for _ in range(turns * 5):
        message = await socket.json()
        said = {key: value for key, value in message.items() if key in ("messages", "content", "tool_name")}
        assert message["type"] != "session.reset"
        assert canary in json.dumps(said)
        assert not any(word in json.dumps(message) for word in CANARIES if word != canary)
    assert socket.sent() == []


@pytest.mark.parametrize("session", [OWN[1].session_uuid, OWN[1].session])
async def test_a_socket_of_the_others_session_is_closed_as_one_of_none(session: str) -> None:
    """With the same code and the same words, whether the other exists or not."""
    with worlds((0, 1), (0,)) as made:
        for world in made:
            for tenant in world.tenants.values():
                tenant.record("master", OWN[tenant.number], {})
                assert tenant.trace.flush(30)
        closed: list[Any] = []
        for world in made:
            socket = Socket(world.app, f"/ai/ws?sessionId={session}", bearer(world.keys[0]))
            await socket.serve()
            closed.append(socket.sent())
        assert closed[0] == closed[1]
        assert closed[0][-1]["code"] in (4400, 4404)
