"""Facts about Ask AI logs."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from query_contracts import document
from query_rows import NOW, TRACE, WORKSPACE, at, run_row
from query_shelf import Shelf

from agenttrace.errors import InvalidQuery
from agenttrace.model.rows import AgentRow
from agenttrace.query.reader import Query

DAY = 86_400_000_000


def put(shelf: Shelf, *starts: int, **fields: Any) -> None:
    """Put a question for each start."""
    for start in starts:
        trace = TRACE + len(shelf.run_rows)
        values = {"interaction_type": "free_form", **fields}
        shelf.run_rows.append(run_row(1, trace=trace, start_time=start, **values))


def timestamps(query: Query, **arguments: Any) -> list[str]:
    """Return the rows of an answer by their time."""
    return [row["timestamp"] for row in document(query.ask_ai_logs(**arguments), "ask-ai-logs")["data"]]


@pytest.mark.parametrize(
    "arguments", [{}, {"start_date": "2020-01-01"}, {"end_date": date(2020, 1, 1)}, {"start_date": None}]
)
def test_without_both_dates_it_is_the_seven_days_that_end_today(
    shelf: Shelf, query: Query, arguments: dict[str, Any]
) -> None:
    """From midnight UTC six days ago up to the end of today."""
    first, end = at("2026-05-12T00:00:00+00:00"), at("2026-05-19T00:00:00+00:00")
    put(shelf, first - 1, first, end - 1, end)
    assert timestamps(query, **arguments) == ["2026-05-18T23:59:59.999999Z", "2026-05-12T00:00:00Z"]


@pytest.mark.parametrize(
    ("now", "first", "last"),
    [
        ("2024-03-01T00:00:00+00:00", "2024-02-24T00:00:00Z", "2024-03-01T00:00:00Z"),
        ("2024-02-29T23:59:59.999999+00:00", "2024-02-23T00:00:00Z", "2024-02-29T00:00:00Z"),
        ("2024-02-29T00:00:00+00:00", "2024-02-23T00:00:00Z", "2024-02-29T00:00:00Z"),
        ("2023-03-01T12:00:00+00:00", "2023-02-23T00:00:00Z", "2023-03-01T00:00:00Z"),
        ("2025-01-02T12:00:00+00:00", "2024-12-27T00:00:00Z", "2025-01-02T00:00:00Z"),
    ],
)
def test_the_window_is_of_utc_days(shelf: Shelf, now: str, first: str, last: str) -> None:
    """Over leap days, new year and at midnight itself."""
    put(shelf, *(at(now) // DAY * DAY + offset * DAY for offset in range(-10, 10)))
    shown = timestamps(Query(shelf, clock=lambda: at(now)))
    assert (len(shown), shown[-1], shown[0]) == (7, first, last)


def test_both_dates_are_included(shelf: Shelf, query: Query) -> None:
    """One day is a window."""
    put(shelf, at("2024-02-28T23:59:59+00:00"), at("2024-02-29T00:00:00+00:00"), at("2024-02-29T23:59:59.999999+00:00"))
    put(shelf, at("2024-03-01T00:00:00+00:00"))
    assert timestamps(query, start_date="2024-02-29", end_date=date(2024, 2, 29)) == [
        "2024-02-29T23:59:59.999999Z",
        "2024-02-29T00:00:00Z",
    ]


@pytest.mark.parametrize(
    ("start", "end", "good"),
    [
        ("2023-01-01", "2023-12-31", True),
        ("2024-01-01", "2024-12-30", True),
        ("2024-01-01", "2024-12-31", False),
        ("2023-01-01", "2024-01-01", False),
        ("2024-02-29", "2024-02-28", False),
        ("9999-12-31", "9999-12-31", True),
        ("0001-01-01", "0001-01-01", True),
    ],
)
def test_a_window_has_1_to_365_days(query: Query, start: str, end: str, good: bool) -> None:
    """Counted inclusively, so that a leap year is too long."""
    if good:
        assert timestamps(query, start_date=start, end_date=end) == []
    else:
        with pytest.raises(InvalidQuery, match=r"^end_date: "):
            query.ask_ai_logs(start_date=start, end_date=end)


@pytest.mark.parametrize("parameter", ["start_date", "end_date"])
@pytest.mark.parametrize(
    "value",
    [
        "",
        "today",
        "2026-5-1",
        "20260501",
        "2026-02-30",
        "2023-02-29",
        "2026-05-01T00:00",
        "2026-W01-1",
        "٢٠٢٦-٠٥-٠١",
        7,
        True,
        datetime(2026, 5, 1, tzinfo=UTC),
        "2026-05-01\n",
    ],
)
def test_what_is_no_date_is_an_invalid_query(query: Query, parameter: str, value: Any) -> None:
    """Also where the other date is missing."""
    with pytest.raises(InvalidQuery, match=rf"^{parameter}: "):
        query.ask_ai_logs(**{parameter: value})


def test_without_a_type_three_types_are_shown(shelf: Shelf, query: Query) -> None:
    """A type that is named is shown alone; a master run without a type never shows, nor do other runs."""
    for kind in ("free_form", "automated_followup", "search", "rating", None):
        put(shelf, NOW, interaction_type=kind)
    put(shelf, NOW, run_type="tool_call")
    shown = query.ask_ai_logs()
    assert sorted(row.interaction_type for row in shown.data) == ["automated_followup", "free_form", "search"]
    assert [row.interaction_type for row in query.ask_ai_logs(interaction_type="rating").data] == ["rating"]
    assert query.ask_ai_logs(interaction_type="").count == 0


@pytest.mark.parametrize("name", ["widget_id", "placement_id", "deployment_type"])
def test_filters_are_exact(shelf: Shelf, query: Query, name: str) -> None:
    """Text only."""
    put(shelf, NOW, **{name: "a"})
    put(shelf, NOW, **{name: "A"})
    put(shelf, NOW)
    answer = query.ask_ai_logs(**{name: "a"})
    assert [getattr(row, name) for row in answer.data] == ["a"]
    assert answer.count == 1
    for bad in (7, "\ud800"):
        with pytest.raises(InvalidQuery, match=rf"^{name}: "):
            query.ask_ai_logs(**{name: bad})


@pytest.mark.parametrize(("limit", "pages"), [(1, 501), (499, 2), (500, 2), (501, 2), (10**30, 2)])
def test_a_limit_over_500_becomes_500(shelf: Shelf, query: Query, limit: int, pages: int) -> None:
    """`count` is exact, and `total_pages` follows from it and the limit."""
    put(shelf, *(NOW + index for index in range(501)))
    answer = query.ask_ai_logs(limit=limit)
    assert (len(answer.data), answer.count, answer.total_pages) == (min(limit, 500), 501, pages)


@pytest.mark.parametrize("parameter", ["page", "limit"])
@pytest.mark.parametrize("value", [0, -1, True, "1", 1.0, None])
def test_page_and_limit_below_1_are_invalid_queries(query: Query, parameter: str, value: Any) -> None:
    """So is what is no integer."""
    with pytest.raises(InvalidQuery, match=rf"^{parameter}: "):
        query.ask_ai_logs(**{parameter: value})


def test_pages_hold_each_row_once(shelf: Shelf, query: Query) -> None:
    """Newest first; a page beyond the end is empty; nothing at all has no pages."""
    assert query.ask_ai_logs().total_pages == 0
    put(shelf, *(NOW + index for index in range(5)))
    pages = [query.ask_ai_logs(page=number, limit=2) for number in (1, 2, 3, 4, 10**30)]
    assert [len(page.data) for page in pages] == [2, 2, 1, 0, 0]
    shown = [row.timestamp for page in pages for row in page.data]
    assert shown == sorted(shown, reverse=True)
    assert {(page.count, page.total_pages) for page in pages} == {(5, 3)}


def test_the_agent_is_its_display_name_else_its_attribute_else_its_key(shelf: Shelf, query: Query) -> None:
    """Null where nothing is known."""
    shelf.agent_rows += [AgentRow(WORKSPACE, "agt_named", "Named Agent"), AgentRow(WORKSPACE, "agt_bare", None)]
    put(shelf, NOW + 4, agent_key="agt_named", attributes={"agent_name": "other"})
    put(shelf, NOW + 3, agent_key="agt_bare", attributes={"agent_name": "From attribute"})
    put(shelf, NOW + 2, agent_key="agt_bare")
    put(shelf, NOW + 1, attributes={"agent_name": "No key"})
    put(shelf, NOW)
    names = [row.ai_agent for row in query.ask_ai_logs().data]
    assert names == ["Named Agent", "From attribute", "agt_bare", "No key", None]


def test_a_running_question_has_no_response(shelf: Shelf, query: Query) -> None:
    """It shows while it runs; attributes and content that cannot be read are null."""
    put(shelf, NOW, status="running", end_time=None, content={"input": {"question": "Why?"}})
    put(shelf, NOW - 1, content="{", attributes="{")
    rows = document(query.ask_ai_logs(), "ask-ai-logs")["data"]
    assert [(row["prompt"], row["response"], row["referring_url"]) for row in rows] == [
        ("Why?", None, None),
        (None, None, None),
    ]


def test_generated_at_is_the_clock(query: Query) -> None:
    """In UTC, as `timezone` says."""
    meta = document(query.ask_ai_logs(), "ask-ai-logs")["meta"]
    assert meta == {"timezone": "UTC", "generated_at": "2026-05-18T09:20:00Z"}
