"""Sessions from end to end: resets, late records, keys in all spellings, late ids; and the life of an AgentTrace."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from agenttrace import AgentTrace, errors, extract, inject
from agenttrace.testing import CountedIds, FixedClock
from tests.e2e.children import run_script

CONTACT = "3f0c1d3e-7f1c-4a8f-9a54-0a6c2f6f2a11"
TALK = "c0ffee00-0000-4000-8000-000000000000"
OWNER = {"user_id": "ann", "team_id": "blue"}
SCOPE = {"session_id": "ase_chat", "agent_key": "support", "ai_contact_id": CONTACT, **OWNER}
NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def clock() -> FixedClock:
    """A clock that moves when told to; the store's as well."""
    return FixedClock(NOW)


@pytest.fixture
def timed(store_path: Path, clock: FixedClock) -> Iterator[AgentTrace]:
    """An AgentTrace on that clock."""
    with AgentTrace(store=store_path, clock=clock) as made:
        yield made


def turn(trace: AgentTrace, clock: FixedClock, text: str) -> str:
    """Record a turn with a thought and a tool call, of four seconds."""
    with trace.scope(**SCOPE), trace.master("turn", input=text) as span:
        clock.advance(1)
        span.thinking("hm")
        clock.advance(1)
        with trace.tool_call("look_up", input={"q": text}) as call:
            clock.advance(1)
            call.output = {"found": 1}
        clock.advance(1)
        span.output = f"re: {text}"
    return span.run_id


def shown(trace: AgentTrace, session: Any = "ase_chat") -> list[str]:
    """Return what the session's events view shows."""
    page = trace.query.agent_events("support", session, limit=100)
    assert page.metadata.total_count == len(page.events)
    return [event.type for event in page.events]


WHOLE = ["input_message", "thinking", "tool_input", "tool_output", "agent_output"]


@pytest.mark.parametrize("begin", ["start", "block", "reject"])
def test_a_call_that_was_announced_has_its_input_when_it_begins(
    timed: AgentTrace, clock: FixedClock, begin: str
) -> None:
    """Not when it was announced: whoever follows the session, or pages through it, has passed that by then."""
    with timed.scope(**SCOPE):
        call = timed.tool_call("refund", input={"amount": 40}).pending()
    clock.advance(60)
    turn(timed, clock, "meanwhile")
    follower = timed.query.follow_session("ase_chat")
    assert shown(timed) == WHOLE
    clock.advance(60)
    began = datetime.fromtimestamp(clock() / 10**9, UTC)
    if begin == "start":
        call.start()
        assert [event.type for event in follower.news().events] == ["tool_input"]
        call.end(output="done")
    elif begin == "block":
        with call:
            call.output = "done"
    else:
        call.end(error="no")
    timed.flush()
    assert [event.type for event in follower.news().events][-1:] == ["tool_output"]
    page = timed.query.agent_events("support", "ase_chat", limit=100)
    assert [event.type for event in page.events] == [*WHOLE, "tool_input", "tool_output"]
    assert [event.created_at for event in page.events][-2:] == [began, began]
    (run,) = [run for run in timed.query.runs() if run.name == "refund"]
    assert run.start_time < began == run.end_time


# -- resets ----------------------------------------------------------------------------------------


def test_a_reset_clears_the_session_and_keeps_the_runs(timed: AgentTrace, clock: FixedClock) -> None:
    """Events and action logs go, `last_message_at` is null, listeners hear of it; the tree stays."""
    root = turn(timed, clock, "hello")
    assert shown(timed) == WHOLE
    assert timed.query.action_logs(session_id="ase_chat").count == 1
    assert timed.query.session("ase_chat").last_message_at is not None
    heard: list[str] = []
    timed.query.on_reset(lambda session: heard.append(session.key))
    clock.advance(1)
    timed.query.reset_session(**OWNER)
    assert heard == ["ase_chat"]
    assert shown(timed) == []
    assert timed.query.action_logs(session_id="ase_chat").logs == []
    session = timed.query.session("ase_chat")
    assert (session.last_message_at, session.reset_at) == (None, datetime(2026, 1, 1, 0, 0, 5, tzinfo=UTC))
    assert len(list(timed.query.trace(root).walk())) == 2
    assert timed.query.run_logs(ai_contact_id=CONTACT).total == 1


