"""What holds for every request: ids, bounds, security headers, rate limits, cache, CORS, gzip, health, mounting."""

from __future__ import annotations

import gzip
import json
import logging
import zlib
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.routing import Mount

from agenttrace import AgentTrace
from agenttrace.asgi import create_app
from agenttrace.errors import ConfigurationError
from agenttrace.testing import FixedClock
from tests.asgi.asgi_support import (
    ANALYTICS,
    ASK_LOGS,
    CONTACT,
    EVENTS,
    GOOD,
    PROMPTS,
    RATES,
    RUN_LOGS,
    TEAM,
    USER,
    WORKSPACE,
    app_of,
    client_of,
    get,
    record,
)

RUNS = f"{RUN_LOGS}?ai_contact_id={CONTACT}"


async def test_a_sane_request_id_is_kept_and_another_is_replaced(shared_app: Any) -> None:
    """In answers of every kind."""
    for path in (RUNS, "/nowhere", "/healthz"):
        assert (await get(shared_app, path, x_request_id="abc-1.2:3")).headers["x-request-id"] == "abc-1.2:3"
        for odd in ("", "a b", "x" * 129, "a\tb", "<script>"):
            made = (await get(shared_app, path, x_request_id=odd)).headers["x-request-id"]
            assert made != odd
            assert len(made) == 32


async def test_security_headers_stand_on_every_answer(shared_app: Any) -> None:
    """Nothing is stored by proxies, sniffed, framed or run."""
    for path in (RUNS, "/nowhere", "/ai/logs", "/openapi.json"):
        headers = (await get(shared_app, path)).headers
        assert headers["cache-control"] == "no-store"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert "default-src 'none'" in headers["content-security-policy"]


async def test_the_log_names_the_request_and_not_what_it_asked_for(app: Any, caplog: pytest.LogCaptureFixture) -> None:
    """Method, path, status, request id; no query string, no key, no payload."""
    with caplog.at_level(logging.INFO, "agenttrace.asgi"):
        await get(app, RUNS, authorization="Bearer sesame", x_request_id="id-7")
    (line,) = [record.getMessage() for record in caplog.records if record.name == "agenttrace.asgi"]
    assert line.startswith(f"GET {RUN_LOGS} 200 ")
    assert "id-7" in line
    assert not any(word in caplog.text for word in (CONTACT, "sesame", "widget"))


@pytest.mark.parametrize("path", ["/x%0AGET /forged 200", "/x%0D%0Ay", "/x%1B[31m", "/x%7F", "/x%E2%80%AE", "/x%00"])
async def test_a_path_stays_one_line_of_the_log(shared_app: Any, caplog: pytest.LogCaptureFixture, path: str) -> None:
    """Whatever was asked for: nobody writes lines of their own, or codes of a terminal."""
    with caplog.at_level(logging.INFO, "agenttrace.asgi"):
        await get(shared_app, path)
    (line,) = [record.getMessage() for record in caplog.records if record.name == "agenttrace.asgi"]
    assert line.startswith("GET /x\\")
    assert line.isascii()
    assert line.isprintable()


async def test_an_encoded_slash_is_no_end_of_a_path(shared_app: Any) -> None:
    """A path has one spelling: what stands before the app may refuse paths by name."""
    for path in ("/healthz%2F", "/healthz%2f", "/healthz%2F%2F", "/healthz/"):
        assert (await get(shared_app, path)).status_code == 404


@pytest.mark.parametrize(("size", "status"), [(2047, 400), (2048, 400), (2049, 414)])
async def test_the_query_string_has_a_bound(world: AgentTrace, size: int, status: int) -> None:
    """Below and at it the view answers, above it 414."""
    app = app_of(world, max_query_bytes=2048)
    found = await get(app, f"{RUN_LOGS}?x={'y' * (size - 2)}")
    assert found.status_code == status
    assert found.json().keys() == {"code", "message"}


