"""Scope: ids and attributes that spans inherit, that roots learn, and that never cross workspaces."""

from __future__ import annotations

import asyncio
import threading
import uuid
from typing import Any

import pytest
from opentelemetry import trace as otel

from agenttrace.model.wire import SCOPE_IDS
from agenttrace.record.context import EMPTY, Scope
from agenttrace.record.makers import Makers
from agenttrace.record.span import current
from tests.record.recording import Recording


def run_once(make: Makers, name: str = "step") -> None:
    """Record one run."""
    with make.tool_call(name):
        pass


def test_every_id_is_inherited(make: Makers, recording: Recording) -> None:
    """All eight ids of a scope are those of the spans inside, as the text that the user gave."""
    given = {name: f"{name} é" for name in SCOPE_IDS}
    with make.scope(**given):
        run_once(make)
    assert recording.run().scope == given


def test_a_uuid_is_its_text(make: Makers, recording: Recording) -> None:
    """Ids are texts or UUIDs; a lone surrogate in one does not break the record."""
    contact = uuid.uuid4()
    with make.scope(ai_contact_id=contact, session_id="a\ud800"):
        run_once(make)
    assert recording.run().scope == {"ai_contact_id": str(contact), "session_id": "a\\ud800"}


def test_scopes_nest_and_end(make: Makers, recording: Recording) -> None:
    """An inner scope adds to the outer one and wins over it; after it the outer one is back."""
    with make.scope(session_id="s", user_id="u", attributes={"a": 1, "b": 1}):
        run_once(make, "outer")
        with make.scope(session_id="other", team_id="t", attributes={"b": 2, "c": [3]}):
            run_once(make, "inner")
        run_once(make, "again")
    run_once(make, "after")
    assert [run.scope for run in recording.runs()] == [
        {"session_id": "s", "user_id": "u"},
        {"session_id": "other", "user_id": "u", "team_id": "t"},
        {"session_id": "s", "user_id": "u"},
        {},
    ]
    assert [run.attributes for run in recording.runs()] == [
        {"a": 1, "b": 1},
        {"a": 1, "b": 2, "c": [3]},
        {"a": 1, "b": 1},
        {},
    ]


def test_none_inherits(make: Makers, recording: Recording) -> None:
    """An id that is given as None leaves the outer one in force."""
    with make.scope(session_id="s"), make.scope(session_id=None, workspace_id=None):
        run_once(make)
    assert recording.run().scope == {"session_id": "s"}


async def test_a_scope_is_an_async_block_too(make: Makers, recording: Recording) -> None:
    """`async with` is the same."""
    async with make.scope(session_id="s"):
        await asyncio.sleep(0)
        run_once(make)
    run_once(make, "after")
    assert [run.scope for run in recording.runs()] == [{"session_id": "s"}, {}]


def test_an_exception_leaves_a_scope(make: Makers, recording: Recording) -> None:
    """A scope ends however its block is left, and the exception goes on."""
    with pytest.raises(ValueError), make.scope(session_id="s"):
        raise ValueError
    run_once(make)
    assert recording.run().scope == {}


def test_a_scope_may_be_used_again(make: Makers, recording: Recording) -> None:
    """One scope object may be entered several times, within itself too."""
    block = make.scope(session_id="s")
    with block, block:
        run_once(make)
    with block:
        run_once(make)
    run_once(make)
    assert [run.scope for run in recording.runs()] == [{"session_id": "s"}, {"session_id": "s"}, {}]