def test_a_reset_is_of_one_owner(timed: AgentTrace, clock: FixedClock) -> None:
    """Sessions of other users, teams and workspaces stay as they are; a reset of nothing is none."""
    turn(timed, clock, "hello")
    timed.query.reset_session(team_id="blue", user_id="bob")
    timed.query.reset_session(team_id="red", user_id="ann")
    timed.query.reset_session(**OWNER, workspace_id=uuid.uuid4())
    assert shown(timed) == WHOLE


def test_what_was_under_way_at_the_reset_shows_nowhere(timed: AgentTrace, clock: FixedClock) -> None:
    """A turn that began before the reset and goes on after it changes nothing that a view shows; the next one does."""
    with timed.scope(**SCOPE), timed.master("turn", input="early") as span:
        clock.advance(1)
        timed.query.reset_session(**OWNER)
        clock.advance(1)
        with timed.tool_call("look_up", input={"q": 1}) as call:
            call.output = 2
        span.thinking("too late")
        span.output = "late"
    assert shown(timed) == []
    assert timed.query.action_logs(session_id="ase_chat").logs == []
    assert timed.query.session("ase_chat").last_message_at is None
    assert timed.query.trace(span.run_id).status == "success"
    clock.advance(1)
    turn(timed, clock, "afresh")
    assert shown(timed) == WHOLE
    assert timed.query.session("ase_chat").last_message_at == datetime(2026, 1, 1, 0, 0, 7, tzinfo=UTC)


def test_records_that_are_delivered_after_the_reset(
    tmp_path: Path, store_path: Path, timed: AgentTrace, clock: FixedClock
) -> None:
    """A whole turn of before the reset that reaches the store after it, from a process that was slow: nothing shows."""
    timed.register_session("ase_chat", agent_key="support", **OWNER)
    assert timed.flush(20)
    slow_clock = FixedClock(NOW)
    with AgentTrace(store="memory://", clock=slow_clock, ids=CountedIds()) as rehearsal:
        root = turn(rehearsal, slow_clock, "early")
    clock.advance(10)
    timed.query.reset_session(**OWNER)
    with AgentTrace(store=store_path, clock=(late := FixedClock(NOW)), ids=CountedIds()) as slow:
        assert turn(slow, late, "early") == root
    assert shown(timed) == []
    assert timed.query.action_logs(session_id="ase_chat").logs == []
    assert timed.query.session("ase_chat").last_message_at is None
    assert len(list(timed.query.trace(root).walk())) == 2


def test_a_late_tool_call_of_another_process(tmp_path: Path, trace: AgentTrace) -> None:
    """The turn's start travels with the headers, so what another process does after the reset counts as before it."""
    script = """
import json, sys, agenttrace
with agenttrace.AgentTrace(store="traces.db") as trace, agenttrace.extract(json.loads(sys.argv[1])):
    with trace.tool_call("look_up", input=1) as call:
        call.output = 2
"""
    with trace.scope(**SCOPE), trace.master("turn") as span:
        headers = json.dumps(inject({}))
        trace.query.reset_session(**OWNER)
        run_script(tmp_path, script, headers)
    assert shown(trace) == []
    assert len(list(trace.query.trace(span.run_id).walk())) == 2