@pytest.mark.parametrize(("extra", "status"), [(-1, 200), (0, 200), (1, 431)])
async def test_headers_have_a_bound(world: AgentTrace, extra: int, status: int) -> None:
    """Names, values and four bytes each count."""
    app = app_of(world, max_header_bytes=2048)
    async with client_of(app) as client:
        request = client.build_request("GET", "/healthz")
        used = sum(len(name) + len(value) + 4 for name, value in request.headers.raw)
        request.headers["x-fill"] = "y" * (2048 - used - len("x-fill") - 4 + extra)
        assert (await client.send(request)).status_code == status


@pytest.mark.parametrize(("size", "status"), [(99, 405), (100, 405), (101, 413)])
@pytest.mark.parametrize("announced", [True, False])
async def test_bodies_have_a_bound(world: AgentTrace, size: int, status: int, announced: bool) -> None:
    """By what Content-Length announces; what is not announced is not read where nobody wants it."""
    app = app_of(world, max_body_bytes=100)

    async def chunks() -> Any:
        yield b"x" * size

    async with client_of(app) as client:
        found = await client.post("/ai/logs", content=b"x" * size if announced else chunks())
    assert found.status_code == (status if announced else 405)
    assert found.json().keys() == {"message"}


async def test_an_unsound_length_is_refused(shared_app: Any) -> None:
    """What is no number announces nothing good."""
    assert (await get(shared_app, RUNS, content_length="12x")).status_code == 413


@pytest.mark.parametrize("view", GOOD)
async def test_rates_are_counted_by_view_and_caller(world: AgentTrace, view: str) -> None:
    """At the limit there is an answer, above it 429 with Retry-After; another caller has a rate of its own."""
    app = app_of(world, rates={"default": "2/minute"})
    method, path = GOOD[view]
    caller = "owner-of-session" if method == "DELETE" else "admin"
    answers = [await get(app, path, caller, method) for _ in range(4)]
    assert [found.status_code for found in answers] == [*[204 if method == "DELETE" else 200] * 2, 429, 429]
    assert [found.headers["x-ratelimit-remaining"] for found in answers] == ["1", "0", "0", "0"]
    assert {found.headers["x-ratelimit-limit"] for found in answers} == {"2"}
    refused = answers[-1]
    assert 0 < int(refused.headers["retry-after"]) <= 60
    assert int(refused.headers["x-ratelimit-reset"]) > datetime.now(UTC).timestamp()
    if path.startswith("/ai/"):
        assert refused.json() == {"message": "Too many requests"}
    else:
        assert refused.json()["code"] == "rate_limit_exceeded"
    assert (await get(app, path, "neighbour", method)).status_code != 429


@pytest.mark.parametrize("view", GOOD)
async def test_above_the_rate_nothing_more_is_written(world: AgentTrace, view: str) -> None:
    """Of the requests that are refused the first is noted: a caller cannot fill the store with notes."""
    app = app_of(world, rates={"default": "2/minute"})
    method, path = GOOD[view]
    for _ in range(9):
        await get(app, path, "owner-of-session" if method == "DELETE" else "admin", method)
    statuses = [note.status for note in world.query.audit(workspace_id=WORKSPACE)]
    assert sorted(status for status in statuses if status) == [*[204 if method == "DELETE" else 200] * 2, 429]


async def test_errors_carry_the_rate_as_well(shared_app: Any) -> None:
    """Of a caller who is known."""
    for path in (RUN_LOGS, f"{PROMPTS}?limit=0", "/ai/logs"):
        assert "x-ratelimit-remaining" in (await get(shared_app, path)).headers
    assert "x-ratelimit-remaining" not in (await get(shared_app, RUNS, None)).headers


async def test_sixty_a_minute_is_the_default(world: AgentTrace) -> None:
    """For a view that nobody named."""
    found = await get(app_of(world, rates={}), RUNS)
    assert found.headers["x-ratelimit-limit"] == "60"


