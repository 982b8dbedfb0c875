"""Facts about the run logs of a contact."""

from __future__ import annotations

import json
import uuid
from typing import Any

import orjson
import pytest
from query_contracts import document
from query_rows import CONTACT, NOW, TRACE, WORKSPACE, at, run_row
from query_shelf import Shelf

from agenttrace import AgentTrace
from agenttrace.errors import ContactNotFound, InvalidQuery
from agenttrace.query.reader import Query
from agenttrace.query.views.run_logs import RunLog, RunLogPage


def put_roots(shelf: Shelf, number: int) -> None:
    """Put roots of the contact, one a microsecond."""
    for index in range(number):
        shelf.run_rows.append(run_row(1, trace=TRACE + index, ai_contact_id=CONTACT.bytes, start_time=NOW + index))


def put_chain(shelf: Shelf, depth: int) -> None:
    """Put a tree with one run on each level."""
    for span in range(1, depth + 1):
        contact = CONTACT.bytes if span == 1 else None
        shelf.run_rows.append(run_row(span, span - 1 or None, ai_contact_id=contact, content={"input": span}))


def test_a_root_comes_with_its_tree(shelf: Shelf, query: Query) -> None:
    """Children are oldest first, and one without a contact shows its root's."""
    other = uuid.uuid4()
    shelf.run_rows += [
        run_row(1, ai_contact_id=CONTACT.bytes, content={"input": "Why?"}),
        run_row(3, 1, start_time=NOW + 2, run_type="tool_call", name="search", content={"input": {"q": 1}}),
        run_row(2, 1, start_time=NOW + 1, run_type="context", ai_contact_id=other.bytes),
        run_row(4, 3, status="failed", error={"type": "ValueError", "message": "no", "stack": "..."}),
        run_row(9, trace=TRACE + 1, ai_contact_id=other.bytes),
    ]
    page = document(query.run_logs(ai_contact_id=CONTACT), "run-logs")
    assert (page["page"], page["page_size"], page["total"], len(page["run_logs"])) == (1, 20, 1, 1)
    root = page["run_logs"][0]
    assert root["parentId"] is None
    assert root["content"] == {"input": "Why?", "output": None}
    second, third = root["children"]
    assert (second["run_type"], second["ai_contact_id"], second["content"]) == ("context", str(other), None)
    assert (third["run_type"], third["ai_contact_id"], third["parentId"]) == ("tool_call", str(CONTACT), root["id"])
    assert third["content"]["tool_name"] == "search"
    assert third["children"][0]["error"] == {"type": "ValueError", "message": "no", "stack": "..."}


def test_fields_stand_in_the_documented_order(shelf: Shelf, query: Query) -> None:
    """As the published table lists them."""
    put_roots(shelf, 1)
    assert list(document(query.run_logs(ai_contact_id=CONTACT), "run-logs")["run_logs"][0]) == [
        "id",
        "run_type",
        "status",
        "content",
        "error",
        "start_time",
        "end_time",
        "ai_contact_id",
        "parentId",
        "children",
    ]


@pytest.mark.parametrize(("status", "end"), [("running", None), ("pending", None), ("success", NOW), ("failed", NOW)])
def test_a_run_shows_in_every_status(shelf: Shelf, query: Query, status: str, end: int | None) -> None:
    """What has not ended has no end time."""
    shelf.run_rows.append(run_row(1, ai_contact_id=CONTACT.bytes, status=status, end_time=end))
    log = document(query.run_logs(ai_contact_id=CONTACT), "run-logs")["run_logs"][0]
    assert (log["status"], log["end_time"]) == (status, end and "2026-05-18T09:20:00Z")


def test_times_have_a_fraction_only_where_they_need_one(shelf: Shelf, query: Query) -> None:
    """Both are RFC 3339 in UTC."""
    start = at("2024-02-29T23:59:59+00:00")
    shelf.run_rows.append(run_row(1, ai_contact_id=CONTACT.bytes, start_time=start, end_time=start + 1_500))
    log = document(query.run_logs(ai_contact_id=CONTACT), "run-logs")["run_logs"][0]
    assert (log["start_time"], log["end_time"]) == ("2024-02-29T23:59:59Z", "2024-02-29T23:59:59.001500Z")