# -- ids -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "key"),
    [
        ("ase_chat", "ase_chat"),
        ("a63ab83d-2bb8-42ab-8374-23b8e1e276e3", "ase_a63ab83d-2bb8-42ab-8374-23b8e1e276e3"),
        ("ase_A63AB83D2BB842AB837423B8E1E276E3", "ase_a63ab83d-2bb8-42ab-8374-23b8e1e276e3"),
        ("chat no. 42", None),
    ],
)
def test_a_session_is_found_by_each_of_its_spellings(trace: AgentTrace, given: str, key: str | None) -> None:
    """By the text that was given, its UUID in any form, and its key; it shows under its key."""
    with trace.scope(session_id=given, agent_key="my support"), trace.master("turn", input="hi") as span:
        with trace.tool_call("look_up"):
            pass
        span.output = "ho"
    session = trace.query.session(given)
    assert session.key == key or (key is None and session.key == f"ase_{session.id}")
    whole = uuid.UUID(str(session.id))
    spellings = [given, session.key, whole, str(whole), whole.hex.upper(), f"ase_{whole}", f"ase_{whole.hex}"]
    for spelling in spellings:
        assert str(trace.query.session(spelling).id) == str(whole)
        for agent in ("my support", "my_support", "agt_my_support"):
            page = trace.query.agent_events(agent, spelling)
            assert [event.type for event in page.events] == [*WHOLE[:1], *WHOLE[2:]]
            assert {event.session_key for event in page.events} == {session.key}
        logs = trace.query.action_logs(session_id=spelling)
        assert (logs.count, logs.session_id) == (1, whole)
        assert len(list(trace.query.runs(session_id=spelling))) == 2


def test_ids_learnt_inside_a_turn_are_those_of_the_whole_turn(trace: AgentTrace) -> None:
    """The root and the earlier children show under contact, conversation and session, the first message included."""
    with trace.master("turn", input="who am I?") as span:
        with trace.prompt("greet", model="m") as greeting:
            greeting.response = "hello"
        with trace.tool_call("identify") as call:
            call.output = "you are known"
        span.thinking("so that is who it is")
        with trace.scope(**SCOPE, conversation_id=TALK), trace.prompt("engage", model="m"):
            pass
        span.output = "now I know"
    (root,) = trace.query.run_logs(ai_contact_id=CONTACT).run_logs
    assert [str(log.ai_contact_id) for log in root.walk()] == [CONTACT] * 4
    prompts = trace.query.prompt_logs(None, conversation_id=TALK)
    assert prompts.count == 2
    assert sorted(shown(trace)) == sorted(["input_message", "tool_input", "tool_output", "thinking", "agent_output"])
    assert shown(trace)[0] == "input_message"
    assert trace.query.action_logs(session_id="ase_chat").count == 1
    assert str(trace.query.session("ase_chat").conversation_id) == TALK


@pytest.mark.parametrize("flushed", [False, True])
def test_ids_learnt_after_the_first_children_were_stored(trace: AgentTrace, flushed: bool) -> None:
    """Reach them too."""
    with trace.master("turn", input="hello"):
        with trace.tool_call("early"):
            pass
        if flushed:
            assert trace.flush(20)
            with pytest.raises(errors.ContactNotFound):
                trace.query.run_logs(ai_contact_id=CONTACT)
        with trace.scope(**SCOPE), trace.tool_call("late"):
            pass
        early, late = trace.query.run_logs(ai_contact_id=CONTACT).run_logs[0].children
        assert (early.status, late.status) == ("success", "success")
        assert shown(trace) == ["input_message", "tool_input", "tool_output", "tool_input", "tool_output"]


def test_a_child_keeps_an_id_of_its_own(trace: AgentTrace) -> None:
    """What it has of itself is not overwritten by its root's."""
    other = str(uuid.uuid4())
    with (
        trace.scope(ai_contact_id=CONTACT),
        trace.master("turn"),
        trace.scope(ai_contact_id=other),
        trace.tool_call("for another"),
    ):
        pass
    (root,) = trace.query.run_logs(ai_contact_id=CONTACT).run_logs
    assert [str(log.ai_contact_id) for log in root.walk()] == [CONTACT, other]
    assert trace.query.run_logs(ai_contact_id=other).total == 0


