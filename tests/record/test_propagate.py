"""Propagate: inject, extract and wrap carry the current span and its ids to other processes and threads."""

from __future__ import annotations

import asyncio
import inspect
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry import baggage
from opentelemetry.context import Context

from agenttrace.model.wire import SCOPE_IDS
from agenttrace.record.context import attach, detach
from agenttrace.record.makers import Makers
from agenttrace.record.propagate import extract, inject, wrap
from agenttrace.record.span import NOOP, current
from tests.record.recording import Recording

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
TRACEPARENT = f"00-{TRACE}-{SPAN}-01"


@pytest.fixture
def other() -> Recording:
    """The recording of another process."""
    return Recording()


def test_outside_of_everything_nothing_is_injected() -> None:
    """Without a span and a scope the headers stay as they are, and are given back."""
    headers = {"accept": "*/*"}
    assert inject(headers) is headers
    assert headers == {"accept": "*/*"}


def test_the_current_span_is_injected(make: Makers) -> None:
    """`traceparent` names the innermost span, as sampled."""
    with make.master("turn"), make.tool_call("tool") as tool:
        headers = inject({})
    assert headers["traceparent"] == f"00-{tool.trace_id}-{tool.span_id}-01"


def test_a_trace_goes_on_in_another_process(make: Makers, recording: Recording, other: Recording) -> None:
    """What the receiver records is in the sender's trace, below its span, with its ids and its turn."""
    with make.scope(session_id="s", user_id="u ü,;=%"), make.master("turn") as turn:
        recording.clock.advance(1)
        with make.tool_call("tool") as tool:
            headers = inject({})
    other.clock.advance(60)
    with extract(headers), other.make.master("remote"), other.make.context("below"):
        pass
    with other.make.master("after"):
        pass
    remote, below, after = other.runs()
    assert (remote.trace_id, remote.parent_id, remote.remote) == (turn.trace_id, tool.span_id, True)
    assert (below.trace_id, below.parent_id, below.remote) == (turn.trace_id, remote.span_id, False)
    assert remote.scope == below.scope == {"session_id": "s", "user_id": "u ü,;=%"}
    assert remote.record.turn == below.record.turn == turn.turn
    assert (after.parent_id, after.scope, after.remote) == (None, {}, False)
    assert after.record.turn == after.record.start


def test_a_scope_alone_is_carried(make: Makers, other: Recording) -> None:
    """Outside of spans the ids of the scope still travel."""
    with make.scope(session_id="s"):
        headers = inject({})
    assert "traceparent" not in headers
    with extract(headers), other.make.master("turn"):
        pass
    assert other.run().scope == {"session_id": "s"}
    assert (other.run().parent_id, other.run().remote) == (None, False)


_TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20).filter(
    lambda text: text == text.strip()
)


@given(st.dictionaries(st.sampled_from(SCOPE_IDS), _TEXT, max_size=8))
@settings(max_examples=100, deadline=None)
def test_any_ids_survive_the_headers(ids: dict[str, Any]) -> None:
    """Whatever texts the ids are, the receiver that trusts the sender has the same ones."""
    sender, receiver = Recording(), Recording()
    with sender.make.scope(**ids):
        headers = inject({})
    assert all(value.isascii() and value.isprintable() for value in headers.values())
    with extract(headers, trusted=True), receiver.make.master("turn"):
        pass
    assert receiver.run().scope == ids


def test_the_workspace_is_taken_from_trusted_senders_only(make: Makers, other: Recording) -> None:
    """Who may name the tenant may write into any; a stranger's workspace is not taken."""
    with make.scope(workspace_id="theirs", session_id="s"):
        headers = inject({})
    with extract(headers), other.make.master("stranger"):
        pass
    with extract(headers, trusted=True), other.make.master("friend"):
        pass
    assert other.run("stranger").scope == {"session_id": "s"}
    assert other.run("friend").scope == {"workspace_id": "theirs", "session_id": "s"}


def test_the_receivers_own_workspace_stays(make: Makers, other: Recording) -> None:
    """A receiver that set its workspace keeps it, and takes the other ids."""
    with make.scope(workspace_id="theirs", session_id="s"):
        headers = inject({})
    with other.make.scope(workspace_id="ours"), extract(headers), other.make.master("turn"):
        pass
    assert other.run().scope == {"workspace_id": "ours", "session_id": "s"}