@pytest.mark.parametrize("path", [ASK_LOGS, ANALYTICS])
async def test_ask_ai_answers_are_kept_for_one_caller(world: AgentTrace, path: str) -> None:
    """MISS, then HIT with the same bytes; BYPASS makes a new one that is kept; nobody gets another's."""
    app = app_of(world)
    first = await get(app, path)
    assert first.headers["x-cache"] == "MISS"
    again = await get(app, path)
    assert (again.headers["x-cache"], again.content) == ("HIT", first.content)
    assert (await get(app, path, "owner")).headers["x-cache"] == "MISS"
    assert (await get(app, f"{path}?widget_id=w")).headers["x-cache"] == "MISS"
    newer = await get(app, path, cache_control="max-age=0, no-cache")
    assert newer.headers["x-cache"] == "BYPASS"
    assert (await get(app, path)).content == newer.content
    assert (await get(app_of(world, cache_ttl=0), path)).headers["x-cache"] == "DISABLED"


async def test_a_reset_empties_the_cache(world: AgentTrace) -> None:
    """An erasure leaves no old answer."""
    app = app_of(world)
    assert (await get(app, ASK_LOGS)).headers["x-cache"] == "MISS"
    await get(app, f"/ai/sessions?teamId={TEAM}&userId={USER}", "owner-of-session", "DELETE")
    assert (await get(app, ASK_LOGS)).headers["x-cache"] == "MISS"


async def test_a_kept_answer_ends_with_its_window() -> None:
    """After midnight UTC the trailing seven days are others."""
    clock = FixedClock(datetime(2024, 2, 29, 23, 59, 59, tzinfo=UTC))
    with AgentTrace("memory://", clock=clock) as trace:
        record(trace)
        app = app_of(trace)
        assert [(await get(app, ASK_LOGS)).headers["x-cache"] for _ in range(2)] == ["MISS", "HIT"]
        clock.advance(1)
        assert (await get(app, ASK_LOGS)).headers["x-cache"] == "MISS"


@pytest.mark.parametrize(
    ("now", "first", "status"),
    [
        (datetime(2024, 2, 29, 12, tzinfo=UTC), "2023-03-02", 200),  # 365 days with the leap day
        (datetime(2024, 2, 29, 12, tzinfo=UTC), "2023-03-01", 400),
        (datetime(2025, 2, 28, 23, 59, 59, tzinfo=UTC), "2024-03-01", 200),
        (datetime(2025, 2, 28, 23, 59, 59, tzinfo=UTC), "2024-02-29", 400),
    ],
)
async def test_a_window_has_at_most_365_days(now: datetime, first: str, status: int) -> None:
    """Counted with both ends, over a leap day or not."""
    with AgentTrace("memory://", clock=FixedClock(now)) as trace:
        app = app_of(trace)
        for path in (ASK_LOGS, ANALYTICS):
            found = await get(app, f"{path}?start_date={first}&end_date={now:%Y-%m-%d}")
            assert found.status_code == status, found.text


@pytest.mark.parametrize(
    ("recorded", "asked", "shown"),
    [
        ("2024-02-23T00:00:00", "2024-02-29T00:00:00", 1),
        ("2024-02-22T23:59:59", "2024-02-29T00:00:00", 0),
        ("2024-02-24T00:00:00", "2024-03-01T00:00:00", 1),
        ("2024-02-23T23:59:59", "2024-03-01T00:00:00", 0),
        ("2024-02-29T23:59:59", "2024-03-06T23:59:59", 1),
        ("2024-02-29T23:59:59", "2024-03-07T00:00:00", 0),
    ],
)
async def test_the_trailing_week_is_of_whole_days(recorded: str, asked: str, shown: int) -> None:
    """Today and the six days before it, UTC, for Ask AI logs."""
    clock = FixedClock(datetime.fromisoformat(recorded).replace(tzinfo=UTC))
    with AgentTrace("memory://", clock=clock) as trace:
        record(trace)
        clock.advance((datetime.fromisoformat(asked) - datetime.fromisoformat(recorded)).total_seconds())
        app = app_of(trace, cache_ttl=0)
        assert (await get(app, ASK_LOGS)).json()["count"] == shown
        assert (await get(app, ANALYTICS)).json()["summary"]["interactions"] == shown