def test_unknown_ids_are_errors_that_name_them(trace: AgentTrace) -> None:
    """Contacts, sessions, agents, conversations, runs; what was registered is known and empty."""
    unknown = uuid.uuid4()
    for ask in (
        lambda: trace.query.run_logs(ai_contact_id=unknown),
        lambda: trace.query.action_logs(session_id=unknown),
        lambda: trace.query.session(unknown),
        lambda: trace.query.prompt_logs(None, conversation_id=unknown),
        lambda: trace.query.trace(unknown),
    ):
        with pytest.raises(errors.NotFound, match=str(unknown)):
            ask()
    trace.register_session("ase_known", agent_key="known")
    trace.register_contact(unknown)
    trace.register_agent("idle", "The Idle One")
    with pytest.raises(errors.AgentNotFound, match="nobody"):
        trace.query.agent_events("nobody", "ase_known")
    with pytest.raises(errors.SessionNotFound):
        trace.query.agent_events("known", "ase_unknown")
    with pytest.raises(errors.SessionNotFound):
        trace.query.agent_events("idle", "ase_known")
    assert trace.query.agent_events("known", "ase_known").metadata.total_count == 0
    assert trace.query.action_logs(session_id="ase_known").logs == []
    assert trace.query.run_logs(ai_contact_id=unknown).total == 0


# -- the life of an AgentTrace ---------------------------------------------------------------------


def test_reconfiguring_loses_nothing(tmp_path: Path) -> None:
    """Decorated functions follow to the new store, what was recorded before is in the old one, open spans end there."""
    trace = AgentTrace(store=tmp_path / "one.db")

    @trace.tool_call
    def tool(number: int) -> int:
        return number

    for number in range(50):
        tool(number)
    trace.configure(tmp_path / "two.db")
    tool(50)
    assert [run.content["output"] for run in trace.query.runs() if run.content] == [50]
    trace.configure(tmp_path / "one.db")
    assert sorted(run.content["output"] for run in trace.query.runs() if run.content) == list(range(50))
    tool(51)
    assert len(list(trace.query.runs())) == 51
    assert trace.shutdown(20)
    assert trace.stats().internal_errors == 0


def test_recording_goes_on_after_a_shutdown(trace: AgentTrace) -> None:
    """Also of a span that was open during it; shutting down twice is fine."""
    with trace.master("turn", input="hello") as span:
        assert trace.shutdown(20)
        assert trace.shutdown(20)
        with trace.tool_call("after"):
            pass
        span.output = "bye"
    (root,) = trace.query.runs(roots_only=True)
    assert root.content == {"input": "hello", "output": "bye"}
    assert [child.name for child in trace.query.trace(root.id).children] == ["after"]
    assert root.status == "success"


def test_a_query_sees_what_its_process_just_recorded(trace: AgentTrace) -> None:
    """Without a flush, running runs included, from several threads at once."""
    wrong: list[Any] = []

    def work(number: int) -> None:
        for turn in range(10):
            name = f"{number}-{turn}"
            with trace.master(name):
                if [run.status for run in trace.query.runs(name=name)] != ["running"]:
                    wrong.append(name)
            if [run.status for run in trace.query.runs(name=name)] != ["success"]:
                wrong.append(name)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_disabled_one_writes_nothing(tmp_path: Path) -> None:
    """No file, no folder, no thread; what is decorated works."""
    before = set(threading.enumerate())
    trace = AgentTrace(store=tmp_path / "folder" / "traces.db", enabled=False)

    @trace.tool_call
    def tool(number: int) -> int:
        return number

    with trace.scope(**SCOPE), trace.master("turn", input=1) as span:
        trace.register_contact(CONTACT)
        assert tool(1) == 1
        span.thinking("hm")
        span.output = 2
        with extract(inject({})):
            pass
    assert trace.flush(20)
    assert trace.shutdown(20)
    assert list(tmp_path.iterdir()) == []
    assert set(threading.enumerate()) <= before
    assert trace.stats().recorded == 0