def test_an_untrusted_workspace_is_not_passed_on(make: Makers, recording: Recording) -> None:
    """What a stranger claimed does not reach the next service as if this one had said it."""
    with make.scope(workspace_id="claimed"):
        headers = inject({})
    with extract(headers):
        onward = inject({})
    with extract(onward, trusted=True), make.master("turn"):
        pass
    assert recording.run().scope == {}
    assert "claimed" not in str(onward)


def test_ids_of_another_workspace_are_not_passed_on(make: Makers) -> None:
    """After a switch of the workspace, the sender's ids are not injected along with the new workspace."""
    with make.scope(workspace_id="one", session_id="of one"):
        headers = inject({})
    with extract(headers, trusted=True), make.scope(workspace_id="two"):
        onward = inject({})
    assert "of+one" not in str(onward)
    assert "two" in onward["baggage"]


def test_foreign_baggage_is_kept(make: Makers) -> None:
    """Other people's baggage travels along, through us too."""
    token = attach(baggage.set_baggage("theirs", "1", Context()))
    with make.scope(session_id="s"):
        headers = inject({})
    detach(token)
    assert "theirs=1" in headers["baggage"]
    with extract(headers):
        assert baggage.get_baggage("theirs") == "1"
        assert "theirs=1" in inject({})["baggage"]


def test_header_names_are_matched_without_regard_to_case(make: Makers, recording: Recording) -> None:
    """`Traceparent` and `BAGGAGE` are understood."""
    with extract({"TraceParent": TRACEPARENT, "BAGGAGE": "agenttrace.session_id=s"}), make.master("turn"):
        pass
    run = recording.run()
    assert (run.trace_id, run.parent_id, run.remote, run.scope) == (TRACE, SPAN, True, {"session_id": "s"})


BAD = [
    {},
    {"traceparent": ""},
    {"traceparent": "garbage"},
    {"traceparent": f"00-{'0' * 32}-{SPAN}-01"},
    {"traceparent": f"00-{TRACE}-{'0' * 16}-01"},
    {"traceparent": f"ff-{TRACE}-{SPAN}-01"},
    {"traceparent": f"00-{TRACE}-{SPAN}"},
    {"baggage": "=;=,,;"},
    {"baggage": "agenttrace.turn=soon"},
    {"baggage": "agenttrace.nothing=1"},
    {"traceparent": "é\0", "tracestate": "\n", "baggage": "%%%"},
]


@pytest.mark.parametrize("headers", BAD, ids=str)
def test_bad_headers_begin_a_trace_of_its_own(make: Makers, recording: Recording, headers: dict[str, str]) -> None:
    """Absent or malformed headers are as none: a new root, without ids."""
    with extract(headers), make.master("turn"):
        pass
    run = recording.run()
    assert (run.parent_id, run.remote, run.scope) == (None, False, {})
    assert run.record.turn == run.record.start


@pytest.mark.parametrize("headers", BAD, ids=str)
def test_bad_headers_leave_the_present_context(make: Makers, recording: Recording, headers: dict[str, str]) -> None:
    """Inside a span, absent or malformed headers change nothing."""
    with make.scope(session_id="s"), make.master("turn") as turn, extract(headers):
        assert current() is turn
        with make.tool_call("tool"):
            pass
    assert recording.tree() == [("turn", [("tool", [])])]
    assert recording.run("tool").scope == {"session_id": "s"}


@given(st.dictionaries(st.sampled_from(["traceparent", "tracestate", "baggage", "Baggage"]), st.text(max_size=40)))
@settings(max_examples=100, deadline=None)
def test_no_header_makes_extract_raise(headers: dict[str, str]) -> None:
    """Headers come from strangers: any text is survived, and a run is recorded."""
    recording = Recording()
    with extract(headers, trusted=True), recording.make.master("turn"):
        pass
    assert recording.run().status == "success"


def test_the_remote_span_hides_the_present_one(make: Makers, recording: Recording) -> None:
    """Inside `extract` the sender's span is the parent, and no span of this process is current."""
    with make.master("turn") as turn:
        with extract({"traceparent": TRACEPARENT}):
            assert current() is NOOP
            with make.tool_call("remote"):
                pass
        assert current() is turn
    assert recording.run("remote").parent_id == SPAN
    assert recording.run("remote").remote


async def test_extract_is_an_async_block_too(make: Makers, recording: Recording) -> None:
    """`async with extract(...)` is the same."""
    async with extract({"traceparent": TRACEPARENT}), make.master("turn"):
        await asyncio.sleep(0)
    assert recording.run().parent_id == SPAN
    with make.master("after"):
        pass
    assert recording.run("after").parent_id is None


