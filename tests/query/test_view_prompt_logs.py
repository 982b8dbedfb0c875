"""Facts about prompt logs."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from query_contracts import document, load
from query_rows import NOW, TRACE, WORKSPACE, run_row
from query_shelf import Shelf

from agenttrace.errors import ConversationNotFound, InvalidQuery, StoreUnavailable
from agenttrace.model import ids
from agenttrace.model.rows import ConversationRow
from agenttrace.query.reader import Query
from agenttrace.query.views.prompt_logs import PromptLogListResponse

DAY = 86_400_000_000
SESSION = uuid.UUID("a63ab83d-2bb8-42ab-8374-23b8e1e276e3")
TALK = uuid.UUID("0f0e6d3a-43c4-4c21-8a2b-a8d0c7f6b001")


def put(shelf: Shelf, start: int = NOW, **fields: Any) -> None:
    """Put a prompt."""
    trace = TRACE + len(shelf.run_rows)
    shelf.run_rows.append(
        run_row(1, trace=trace, **{"run_type": "prompt", "name": "engage_user", "start_time": start} | fields)
    )


def items(query: Query, **arguments: Any) -> list[Any]:
    """Return the items of an answer's document."""
    return document(query.prompt_logs(None, **arguments), "prompt-logs")["items"]


def without_descriptions(value: Any) -> Any:
    """Return a schema without its prose."""
    if isinstance(value, list):
        return [without_descriptions(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {key: without_descriptions(item) for key, item in value.items() if key != "description"}


@pytest.mark.parametrize("mode", ["serialization", "validation"])
def test_the_models_schema_is_the_published_one(mode: Any) -> None:
    """Names, types, nullability, limits, defaults, what is required, and titles."""
    schema = PromptLogListResponse.model_json_schema(mode=mode, ref_template="#/components/schemas/{model}")
    made = {"PromptLogEntry": schema.pop("$defs")["PromptLogEntry"], "PromptLogListResponse": schema}
    published = load("prompt-logs.openapi.json")["components"]["schemas"]
    assert without_descriptions(made) == {name: published[name] for name in made}


def test_a_prompt_shows_all_that_was_captured(shelf: Shelf, query: Query) -> None:
    """Field by field."""
    service = uuid.uuid4()
    content = {
        "turn_index": 3,
        "system_prompt": "Be brief.",
        "history": [{"role": "user", "content": "Why?"}],
        "full_prompt": "Be brief. Why?",
        "llm_model": "gpt-5",
        "llm_response": "Because.",
        "action": "reply",
        "tool_names": ["search"],
        "usage": {"input_tokens": 5},
    }
    put(
        shelf,
        NOW + 5,
        content=content,
        prompt_type="engage_user",
        state_name="greeting",
        source_system="openai",
        service_id=service.bytes,
        session_id=SESSION.bytes,
        call_sid="CA1",
    )
    run = shelf.run_rows[0]
    assert items(query) == [
        {
            "event_id": str(uuid.UUID(bytes=run.id)),
            "call_sid": "CA1",
            "workspace_id": str(ids.DEFAULT_WORKSPACE),
            "effective_at": "2026-05-18T09:20:00.000005Z",
            "ingested_at": "2026-05-18T09:20:00Z",
            "source": "agenttrace",
            "source_system": "openai",
            "prompt_type": "engage_user",
            "turn_index": 3,
            "system_prompt": "Be brief.",
            "history": [{"role": "user", "content": "Why?"}],
            "full_prompt": "Be brief. Why?",
            "llm_model": "gpt-5",
            "llm_response": "Because.",
            "state_name": "greeting",
            "action": "reply",
            "tool_names": ["search"],
            "has_tools": True,
            "service_id": str(service),
            "session_id": str(SESSION),
            "data_parse_error": False,
        }
    ]


def test_what_has_another_type_than_documented_is_made_to_fit(shelf: Shelf, query: Query) -> None:
    """Values become JSON text, history items objects, tools their names; a turn that is no integer is null."""
    tools = ["a", {"name": "b"}, {"function": {"name": "c"}}, {"d": 1}, 5, None]
    history = ["Why?", {"role": "user"}, 7]
    put(shelf, content={"llm_response": {"a": 1}, "turn_index": True, "tool_names": tools, "history": history})
    put(shelf, NOW - 1, content={"history": "Why?", "tool_names": "a", "turn_index": "3", "full_prompt": ["x"]})
    first, second = items(query)
    assert (first["llm_response"], first["turn_index"]) == ('{"a":1}', None)
    assert first["tool_names"] == ["a", "b", "c", '{"d":1}', "5"]
    assert first["history"] == [{"content": "Why?"}, {"role": "user"}, {"content": 7}]
    assert (second["history"], second["tool_names"], second["turn_index"]) == ([{"content": "Why?"}], ["a"], None)
    assert second["full_prompt"] == '["x"]'


@pytest.mark.parametrize(
    ("content", "tools", "offered", "failed"),
    [
        (None, [], None, False),
        ({"llm_model": "m"}, [], False, False),
        ({"tool_names": []}, [], False, False),
        ({"tool_names": ["a"]}, ["a"], True, False),
        ("{", [], None, True),
    ],
)
def test_has_tools_tells_whether_tools_were_offered(
    shelf: Shelf, query: Query, content: Any, tools: list[str], offered: bool | None, failed: bool
) -> None:
    """Null where nothing was captured; a payload that cannot be read is told, and its row still appears."""
    put(shelf, content=content, prompt_type="engage_user")
    item = items(query)[0]
    assert (item["tool_names"], item["has_tools"], item["data_parse_error"]) == (tools, offered, failed)
    assert (item["prompt_type"], item["llm_response"], item["history"]) == ("engage_user", None, None)


def test_without_conversation_call_and_time_it_is_the_last_7_days(shelf: Shelf, query: Query) -> None:
    """Type and state do not narrow enough; the answer tells the window."""
    for start in (NOW - 7 * DAY - 1, NOW - 7 * DAY, NOW):
        put(shelf, start, prompt_type="engage_user", state_name="greeting")
    for filters in ({}, {"prompt_type": "engage_user"}, {"state_name": "greeting"}):
        answer = query.prompt_logs(None, **filters)
        assert (answer.count, answer.applied_time_window_days) == (2, 7)


@pytest.mark.parametrize(
    ("filters", "shown"),
    [({"from_ts": 0}, [2, 1, 0]), ({"from_ts": 1}, [2, 1]), ({"to_ts": 1}, [0]), ({"to_ts": 3}, [2, 1, 0])],
)
def test_times_are_from_the_first_up_to_and_without_the_last(
    shelf: Shelf, query: Query, filters: dict[str, int], shown: list[int]
) -> None:
    """Either one does away with the window."""
    base = datetime(2020, 2, 29, 23, 59, 59, 999_999, tzinfo=UTC)
    for index in range(3):
        put(shelf, _micros(base) + index, content={"turn_index": index})
    arguments = {name: base + timedelta(microseconds=value) for name, value in filters.items()}
    answer = query.prompt_logs(None, **arguments)
    assert ([item.turn_index for item in answer.items], answer.applied_time_window_days) == (shown, None)


def _micros(instant: datetime) -> int:
    return (instant - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


@pytest.mark.parametrize(
    "instant",
    [
        datetime(2026, 5, 18, 9, 20, tzinfo=UTC),
        datetime(2026, 5, 18, 9, 20),  # noqa: DTZ001
        datetime(2026, 5, 18, 11, 20, tzinfo=timezone(timedelta(hours=2))),
        "2026-05-18T09:20:00Z",
        "2026-05-18T09:20:00",
    ],
)
def test_a_time_without_a_zone_is_utc(shelf: Shelf, query: Query, instant: Any) -> None:
    """Text is taken as well."""
    put(shelf)
    put(shelf, NOW - 1)
    assert len(items(query, from_ts=instant)) == 1


@pytest.mark.parametrize("parameter", ["from_ts", "to_ts"])
@pytest.mark.parametrize("value", ["", "now", 7, True, b"2026"])
def test_what_is_no_time_is_an_invalid_query(query: Query, parameter: str, value: Any) -> None:
    """The error names the parameter."""
    with pytest.raises(InvalidQuery, match=rf"^{parameter}: "):
        query.prompt_logs(None, **{parameter: value})


@pytest.mark.parametrize(
    ("call", "kind", "resolved"),
    [
        ("CA1", "call", "CA1"),
        (None, "conversation", str(SESSION)),
        ("x" * 64, "call", "x" * 64),
        ("x" * 65, "call", None),
    ],
)
def test_a_conversation_tells_its_kind_and_its_call(
    shelf: Shelf, query: Query, call: str | None, kind: str, resolved: str | None
) -> None:
    """What it resolves to finds the same prompts as `call_sid`."""
    put(shelf, NOW - 30 * DAY, conversation_id=TALK.bytes, call_sid=call, session_id=SESSION.bytes)
    put(shelf)
    shelf.conversations.append(ConversationRow(WORKSPACE, TALK.bytes, call, SESSION.bytes))
    answer = query.prompt_logs(None, conversation_id=TALK)
    made = document(answer, "prompt-logs")
    assert (made["count"], made["applied_time_window_days"]) == (1, None)
    assert (made["resolved_conversation_kind"], made["resolved_call_sid"]) == (kind, resolved)
    if resolved is not None:
        again = query.prompt_logs(None, call_sid=resolved)
        assert again.items == answer.items
        assert (again.resolved_call_sid, again.resolved_conversation_kind) == (None, None)


def test_a_conversation_without_call_and_session_resolves_to_nothing(shelf: Shelf, query: Query) -> None:
    """It exists, and may have no prompts."""
    shelf.conversations.append(ConversationRow(WORKSPACE, TALK.bytes, None, None))
    made = document(query.prompt_logs(None, conversation_id=str(TALK)), "prompt-logs")
    assert (made["resolved_call_sid"], made["resolved_conversation_kind"]) == (None, "conversation")


def test_an_unknown_conversation_is_not_found(shelf: Shelf, query: Query) -> None:
    """Nor is one of another workspace."""
    with pytest.raises(ConversationNotFound, match=str(TALK)):
        query.prompt_logs(None, conversation_id=TALK)
    shelf.conversations.append(ConversationRow(WORKSPACE, TALK.bytes, None, None))
    with pytest.raises(ConversationNotFound):
        query.prompt_logs(uuid.uuid4(), conversation_id=TALK)


def test_call_sid_also_takes_a_sessions_uuid(shelf: Shelf, query: Query) -> None:
    """In any spelling; the entry of a prompt without a call has no `call_sid`."""
    put(shelf, NOW - 30 * DAY, session_id=SESSION.bytes)
    put(shelf, NOW - 30 * DAY, call_sid="CA1")
    for spelling in (str(SESSION), str(SESSION).upper(), SESSION.hex):
        assert [(item["call_sid"], item["session_id"]) for item in items(query, call_sid=spelling)] == [
            (None, str(SESSION))
        ]
    assert [item["call_sid"] for item in items(query, call_sid="CA1")] == ["CA1"]


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("limit", 0),
        ("limit", 201),
        ("limit", True),
        ("limit", "20"),
        ("offset", -1),
        ("offset", 10_001),
        ("offset", None),
        ("call_sid", "x" * 65),
        ("call_sid", 7),
        ("prompt_type", "x" * 65),
        ("state_name", "x" * 129),
        ("state_name", "\ud800"),
        ("conversation_id", "talk"),
        ("conversation_id", ""),
        ("workspace_id", 7),
    ],
)
def test_arguments_outside_their_range_are_invalid_queries(query: Query, parameter: str, value: Any) -> None:
    """The error names the parameter."""
    with pytest.raises(InvalidQuery) as caught:
        query.prompt_logs(**{"workspace_id": None, parameter: value})
    assert caught.value.parameter == parameter


@pytest.mark.parametrize(
    "arguments",
    [
        {"limit": 1},
        {"limit": 200},
        {"offset": 0},
        {"offset": 10000},
        {"call_sid": "x" * 64},
        {"prompt_type": "x" * 64},
        {"state_name": "x" * 128},
    ],
)
def test_arguments_at_the_edge_of_their_range_are_fine(query: Query, arguments: dict[str, Any]) -> None:
    """And find nothing here."""
    assert items(query, **arguments) == []


def test_conversation_and_call_exclude_each_other(query: Query) -> None:
    """Whatever they are."""
    with pytest.raises(InvalidQuery, match="conversation_id"):
        query.prompt_logs(None, conversation_id=TALK, call_sid="CA1")


def test_pages_follow_each_other(shelf: Shelf, query: Query) -> None:
    """Newest first, ties by id; `count` is that of the page; the last page has no next offset."""
    for index in range(5):
        put(shelf, NOW - index // 2, content={"turn_index": index})
    pages = [query.prompt_logs(None, limit=2, offset=offset) for offset in (0, 2, 4, 6)]
    assert [(page.count, page.has_more, page.next_offset) for page in pages] == [
        (2, True, 2),
        (2, True, 4),
        (1, False, None),
        (0, False, None),
    ]
    assert [item.turn_index for page in pages for item in page.items] == [0, 1, 2, 3, 4]
    assert query.prompt_logs(None, limit=5).has_more is False


def test_no_offset_leads_beyond_the_last_one(shelf: Shelf, query: Query, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is passed back as `offset` is accepted."""
    monkeypatch.setattr("agenttrace.query.views.prompt_logs.MAX_OFFSET", 4)
    for index in range(9):
        put(shelf, NOW - index)
    pages = [query.prompt_logs(None, limit=2, offset=offset) for offset in (0, 2, 4)]
    assert [(page.has_more, page.next_offset) for page in pages] == [(True, 2), (True, 4), (True, None)]


def test_filters_are_exact_and_of_the_workspace(shelf: Shelf, query: Query) -> None:
    """Only prompt runs show."""
    put(shelf, prompt_type="engage_user", state_name="greeting")
    put(shelf, prompt_type="navigation", state_name="menu")
    put(shelf, run_type="master", prompt_type="navigation")
    put(shelf, workspace_id=ids.workspace_id("other"), prompt_type="navigation")
    assert [item["prompt_type"] for item in items(query, prompt_type="navigation")] == ["navigation"]
    assert [item["state_name"] for item in items(query, state_name="greeting")] == ["greeting"]
    assert query.prompt_logs("other").count == 1


def test_raw_prompts_may_be_switched_off(shelf: Shelf) -> None:
    """Then no prompt is read; a wrong argument is still told first."""
    query = Query(shelf, raw_prompts=False)
    with pytest.raises(StoreUnavailable, match="switched off"):
        query.prompt_logs(None)
    with pytest.raises(InvalidQuery):
        query.prompt_logs(None, limit=0)
    assert shelf.asked == []