def test_a_scope_may_be_shared_by_threads(make: Makers, recording: Recording) -> None:
    """One scope object entered by several threads at once ends in each of them where its block ends."""
    block = make.scope(session_id="s")
    turn = threading.Barrier(2, timeout=20)

    def work(name: str, rounds: int) -> None:
        for _ in range(rounds):
            turn.wait()
        with block:
            turn.wait()
            run_once(make, f"in {name}")
            turn.wait()
        for _ in range(2 - rounds):
            turn.wait()
        run_once(make, f"after {name}")

    threads = [threading.Thread(target=work, args=("a", 0)), threading.Thread(target=work, args=("b", 1))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {run.name: run.scope for run in recording.runs()} == {
        "in a": {"session_id": "s"},
        "in b": {"session_id": "s"},
        "after a": {},
        "after b": {},
    }


async def test_tasks_inherit_the_scope_and_keep_their_own(make: Makers, recording: Recording) -> None:
    """A task has the scope in which it was made; scopes of tasks do not see each other."""

    async def work(name: str) -> None:
        async with make.scope(session_id=name):
            await asyncio.sleep(0)
            run_once(make, name)
            await asyncio.sleep(0)

    with make.scope(user_id="u"):
        await asyncio.gather(*(work(name) for name in "abc"))
    assert [run.scope for run in recording.runs()] == [{"session_id": name, "user_id": "u"} for name in "abc"]


def test_a_thread_of_ones_own_has_no_scope(make: Makers, recording: Recording) -> None:
    """A new thread starts outside of all scopes."""
    with make.scope(session_id="s"):
        thread = threading.Thread(target=run_once, args=(make,))
        thread.start()
        thread.join()
    assert recording.run().scope == {}


def test_a_scope_keeps_attributes_as_they_were(make: Makers, recording: Recording) -> None:
    """Attributes are captured when the scope is entered, and secrets in them redacted."""
    given: dict[str, Any] = {"items": [1], "api_key": "correct-horse-battery", "odd\ud800": object}
    with make.scope(attributes=given):
        given["items"].append(2)
        run_once(make)
    attributes = recording.run().attributes
    assert attributes["items"] == [1]
    assert attributes["api_key"] == "[REDACTED]"
    assert "odd\\ud800" in attributes


# -- roots learn ---------------------------------------------------------------------------------------------


def test_a_root_learns_an_id_that_becomes_known_inside(make: Makers, recording: Recording) -> None:
    """A session named inside a turn is the turn's: its running version is written again, marked as spread."""
    with make.master("turn"):
        with make.scope(session_id="s", user_id="u"), make.tool_call("tool"):
            turn = recording.run("turn")
            assert (turn.status, turn.scope, turn.spread) == ("running", {"session_id": "s", "user_id": "u"}, True)
            assert recording.run("tool").spread
        run_once(make, "later")
    turn, tool, later = recording.runs()
    for run in (turn, tool, later):
        assert run.scope == {"session_id": "s", "user_id": "u"}
    assert (turn.spread, tool.spread, later.spread) == (True, True, False)
    revisions = [one.record.revision for one in recording.versions("turn") if one.record.rank == turn.record.rank]
    assert revisions


def test_versions_of_a_run_only_get_newer(make: Makers, recording: Recording) -> None:
    """Each version of a run wins over the one before it."""
    with make.master("turn"):
        for name in ("session_id", "user_id", "team_id"):
            with make.scope(**{name: "x"}):
                run_once(make, name)
    order = [(one.record.rank, one.record.revision) for one in recording.versions("turn")]
    assert order == sorted(set(order))
    assert len(order) == 5
    assert recording.run("turn").scope == {"session_id": "x", "user_id": "x", "team_id": "x"}


def test_what_a_root_knows_stays(make: Makers, recording: Recording) -> None:
    """A root's own id is not replaced; the span with another one keeps its own."""
    with make.master("turn", session_id="mine"), make.scope(session_id="other"):
        run_once(make)
    turn, step = recording.runs()
    assert (turn.scope, step.scope) == ({"session_id": "mine"}, {"session_id": "other"})
    assert not turn.spread
    assert not step.spread


def test_the_first_id_that_a_root_learns_stays(make: Makers, recording: Recording) -> None:
    """Of two sessions inside one turn the first is the turn's."""
    with make.master("turn"):
        for session in ("first", "second"):
            with make.scope(session_id=session):
                run_once(make, session)
    assert [run.scope["session_id"] for run in recording.runs()] == ["first", "first", "second"]


def test_a_root_learns_from_deep_inside(make: Makers, recording: Recording) -> None:
    """An id of a grandchild reaches the root, not only the parent."""
    with make.master("turn"), make.tool_call("middle"), make.scope(call_sid="CA1"), make.context("deep"):
        pass
    assert recording.run("turn").scope == {"call_sid": "CA1"}
    assert recording.run("turn").spread


def test_an_ended_root_learns_too(make: Makers, recording: Recording) -> None:
    """A span that outlives its root still gives it an id: the root's end is written again."""
    with make.master("turn") as turn:
        pass
    end = recording.run("turn")
    with otel.use_span(turn), make.scope(session_id="s"):
        run_once(make, "late")
    again = recording.run("turn")
    assert again.scope == {"session_id": "s"}
    assert (again.status, again.record.end, again.record.end_seq) == ("success", end.record.end, end.record.end_seq)
    assert again.record.revision > end.record.revision


def test_a_pending_root_stays_pending_when_it_learns(make: Makers, recording: Recording) -> None:
    """Learning an id does not change a status."""
    with make.master("turn") as turn:
        turn.pending()
        with make.scope(session_id="s"):
            run_once(make)
        assert recording.run("turn").status == "pending"
        assert recording.run("turn").scope == {"session_id": "s"}


def test_attributes_are_not_spread(make: Makers, recording: Recording) -> None:
    """Free attributes are inherited downwards only."""
    with make.master("turn"), make.scope(attributes={"a": 1}):
        run_once(make)
    turn, step = recording.runs()
    assert (turn.attributes, step.attributes) == ({}, {"a": 1})
    assert not turn.spread


def test_a_nested_master_is_part_of_its_turn(make: Makers, recording: Recording) -> None:
    """A master inside another one gives the outer one what it lacks, and has what it lacks itself."""
    with make.master("outer", user_id="u"), make.master("inner", session_id="s"):
        pass
    outer, inner = recording.runs()
    assert outer.scope == inner.scope == {"user_id": "u", "session_id": "s"}


# -- workspaces ----------------------------------------------------------------------------------------------


def test_another_workspace_begins_with_nothing(make: Makers, recording: Recording) -> None:
    """No id and no attribute of one tenant is inherited into another; the outer ones are back afterwards."""
    with make.scope(workspace_id="one", session_id="s", user_id="u", attributes={"a": 1}):
        with make.scope(workspace_id="two", team_id="t"):
            run_once(make, "inner")
        run_once(make, "outer")
    assert recording.run("inner").scope == {"workspace_id": "two", "team_id": "t"}
    assert recording.run("inner").attributes == {}
    assert recording.run("outer").scope == {"workspace_id": "one", "session_id": "s", "user_id": "u"}


def test_ids_that_were_set_before_a_workspace_go_along(make: Makers, recording: Recording) -> None:
    """They are nobody else's: a request's session may be known before its tenant is."""
    with make.scope(session_id="s"), make.scope(workspace_id="one"), make.master("turn"):
        pass
    assert recording.run().scope == {"workspace_id": "one", "session_id": "s"}


def test_the_same_workspace_again_changes_nothing(make: Makers, recording: Recording) -> None:
    """Naming the workspace that is in force keeps the other ids."""
    workspace = uuid.uuid4()
    with make.scope(workspace_id=workspace, session_id="s"), make.scope(workspace_id=str(workspace)):
        run_once(make)
    assert recording.run().scope == {"workspace_id": str(workspace), "session_id": "s"}


def test_a_root_learns_nothing_from_another_workspace(make: Makers, recording: Recording) -> None:
    """Ids are not spread across workspaces, in either direction."""
    with (
        make.master("turn", workspace_id="one", user_id="u"),
        make.scope(workspace_id="two", session_id="s"),
        make.tool_call("tool"),
    ):
        run_once(make, "below")
    turn, tool, below = recording.runs()
    assert turn.scope == {"workspace_id": "one", "user_id": "u"}
    assert tool.scope == below.scope == {"workspace_id": "two", "session_id": "s"}
    assert not turn.spread


def test_events_carry_the_scope_of_their_span(make: Makers, recording: Recording) -> None:
    """An event has its span's ids, whatever scope is in force where it is written."""
    with make.master("turn", session_id="s") as turn, make.scope(workspace_id="two", session_id="other"):
        turn.thinking("hm")
        current().thinking("also the turn's")
    assert [event["scope"] for event in recording.events()] == [{"session_id": "s"}, {"session_id": "s"}]


# -- values --------------------------------------------------------------------------------------------------


def test_a_scope_is_never_changed() -> None:
    """Extending and filling give new values."""
    outer = Scope({"session_id": "s"}, {"a": b"1"})
    inner = outer.extended({"user_id": "u"}, {"b": 2}, lambda key, value: str(value).encode())
    assert (outer.ids, outer.attributes) == ({"session_id": "s"}, {"a": b"1"})
    assert (inner.ids, inner.attributes) == ({"session_id": "s", "user_id": "u"}, {"a": b"1", "b": b"2"})
    assert outer.filled(inner).ids == {"session_id": "s", "user_id": "u"}
    assert outer.filled(inner).attributes == outer.attributes
    assert inner.filled(outer) is inner
    assert EMPTY.ids == {}


def test_filling_leaves_the_workspace_alone() -> None:
    """The workspace is no id that spreads."""
    assert EMPTY.filled(Scope({"workspace_id": "w", "team_id": "t"}, {})).ids == {"team_id": "t"}


def test_many_names_in_one_scope_keep_memory_bounded() -> None:
    """A scope remembers what its envelopes look like, for a limited number of names."""
    scope = Scope({"session_id": "s"}, {})
    for number in range(3000):
        assert scope.envelope(f'"name":"{number}"') == f'{{"name":"{number}","scope":{{"session_id":"s"}}}}\n'.encode()
    assert len(scope.envelopes) <= 1024