@pytest.mark.parametrize(("later", "shown"), [(7 * 86_400, 1), (7 * 86_400 + 1, 0)])
async def test_the_window_of_prompt_logs_is_168_hours(later: int, shown: int) -> None:
    """To the second, over the leap day; a conversation, call or time opens it."""
    clock = FixedClock(datetime(2024, 2, 25, 8, 30, tzinfo=UTC))
    with AgentTrace("memory://", clock=clock) as trace:
        record(trace)
        clock.advance(later)
        found = (await get(app_of(trace), PROMPTS)).json()
        assert (found["count"], found["applied_time_window_days"]) == (shown, 7)
        opened = (await get(app_of(trace), f"{PROMPTS}?from_ts=2024-02-01T00:00:00Z")).json()
        assert (opened["count"], opened["applied_time_window_days"]) == (1, None)


async def test_gzip_is_for_those_who_accept_it(shared_app: Any) -> None:
    """The same document either way."""
    plain = await get(shared_app, RUNS, accept_encoding="identity")
    assert "content-encoding" not in plain.headers
    for refused in ("gzip;q=0", "br, gzip; q=0.000", "x-gzip-not"):
        assert "content-encoding" not in (await get(shared_app, RUNS, accept_encoding=refused)).headers
    assert (await get(shared_app, RUNS, accept_encoding="br;q=1, gzip;q=0.5")).headers["content-encoding"] == "gzip"
    packed = await get(shared_app, RUNS, accept_encoding="gzip")
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.json() == plain.json()
    assert gzip.compress(b"")
    assert zlib.crc32(packed.content) == zlib.crc32(plain.content)


async def test_cors_is_off_unless_origins_are_named(world: AgentTrace) -> None:
    """Then for these alone."""
    asked = {"origin": "https://app.example", "access_control_request_method": "GET"}
    off = await get(app_of(world), RUNS, **asked)
    assert "access-control-allow-origin" not in off.headers
    app = app_of(world, cors_origins=["https://app.example"])
    on = await get(app, RUNS, None, "OPTIONS", access_control_request_headers="x-api-key", **asked)
    assert on.headers["access-control-allow-origin"] == "https://app.example"
    assert (await get(app, RUNS, **asked)).headers["access-control-expose-headers"].count("X-Cache") == 1
    other = await get(app, RUNS, origin="https://evil.example")
    assert "access-control-allow-origin" not in other.headers


async def test_health_needs_no_key(app: Any, world: AgentTrace) -> None:
    """The process answers although its store does not."""
    assert (await get(app, "/healthz", None)).json() == {"status": "ok"}
    store = world._pipe().open_store_once()
    store.close()
    found = await get(app, "/readyz", None)
    assert (found.status_code, found.json()) == (503, {"status": "unavailable"})
    assert int(found.headers["retry-after"]) >= 1
    assert (await get(app, "/healthz", None)).status_code == 200
    store.open()
    assert (await get(app_of(world), "/readyz", None)).json() == {"status": "ready"}


@pytest.mark.parametrize("outer", [FastAPI, Starlette])
async def test_it_may_be_mounted_anywhere(world: AgentTrace, outer: Any) -> None:
    """Without a lifespan, below any path; the document says where it is."""
    whole = Starlette(routes=[Mount("/x", outer(routes=[Mount("/trace", app_of(world))]))])
    assert (await get(whole, f"/x/trace{RUNS}")).json()["total"] == 1
    assert (await get(whole, f"/x/trace{EVENTS}")).json()["metadata"]["total_count"] == 4
    assert (await get(whole, f"/x/trace{PROMPTS}")).json()["count"] == 1
    assert (await get(whole, "/x/trace/ai/logs")).json() == {"message": "Invalid request"}
    assert (await get(whole, "/x/trace/ai/nothing")).json() == {"message": "Not found"}
    assert (await get(whole, "/x/trace/openapi.json")).json()["servers"] == [{"url": "/x/trace"}]


async def test_litestar_mounts_it(world: AgentTrace) -> None:
    """It hands over the inner path. The document is the app's own."""
    litestar = pytest.importorskip("litestar")
    outer = litestar.Litestar(
        [litestar.asgi("/trace", is_mount=True, copy_scope=True)(app_of(world))], logging_config=None
    )
    assert (await get(outer, f"/trace{RUNS}")).json()["total"] == 1
    assert (await get(outer, f"/trace{EVENTS}")).json()["metadata"]["total_count"] == 4
    assert (await get(outer, f"/trace{PROMPTS}")).json()["count"] == 1
    assert (await get(outer, "/trace/ai/logs")).json() == {"message": "Invalid request"}
    assert (await get(outer, "/trace/openapi.json")).json()["info"]["title"] == "agenttrace"