def test_an_unsampled_sender_is_recorded_all_the_same(make: Makers, recording: Recording) -> None:
    """Whether others keep the trace says nothing about our record of it."""
    with extract({"traceparent": f"00-{TRACE}-{SPAN}-00"}), make.master("turn"):
        headers = inject({})
    assert (recording.run().trace_id, recording.run().parent_id) == (TRACE, SPAN)
    assert headers["traceparent"].startswith(f"00-{TRACE}-")


def test_the_turn_is_carried_over_several_processes(make: Makers, recording: Recording) -> None:
    """A process in the middle hands on when the turn began, from inside its own spans or not."""
    with make.master("turn") as turn:
        first = inject({})
    middle, last = Recording(), Recording()
    middle.clock.advance(5)
    with extract(first):
        direct = inject({})
        with middle.make.tool_call("middle"):
            second = inject({})
    last.clock.advance(10)
    for headers in (direct, second):
        with extract(headers), last.make.tool_call("last"):
            pass
    assert {run.record.turn for run in last.runs()} == {turn.turn}


# -- wrap ----------------------------------------------------------------------------------------------------


def test_wrap_carries_span_and_scope_into_threads(make: Makers, recording: Recording) -> None:
    """What a pool's threads record hangs on the span in which `wrap` was called; they do not mix."""
    barrier = threading.Barrier(3, timeout=20)

    def work(name: str) -> str:
        with make.tool_call(name):
            barrier.wait()
            with make.context(f"{name}_below"):
                return current().span_id

    with make.scope(session_id="s"), make.master("turn") as turn, ThreadPoolExecutor(3) as pool:
        results = list(pool.map(wrap(work), "abc"))
        assert current() is turn
    assert len(set(results)) == 3
    ((name, children),) = recording.tree()
    assert name == "turn"
    assert sorted(children) == [(name, [(f"{name}_below", [])]) for name in "abc"]
    assert all(run.scope == {"session_id": "s"} for run in recording.runs())


def test_threads_of_a_pool_keep_nothing(make: Makers, recording: Recording) -> None:
    """After a wrapped call the thread is outside of all spans again."""
    with ThreadPoolExecutor(1) as pool:
        with make.master("turn"):
            assert pool.submit(wrap(current)).result() is not NOOP
        assert pool.submit(current).result() is NOOP


def test_wrap_keeps_what_the_function_is(make: Makers) -> None:
    """Name, arguments, result and exceptions pass through; async stays async."""

    def plain(a: int, *, b: int) -> int:
        """Divide."""
        return a // b

    async def waiting(a: int) -> int:
        return a

    wrapped = wrap(plain)
    assert (wrapped.__name__, wrapped.__doc__, wrapped(6, b=2)) == ("plain", "Divide.", 3)
    with pytest.raises(ZeroDivisionError):
        wrapped(1, b=0)
    assert inspect.iscoroutinefunction(wrap(waiting))
    assert not inspect.iscoroutinefunction(wrapped)


async def test_wrap_carries_the_span_into_coroutines(make: Makers, recording: Recording) -> None:
    """A wrapped async function runs below the span in which it was wrapped, wherever it is awaited."""

    async def work(name: str) -> None:
        with make.tool_call(name):
            await asyncio.sleep(0)

    with make.master("turn"):
        wrapped = wrap(work)
    with make.master("elsewhere") as elsewhere:
        await asyncio.gather(wrapped("a"), wrapped("b"))
        await wrapped("c")
        assert current() is elsewhere
    assert recording.tree() == [("turn", [("a", []), ("b", []), ("c", [])]), ("elsewhere", [])]


async def test_threads_of_asyncio_inherit_without_wrap(make: Makers, recording: Recording) -> None:
    """`asyncio.to_thread` carries the context by itself."""

    def work() -> None:
        with make.tool_call("tool"):
            pass

    with make.master("turn"):
        await asyncio.to_thread(work)
    assert recording.tree() == [("turn", [("tool", [])])]


def test_wrap_outside_of_spans_runs_outside(make: Makers, recording: Recording) -> None:
    """A function that was wrapped outside of all spans starts a trace of its own, wherever it is called."""

    def work() -> None:
        with make.tool_call("tool"):
            pass

    wrapped = wrap(work)
    with make.master("turn"):
        wrapped()
    assert recording.tree() == [("turn", []), ("tool", [])]