def test_a_run_whose_parent_is_not_stored_is_a_root_without_a_parent(shelf: Shelf, query: Query) -> None:
    """`parentId` is null, though the run knows its parent."""
    shelf.run_rows.append(run_row(2, 1, is_root=True, ai_contact_id=CONTACT.bytes))
    page = document(query.run_logs(ai_contact_id=CONTACT), "run-logs")
    assert [log["parentId"] for log in page["run_logs"]] == [None]


def test_roots_are_newest_first_and_pages_hold_each_once(shelf: Shelf, query: Query) -> None:
    """Pagination counts roots only; `total` counts all of them, on each page."""
    put_roots(shelf, 5)
    shelf.run_rows.append(run_row(2, 1, ai_contact_id=CONTACT.bytes))
    pages = [query.run_logs(ai_contact_id=CONTACT, page=number, page_size=2) for number in (1, 2, 3)]
    assert [page.total for page in pages] == [5, 5, 5]
    starts = [log.start_time for page in pages for log in page.run_logs]
    assert len(starts) == 5
    assert starts == sorted(starts, reverse=True)
    assert [len(log.children) for page in pages for log in page.run_logs] == [0, 0, 0, 0, 1]


@pytest.mark.parametrize("page", [2, 10**30])
def test_a_page_beyond_the_end_is_empty(shelf: Shelf, query: Query, page: int) -> None:
    """However far beyond."""
    put_roots(shelf, 20)
    answer = document(query.run_logs(ai_contact_id=CONTACT, page=page), "run-logs")
    assert (answer["page"], answer["total"], answer["run_logs"]) == (page, 20, [])


def test_a_contact_without_runs_has_an_empty_page(shelf: Shelf, query: Query) -> None:
    """It was registered."""
    shelf.contacts.add((WORKSPACE, CONTACT.bytes))
    assert document(query.run_logs(ai_contact_id=CONTACT), "run-logs") == {
        "page": 1,
        "page_size": 20,
        "total": 0,
        "run_logs": [],
    }


def test_an_unknown_contact_is_not_found(query: Query) -> None:
    """The error names it."""
    with pytest.raises(ContactNotFound, match=str(CONTACT)):
        query.run_logs(ai_contact_id=CONTACT)


def test_a_contact_of_another_workspace_is_not_found(shelf: Shelf, query: Query) -> None:
    """Exactly as one that does not exist."""
    put_roots(shelf, 1)
    shelf.contacts.add((WORKSPACE, CONTACT.bytes))
    with pytest.raises(ContactNotFound):
        query.run_logs(ai_contact_id=CONTACT, workspace_id=uuid.uuid4())


@pytest.mark.parametrize("spelling", [CONTACT, str(CONTACT), str(CONTACT).upper(), CONTACT.hex, CONTACT.urn])
def test_a_contact_may_be_spelt_in_any_way_that_uuids_are(shelf: Shelf, query: Query, spelling: Any) -> None:
    """As a UUID, or as text."""
    put_roots(shelf, 1)
    assert query.run_logs(ai_contact_id=spelling).total == 1


@pytest.mark.parametrize("contact", ["", "contact-1", "3f0c1d3e", None, 7, b"x" * 16, f"{CONTACT}0", f"{CONTACT}\n"])
def test_a_contact_that_is_no_uuid_is_an_invalid_query(query: Query, contact: Any) -> None:
    """The error names the parameter."""
    with pytest.raises(InvalidQuery) as caught:
        query.run_logs(ai_contact_id=contact)
    assert caught.value.parameter == "ai_contact_id"


@pytest.mark.parametrize("value", [0, -1, 101, True, "1", 1.0, None])
def test_page_size_outside_1_to_100_is_an_invalid_query(shelf: Shelf, query: Query, value: Any) -> None:
    """So is what is no integer; 1 and 100 are allowed."""
    put_roots(shelf, 1)
    with pytest.raises(InvalidQuery, match=r"^page_size: "):
        query.run_logs(ai_contact_id=CONTACT, page_size=value)
    assert [query.run_logs(ai_contact_id=CONTACT, page_size=size).page_size for size in (1, 100)] == [1, 100]


@pytest.mark.parametrize("value", [0, -1, True, "x", 1.5, None])
def test_page_below_1_is_an_invalid_query(query: Query, value: Any) -> None:
    """So is what is no integer."""
    with pytest.raises(InvalidQuery, match=r"^page: "):
        query.run_logs(ai_contact_id=CONTACT, page=value)