async def test_a_host_that_cuts_the_path_off_serves_too(world: AgentTrace) -> None:
    """As Litestar does: the path is the inner one, and root_path is left as it was."""
    inner = app_of(world)

    async def host(scope: Any, receive: Any, send: Any) -> None:
        await inner({**scope, "path": scope["path"].removeprefix("/trace")}, receive, send)

    assert (await get(host, f"/trace{RUNS}")).json()["total"] == 1
    assert (await get(host, "/trace/ai/logs")).json() == {"message": "Invalid request"}


async def test_large_trees_stream_and_deep_ones_are_whole(world: AgentTrace) -> None:
    """More than a piece is sent in pieces; thousands of levels do not overflow a stack."""
    from agenttrace.testing.records import batch_of, run_record

    levels, scope = 1_500, {"workspace_id": "11111111-1111-4111-8111-111111111111", "ai_contact_id": CONTACT}
    store = world._pipe().open_store_once()
    records = [
        run_record(
            number + 1, trace=77 << 90, parent=number or None, start=number, end=number + 1, seq=number + 1, scope=scope
        )
        for number in range(levels)
    ]
    store.write(batch_of(*records))
    app = app_of(world)
    for _ in range(2):
        found = await get(app, f"{RUNS}&page_size=100", accept_encoding="identity")
        assert "content-length" not in found.headers
        assert found.text.count('"children":[') == levels + 3
        assert found.text.endswith("]}" * levels + "]}")


async def test_without_auth_only_this_machine_is_served(world: AgentTrace, caplog: pytest.LogCaptureFixture) -> None:
    """By address, on either end, and by the name of the host; the whole default workspace is there to read."""
    app = create_app(world, auth=None, rates=RATES)
    assert "auth=None" in caplog.text

    async def status(client: Any, server: str, host: str) -> int:
        transport = httpx.ASGITransport(app, client=client)
        async with httpx.AsyncClient(transport=transport, base_url=f"http://{server}") as made:
            return (await made.get(ASK_LOGS, headers={"host": host})).status_code

    for client in (("127.0.0.1", 1), ("::1", 1), ("::ffff:127.0.0.1", 1)):
        assert await status(client, "127.0.0.1", "localhost:8000") == 200
    assert await status(("10.0.0.7", 1), "127.0.0.1", "localhost") == 403
    assert await status(("127.0.0.1", 1), "192.168.0.2", "localhost") == 403
    assert await status(("127.0.0.1", 1), "127.0.0.1", "evil.example") == 403
    assert await status(("127.0.0.1", 1), "127.0.0.1", "evil.example:8000") == 403


@pytest.mark.parametrize(
    "settings",
    [
        {"threads": 0},
        {"threads": True},
        {"store_timeout": 0},
        {"store_timeout": "5"},
        {"max_query_bytes": 1},
        {"cache_ttl": 1801},
        {"cache_ttl": -1},
        {"rates": {"default": "often"}},
        {"cors_origins": "https://app.example"},
        {"cors_origins": ["*"], "auth": None},
        {"colour": "red"},
        {"auth": 5},
    ],
)
def test_settings_that_cannot_be_used_are_refused(world: AgentTrace, settings: dict[str, Any]) -> None:
    """The error names the setting."""
    with pytest.raises(ConfigurationError, match=next(iter(settings)).partition("_")[0].rstrip("s")):
        create_app(world, **settings)


def test_the_json_text_is_the_models() -> None:
    """A page's text parses to what the model dumps, key for key."""
    with AgentTrace("memory://") as trace:
        record(trace)
        query = trace.query
        asked: dict[str, Any] = {"ai_contact_id": CONTACT, "workspace_id": "11111111-1111-4111-8111-111111111111"}
        rows, text = query.run_logs_text(**asked)
        assert rows == 1
        assert json.loads("".join(text)) == json.loads(query.run_logs(**asked).model_dump_json(by_alias=True))