def test_a_tree_of_10_000_levels_is_dumped_whole(shelf: Shelf, query: Query) -> None:
    """As objects and as text, without recursion."""
    put_chain(shelf, 10_000)
    page = query.run_logs(ai_contact_id=CONTACT)
    for dumped in (page.model_dump(mode="json", by_alias=True), page.model_dump()):
        depth, level = 0, dumped["run_logs"]
        while level:
            assert level[0]["content"]["input"] == depth + 1
            depth, level = depth + 1, level[0]["children"]
        assert depth == 10_000
    text = page.model_dump_json(by_alias=True)
    assert (text.count('"children":['), text.endswith("]}" * 10_001)) == (10_000, True)
    assert page.run_logs[0].model_dump_json() in text


def test_deep_trees_compare_and_print(shelf: Shelf, query: Query) -> None:
    """Neither goes down the tree by recursion, and the text of a run stays short."""
    put_chain(shelf, 10_000)
    one, other = query.run_logs(ai_contact_id=CONTACT), query.run_logs(ai_contact_id=CONTACT)
    assert one == other
    assert "children='<1>'" in repr(one)
    list(other.run_logs[0].walk())[-1].status = "failed"
    assert one != other
    assert one.run_logs[0] != "text"


@pytest.mark.parametrize("by_alias", [None, True, False])
@pytest.mark.parametrize("mode", ["json", "python"])
def test_dumps_equal_those_of_pydantic(shelf: Shelf, query: Query, mode: str, by_alias: bool | None) -> None:
    """They only differ in how they are made; other options are pydantic's own."""
    shelf.run_rows += [
        run_row(1, ai_contact_id=CONTACT.bytes, end_time=NOW + 17, content={"input": {"ä": [1, 2.5, None]}}),
        run_row(2, 1),
        run_row(3, 1, run_type="context", content={"query": "q"}),
        run_row(4, 3, status="running", end_time=None),
    ]
    page = query.run_logs(ai_contact_id=CONTACT)
    options: dict[str, Any] = {"mode": mode, "by_alias": by_alias}
    for answer in (page, page.run_logs[0]):
        assert answer.model_dump(**options) == answer.model_dump(**options, warnings=True)
        text = answer.model_dump_json(by_alias=by_alias)
        assert json.loads(text) == json.loads(answer.model_dump_json(by_alias=by_alias, indent=2))


def test_a_document_becomes_the_page_again(shelf: Shelf, query: Query) -> None:
    """The models read what they write."""
    put_chain(shelf, 3)
    page = query.run_logs(ai_contact_id=CONTACT)
    assert RunLogPage.model_validate(page.model_dump(mode="json")) == page
    assert RunLog.model_validate_json(page.run_logs[0].model_dump_json()) == page.run_logs[0]


def test_a_changed_document_does_not_change_the_page(shelf: Shelf, query: Query) -> None:
    """The document is the caller's."""
    put_chain(shelf, 1)
    page = query.run_logs(ai_contact_id=CONTACT)
    page.model_dump(mode="json")["run_logs"][0]["content"]["input"] = "changed"
    assert orjson.loads(page.model_dump_json())["run_logs"][0]["content"]["input"] == 1


def test_a_run_that_was_erased_meanwhile_shows_alone(shelf: Shelf, query: Query) -> None:
    """A page never fails for what happens between its two reads."""
    put_chain(shelf, 2)
    shelf.traces = lambda *_: []  # type: ignore[method-assign]
    assert [log.children for log in query.run_logs(ai_contact_id=CONTACT).run_logs] == [[]]


def test_unreadable_content_is_null(shelf: Shelf, query: Query) -> None:
    """The run still appears."""
    shelf.run_rows.append(run_row(1, ai_contact_id=CONTACT.bytes, content="{"))
    assert document(query.run_logs(ai_contact_id=CONTACT), "run-logs")["run_logs"][0]["content"] is None


def test_a_text_that_names_a_contact_is_no_uuid_and_the_error_says_which_it_has() -> None:
    """The parameter is a UUID, in process as over HTTP; recording takes any text."""
    with AgentTrace(store="memory://") as trace:
        with trace.scope(ai_contact_id="c1"), trace.master("turn"):
            pass
        with pytest.raises(InvalidQuery, match="ai_contact_id: must be a UUID, got 'c1'") as raised:
            trace.query.run_logs(ai_contact_id="c1")
        assert trace.query.run_logs(ai_contact_id=str(raised.value).split()[-1]).total == 1
